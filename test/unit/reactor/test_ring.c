/* The protocol is at the head of reactor/ring.h. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "reactor/poller.h"
#include "reactor/ring.h"

static struct weft__poller poller;
static struct weft__ring ring;
static int ends[2];

static void make(void)
{
    ck_assert_int_eq(weft__poller_init(&poller), 0);
    weft__ring_init(&ring, &poller);
    ck_assert(!weft__ring_is_open(&ring));
    if (!weft__ring_operations(&ring))
        test_skip("the kernel has no ring for us");
    ck_assert_int_eq(pipe(ends), 0);
}

static void destroy(void)
{
    weft__ring_finish(&ring);
    weft__poller_finish(&poller);
}

struct call {
    struct weft__completion completion;
    atomic_int told, result;
    char byte;
};

static void tell(struct weft__completion *completion, int32_t result)
{
    struct call *call = weft__container_of(completion, struct call, completion);
    atomic_store(&call->result, result);
    atomic_fetch_add(&call->told, 1);
}

/* Reads a byte from the pipe. */
static bool submit(struct call *call)
{
    struct io_uring_sqe entry = { .opcode = IORING_OP_READ,
                                  .fd = ends[0],
                                  .addr = (uintptr_t)&call->byte,
                                  .len = 1,
                                  .off = UINT64_MAX };
    call->completion.tell = tell;
    return weft__ring_submit(&ring, &entry, &call->completion);
}

static bool poller_says_ring(int64_t timeout)
{
    bool ring_says = false;
    int count = weft__poller_wait(&poller, timeout);
    for (int i = 0; i < count; i++)
        ring_says |= weft__poller_event(&poller, i).what == WEFT__EVENT_RING;
    return ring_says;
}

static int64_t a_while(void)
{
    return (int64_t)(test_seconds(10) * 1e9);
}

TEST(what_is_done_at_once_is_told_on_return)
{
    struct call call = { 0 };
    make();
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert(submit(&call));
    ck_assert_int_eq(atomic_load(&call.told), 1);
    ck_assert_int_eq(atomic_load(&call.result), 1);
    ck_assert_int_eq(call.byte, 'x');
    destroy();
}

TEST(what_is_done_later_is_an_event_and_told_by_who_reaps)
{
    struct call calls[2] = { 0 };
    make();
    for (int i = 0; i < 2; i++) {
        ck_assert(submit(&calls[i]));
        poller_says_ring(0);
        ck_assert_int_eq(atomic_load(&calls[i].told), 0);
        ck_assert_int_eq(write(ends[1], "x", 1), 1);
        ck_assert(poller_says_ring(a_while()));
        weft__ring_reap(&ring);
        weft__ring_reap(&ring);
        ck_assert_int_eq(atomic_load(&calls[i].told), 1);
        ck_assert_int_eq(atomic_load(&calls[i].result), 1);
        ck_assert(!poller_says_ring(0)); /* an edge, not a level */
    }
    destroy();
}

TEST(a_cancelled_call_says_so)
{
    struct call call = { 0 };
    make();
    ck_assert(submit(&call));
    weft__ring_cancel(&ring, &call.completion);
    while (atomic_load(&call.told) == 0)
        weft__ring_reap(&ring);
    ck_assert_int_eq(atomic_load(&call.result), -ECANCELED);
    ck_assert_uint_eq(atomic_load(&ring.under_way), 0);
    destroy();
}

enum { TRIES = 1000 };

TEST(it_takes_half_of_what_fits_and_all_of_them_can_be_cancelled)
{
    static struct call calls[TRIES];
    int taken = 0;
    make();
    while (taken < TRIES && submit(&calls[taken]))
        taken++;
    ck_assert_int_lt(taken, TRIES);
    ck_assert_int_eq(2 * taken, ring.uring.completion_count);
    for (int i = 0; i < taken; i++)
        weft__ring_cancel(&ring, &calls[i].completion);
    for (int i = 0; i < taken; i++) {
        while (atomic_load(&calls[i].told) == 0)
            weft__ring_reap(&ring);
        ck_assert_int_eq(atomic_load(&calls[i].told), 1);
    }
    ck_assert_int_eq(atomic_load(&calls[taken].told), 0);
    ck_assert(submit(&calls[taken]));
    destroy();
}

TEST(never_is_more_under_way_than_completions_fit)
{
    struct call call = { 0 };
    make();
    ck_assert(submit(&call));
    atomic_fetch_add(&ring.under_way, ring.uring.completion_count - 1);
    weft__ring_cancel(&ring, &call.completion); /* RING-4: in vain */
    ck_assert_uint_eq(atomic_load(&ring.under_way), ring.uring.completion_count);
    atomic_store(&ring.under_way, 1);
    weft__ring_cancel(&ring, &call.completion);
    while (atomic_load(&call.told) == 0)
        weft__ring_reap(&ring);
    ck_assert_int_eq(atomic_load(&call.result), -ECANCELED);
    destroy();
}

TEST(who_finds_the_lock_taken_goes_elsewhere)
{
    struct call call = { 0 };
    make();
    weft__lock_acquire(&ring.lock);
    ck_assert(!submit(&call));
    weft__lock_release(&ring.lock);
    ck_assert(submit(&call));
    weft__ring_cancel(&ring, &call.completion);
    destroy();
}

static atomic_bool stop;

static void *reap(void *unused)
{
    while (!atomic_load(&stop))
        weft__ring_reap(&ring);
    return unused;
}

TEST(of_many_who_reap_one_tells)
{
    pthread_t reapers[2];
    make();
    for (int i = 0; i < 2; i++)
        pthread_create(&reapers[i], NULL, reap, NULL);
    for (uint64_t i = 0; i < test_work(5000); i++) {
        struct call calls[3] = { 0 };
        for (int j = 0; j < 3; j++)
            ck_assert(submit(&calls[j]));
        ck_assert_int_eq(write(ends[1], "abc", 3), 3);
        for (int j = 0; j < 3; j++) {
            while (atomic_load(&calls[j].told) == 0)
                weft__ring_reap(&ring);
        }
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(atomic_load(&calls[j].told), 1);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(reapers[i], NULL);
    ck_assert_uint_eq(atomic_load(&ring.under_way), 0);
    destroy();
}
