/* lot.h - where tasks wait for words of the program's memory.
 *
 * What a futex is to threads, this is to tasks: a table of buckets, found by the
 * address of a word, each with a list of those who wait, oldest first. Mutexes,
 * condition variables, semaphores and the rest keep libc's own state in the word,
 * so that libc and threads that are not weft's work with them too; only the
 * sleeping happens here instead of in the kernel.
 *
 * LOT-1  A node enters its bucket's list under the bucket's lock, after the caller
 *        has seen, under the same lock, that the word still says "wait". `waiting`
 *        has counted it before that look.
 * LOT-2  Who changes the word so that somebody should go on looks at `waiting`
 *        after the change, with a full fence between: one of the two sees the
 *        other, so no wake is lost; and a word that nobody waits for costs a look.
 * LOT-3  A node leaves the list once, under the lock: taken, or by its waiter whose
 *        deadline has come. The taker writes its message into the node, and claims
 *        the wait last; a claim that fails (WAIT-1) counts for nothing, and the next
 *        node is taken. After a claim that succeeds only the waiter's type-stable
 *        memory may be touched, but for its node: that lives until it is woken (WAIT-2,
 *        THREAD-3).
 * LOT-4  So a taken node of a task may be put into another list, claimed: from a
 *        condition variable to its mutex. Its deadline has no say any more; who
 *        takes it there wakes it, or recalls it: who has something for the task to do
 *        finds the node by what the waiter says it waits for.
 * LOT-5  A thread that is not weft's and may sleep in the kernel for a word is
 *        counted in `outside` before it can. Who finds too few in the list for what
 *        the change of the word allows calls FUTEX_WAKE only if that is not 0.
 * LOT-6  A plain thread whose wait is to end when it is cancelled says so in its node. It
 *        has read weft__lot_disturbances() before it asked libc whether it is cancelled,
 *        and reads it again when it is in the list: if it is another number it ends the
 *        wait itself. Who cancels it has told libc, counts a disturbance, and then looks
 *        for the node, with a full fence between: one of the two sees the other. */
#ifndef WEFT_HOOK_LOT_H
#define WEFT_HOOK_LOT_H

#include <stdint.h>

#include "base/list.h"
#include "os/barrier.h"
#include "os/lock.h"
#include "sched/task.h"

struct weft__bucket {
    WEFT_ALIGNED(WEFT_CACHE_LINE) struct weft__lock lock;
    _Atomic(uint32_t) waiting; /* nodes in the list, and such as may come */
    _Atomic(uint32_t) outside;
    struct weft__list nodes;
};

/* Somebody who waits; on its stack. */
struct weft__lot_node {
    struct weft__list link;
    const void *address;
    struct weft__waiter *waiter;
    uint64_t ticket;
    uint32_t bits;    /* FUTEX_WAIT_BITSET's; all ones */
    bool listed;      /* under the lock */
    bool claimed;     /* LOT-4 */
    uint8_t losses;   /* how often it was woken in vain: mutex.c */
    bool more;        /* the taker's message: others wait for the same address, */
    bool handed;      /* and what was waited for is the waiter's */
    bool interrupted; /* a signal has ended the wait */
    void *mutex;      /* for a condition variable's: where to go next */
    uintptr_t plain;  /* a plain thread whose cancellation ends the wait: LOT-6; else 0 */
};

#define WEFT__LOT_ANY UINT32_MAX

/* Never NULL; the same for the same address. */
struct weft__bucket *weft__lot_bucket(const void *address);

/* For LOT-2: whether nobody waits. After the change of the word; has the fence. */
static inline bool weft__lot_quiet(struct weft__bucket *bucket)
{
    weft__barrier_full();
    return weft__load(&bucket->waiting, relaxed) == 0;
}

/* Begins a wait of the calling task or thread. */
void weft__lot_begin(struct weft__lot_node *node, struct weft__waiter *waiter, const void *address,
                     const char *what);

/* LOT-1, in three steps, of which the second is the caller's: enter takes the
 * lock and counts; the caller looks at the word; enlist or abandon. Both release
 * the lock. An abandoned wait is over. */
void weft__lot_enter(struct weft__bucket *bucket);
void weft__lot_enlist(struct weft__bucket *bucket, struct weft__lot_node *node);
void weft__lot_abandon(struct weft__bucket *bucket, struct weft__lot_node *node);

/* Ends a wait that was enlisted, and is not wanted after all. May suspend. */
void weft__lot_cancel(struct weft__bucket *bucket, struct weft__lot_node *node);

/* Parks. True: somebody took the node; or there was a wake without a cause: a signal
 * has interrupted the wait and its handlers have run, or a canceller was here. False: the
 * deadline came. */
bool weft__lot_park(struct weft__bucket *bucket, struct weft__lot_node *node, int64_t deadline);

/* The second half of that, for who has parked in another way: after a wait that ended for
 * a reason that is not EVENT. */
bool weft__lot_ended(struct weft__bucket *bucket, struct weft__lot_node *node,
                     enum weft__wait_state reason);

/* Under the lock: takes and claims the oldest waiter for `address` whose bits match;
 * `handed` is its message. Returns the waiter, to be woken after the lock has been
 * released; NULL: there is none. */
struct weft__waiter *weft__lot_take(struct weft__bucket *bucket, const void *address, uint32_t bits,
                                    bool handed, struct weft__lot_node **ret_node);

/* Under the lock: the oldest waiter for `address`; NULL: there is none. */
struct weft__lot_node *weft__lot_first(struct weft__bucket *bucket, const void *address);

/* LOT-6. Ends the wait of `plain`, if that is in a list, without a cause; and how often
 * that has been called. */
void weft__lot_disturb(uintptr_t plain);
uint32_t weft__lot_disturbances(void);

/* LOT-4. Under the lock, which weft__lot_enter() took and counted. `what` is for dumps. */
void weft__lot_append_claimed(struct weft__bucket *bucket, struct weft__lot_node *node,
                              const void *address, const char *what);

/* LOT-4. Wakes a task that waits claimed, as if what it waits for might be had. False: it
 * does not, or not yet: whoever takes it is about to wake it or to put it there. */
bool weft__lot_recall(struct weft__waiter *waiter);

/* All of LOT-1 for a word of 32 bits: who is in line has to park. NULL: the word is not
 * `value`, and the wait is over. */
struct weft__bucket *weft__lot_line_up(struct weft__lot_node *node, _Atomic(uint32_t) *word,
                                       uint32_t value, uint32_t bits, const char *what);

/* futex(2)'s operations. wait: 0, EAGAIN (the word is another) or ETIMEDOUT. wake:
 * how many; threads outside included. */
int weft__lot_wait(_Atomic(uint32_t) *word, uint32_t value, uint32_t bits, int64_t deadline,
                   const char *what);
unsigned weft__lot_wake(_Atomic(uint32_t) *word, unsigned count, uint32_t bits);

/* Runs the caller's signal handlers. Set by deliver.c: without it nobody interrupts. */
extern void (*weft__lot_interrupted)(void);

/* In a child process: nobody waits. */
void weft__lot_forget(void);

/* LOT-5: whether one may. After the change of the word, which was seq_cst. */
static inline bool weft__lot_outside(struct weft__bucket *bucket)
{
    return weft__load(&bucket->outside, seq_cst) != 0;
}

/* LOT-5: around a call of libc's that may sleep for the word at `address`. */
void weft__lot_outside_enter(const void *address);
void weft__lot_outside_leave(const void *address);

#endif
