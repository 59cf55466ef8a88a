/* mutex.h - mutexes: barging, with an end to bad luck.
 *
 * A mutex that is handed from waiter to waiter makes each of them wait for the one
 * before to be scheduled. So unlocking frees it, and wakes the oldest waiter only to
 * try again; who happens to run takes it meanwhile ("barging"). Whoever has tried in
 * vain for 1 ms asks to be given it, and the next unlocking does.
 *
 *     state = LOCKED | WAITERS | WOKEN
 *
 * LOCK-1  LOCKED has one holder: set by a compare-and-swap from a state without it,
 *         cleared by the holder, or passed on by it with LOCKED staying set.
 * LOCK-2  WAITERS is set while the list has nodes, by each that enters it, under the
 *         lock and while LOCKED is set. WOKEN: one waiter has been woken to try, and
 *         the token is his until he locks or enters the list again; meanwhile nobody
 *         else is woken. A state with WAITERS and without LOCKED has WOKEN.
 * LOCK-3  The holder of a mutex with WAITERS and without WOKEN is the only one who may
 *         change the state, but for setting WAITERS, which needs the list's lock: so
 *         under that lock he stores it.
 * LOCK-4  Who frees it touches nothing of it after (QUEUE-4): either the freeing is an
 *         exchange and the last thing done, or a waiter has been taken from the list, who
 *         is inside of weft_mutex_lock() until after the lock has been released.
 *
 * Where the same worker's tasks lock it again and again, the list's latch leans towards
 * that worker (os/latch.h), and who can enter it changes the state by plain stores.
 *
 * LOCK-5  While the latch leans the state is LEANING, or LEANING | LOCKED, and nobody but who
 *         has entered changes it: without the latch no exchange begins from a state with
 *         LEANING. Under it, which straightens it, LEANING is cleared, or replaced by
 *         WAITERS. A state may stay LEANING when somebody else has straightened the latch
 *         (a waiter who has given up): who comes next clears it. */
#ifndef WEFT_SYNC_MUTEX_H
#define WEFT_SYNC_MUTEX_H

#include "sync/wait_queue.h"
#include "weft/mutex.h"

struct weft__mutex {
    uint32_t kind; /* constant */
    _Atomic(uint32_t) state;
    _Atomic(uint64_t) holder; /* of checked and recursive ones, and in debug builds */
    _Atomic(int64_t) since;   /* in debug builds */
    uint32_t depth;           /* of a recursive one, the holder's */
    struct weft__latch lock;  /* of the list */
    struct weft__wait_list waiters;
    struct weft__latch_habit habit; /* the holder's */
};

_Static_assert(sizeof(struct weft__mutex) <= sizeof(weft_mutex), "the public size");

enum {
    WEFT__MUTEX_LOCKED = 1,
    WEFT__MUTEX_WAITERS = 2,
    WEFT__MUTEX_WOKEN = 4,
    WEFT__MUTEX_LEANING = 8,
};

/* What a dump says of who waits for one. */
extern const char weft__mutex_waiting[];

/* Of condition variables: unlocks it however often it is locked, and locks it so again,
 * whatever has been cancelled. */
int weft__mutex_let_go(struct weft__mutex *mutex, uint32_t *ret_depth);
void weft__mutex_take_again(struct weft__mutex *mutex, uint32_t depth);

/* Who calls, as holders are written: a task's number; or a plain thread's, with this mark, above
 * which there is a bit to spare. */
#define WEFT__HOLDER_THREAD ((uint64_t)1 << 62)
uint64_t weft__mutex_self(void);

/* The number of the task that is the holder; 0: it is none. */
static inline uint64_t weft__mutex_task(uint64_t holder)
{
    return holder & WEFT__HOLDER_THREAD ? 0 : holder;
}

#endif
