/* The checker itself: it finds what is broken, passes what is not, and leaves
 * no interleaving out. */
#include <string.h>

#include "base/atomic.h"
#include "os/barrier.h"
#include "suite.h"

static _Atomic(uint32_t) x, y, word, token;
static uint32_t seen[3];
static int owner, inside;
static bool broken;

static void reset(void)
{
    x = y = word = token = 0;
    owner = inside = 0;
    memset(seen, 0, sizeof seen);
    model_name(x);
    model_name(y);
    model_name(word);
    model_name(token);
}

/* Dekker: each writes its own and reads the other's. */
static void dekker(_Atomic(uint32_t) *own, _Atomic(uint32_t) *other, bool fence)
{
    weft__store(own, 1, release);
    if (fence)
        model_fence();
    seen[model_self()] = weft__load(other, acquire);
}

static void dekker_x(void)
{
    dekker(&x, &y, !broken);
}

static void dekker_y(void)
{
    dekker(&y, &x, !broken);
}

static void one_saw_the_other(void)
{
    model_assert(seen[0] || seen[1], "Dekker");
}

static const struct model dekkers = { .setup = reset,
                                      .body = { dekker_x, dekker_y },
                                      .check = one_saw_the_other };

TEST(a_dekker_with_fences_passes)
{
    broken = false;
    model_check(&dekkers);
}

TEST(a_dekker_without_fences_is_found)
{
    broken = true;
    model_check_fails(&dekkers, "Dekker");
    struct model sequential = dekkers;
    sequential.sequential = true;
    model_check(&sequential); /* it takes a store buffer */
}

static void dekker_heavy(void)
{
    weft__store(&y, 1, relaxed);
    if (!broken)
        weft__barrier_heavy();
    seen[1] = weft__load(&x, acquire);
}

static void dekker_light(void)
{
    weft__store(&x, 1, relaxed);
    weft__barrier_light();
    seen[0] = weft__load(&y, acquire);
}

TEST(a_heavy_barrier_fences_both_sides)
{
    struct model model = { .setup = reset,
                           .body = { dekker_light, dekker_heavy },
                           .check = one_saw_the_other };
    broken = false;
    model_check(&model);
    broken = true;
    model_check_fails(&model, "Dekker");
}

static void message_sender(void)
{
    weft__store(&x, 1, relaxed);
    weft__store(&y, 1, release);
}

static void message_reader(void)
{
    uint32_t flag = weft__load(&y, acquire);
    model_assert(!flag || weft__load(&x, relaxed), "stores of one thread stay in order");
}

TEST(a_store_buffer_keeps_its_order_and_its_owner_sees_it)
{
    model_check(&(struct model){ .setup = reset,
                                 .body = { message_sender, message_reader },
                                 .preemptions = MODEL_UNBOUNDED });
}

static void count_torn(void)
{
    uint32_t value = weft__load(&x, relaxed);
    weft__store(&x, value + 1, relaxed);
}

static void count_whole(void)
{
    weft__add(&x, 1, relaxed);
}

static void both_counted(void)
{
    model_assert(x == 2, "count");
}

TEST(a_torn_counter_is_found)
{
    model_check_fails(&(struct model){ .setup = reset,
                                       .body = { count_torn, count_torn },
                                       .check = both_counted },
                      "count");
    model_check(&(struct model){
        .setup = reset, .body = { count_whole, count_whole }, .check = both_counted });
}

/* Plain data under a spin lock. */
static void critical(void)
{
    uint32_t free = 0;
    while (!broken && !weft__cas(&word, &free, 1, acquire, relaxed)) {
        weft__spin_hint();
        free = 0;
    }
    int self = (int)model_self() + 1;
    owner = self;
    model_step();
    model_assert(owner == self, "exclusion");
    weft__store(&word, 0, release);
}

TEST(a_lock_that_does_not_lock_is_found)
{
    struct model model = { .setup = reset, .body = { critical, critical, critical } };
    broken = true;
    model_check_fails(&model, "exclusion");
    broken = false;
    model_check(&model);
}

/* Parking: the sleeper looks for a token, then sleeps while the word is 0. The
 * broken one announces nothing, so a wake between the two is lost. */
static void sleeper(void)
{
    while (!weft__load(&token, seq_cst)) {
        uint32_t before = broken ? 0 : weft__load(&word, seq_cst);
        if (!broken && weft__load(&token, seq_cst))
            break;
        model_futex_wait(&word, broken ? weft__load(&word, relaxed) : before, false);
    }
}

static void waker(void)
{
    weft__store(&token, 1, seq_cst);
    weft__add(&word, 1, seq_cst);
    model_futex_wake(&word, 1);
}

TEST(a_lost_wake_is_found)
{
    struct model model = { .setup = reset, .body = { sleeper, waker } };
    broken = true;
    model_check_fails(&model, "deadlock");
    broken = false;
    model_check(&model);
}

static void wait_for_ever(void)
{
    while (!weft__load(&word, relaxed))
        weft__spin_hint();
}

