/* Waits with a timeout that are resumed late, since others compute: what came before the
 * time was over is found, as by the kernel, which looks once more. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 10
#define TIMEOUT 5 /* ms */
#define MARGIN 1

static int fds[2], set;
static sigset_t signals;
static _Atomic int waits;
static double sent;

static double now(void) /* ms */
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void compute_until(double end)
{
    while (now() < end) {
    }
}

/* On one worker the one that waits cannot go on before this ends. */
static void *send_and_compute(void *unused)
{
    while (!waits)
        usleep(50);
    double begin = now();
    compute_until(begin + 2);
    if (write(fds[1], "x", 1) != 1 || kill(getpid(), SIGUSR1) != 0)
        abort();
    sent = now();
    compute_until(begin + 9);
    return unused;
}

static int by_epoll(void)
{
    struct epoll_event event;
    return epoll_wait(set, &event, 1, TIMEOUT);
}

static int by_poll(void)
{
    struct pollfd pfd = { .fd = fds[0], .events = POLLIN };
    return poll(&pfd, 1, TIMEOUT);
}

static int by_select(void)
{
    fd_set in;
    struct timeval timeout = { 0, TIMEOUT * 1000 };
    FD_ZERO(&in);
    FD_SET(fds[0], &in);
    return select(fds[0] + 1, &in, NULL, NULL, &timeout);
}

static int by_recv(void)
{
    char byte;
    return (int)recv(fds[0], &byte, 1, 0);
}

static int by_recvmmsg(void)
{
    char byte;
    struct iovec iov = { &byte, 1 };
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
    return recvmmsg(fds[0], &message, 1, 0, NULL);
}

static int by_sigtimedwait(void)
{
    struct timespec timeout = { 0, TIMEOUT * 1000000 };
    return sigtimedwait(&signals, NULL, &timeout) == SIGUSR1;
}

/* 0: it came too late to say anything. */
static int try(int (*wait)(void), int *ret_found)
{
    pthread_t thread;
    struct epoll_event event = { .events = EPOLLIN };
    struct timeval timeout = { 0, TIMEOUT * 1000 };
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    set = epoll_create1(0);
    epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &event);
    waits = 0;
    pthread_create(&thread, NULL, send_and_compute, NULL);
    usleep(1000);
    double end = now() + TIMEOUT;
    waits = 1;
    *ret_found = wait();
    pthread_join(thread, NULL);
    sigtimedwait(&signals, NULL, &(struct timespec){ 0 });
    close(set);
    close(fds[0]);
    close(fds[1]);
    return sent < end - MARGIN;
}

static void say(const char *name, int (*wait)(void))
{
    int missed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int found;
        if (try(wait, &found) && found != 1)
            missed++;
    }
    printf("%s: missed %d\n", name, missed);
}

static int silent[2], other[2];

/* Two waits end in the same moment. The first to go on closes what the second waits on, whose
 * number is another file's then: that one's bytes are not the second's. */
static void *close_and_reuse(void *unused)
{
    char byte;
    recv(silent[0], &byte, 1, 0);
    close(fds[0]);
    dup2(other[0], fds[0]);
    return unused;
}

static void *receive(void *ret_number)
{
    char bytes[8];
    *(ssize_t *)ret_number = recv(fds[0], bytes, sizeof bytes, 0);
    return NULL;
}

static void *compute(void *unused)
{
    for (double end = now() + 100; now() < end; sched_yield())
        compute_until(now() + 10);
    return unused;
}

static void say_reused(void)
{
    pthread_t threads[3];
    struct timeval timeout = { 0, 50000 };
    ssize_t number = 0;
    char bytes[8];
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    socketpair(AF_UNIX, SOCK_STREAM, 0, silent);
    socketpair(AF_UNIX, SOCK_STREAM, 0, other);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(silent[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (write(other[1], "secret", 6) != 6)
        abort();
    pthread_create(&threads[0], NULL, close_and_reuse, NULL);
    sched_yield();
    pthread_create(&threads[1], NULL, receive, &number);
    usleep(1000);
    pthread_create(&threads[2], NULL, compute, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("of another file: %zd\n", number > 0 ? number : 0);
    printf("left in it: %zd\n", recv(other[0], bytes, sizeof bytes, MSG_DONTWAIT));
}

int main(void)
{
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    say("epoll_wait", by_epoll);
    say("poll", by_poll);
    say("select", by_select);
    say("recv", by_recv);
    say("recvmmsg", by_recvmmsg);
    say("sigtimedwait", by_sigtimedwait);
    say_reused();
    return 0;
}
