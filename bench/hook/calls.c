/* calls: what one call costs, in nanoseconds, when it does not have to wait.
 * Natively the bare call; under weft exec the interposed one in a virtual thread;
 * with the hook preloaded and WEFT_EXEC=0 the interposed one in a plain thread.
 *
 *     calls [ROUNDS] */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

#define MEASURE(name, call) \
    do { \
        double begin = now(); \
        for (long i = 0; i < rounds; i++) \
            sum += (long)(call); \
        printf("%-24s %8.0f\n", name, (now() - begin) / (double)rounds); \
    } while (0)

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 200000, sum = 0;
    int pair[2], ends[2], null = open("/dev/null", O_RDWR), file = open("/proc/self/exe", O_RDONLY);
    int events = eventfd(1, EFD_SEMAPHORE), set = epoll_create1(0);
    char buf[64] = "";
    struct epoll_event event = { EPOLLOUT, { 0 } };
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe(ends) < 0)
        return 1;
    epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event);
    struct pollfd one = { pair[0], POLLOUT, 0 };
    MEASURE("unix write+read", (write(pair[0], buf, 64), read(pair[1], buf, 64)));
    MEASURE("unix send+recv", (send(pair[0], buf, 64, 0), recv(pair[1], buf, 64, 0)));
    MEASURE("pipe write+read", (write(ends[1], buf, 64), read(ends[0], buf, 64)));
    MEASURE("eventfd write+read", (eventfd_write(events, 1), read(events, buf, 8)));
    MEASURE("/dev/null write", write(null, buf, 64));
    MEASURE("file read of 0", read(file, buf, 0));
    MEASURE("poll, ready", poll(&one, 1, -1));
    MEASURE("epoll_wait, ready", epoll_wait(set, &event, 1, -1));
    MEASURE("fcntl F_GETFL", fcntl(null, F_GETFL));
    MEASURE("dup+close", close(dup(null)));
    return sum == 42;
}
