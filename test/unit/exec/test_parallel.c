#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sched/task.h"
#include "sync.h"

#define ROOM 3000

/* How often each index was done, from `base` on. */
static atomic_uchar times[ROOM];
static int64_t base;
static atomic_int calls;

static void forget(int64_t begin)
{
    memset(times, 0, sizeof times);
    base = begin;
    atomic_store(&calls, 0);
}

static int mark(int64_t first, int64_t last, void *unused)
{
    (void)unused;
    atomic_fetch_add(&calls, 1);
    if (first >= last)
        ck_abort_msg("a call for nothing");
    for (int64_t i = first; i < last; i++) {
        if (atomic_fetch_add(&times[i - base], 1))
            ck_abort_msg("%lld is done twice", (long long)i);
    }
    return 0;
}

static int64_t count_marked(void)
{
    int64_t count = 0;
    for (int i = 0; i < ROOM; i++)
        count += atomic_load(&times[i]);
    return count;
}

static int run_random_loops(void *unused)
{
    static const uint64_t grains[] = { 0, 0, 1, 2, 7, 100, 5000, UINT64_MAX };
    (void)unused;
    for (uint64_t left = test_work(60); left > 0; left--) {
        uint64_t random = test_random();
        int64_t count = (int64_t)(random % ROOM),
                begin = (int64_t)(random >> 20) - (INT64_C(1) << 43);
        if (left % 4 == 0)
            begin = left % 8 ? INT64_MIN : INT64_MAX - count;
        weft_parallel_attr attr = { .grain = grains[random >> 12 & 7],
                                    .limit = (unsigned)(random >> 16 & 3) };
        forget(begin);
        ck_assert_int_eq(weft_parallel_for(begin, begin + count, &attr, mark, NULL), 0);
        ck_assert_int_eq(count_marked(), count);
        if (attr.grain == 7)
            ck_assert_int_eq(atomic_load(&calls), (count + 6) / 7);
    }
    return 0;
}

TEST(each_index_is_done_once, .timeout = 120)
{
    run_mixed(run_random_loops);
    ck_assert_int_eq(run_tasks(8, run_random_loops, NULL), 0);
}

static int on_virtual_thread(void *unused)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(weft_spawn_with(&attr, run_random_loops, NULL, &task), 0);
    JOIN(task, 0);
    return 0;
}

TEST(virtual_threads_run_loops)
{
    if (weft_virtual_thread_refusal())
        test_skip("%s", weft_virtual_thread_refusal());
    ck_assert_int_eq(run_tasks(2, on_virtual_thread, NULL), 0);
}

static int run_empty_ones(void *unused)
{
    (void)unused;
    forget(0);
    ck_assert_int_eq(weft_parallel_for(5, 5, NULL, mark, NULL), 0);
    ck_assert_int_eq(weft_parallel_for(5, -5, NULL, mark, NULL), 0);
    ck_assert_int_eq(weft_parallel_for(INT64_MAX, INT64_MIN, NULL, mark, NULL), 0);
    ck_assert_int_eq(atomic_load(&calls), 0);
    return 0;
}

TEST(an_empty_range_is_no_call)
{
    run_mixed(run_empty_ones);
}

static atomic_uint_least64_t covered;

static int cover(int64_t first, int64_t last, void *unused)
{
    (void)unused;
    atomic_fetch_add(&calls, 1);
    ck_assert_int_lt(first, last);
    atomic_fetch_add(&covered, (uint64_t)last - (uint64_t)first);
    return 0;
}

static int run_huge_ones(void *unused)
{
    static const uint64_t grains[] = { 0, UINT64_C(1) << 62, UINT64_C(1) << 63, UINT64_MAX };
    static const int pieces[] = { 0, 4, 2, 1 };
    (void)unused;
    for (int i = 0; i < 4; i++) {
        weft_parallel_attr attr = { .grain = grains[i] };
        atomic_store(&covered, 0);
        atomic_store(&calls, 0);
        ck_assert_int_eq(weft_parallel_for(INT64_MIN, INT64_MAX, &attr, cover, NULL), 0);
        ck_assert_uint_eq(atomic_load(&covered), UINT64_MAX);
        if (pieces[i])
            ck_assert_int_eq(atomic_load(&calls), pieces[i]);
    }
    return 0;
}

