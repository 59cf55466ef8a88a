/* epoll-echo-server: what the kernel alone allows. No tasks and no library.
 *
 *     epoll-echo-server WORKERS
 *
 * Each worker is a thread with an epoll and a listening socket of its own; the
 * kernel spreads connections over them (SO_REUSEPORT). Level-triggered, with one
 * read per event, so that no read finds nothing. Prints the port and serves
 * until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE (16 * 1024)

struct worker {
    int epoll;
    int listener;
    char buf[BUFFER_SIZE];
};

/* What could not be written at once waits in `rest`; nothing is read meanwhile. */
struct connection {
    int fd;
    size_t rest_size;
    size_t rest_sent;
    char *rest;
};

static void die(const char *what)
{
    fprintf(stderr, "epoll-echo-server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(struct worker *w, int operation, int fd, uint32_t events, void *data)
{
    struct epoll_event event = { .events = events, .data.ptr = data };
    if (epoll_ctl(w->epoll, operation, fd, &event))
        die("epoll_ctl");
}

static int listen_at(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) ||
        bind(fd, (struct sockaddr *)address, sizeof *address) || listen(fd, SOMAXCONN) ||
        getsockname(fd, (struct sockaddr *)address, &size))
        die("listen");
    return fd;
}

static void accept_one(struct worker *w)
{
    int one = 1;
    int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
        return;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
        die("accept4");
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        die("calloc");
    c->fd = fd;
    watch(w, EPOLL_CTL_ADD, fd, EPOLLIN, c);
}

static void close_connection(struct connection *c)
{
    close(c->fd);
    free(c->rest);
    free(c);
}

static void keep_rest(struct worker *w, struct connection *c, const char *data, size_t size)
{
    c->rest = malloc(size);
    if (!c->rest)
        die("malloc");
    memcpy(c->rest, data, size);
    c->rest_size = size;
    c->rest_sent = 0;
    watch(w, EPOLL_CTL_MOD, c->fd, EPOLLOUT, c);
}

static void echo(struct worker *w, struct connection *c)
{
    ssize_t got = recv(c->fd, w->buf, sizeof w->buf, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        close_connection(c);
        return;
    }
    ssize_t sent = send(c->fd, w->buf, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN)
        sent = 0;
    if (sent < 0)
        close_connection(c);
    else if (sent < got)
        keep_rest(w, c, w->buf + sent, (size_t)(got - sent));
}

static void send_rest(struct worker *w, struct connection *c)
{
    ssize_t n = send(c->fd, c->rest + c->rest_sent, c->rest_size - c->rest_sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0) {
        close_connection(c);
        return;
    }
    c->rest_sent += (size_t)n;
    if (c->rest_sent < c->rest_size)
        return;
    free(c->rest);
    c->rest = NULL;
    watch(w, EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
}

static void *serve(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[256];
    for (;;) {
        int n = epoll_wait(w->epoll, events, 256, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c)
                accept_one(w);
            else if (c->rest)
                send_rest(w, c);
            else
                echo(w, c);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    long workers = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (workers < 1 || workers > 1024) {
        fprintf(stderr, "usage: epoll-echo-server WORKERS\n");
        return 2;
    }
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct worker *all = calloc((size_t)workers, sizeof *all);
    if (!all)
        die("calloc");
    for (long i = 0; i < workers; i++) {
        all[i].listener = listen_at(&address);
        all[i].epoll = epoll_create1(EPOLL_CLOEXEC);
        if (all[i].epoll < 0)
            die("epoll_create1");
        watch(&all[i], EPOLL_CTL_ADD, all[i].listener, EPOLLIN, NULL);
    }
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (long i = 1; i < workers; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &all[i]))
            die("pthread_create");
    }
    serve(&all[0]);
    return 0;
}
