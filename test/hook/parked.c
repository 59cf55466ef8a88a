/* Only under weft exec: threads that wait for descriptors hold no OS thread. */
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>

#include "fds.h"

#define EACH 10

static struct {
    int pipe[2], pair[2], udp, events, timer, listener, epoll, full[2];
} fd;

static void *in_read(void *unused)
{
    char buf[8];
    SAY_NUMBER(read(fd.pipe[0], buf, 1));
    return unused;
}

static void *in_recv(void *unused)
{
    char buf[8];
    SAY_NUMBER(recv(fd.pair[0], buf, 1, 0));
    return unused;
}

static void *in_recvfrom(void *unused)
{
    char buf[8];
    SAY_NUMBER(recvfrom(fd.udp, buf, 1, 0, NULL, NULL));
    return unused;
}

static void *in_eventfd(void *unused)
{
    eventfd_t value;
    SAY_NUMBER(eventfd_read(fd.events, &value));
    return unused;
}

static void *in_timerfd(void *unused)
{
    uint64_t count;
    SAY_NUMBER(read(fd.timer, &count, sizeof count));
    return unused;
}

static void *in_accept(void *unused)
{
    SAY_NUMBER(accept(fd.listener, NULL, NULL));
    return unused;
}

static void *in_poll(void *unused)
{
    struct pollfd set = { fd.pair[0], POLLIN, 0 };
    SAY_NUMBER(poll(&set, 1, -1));
    return unused;
}

static void *in_select(void *unused)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd.pipe[0], &set);
    SAY_NUMBER(select(fd.pipe[0] + 1, &set, NULL, NULL, NULL));
    return unused;
}

static void *in_epoll(void *unused)
{
    struct epoll_event event;
    SAY_NUMBER(epoll_wait(fd.epoll, &event, 1, -1));
    return unused;
}

static void *in_write(void *unused)
{
    static char buf[1 << 20];
    SAY_NUMBER(write(fd.full[1], buf, sizeof buf));
    return unused;
}

static int threads_of_process(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2;
}

int main(void)
{
    static void *(*const ways[])(void *) = { in_read,    in_recv,   in_recvfrom, in_eventfd,
                                             in_timerfd, in_accept, in_poll,     in_select,
                                             in_epoll,   in_write };
    struct sockaddr_in address;
    fd.udp = socket(AF_INET, SOCK_DGRAM, 0);
    fd.events = eventfd(0, 0);
    fd.timer = timerfd_create(CLOCK_MONOTONIC, 0);
    fd.listener = listen_tcp(&address);
    fd.epoll = epoll_create1(0);
    pipe(fd.full);
    if (pipe(fd.pipe) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fd.pair) < 0)
        return 1;
    int before = threads_of_process(), count = 0;
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        for (int i = 0; i < EACH; i++) {
            pthread_t id;
            count += pthread_create(&id, NULL, ways[way], NULL) == 0;
        }
    }
    usleep(200000);
    int after = threads_of_process();
    printf("1..1\n%sok 1 - %d threads wait, %d OS threads before, %d now\n",
           after > before + 1 ? "not " : "", count, before, after);
    fflush(stdout);
    _exit(0);
}
