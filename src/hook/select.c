/* select() and pselect(). The sets are of any size: programs allocate larger ones
 * than fd_set. They are read and written here, so one that is no memory is a SIGSEGV
 * where the kernel says EFAULT. */
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>

#include "hook/call.h"
#include "hook/deadline.h"
#include "hook/fd_table.h"
#include "hook/park.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/watch.h"

enum { READ, WRITE, EXCEPT, SETS };

#define WORD_BITS (8 * sizeof(unsigned long))
#define WORDS_ON_STACK (FD_SETSIZE / WORD_BITS)

struct select {
    int count;
    size_t size;                 /* of a set, in bytes */
    fd_set *set[SETS];           /* the program's; NULL: none */
    unsigned long *wanted[SETS]; /* what it asked for */
};

static void restore(const struct select *select)
{
    for (int i = 0; i < SETS; i++) {
        if (select->set[i])
            memcpy(select->set[i], select->wanted[i], select->size);
    }
}

static int look(void *arg, struct pollfd *unused)
{
    struct select *select = arg;
    (void)unused;
    struct timeval none = { 0, 0 };
    restore(select);
    return (int)weft__call_or_errno(weft__real_select(
        select->count, select->set[READ], select->set[WRITE], select->set[EXCEPT], &none));
}

static short events_of(const struct select *select, int fd)
{
    static const short events[SETS] = { POLLIN, POLLOUT, POLLPRI };
    short sum = 0;
    for (int i = 0; i < SETS; i++) {
        if (select->set[i] &&
            select->wanted[i][(unsigned)fd / WORD_BITS] >> ((unsigned)fd % WORD_BITS) & 1)
            sum |= events[i];
    }
    return sum;
}

static nfds_t collect(const struct select *select, struct pollfd *fds)
{
    nfds_t count = 0;
    for (int fd = 0; fd < select->count; fd++) {
        short events = events_of(select, fd);
        if (events)
            fds[count++] = (struct pollfd){ .fd = fd, .events = events };
    }
    return count;
}

/* In memory that has room for three sets and as many pollfds as descriptors. */
static int select_in(void *memory, struct select *select, int64_t deadline)
{
    char *at = memory;
    for (int i = 0; i < SETS; i++) {
        select->wanted[i] = (unsigned long *)(void *)(at + (size_t)i * select->size);
        if (select->set[i])
            memcpy(select->wanted[i], select->set[i], select->size);
    }
    weft__hook_spend();
    int rc = look(select, NULL);
    if (rc)
        return rc;
    struct pollfd *fds = (struct pollfd *)(void *)(at + SETS * select->size);
    rc = weft__watch(fds, collect(select, fds), look, select, deadline, "select");
    if (rc < 0) /* the look has emptied them; who is interrupted calls again with the same */
        restore(select);
    return rc;
}

static int select_until(int count, fd_set *in, fd_set *out, fd_set *except, int64_t deadline)
{
    count = weft__fd_table_cut(count);
    if (count < 0)
        return count;
    size_t words = ((size_t)count + WORD_BITS - 1) / WORD_BITS;
    struct select select = { count, words * sizeof(unsigned long), { in, out, except }, { NULL } };
    size_t size = SETS * select.size + words * WORD_BITS * sizeof(struct pollfd);
    if (words <= WORDS_ON_STACK / 8) {
        struct pollfd small[WORDS_ON_STACK / 8 * WORD_BITS + SETS * WORDS_ON_STACK / 8];
        return select_in(small, &select, deadline);
    }
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOBUFS;
    int rc = select_in(memory, &select, deadline);
    munmap(memory, size);
    return rc;
}

/* Errors leave the sets as they were, but for what the kernel does. */
WEFT__INTERPOSE int select(int count, fd_set *in, fd_set *out, fd_set *except,
                           struct timeval *timeout)
{
    WEFT__STAYS;
    if (!weft__hook_task() || count < 0 ||
        (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0 || timeout->tv_usec >= 1000000)))
        return weft__real_select(count, in, out, except, timeout);
    struct timespec time = { 0 };
    if (timeout)
        time = (struct timespec){ timeout->tv_sec, timeout->tv_usec * 1000 };
    int64_t deadline = timeout ? weft__duration_end(&time) : WEFT_NEVER;
    int rc = select_until(count, in, out, except, deadline);
    if (timeout) { /* what is left of it, as Linux has it */
        weft__duration_left(deadline, &time);
        *timeout = (struct timeval){ time.tv_sec, time.tv_nsec / 1000 };
    }
    return rc == -ENOBUFS ? weft__real_select(count, in, out, except, timeout)
                          : (int)weft__call_result(rc);
}

WEFT__INTERPOSE int pselect(int count, fd_set *in, fd_set *out, fd_set *except,
                            const struct timespec *timeout, const sigset_t *mask)
{
    WEFT__STAYS;
    sigset_t room;
    if (!weft__hook_task() || count < 0 || (timeout && !weft__duration_valid(timeout)))
        return weft__real_pselect(count, in, out, except, timeout,
                                  weft__signals_for_kernel(mask, &room));
    int64_t deadline = timeout ? weft__duration_end(timeout) : WEFT_NEVER;
    weft__signals_mask_begin(mask);
    int rc = select_until(count, in, out, except, deadline);
    weft__signals_mask_end(mask, rc == -EINTR);
    if (rc != -ENOBUFS)
        return (int)weft__call_result(rc);
    struct timespec left = timeout ? *timeout : (struct timespec){ 0 };
    weft__duration_left(deadline, &left);
    return weft__real_pselect(count, in, out, except, timeout ? &left : NULL,
                              weft__signals_for_kernel(mask, &room));
}

WEFT__INTERPOSE int __select(int count, fd_set *in, fd_set *out, fd_set *except,
                             struct timeval *timeout)
{
    return select(count, in, out, except, timeout);
}