TEST(a_range_may_be_all_numbers)
{
    run_mixed(run_huge_ones);
}

static int run_with_nonsense(void *unused)
{
    weft_parallel_attr attr = { .reserved = { 0, 1 } };
    (void)unused;
    ck_assert_int_eq(weft_parallel_for(0, 1, &attr, mark, NULL), -EINVAL);
    attr = (weft_parallel_attr){ .stack_size = (32 << 10) - 1 };
    ck_assert_int_eq(weft_parallel_for(0, 1, &attr, mark, NULL), -EINVAL);
    attr = (weft_parallel_attr){ .stack_size = (1 << 30) + 1 };
    ck_assert_int_eq(weft_parallel_for(0, 1, &attr, mark, NULL), -EINVAL);
    return 0;
}

TEST(attributes_out_of_range_are_refused)
{
    run_mixed(run_with_nonsense);
}

TEST(without_a_runtime_there_is_nobody_to_do_it)
{
    ck_assert_int_eq(weft_parallel_for(0, 1, NULL, mark, NULL), -EPERM);
    ck_assert_int_eq(atomic_load(&calls), 0);
}

/* Errors. */

static int fail_at(int64_t first, int64_t last, void *at)
{
    int64_t wanted = *(int64_t *)at;
    if (first <= wanted && wanted < last)
        return -EIO;
    return mark(first, last, NULL);
}

static int run_failing_loops(void *unused)
{
    (void)unused;
    for (uint64_t left = test_work(30); left > 0; left--) {
        int64_t wanted = (int64_t)(test_random() % ROOM);
        weft_parallel_attr attr = { .grain = left % 3 };
        forget(0);
        ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, fail_at, &wanted), -EIO);
        ck_assert_int_eq(atomic_load(&times[wanted]), 0);
        int made = atomic_load(&calls);
        weft_yield();
        ck_assert_int_eq(atomic_load(&calls), made); /* none begins, and none goes on */
    }
    return 0;
}

TEST(an_error_ends_the_loop)
{
    run_mixed(run_failing_loops);
}

static int fail_in_turn(void *unused)
{
    weft_parallel_attr attr = { .grain = 1 };
    int64_t wanted = 100;
    (void)unused;
    forget(0);
    ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, fail_at, &wanted), -EIO);
    ck_assert_int_eq(count_marked(), 100);
    return 0;
}

TEST(after_an_error_no_call_begins)
{
    ck_assert_int_eq(run_in_turn(fail_in_turn, NULL), 0);
}

/* An error cancels what others are waiting for. */
static weft_event never = WEFT_EVENT_INIT;

static int wait_or_fail(int64_t first, int64_t last, void *unused)
{
    (void)last, (void)unused;
    return first == 0 ? -EIO : weft_event_wait(&never);
}

static int fail_while_others_wait(void *unused)
{
    weft_parallel_attr attr = { .grain = 1 };
    (void)unused;
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(weft_parallel_for(0, 100, &attr, wait_or_fail, NULL), -EIO);
    return 0;
}

TEST(an_error_cancels_the_other_calls)
{
    run_mixed(fail_while_others_wait);
}

static int exit_at(int64_t first, int64_t last, void *at)
{
    int64_t wanted = *(int64_t *)at;
    if (first <= wanted && wanted < last)
        weft_exit(3);
    return mark(first, last, NULL);
}

static int exit_if_helping(int64_t first, int64_t last, void *caller)
{
    if (weft_self() != caller)
        weft_exit(-EIO);
    (void)first, (void)last;
    return weft_sleep(WEFT_US(100));
}

static int exit_in_a_helper(void *unused)
{
    weft_parallel_attr attr = { .grain = 1 };
    (void)unused;
    ck_assert_int_eq(weft_parallel_for(0, 1000000, &attr, exit_if_helping, weft_self()), -EIO);
    return 0;
}

