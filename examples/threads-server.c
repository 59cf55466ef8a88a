/* A server as it has always been written: a thread per connection, blocking calls,
 * a mutex. It knows nothing of weft.
 *
 *     threads-server PORT              kernel threads
 *     weft exec threads-server PORT    the same, on virtual threads
 *
 * Port 0 is any free one; the first line it prints is the port. It answers every
 * request without a body on a connection that stays: enough HTTP for a load test. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long requests;

static int answer(int fd)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 14\r\n\r\nIt weaves too\n";
    pthread_mutex_lock(&lock);
    requests++;
    pthread_mutex_unlock(&lock);
    return write(fd, text, sizeof text - 1) == (ssize_t)(sizeof text - 1) ? 0 : -1;
}

/* Takes requests off the front; returns how much of the next is there, or -1. */
static ssize_t answer_all(int fd, char *buffer)
{
    char *from = buffer, *end;
    while ((end = strstr(from, "\r\n\r\n"))) {
        if (answer(fd) < 0)
            return -1;
        from = end + 4;
    }
    size_t rest = strlen(from);
    memmove(buffer, from, rest + 1);
    return (ssize_t)rest;
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[ROOM];
    ssize_t used = 0, count;
    while (used >= 0 && used < ROOM - 1 &&
           (count = read(fd, buffer + used, (size_t)(ROOM - 1 - used))) > 0) {
        buffer[used + count] = 0;
        used = answer_all(fd, buffer);
    }
    close(fd);
    return NULL;
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(port)),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror("threads-server");
        exit(EXIT_FAILURE);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    int listener = listen_on(argc > 1 ? argv[1] : "0"), fd;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    }
    perror("threads-server: accept");
    return EXIT_FAILURE;
}
