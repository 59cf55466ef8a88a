/* echo-load: the client of every echo server, one thread with one epoll.
 *
 *     echo-load PORT CONNECTIONS SIZE WARMUP_MS MEASURE_MS SERVER_PID
 *
 * Each connection sends a message of SIZE bytes, waits until it is back, and
 * sends the next. The echo is compared with the message during the warm-up. The
 * server's CPU time is read from outside, at both ends of the measured time, so
 * that servers need not take part. Prints one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "histogram.h"

struct connection {
    int fd;
    bool wants_out; /* EPOLLOUT is armed: the message did not fit */
    size_t sent;
    size_t received;
    uint64_t start;
};

static struct {
    int epoll;
    size_t size;
    char *message;
    bool measuring;
    struct histogram latency;
} load;

static char reply[256 * 1024];

static void die(const char *what)
{
    fprintf(stderr, "echo-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void fail(const char *message)
{
    fprintf(stderr, "echo-load: %s\n", message);
    exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now))
        die("clock_gettime");
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void connection_open(struct connection *c, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
        die("connect");
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event))
        die("epoll_ctl");
}

static void connection_send(struct connection *c)
{
    while (c->sent < load.size) {
        ssize_t n =
            send(c->fd, load.message + c->sent, load.size - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("send");
        c->sent += (size_t)n;
    }
    bool wants_out = c->sent < load.size;
    if (wants_out != c->wants_out) {
        struct epoll_event event = { .events = EPOLLIN | (wants_out ? EPOLLOUT : 0),
                                     .data.ptr = c };
        if (epoll_ctl(load.epoll, EPOLL_CTL_MOD, c->fd, &event))
            die("epoll_ctl");
        c->wants_out = wants_out;
    }
}

static void connection_receive(struct connection *c)
{
    size_t wanted = load.size - c->received;
    ssize_t n = recv(c->fd, reply, wanted < sizeof reply ? wanted : sizeof reply, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        die("recv");
    if (n == 0)
        fail("the server closed a connection");
    if (!load.measuring && memcmp(reply, load.message + c->received, (size_t)n) != 0)
        fail("the echo differs from the message");
    c->received += (size_t)n;
    if (c->received < load.size)
        return;
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (load.measuring)
        histogram_add(&load.latency, now - c->start);
    c->sent = 0;
    c->received = 0;
    c->start = now;
    connection_send(c);
}

static void run_for(uint64_t duration)
{
    uint64_t end = clock_ns(CLOCK_MONOTONIC) + duration;
    struct epoll_event events[256];
    while (clock_ns(CLOCK_MONOTONIC) < end) {
        int n = epoll_wait(load.epoll, events, 256, 100);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                connection_send(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                connection_receive(c);
        }
    }
}

static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        fail("usage: echo-load PORT CONNECTIONS SIZE WARMUP_MS MEASURE_MS SERVER_PID");
    return value;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        die("setrlimit");
}

int main(int argc, char **argv)
{
    unsigned long args[6] = { 0 };
    if (argc != 7)
        number("");
    for (int i = 0; i < 6; i++)
        args[i] = number(argv[i + 1]);
    size_t count = args[1];
    load.size = args[2];
    clockid_t server_cpu;
    if (clock_getcpuclockid((pid_t)args[5], &server_cpu))
        fail("no such server process");
    raise_descriptor_limit();
    load.message = malloc(load.size);
    struct connection *connections = calloc(count, sizeof *connections);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!load.message || !connections || load.epoll < 0)
        die("setup");
    for (size_t i = 0; i < load.size; i++)
        load.message[i] = (char)(i % 251);
    for (size_t i = 0; i < count; i++)
        connection_open(&connections[i], (uint16_t)args[0]);
    for (size_t i = 0; i < count; i++) {
        connections[i].start = clock_ns(CLOCK_MONOTONIC);
        connection_send(&connections[i]);
    }
    run_for(args[3] * 1000000);

    load.measuring = true;
    uint64_t wall = clock_ns(CLOCK_MONOTONIC);
    uint64_t cpu = clock_ns(server_cpu);
    uint64_t own_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    run_for(args[4] * 1000000);
    own_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_cpu;
    cpu = clock_ns(server_cpu) - cpu;
    wall = clock_ns(CLOCK_MONOTONIC) - wall;
    if (load.latency.total == 0)
        fail("no message came back in the measured time");

    printf("{\"requests\":%llu,\"wall_ns\":%llu,\"server_cpu_ns\":%llu,\"load_cpu_ns\":%llu,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           (unsigned long long)load.latency.total, (unsigned long long)wall,
           (unsigned long long)cpu, (unsigned long long)own_cpu,
           (double)histogram_percentile(&load.latency, 50) / 1e3,
           (double)histogram_percentile(&load.latency, 99) / 1e3);
    return 0;
}