TEST(a_call_that_ends_its_task_with_an_error_ends_the_loop_with_that)
{
    ck_assert_int_eq(run_tasks(2, exit_in_a_helper, NULL), 0);
}

TEST(a_call_that_ends_its_task_ends_a_threads_loop)
{
    weft_config config = { .workers = 2 };
    weft_parallel_attr attr = { .limit = 1 };
    int64_t wanted = 100;
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, exit_at, &wanted), -ECANCELED);
    wanted = -1;
    forget(0);
    ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, exit_at, &wanted), 0);
    ck_assert_int_eq(count_marked(), ROOM);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Being cut short. */

static weft_scope *outer;

static int cancel_outside(int64_t first, int64_t last, void *unused)
{
    (void)last, (void)unused;
    if (first >= 10)
        weft_scope_cancel(outer);
    atomic_fetch_add(&calls, 1);
    return 0;
}

#define LONG 1000000

static int cancel_midway(void *unused)
{
    weft_parallel_attr attr = { .grain = 1 };
    weft_scope scope;
    (void)unused;
    forget(0);
    weft_scope_enter(&scope, WEFT_NEVER);
    outer = &scope;
    ck_assert_int_eq(weft_parallel_for(0, LONG, &attr, cancel_outside, NULL), -ECANCELED);
    ck_assert_int_lt(atomic_load(&calls), LONG);
    ck_assert_int_gt(atomic_load(&calls), 0);
    ck_assert_int_eq(weft_parallel_for(0, LONG, &attr, mark, NULL), -ECANCELED);
    weft_scope_leave(&scope);
    return 0;
}

TEST(cancelling_the_caller_ends_the_loop)
{
    run_mixed(cancel_midway);
}

/* Who is cancelled when all is done has done it. */
static int cancel_at_the_end(int64_t first, int64_t last, void *unused)
{
    if (last == ROOM)
        weft_scope_cancel(outer);
    return mark(first, last, unused);
}

static int cancel_too_late(void *unused)
{
    weft_parallel_attr attr = { .grain = ROOM };
    weft_scope scope;
    (void)unused;
    forget(0);
    weft_scope_enter(&scope, WEFT_NEVER);
    outer = &scope;
    ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, cancel_at_the_end, NULL), 0);
    weft_scope_leave(&scope);
    ck_assert_int_eq(count_marked(), ROOM);
    return 0;
}

TEST(what_is_done_is_done)
{
    run_mixed(cancel_too_late);
}

static int nap(int64_t first, int64_t last, void *unused)
{
    (void)unused;
    for (int64_t i = first; i < last; i++) {
        int rc = weft_sleep(WEFT_MS(1));
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int compute(int64_t first, int64_t last, void *unused)
{
    (void)unused;
    for (int64_t i = first; i < last; i++)
        spin_for(WEFT_US(10));
    return 0;
}

static int run_out_of_time(void *unused)
{
    int (*bodies[])(int64_t, int64_t, void *) = { nap, compute };
    (void)unused;
    for (int i = 0; i < 2; i++) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_after(WEFT_MS(5)));
        ck_assert_int_eq(weft_parallel_for(0, INT64_MAX, NULL, bodies[i], NULL), -ETIMEDOUT);
        ck_assert(weft_scope_leave(&scope));
    }
    return 0;
}

TEST(a_deadline_ends_the_loop)
{
    run_mixed(run_out_of_time);
}

/* Loops in loops. */

static int mark_row(int64_t first, int64_t last, void *unused)
{
    for (int64_t row = first; row < last; row++) {
        int rc = weft_parallel_for(50 * row, 50 * (row + 1), NULL, mark, unused);
        if (rc)
            return rc;
    }
    return 0;
}

static int run_nested(void *unused)
{
    weft_parallel_attr attr = { .grain = 1 };
    (void)unused;
    for (int i = 0; i < 10; i++) {
        forget(0);
        ck_assert_int_eq(weft_parallel_for(0, ROOM / 50, &attr, mark_row, NULL), 0);
        ck_assert_int_eq(count_marked(), ROOM);
    }
    return 0;
}