static void dither(void)
{
    for (;;)
        weft__add(&word, 0, relaxed);
}

TEST(a_livelock_is_found)
{
    model_check_fails(&(struct model){ .setup = reset, .body = { wait_for_ever, wait_for_ever } },
                      "livelock");
    model_check_fails(&(struct model){ .setup = reset, .body = { dither } }, "livelock");
}

static void set_late(void)
{
    weft__store(&word, 1, relaxed); /* stays in the buffer until it has to leave */
}

TEST(a_spinning_thread_sees_buffered_stores_in_the_end)
{
    model_check(&(struct model){ .setup = reset, .body = { wait_for_ever, set_late } });
}

static void use(void)
{
    weft__load(&x, relaxed);
}

static void release(void)
{
    model_step();
    model_forbid((const void *)&x, sizeof x);
}

TEST(a_use_after_release_is_found)
{
    model_check_fails(&(struct model){ .setup = reset, .body = { use, release } },
                      "use after release");
}

/* Who sees the first store releases what the second one goes to. */
static void store_late(void)
{
    weft__store(&y, 1, relaxed);
    weft__store(&x, 1, release);
    model_step();
}

static void release_early(void)
{
    while (!weft__load(broken ? &y : &x, acquire))
        weft__spin_hint();
    model_forbid((const void *)&x, sizeof x);
}

TEST(a_store_that_is_late_for_a_release_is_found)
{
    struct model model = { .setup = reset, .body = { store_late, release_early } };
    broken = true;
    model_check_fails(&model, "stored by T0");
    broken = false;
    model_check(&model);
}

/* Three steps each, all of which count: C(6, 3) ways to merge them, and C(9, 3) *
 * C(6, 3) for three threads. Each switch point is before a step. */
static void three_steps(void)
{
    for (int i = 0; i < 3; i++)
        weft__add(&x, 1, relaxed);
}

static unsigned long count_executions(const struct model *model)
{
    struct model_result result;
    model_explore(model, &result);
    ck_assert(!result.failed && result.complete);
    return result.executions;
}

TEST(every_interleaving_is_visited_once)
{
    struct model two = { .setup = reset,
                         .body = { three_steps, three_steps },
                         .preemptions = MODEL_UNBOUNDED };
    /* A thread's first switch point is before its first step, which its start is
     * not: the start is one more step. */
    ck_assert_uint_eq(count_executions(&two), 70); /* C(8, 4) */
    struct model three = { .setup = reset,
                           .body = { three_steps, three_steps, three_steps },
                           .preemptions = MODEL_UNBOUNDED };
    ck_assert_uint_eq(count_executions(&three), 34650); /* 12! / (4! 4! 4!) */
}

static void one_step(void)
{
    weft__add(&x, 1, relaxed);
}

TEST(a_bound_of_one_preemption_visits_what_needs_no_more)
{
    /* Who starts, and whether that one is preempted before its step. */
    struct model model = { .setup = reset, .body = { one_step, one_step }, .preemptions = 1 };
    ck_assert_uint_eq(count_executions(&model), 4);
}

static unsigned long combinations;

static void choose_twice(void)
{
    model_choose(3);
    model_choose(4);
    combinations++;
}

TEST(every_value_is_chosen)
{
    combinations = 0;
    ck_assert_uint_eq(count_executions(&(struct model){ .body = { choose_twice },
                                                        .preemptions = MODEL_UNBOUNDED }),
                      12);
    ck_assert_uint_eq(combinations, 12);
}

/* Every order in which the two stores of one thread and of another may reach
 * memory, as a third sees them. */
static uint32_t outcomes;

static void read_both(void)
{
    uint32_t first = weft__load(&x, acquire);
    uint32_t second = weft__load(&y, acquire);
    outcomes |= 1u << (first << 1 | second);
}

static void write_x(void)
{
    weft__store(&x, 1, relaxed);
}

static void write_y(void)
{
    weft__store(&y, 1, relaxed);
}

TEST(every_delay_of_a_store_is_visited)
{
    outcomes = 0;
    count_executions(&(struct model){
        .setup = reset, .body = { write_x, write_y, read_both }, .preemptions = MODEL_UNBOUNDED });
    ck_assert_uint_eq(outcomes, 0xf);
    /* In order, x is never the later one. */
    outcomes = 0;
    count_executions(&(struct model){
        .setup = reset, .body = { message_sender, read_both }, .preemptions = MODEL_UNBOUNDED });
    ck_assert_uint_eq(outcomes, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3);
}

TEST(a_failure_can_be_repeated)
{
    struct model_result found, again;
    broken = true;
    model_explore(&dekkers, &found);
    ck_assert(found.failed);
    model_replay(&dekkers, found.choices, &again);
    ck_assert(again.failed);
    ck_assert_str_eq(found.message, again.message);
    model_replay(&dekkers, "", &again);
    ck_assert(!again.failed); /* one after the other */
}
