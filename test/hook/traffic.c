/* Many pairs of threads pass a byte to and fro, waiting for it in every way: a lost
 * event stops a pair for ever. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "fds.h"

#define PAIRS 24
#define ROUNDS 1000

static int ends[PAIRS][2];
static long passed[PAIRS][2];

static void in_poll(int fd)
{
    struct pollfd set[2] = { { fd, POLLIN, 0 }, { -1, 0, 0 } };
    if (poll(set, 2, 20000) != 1)
        abort();
}

static void in_select(int fd)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    if (select(fd + 1, &set, NULL, NULL, NULL) != 1)
        abort();
}

static void in_epoll(int fd)
{
    struct epoll_event event = { EPOLLIN, { .fd = fd } };
    int set = epoll_create1(0);
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0 || epoll_wait(set, &event, 1, 20000) != 1)
        abort();
    close(set);
}

static void in_peek(int fd)
{
    char byte;
    if (recv(fd, &byte, 1, MSG_PEEK) != 1)
        abort();
}

static void *pass(void *arg)
{
    static void (*const ways[])(int) = { NULL, in_poll, in_select, in_epoll, in_peek };
    size_t pair = (size_t)arg / 2, side = (size_t)arg % 2;
    int fd = ends[pair][side];
    char byte = 'x';
    for (size_t i = 0; i < ROUNDS; i++) {
        if (side == 0 && write(fd, &byte, 1) != 1)
            abort();
        size_t way = (i * 7 + pair) % (sizeof ways / sizeof *ways);
        if (ways[way])
            ways[way](fd);
        if (read(fd, &byte, 1) != 1)
            abort();
        passed[pair][side]++;
        if (side == 1 && write(fd, &byte, 1) != 1)
            abort();
    }
    return NULL;
}

int main(void)
{
    pthread_t ids[2 * PAIRS];
    long sum = 0;
    for (int i = 0; i < PAIRS; i++) {
        if (i % 2)
            tcp_pair(ends[i]);
        else if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]) < 0)
            abort();
    }
    for (size_t i = 0; i < 2 * PAIRS; i++)
        pthread_create(&ids[i], NULL, pass, (void *)i);
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        pthread_join(ids[i], NULL);
        sum += passed[i / 2][i % 2];
    }
    SAY_NUMBER(sum);
    return 0;
}