TEST(loops_are_inside_of_others)
{
    run_mixed(run_nested);
    ck_assert_int_eq(run_tasks(8, run_nested, NULL), 0);
}

/* How many at a time. */

static atomic_int inside, most;

static int count_inside(int64_t first, int64_t last, void *unused)
{
    int now = atomic_fetch_add(&inside, 1) + 1, before = atomic_load(&most);
    while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
        ;
    int rc = weft_yield();
    atomic_fetch_sub(&inside, 1);
    return rc ? rc : mark(first, last, unused);
}

static int run_limited(void *limit)
{
    weft_parallel_attr attr = { .grain = 1, .limit = *(unsigned *)limit };
    atomic_store(&most, 0);
    forget(0);
    ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, count_inside, NULL), 0);
    ck_assert_int_eq(count_marked(), ROOM);
    ck_assert_int_le(atomic_load(&most), (int)attr.limit);
    return 0;
}

TEST(no_more_run_at_once_than_the_limit)
{
    for (unsigned limit = 1; limit <= 4; limit++)
        ck_assert_int_eq(run_tasks(4, run_limited, &limit), 0);
}

/* It goes on until somebody else takes a part. */
static uint64_t caller;

static int await_help(int64_t first, int64_t last, void *unused)
{
    (void)unused;
    for (int64_t i = first; i < last; i++) {
        if (weft_task_id(NULL) != caller)
            return -EALREADY;
        weft_now();
    }
    return 0;
}

static int be_helped(void *grain)
{
    weft_parallel_attr attr = { .grain = *(uint64_t *)grain };
    caller = weft_task_id(NULL);
    return weft_parallel_for(0, INT64_MAX, &attr, await_help, NULL);
}

TEST(workers_without_work_help)
{
    for (uint64_t grain = 0; grain <= 100; grain += 50)
        ck_assert_int_eq(run_tasks(2, be_helped, &grain), -EALREADY);
}

/* Who helps is what the caller is. */

#define DEEP ((size_t)600 << 10)

static __attribute__((noinline)) void use_stack(void)
{
    volatile char frame[DEEP];
    for (size_t i = sizeof frame; i > 4096; i -= 4096)
        frame[i - 1] = 1;
}

static int use_stack_until_helped(int64_t first, int64_t last, void *unused)
{
    use_stack();
    return await_help(first, last, unused);
}

static int be_helped_deep(void *attr)
{
    caller = weft_task_id(NULL);
    return weft_parallel_for(0, INT64_MAX, attr, use_stack_until_helped, NULL);
}

static int be_helped_on_a_large_stack(void *unused)
{
    weft_attr attr = { .stack_size = 2 << 20 };
    weft_parallel_attr larger = { .stack_size = 4 << 20 };
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(weft_spawn_with(&attr, be_helped_deep, NULL, &task), 0);
    JOIN(task, -EALREADY);
    ck_assert_int_eq(weft_spawn_with(&attr, be_helped_deep, &larger, &task), 0);
    JOIN(task, -EALREADY);
    return 0;
}

TEST(helpers_have_a_stack_like_the_callers)
{
    ck_assert_int_eq(run_tasks(2, be_helped_on_a_large_stack, NULL), 0);
}

static atomic_uint_least64_t first_id;

/* Until two tasks have been there. */
static int use_stack_in_two(int64_t first, int64_t last, void *unused)
{
    uint64_t id = weft_task_id(NULL), before = 0;
    (void)first, (void)last, (void)unused;
    use_stack();
    atomic_compare_exchange_strong(&first_id, &before, id);
    return before && before != id ? -EALREADY : 0;
}

TEST(a_plain_thread_says_how_large_the_stacks_are)
{
    weft_config config = { .workers = 2 };
    weft_parallel_attr attr = { .grain = 1, .stack_size = 2 << 20 };
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_parallel_for(0, INT64_MAX, &attr, use_stack_in_two, NULL), -EALREADY);
    ck_assert_int_eq(weft_stop(), 0);
}

