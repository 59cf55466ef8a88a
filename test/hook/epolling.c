/* epoll: level and edge, once, many waiters, timeouts. */
#include <stdatomic.h>
#include <sys/epoll.h>

#include "fds.h"

#define WAITERS 8
#define CROWD 520

static int fds[2], set;
static atomic_int served;

static void *write_later(void *text)
{
    usleep(A_WHILE);
    if (write(fds[1], text, strlen(text)) < 0)
        abort();
    return NULL;
}

static void *add_later(void *unused)
{
    struct epoll_event event = { EPOLLIN, { .fd = fds[0] } };
    usleep(A_WHILE);
    epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &event);
    return unused;
}

static void control(int operation, uint32_t events)
{
    struct epoll_event event = { events, { .fd = fds[0] } };
    SAY_CALL(epoll_ctl(set, operation, fds[0], &event));
}

static void wait_for(int timeout)
{
    struct epoll_event events[4] = { 0 };
    int n = epoll_wait(set, events, 4, timeout);
    printf("epoll_wait: %d %x\n", n, n > 0 ? events[0].events : 0);
}

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static void level(void)
{
    char buf[16];
    control(EPOLL_CTL_ADD, EPOLLIN);
    start(write_later, "ab");
    wait_for(-1);
    finish();
    wait_for(-1);
    SAY_CALL(read(fds[0], buf, 1));
    wait_for(1000);
    SAY_CALL(read(fds[0], buf, 1));
    wait_for(10);
    start(write_later, "c");
    wait_for(-1);
    finish();
    SAY_CALL(read(fds[0], buf, 1));
    control(EPOLL_CTL_DEL, 0);
}

static void edge(void)
{
    char buf[16];
    control(EPOLL_CTL_ADD, EPOLLIN | EPOLLET);
    start(write_later, "ab");
    wait_for(-1);
    finish();
    wait_for(10);
    start(write_later, "c");
    wait_for(-1);
    finish();
    SAY_CALL(read(fds[0], buf, 16));
    wait_for(10);
    control(EPOLL_CTL_DEL, 0);
}

