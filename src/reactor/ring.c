/* The protocol is at the head of ring.h. */
#include "reactor/ring.h"

#include "base/annotate.h"
#include "base/assert.h"
#include "reactor/poller.h"

#define ENTRIES 8 /* they come one at a time */
#define COMPLETIONS 512
#define CALLS (COMPLETIONS / 2)

/* As of the pool's for files: more than a disk works on at a time, and few enough. */
#define THREADS 64

enum { UNTRIED, OPEN, REFUSED };

void weft__ring_init(struct weft__ring *ring, struct weft__poller *poller)
{
    ring->poller = poller;
    weft__store(&ring->state, UNTRIED, relaxed); /* the threads start later */
}

void weft__ring_finish(struct weft__ring *ring)
{
    if (weft__load(&ring->state, relaxed) == OPEN)
        weft__uring_finish(&ring->uring);
    weft__store(&ring->state, REFUSED, relaxed); /* the threads have ended */
}

void weft__ring_abandon(struct weft__ring *ring)
{
    if (weft__load(&ring->state, relaxed) == OPEN)
        weft__uring_abandon(&ring->uring);
    weft__store(&ring->state, REFUSED, relaxed);
}

/* RING-1. Under the lock. */
static bool make(struct weft__ring *ring)
{
    /* Valgrind believes that what the kernel has written there was never written. */
    if (weft__annotate_on_valgrind() ||
        weft__uring_init(&ring->uring, ENTRIES, COMPLETIONS, &ring->operations) != 0)
        return false;
    weft__uring_set_threads(&ring->uring, THREADS);
    if (weft__poller_add_ring(ring->poller, ring->uring.fd) == 0)
        return true;
    weft__uring_finish(&ring->uring);
    return false;
}

bool weft__ring_is_open(struct weft__ring *ring)
{
    /* acquire: pairs with the release below */
    return weft__load(&ring->state, acquire) == OPEN;
}

weft__uring_operations weft__ring_operations(struct weft__ring *ring)
{
    if (weft__load(&ring->state, relaxed) == UNTRIED && weft__lock_try(&ring->lock)) {
        if (weft__load(&ring->state, relaxed) == UNTRIED)
            weft__store(&ring->state, make(ring) ? OPEN : REFUSED, release);
        weft__lock_release(&ring->lock);
    }
    return weft__ring_is_open(ring) ? ring->operations : 0;
}

/* Under the lock. */
static bool hand_in(struct weft__ring *ring, const struct io_uring_sqe *entry)
{
    uint32_t before = weft__add(&ring->under_way, 1, relaxed); /* a number, nothing else */
    if (before < COMPLETIONS && weft__uring_submit(&ring->uring, entry) == 0)
        return true; /* RING-4 */
    weft__add(&ring->under_way, (uint32_t)-1, relaxed);
    return false;
}

bool weft__ring_submit(struct weft__ring *ring, struct io_uring_sqe *entry,
                       struct weft__completion *completion)
{
    if (!weft__ring_is_open(ring) || !weft__lock_try(&ring->lock)) /* RING-3 */
        return false;
    entry->user_data = (uintptr_t)completion;
    /* release: RING-7 */
    weft__store(&completion->sent, true, release);
    bool done = weft__load(&ring->under_way, relaxed) < CALLS && hand_in(ring, entry); /* RING-4 */
    weft__lock_release(&ring->lock);
    if (done)
        weft__ring_reap(ring);
    return done;
}

void weft__ring_cancel(struct weft__ring *ring, struct weft__completion *completion)
{
    struct io_uring_sqe entry = { .opcode = IORING_OP_ASYNC_CANCEL,
                                  .fd = -1,
                                  .addr = (uintptr_t)completion };
    weft__lock_acquire(&ring->lock);
    hand_in(ring, &entry);
    weft__lock_release(&ring->lock);
    weft__ring_reap(ring);
}

#define BATCH 16

void weft__ring_reap(struct weft__ring *ring)
{
    struct weft__uring_result results[BATCH];
    unsigned count;
    do {
        weft__lock_acquire(&ring->reaping);
        count = weft__ring_is_open(ring) ? weft__uring_reap(&ring->uring, results, BATCH) : 0;
        weft__lock_release(&ring->reaping);
        weft__add(&ring->under_way, (uint32_t)-count, relaxed);
        for (unsigned i = 0; i < count; i++) {
            struct weft__completion *completion =
                (struct weft__completion *)(uintptr_t)results[i].user_data;
            if (!completion)
                continue; /* what became of a cancelling */
            bool sent = weft__load(&completion->sent, acquire);
            WEFT_ASSERT(sent, "RING-7");
            (void)sent;
            completion->tell(completion, results[i].value); /* RING-5 */
        }
    } while (count == BATCH); /* RING-6 */
}
