/* uring.h - the kernel's rings for asynchronous calls: io_uring, by its system calls.
 *
 * Two arrays are shared with the kernel: of entries, which say what it is to do, and of
 * completions, which say what came of it. Each has a head and a tail, which only grow; who
 * consumes moves the head, who produces the tail.
 *
 * The caller orders those who submit among themselves, and those who reap; a submitter and
 * a reaper may come together.
 *
 * What the rings are not asked for, and why:
 *  - SINGLE_ISSUER, DEFER_TASKRUN: a worker goes from one thread to another (sched/handoff.c),
 *    and its completions are reaped by whoever polls for it. With these flags, only the
 *    thread that made the ring might submit and reap.
 *  - COOP_TASKRUN: the kernel completes some calls on the thread that has submitted them, and
 *    would wait until that enters the kernel by itself. It may compute for long by then, and
 *    its worker be another thread's.
 *  - SQPOLL: a thread of the kernel's that spins, for each ring. */
#ifndef WEFT_OS_URING_H
#define WEFT_OS_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>

#include "base/atomic.h"

struct weft__uring {
    int fd;
    uint32_t entry_count, completion_count;
    struct io_uring_sqe *entries;
    struct io_uring_cqe *completions;
    /* Where the kernel keeps them. */
    _Atomic(uint32_t) *entry_head, *entry_tail;
    _Atomic(uint32_t) *completion_head, *completion_tail;
    void *rings;
    size_t rings_size, entries_size;
};

/* The operations of the kernel's that a ring has, one bit each; none from 64 on matters. */
typedef uint64_t weft__uring_operations;

/* Makes a ring; the kernel rounds both numbers up to powers of two. Returns 0, or -errno:
 * -ENOSYS (no such thing here), -EPERM (forbidden), -EOPNOTSUPP (too old: before Linux
 * 5.12), -ENOMEM, -EMFILE. */
int weft__uring_init(struct weft__uring *uring, unsigned entries, unsigned completions,
                     weft__uring_operations *ret_operations);

void weft__uring_finish(struct weft__uring *uring);

/* In a forked child, which has the parent's descriptor, but not the memory. */
void weft__uring_abandon(struct weft__uring *uring);

/* How many calls the kernel makes at a time on threads of its own, for each thread that submits;
 * such as are to wait for something that is no disk are not counted. Where it does not know
 * how (before Linux 5.15), it stays with four for each CPU, or one per entry. */
void weft__uring_set_threads(struct weft__uring *uring, unsigned most);

/* Hands one entry to the kernel, which may do it at once. Never blocks, but for what the
 * kernel does at once. Returns 0, or -errno: then it is not and will not be done. */
int weft__uring_submit(struct weft__uring *uring, const struct io_uring_sqe *entry);

/* What came of an entry. */
struct weft__uring_result {
    uint64_t user_data; /* the entry's */
    int32_t value;      /* what the call returns, or -errno */
};

/* Takes up to `most` completions. Returns how many. */
unsigned weft__uring_reap(struct weft__uring *uring, struct weft__uring_result *ret_results,
                          unsigned most);

#endif
