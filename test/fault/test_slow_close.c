/* A task closes a descriptor, and the kernel takes its time: meanwhile its worker
 * is rescued, and the rescuer finds an event for that very descriptor. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tasks.h"

static atomic_int slow_writer; /* where to write before a removal; 0: not slow */
static atomic_int waiting;

int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    int writer = op == EPOLL_CTL_DEL ? atomic_exchange(&slow_writer, 0) : 0;
    if (writer) {
        ck_assert_int_eq(write(writer, "x", 1), 1);
        spin_for(WEFT_MS(30));
    }
    return __real_epoll_ctl(epoll, op, fd, event);
}

static int read_until_closed(void *fd)
{
    char byte;
    ssize_t n;
    atomic_fetch_add(&waiting, 1);
    while ((n = weft_read(*(int *)fd, &byte, 1)) == 1)
        ;
    return (int)n;
}

static int close_slowly(void *unused)
{
    int fds[2];
    weft_task *tasks[3];
    (void)unused;
    ck_assert_int_eq(pipe(fds), 0);
    for (int i = 0; i < 3; i++)
        SPAWN(read_until_closed, &fds[0], &tasks[i]);
    while (atomic_load(&waiting) < 3)
        weft_yield();
    weft_sleep(WEFT_MS(5));
    atomic_store(&slow_writer, fds[1]);
    ck_assert_int_eq(weft_close(fds[0]), 0);
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], -EBADF);
    ck_assert_int_eq(atomic_load(&slow_writer), 0);
    return weft_close(fds[1]);
}

TEST(a_closer_and_its_rescuer_do_not_wait_for_each_other, .timeout = 20)
{
    for (int round = 0; round < 5; round++) {
        atomic_store(&waiting, 0);
        ck_assert_int_eq(run_tasks(2, close_slowly, NULL), 0);
    }
}
