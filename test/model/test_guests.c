/* sched/guests.c: somebody brings tasks while the runtime stops. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: the doors are closed for others later than the stopper counts; tasks
 * are not counted after the guests. */
static enum { NOTHING, LATE_CLOSING, ONE_COUNT } mutation;

#define WORLD_HAS_GUESTS
#include "world.h"

#include "suite.h"

/* As base/atomic.h has it. */
#undef weft__store
#define weft__store(p, v, order) \
    do { \
        bool model_v_ = (v); \
        model_store((volatile void *)(p), &model_v_, sizeof model_v_, mutation != LATE_CLOSING); \
    } while (0)
/* is_quiet() counts on two lines. */
static uint64_t count_in_line(int line);
#define weft__tasks_alive() count_in_line(__LINE__)
#include "sched/guests.c"
#undef weft__tasks_alive

static _Atomic(uint64_t) spawned, ended;
static bool down;

/* As sched/runtime.c. */
uint64_t weft__tasks_alive(void)
{
    uint64_t before = weft__load(&ended, seq_cst);
    return weft__load(&spawned, seq_cst) - before;
}

static uint64_t count_in_line(int line)
{
    static int first; /* is_quiet() is called before others count */
    first = first ? first : line;
    return mutation == ONE_COUNT && line == first + 1 ? 0 : weft__tasks_alive();
}

static void reset(void)
{
    world_reset(4);
    weft__rt.open = weft__rt.stopping = true;
    spawned = ended = 0;
    down = false;
    model_name(spawned);
    model_name(ended);
}

static void bring(void)
{
    plain[model_self()] = true;
    for (int i = 0; i < 2; i++) {
        if (!weft__guest_bring())
            continue;
        model_assert(!down, "GUEST-1");
        weft__add(&spawned, 1, seq_cst);
        model_step();
        model_assert(!down, "GUEST-1");
        weft__guest_leave();
    }
}

static bool has_task(void *unused)
{
    (void)unused;
    return spawned != ended || down;
}

/* A worker: as sleep_in_kernel() it says when it has nothing to do. */
static void work(void)
{
    for (;;) {
        model_wait(has_task, NULL);
        if (spawned == ended)
            return;
        model_assert(!down, "GUEST-3");
        weft__add(&ended, 1, seq_cst);
        weft__add(&weft__rt.idle_event, 1, seq_cst);
        weft__futex_wake(&weft__rt.idle_event, 1);
    }
}

static void stop(void)
{
    plain[model_self()] = true;
    do {
        weft__await_quiet();
    } while (!weft__close_doors());
    model_assert(spawned == ended, "GUEST-3");
    down = true;
    model_fence();
}

static void all_has_ended(void)
{
    model_assert(spawned == ended && weft__rt.guests == 0, "GUEST-3");
}

static struct model model = {
    .setup = reset, .body = { bring, work, stop }, .check = all_has_ended, .preemptions = 3
};

TEST(GUEST_1_to_3_what_is_brought_ends_first)
{
    model_check(&model);
}

TEST(GUEST_3_needs_the_doors_closed_before_the_count)
{
    mutation = LATE_CLOSING;
    model_check_fails(&model, "GUEST-");
}

TEST(GUEST_2_needs_the_second_count)
{
    mutation = ONE_COUNT;
    model_check_fails(&model, "GUEST-");
}