static void once(void)
{
    char buf[16];
    control(EPOLL_CTL_ADD, EPOLLIN | EPOLLONESHOT);
    start(write_later, "a");
    wait_for(-1);
    finish();
    wait_for(10);
    control(EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    wait_for(-1);
    SAY_CALL(read(fds[0], buf, 16));
    control(EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    start(write_later, "a");
    wait_for(-1);
    finish();
    SAY_CALL(read(fds[0], buf, 16));
    control(EPOLL_CTL_DEL, 0);
    start(write_later, "a");
    finish();
    start(add_later, NULL);
    wait_for(-1);
    finish();
    SAY_CALL(read(fds[0], buf, 16));
    control(EPOLL_CTL_DEL, 0);
}

static void *serve(void *unused)
{
    struct epoll_event event;
    for (;;) {
        char byte;
        if (epoll_wait(set, &event, 1, -1) != 1)
            abort();
        if (read(event.data.fd, &byte, 1) != 1 || byte == 'q')
            return unused;
        atomic_fetch_add(&served, 1);
    }
}

static void *serve_quietly(void *unused)
{
    struct epoll_event event, again = { EPOLLIN | EPOLLONESHOT, { .fd = fds[0] } };
    for (;;) {
        char byte;
        if (epoll_wait(set, &event, 1, -1) != 1 || read(fds[0], &byte, 1) != 1)
            abort();
        if (byte == 'x')
            atomic_fetch_add(&served, 1);
        epoll_ctl(set, EPOLL_CTL_MOD, fds[0], &again);
        if (byte == 'q')
            return unused;
    }
}

static void many_waiters(void)
{
    pthread_t ids[WAITERS];
    control(EPOLL_CTL_ADD, EPOLLIN | EPOLLONESHOT);
    for (int i = 0; i < WAITERS; i++)
        pthread_create(&ids[i], NULL, serve_quietly, NULL);
    for (int i = 0; i < 100; i++) {
        if (write(fds[1], "x", 1) != 1)
            abort();
        if (i % 10 == 0)
            usleep(1000);
    }
    for (int i = 0; i < WAITERS; i++) {
        if (write(fds[1], "q", 1) != 1)
            abort();
    }
    for (int i = 0; i < WAITERS; i++)
        pthread_join(ids[i], NULL);
    SAY_NUMBER(served);
    control(EPOLL_CTL_DEL, 0);
    start(serve, NULL);
    control(EPOLL_CTL_ADD, EPOLLIN);
    usleep(A_WHILE);
    if (write(fds[1], "q", 1) != 1)
        abort();
    finish();
    control(EPOLL_CTL_DEL, 0);
}

static void timeouts(void)
{
    struct epoll_event event;
    struct timespec begin = now(), time = { 0, 15000000 };
    SAY_CALL(epoll_wait(set, &event, 1, 15));
    SAY_NUMBER(took_ms(begin, 15));
    begin = now();
    SAY_CALL(epoll_pwait(set, &event, 1, 15, NULL));
    SAY_NUMBER(took_ms(begin, 15));
    begin = now();
    SAY_CALL(epoll_pwait2(set, &event, 1, &time, NULL));
    SAY_NUMBER(took_ms(begin, 15));
    SAY_CALL(epoll_wait(set, &event, 1, 0));
    SAY_CALL(epoll_wait(set, &event, 0, -1));
    SAY_CALL(epoll_wait(fds[0], &event, 1, -1));
    SAY_CALL(epoll_wait(-1, &event, 1, -1));
}

static void *wait_at(void *fd)
{
    struct epoll_event event;
    if (epoll_wait(*(int *)fd, &event, 1, 10000) == 1)
        atomic_fetch_add(&served, 1);
    return NULL;
}

/* Near the kernel's limits of how many sets lead to one file, and how deep. */
static void crowds(void)
{
    static int sets[CROWD];
    static pthread_t ids[CROWD];
    struct epoll_event event = { .events = EPOLLIN };
    struct timespec begin;
    pipe(fds);
    atomic_store(&served, 0);
    for (int i = 0; i < CROWD; i++) {
        sets[i] = epoll_create1(0);
        if (epoll_ctl(sets[i], EPOLL_CTL_ADD, fds[0], &event) < 0 ||
            pthread_create(&ids[i], NULL, wait_at, &sets[i]) != 0)
            abort();
    }
    usleep(A_WHILE);
    SAY_CALL(write(fds[1], "all", 3));
    for (int i = 0; i < CROWD; i++) {
        pthread_join(ids[i], NULL);
        close(sets[i]);
    }
    SAY_NUMBER(served);
    SAY_CALL(read(fds[0], sets, 3));
    int depth = 0;
    for (int inner = fds[0]; depth < 10; inner = sets[depth++]) {
        sets[depth] = epoll_create1(0);
        if (epoll_ctl(sets[depth], EPOLL_CTL_ADD, inner, &event) < 0)
            break;
    }
    SAY_NUMBER(depth);
    for (int i = 0; i < depth; i++) {
        begin = now();
        SAY_CALL(epoll_wait(sets[i], &event, 1, 20));
        SAY_NUMBER(took_ms(begin, 20));
    }
    start(write_later, "deep");
    SAY_CALL(epoll_wait(sets[depth - 1], &event, 1, -1));
    finish();
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    set = epoll_create1(0);
    for (int kind = 0; kind < 3; kind++) {
        printf("-- %d\n", kind);
        if (kind == 0)
            pipe(fds);
        else if (kind == 1)
            socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        else
            tcp_pair(fds);
        level();
        edge();
        once();
    }
    many_waiters();
    timeouts();
    crowds();
    return 0;
}