static int compare_with_the_caller(int64_t first, int64_t last, void *of_caller)
{
    const struct weft_task *self = weft__self(), *other = of_caller;
    (void)first, (void)last;
    if (self == other)
        return 0;
    ck_assert(weft__is_virtual(self) == weft__is_virtual(other));
    ck_assert((self->pins > 0) == (other->pins > 0));
    return -EALREADY;
}

static int be_helped_by_equals(void *unused)
{
    weft_parallel_attr attr = { .grain = 1 };
    (void)unused;
    return weft_parallel_for(0, INT64_MAX, &attr, compare_with_the_caller, weft__self());
}

static int be_helped_as(void *attr)
{
    weft_task *task;
    ck_assert_int_eq(weft_spawn_with(attr, be_helped_by_equals, NULL, &task), 0);
    JOIN(task, -EALREADY);
    return 0;
}

TEST(a_virtual_threads_helpers_are_virtual_threads)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    if (weft_virtual_thread_refusal())
        test_skip("%s", weft_virtual_thread_refusal());
    ck_assert_int_eq(run_tasks(2, be_helped_as, &attr), 0);
}

TEST(helpers_of_who_is_pinned_are_pinned)
{
    weft_attr attr = { .flags = WEFT_PINNED };
    ck_assert_int_eq(run_tasks(2, be_helped_as, &attr), 0);
    ck_assert_int_eq(run_tasks(2, be_helped_as, NULL), 0);
}

/* Others keep their turns. */

static atomic_bool over;
static atomic_int ticks;

static int tick(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        atomic_fetch_add(&ticks, 1);
        weft_yield();
    }
    return 0;
}

static int spin(int64_t first, int64_t last, void *unused)
{
    (void)unused;
    for (int64_t i = first; i < last; i++)
        spin_for(WEFT_US(100));
    return 0;
}

static int compute_beside_a_ticker(void *grain)
{
    weft_parallel_attr attr = { .grain = *(uint64_t *)grain };
    weft_task *ticker;
    atomic_store(&over, false);
    atomic_store(&ticks, 0);
    SPAWN(tick, NULL, &ticker);
    ck_assert_int_eq(weft_parallel_for(0, 200, &attr, spin, NULL), 0);
    ck_assert_int_ge(atomic_load(&ticks), 50);
    atomic_store(&over, true);
    JOIN(ticker, 0);
    return 0;
}

TEST(a_long_loop_keeps_nobody_waiting)
{
    for (uint64_t grain = 0; grain <= 2; grain++)
        ck_assert_int_eq(run_in_turn(compute_beside_a_ticker, &grain), 0);
}

/* Progress. */

static uint64_t told, of;
static int tellings;
static atomic_bool telling;

static void note_progress(uint64_t done, uint64_t total, void *arg)
{
    ck_assert_ptr_eq(arg, &told);
    ck_assert(!atomic_exchange(&telling, true));
    ck_assert(done > told || total == 0);
    ck_assert_uint_le(done, total);
    told = done;
    of = total;
    tellings++;
    weft_yield();
    atomic_store(&telling, false);
}

static int run_with_progress(void *unused)
{
    weft_parallel_attr attr = { .progress = note_progress, .progress_arg = &told };
    int64_t wanted = 100;
    (void)unused;
    for (int i = 0; i < 3; i++) {
        forget(0);
        told = of = 0;
        tellings = 0;
        attr.grain = (uint64_t)i * 10;
        ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, mark, NULL), 0);
        ck_assert_uint_eq(told, ROOM);
        ck_assert_uint_eq(of, ROOM);
    }
    forget(0);
    told = 0;
    ck_assert_int_eq(weft_parallel_for(0, ROOM, &attr, fail_at, &wanted), -EIO);
    ck_assert_int_eq((int64_t)told, count_marked());
    told = 0;
    tellings = 0;
    ck_assert_int_eq(weft_parallel_for(0, 0, &attr, mark, NULL), 0);
    ck_assert_int_eq(tellings, 1);
    return 0;
}

TEST(progress_is_told_by_one_at_a_time_and_at_the_end)
{
    run_mixed(run_with_progress);
}
