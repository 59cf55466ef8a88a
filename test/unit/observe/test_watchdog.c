#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <weft.h>

#include "sched/worker.h"
#include "tasks.h"
#include "vthreads.h"

#define AFTER WEFT_MS(20)

/* What the watchdog has told of the task that is called so. */
static struct {
    const char *name;
    bool blocked; /* only while it is */
    bool loses;   /* its worker */
    _Atomic(int) count;
    _Atomic(int) others;
    weft_stall first, last;
    char site[256];
} told;

static void note(const weft_stall *stall, void *arg)
{
    ck_assert_str_eq(arg, "arg");
    if (strcmp(stall->name, told.name) != 0) {
        atomic_fetch_add(&told.others, 1);
        return;
    }
    if (told.blocked && !stall->blocked)
        return;
    if (atomic_load(&told.count) == 0) {
        told.first = *stall;
        snprintf(told.site, sizeof told.site, "%s", stall->site);
    }
    told.last = *stall;
    atomic_fetch_add(&told.count, 1);
}

static void watch(const char *name)
{
    told.name = name;
    ck_assert_int_eq(weft_watchdog(AFTER, note, "arg"), 0);
}

/* Neither of these comes back before it was told of as often, and has lost its worker where
 * it must: another worker may help. */

static bool goes_on(int times)
{
    return atomic_load(&told.count) < times ||
           (told.loses && weft__load(&weft__rt.handoffs, relaxed) == 0);
}

static int compute(void *times)
{
    while (goes_on(*(int *)times))
        ;
    return 0;
}

static int block(void *times)
{
    while (goes_on(*(int *)times))
        nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
    return 0;
}

/* Something waits behind it, so that it loses its worker. */
static int wait_behind(void *done)
{
    while (!atomic_load((atomic_bool *)done))
        weft_sleep(WEFT_MS(1));
    return 0;
}

static int run_named(void *arg)
{
    int (**fn)(void *) = arg;
    int times = 1;
    atomic_bool done = false;
    weft_task *hog, *other;
    weft_attr attr = { .name = "hog" };
    SPAWN(wait_behind, &done, &other);
    ck_assert_int_eq(weft_spawn_with(&attr, *fn, &times, &hog), 0);
    JOIN(hog, 0);
    atomic_store(&done, true);
    JOIN(other, 0);
    ck_assert_int_ge(told.first.duration, AFTER);
    ck_assert_uint_ne(told.first.task, 0);
    ck_assert_int_ne(told.first.thread, getpid());
    ck_assert_ptr_nonnull(strstr(told.site, "test_watchdog.c:"));
    return 0;
}

static void expect_told(unsigned workers, int (*fn)(void *arg))
{
    memset(&told, 0, sizeof told);
    told.blocked = fn == block;
    told.loses = workers == 1;
    watch("hog");
    ck_assert_int_eq(run_tasks(workers, run_named, &fn), 0);
}

TEST(a_task_that_computes_is_told_of)
{
    for (unsigned workers = 1; workers < 4; workers++)
        expect_told(workers, compute);
}

TEST(a_task_that_is_blocked_is_told_of_with_its_call)
{
    for (unsigned workers = 1; workers < 4; workers++)
        expect_told(workers, block);
    if (test_is_under("qemu") || test_is_under("valgrind"))
        return; /* the numbers are another machine's, or there are calls in between */
    ck_assert(told.first.call == SYS_nanosleep || told.first.call == SYS_clock_nanosleep);
    ck_assert_ptr_nonnull(told.first.pc);
}

/* These are told of until their calls have been seen; again from the beginning now and then,
 * since it becomes rarer. */

static _Atomic(const void *) culprit_goes_on; /* where what it calls returns to */
static atomic_bool traced, traced_exactly;

static void trace(const weft_stall *stall, void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < stall->depth; i++) {
        if (stall->stack[i] == atomic_load(&culprit_goes_on)) {
            atomic_store(&traced_exactly, stall->exact);
            atomic_store(&traced, true);
        }
    }
}

static WEFT_NOINLINE void nap(void)
{
    atomic_store(&culprit_goes_on, __builtin_return_address(0));
    block_for(WEFT_MS(200));
}

static int nap_until_traced(void *unused)
{
    (void)unused;
    for (; !atomic_load(&traced); weft_yield())
        nap();
    return 0;
}

static WEFT_NOINLINE void spin(void)
{
    int64_t end = weft_now() + WEFT_MS(400);
    atomic_store(&culprit_goes_on, __builtin_return_address(0));
    while (!atomic_load(&traced) && weft_now() < end)
        ;
}

static int spin_until_traced(void *unused)
{
    (void)unused;
    for (; !atomic_load(&traced); weft_yield())
        spin();
    return !atomic_load(&traced_exactly);
}

static void expect_traced(int (*fn)(void *arg))
{
    ck_assert_int_eq(weft_watchdog(AFTER, trace, NULL), 0);
    for (unsigned workers = 1; workers < 4; workers++) {
        atomic_store(&traced, false);
        ck_assert_int_eq(run_tasks(workers, fn, NULL), 0);
    }
}

TEST(the_calls_of_a_blocked_task_are_told)
{
    if (test_is_under("qemu") || test_is_under("valgrind"))
        test_skip("the kernel tells of another stack");
    expect_traced(nap_until_traced);
    ck_assert(!atomic_load(&traced_exactly));
}

static int on_virtual(void *fn)
{
    return on_virtual_thread(*(int (**)(void *))fn, NULL);
}

TEST(the_calls_of_a_task_that_computes_are_told_if_it_may_be_interrupted)
{
    if (test_is_slowed())
        test_skip("signals come late, and answers later");
    ck_assert_int_eq(weft_watchdog_interrupt(true), 0);
    expect_traced(spin_until_traced);
    need_virtual_threads();
    int (*fn)(void *) = spin_until_traced;
    atomic_store(&traced, false);
    ck_assert_int_eq(run_tasks(1, on_virtual, &fn), 0);
}

static int run_thrice(void *unused)
{
    int times = 3;
    weft_set_name("hog");
    compute(&times);
    (void)unused;
    return 0;
}

TEST(it_is_told_again_when_the_time_has_doubled)
{
    watch("hog");
    ck_assert_int_eq(run_tasks(2, run_thrice, NULL), 0);
    ck_assert_int_ge(told.last.duration, 4 * told.first.duration);
    ck_assert_uint_eq(told.last.task, told.first.task);
}

static atomic_llong longest; /* between two yields */

/* Also when it is the only one. */
static int yield_often(void *unused)
{
    int64_t begin = weft_now(), before = begin, now = begin;
    for (; now - begin < WEFT_S(1); before = now) {
        ck_assert_int_eq(weft_yield(), 0);
        now = weft_now();
        if (now - before > atomic_load(&longest))
            atomic_store(&longest, now - before);
    }
    (void)unused;
    return 0;
}

static int sleep_a_while(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1));
}

static int yield_in_three(void *unused)
{
    weft_task *tasks[3];
    SPAWN(sleep_a_while, NULL, &tasks[0]);
    SPAWN(yield_often, NULL, &tasks[1]);
    SPAWN(yield_often, NULL, &tasks[2]);
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], 0);
    (void)unused;
    return 0;
}

TEST(who_suspends_is_not_told_of)
{
    if (test_is_slowed())
        test_skip("everybody takes his time");
    told.name = "none";
    ck_assert_int_eq(weft_watchdog(WEFT_MS(400), note, "arg"), 0);
    ck_assert_int_eq(run_tasks(1, yield_often, NULL), 0);
    ck_assert_int_eq(run_tasks(1, yield_in_three, NULL), 0);
    ck_assert_int_eq(run_tasks(2, yield_in_three, NULL), 0);
    if (atomic_load(&longest) > WEFT_MS(100))
        test_skip("the kernel had other things to do");
    ck_assert_int_eq(atomic_load(&told.others), 0);
}

/* Loses its worker each time, but comes back, to the same thread, where it is pinned. */
static int block_often(void *done)
{
    int64_t begin = weft_now(), before = begin, now = begin;
    weft_set_name("pinned");
    weft_pin();
    for (; now - begin < WEFT_S(2); before = now) {
        block_for(WEFT_MS(30));
        weft_yield();
        now = weft_now();
        if (now - before > atomic_load(&longest))
            atomic_store(&longest, now - before);
    }
    weft_unpin();
    atomic_store((atomic_bool *)done, true);
    return 0;
}

static int run_beside_pinned(void *unused)
{
    atomic_bool done = false;
    weft_task *other, *pinned;
    (void)unused;
    SPAWN(wait_behind, &done, &other);
    SPAWN(block_often, &done, &pinned);
    JOIN(pinned, 0);
    JOIN(other, 0);
    return 0;
}

TEST(who_comes_back_to_a_thread_without_a_worker_is_not_told_of)
{
    if (test_is_slowed())
        test_skip("everybody takes his time");
    told.name = "pinned";
    ck_assert_int_eq(weft_watchdog(WEFT_MS(400), note, "arg"), 0);
    ck_assert_int_eq(run_tasks(1, run_beside_pinned, NULL), 0);
    if (atomic_load(&longest) > WEFT_MS(100))
        test_skip("the kernel had other things to do");
    ck_assert_int_eq(atomic_load(&told.count), 0);
}

/* Computes, in a section, until the hog beside it was told of. */
static int have_section(void *ended)
{
    weft_blocking_begin();
    while (!atomic_load((atomic_bool *)ended))
        ;
    weft_blocking_end();
    return 0;
}

static int run_beside_section(void *unused)
{
    atomic_bool ended = false;
    weft_task *task;
    (void)unused;
    SPAWN(have_section, &ended, &task);
    run_thrice(NULL);
    atomic_store(&ended, true);
    JOIN(task, 0);
    return 0;
}

TEST(who_is_in_a_section_is_not_told_of)
{
    watch("hog");
    ck_assert_int_eq(run_tasks(2, run_beside_section, NULL), 0);
    ck_assert_int_le(atomic_load(&told.others), 1); /* it may have taken long to begin */
}

static int turn_off(void *unused)
{
    int times = 1;
    weft_set_name("hog");
    compute(&times);
    ck_assert_int_eq(weft_watchdog(0, NULL, NULL), 0);
    weft_yield(); /* a call under way has ended by the time it is joined */
    (void)unused;
    return 0;
}

TEST(it_can_be_turned_off)
{
    watch("hog");
    ck_assert_int_eq(run_tasks(2, turn_off, NULL), 0);
    int count = atomic_load(&told.count) + atomic_load(&told.others);
    ck_assert_int_eq(run_tasks(2, yield_often, NULL), 0);
    ck_assert_int_eq(atomic_load(&told.count) + atomic_load(&told.others), count);
}

TEST(a_time_too_short_is_refused)
{
    ck_assert_int_eq(weft_watchdog(WEFT_MS(1) - 1, NULL, NULL), -EINVAL);
    ck_assert_int_eq(weft_watchdog(-1, NULL, NULL), -EINVAL);
    ck_assert_int_eq(weft_watchdog(WEFT_MS(1), NULL, NULL), 0);
}

static int block_once(void *unused)
{
    weft_set_name("blocker");
    nanosleep(&(struct timespec){ .tv_sec = test_is_slowed() ? 10 : 2 }, NULL);
    abort(); /* the lines so far are what counts */
    (void)unused;
}

static void run_blocked(void *workers)
{
    setenv("WEFT_WATCHDOG", "50", 1);
    run_tasks(*(unsigned *)workers, block_once, NULL);
}

TEST(the_environment_asks_for_lines)
{
    unsigned workers = 2;
    const char *lines = expect_death(run_blocked, &workers, SIGABRT, "'blocker' (");
    ck_assert_ptr_nonnull(strstr(lines, ") has not suspended for "));
    if (!test_is_slowed())
        ck_assert_ptr_nonnull(strstr(lines, "it is blocked in clock_nanosleep, from 0x"));
}

static int do_nothing(void *unused)
{
    (void)unused;
    return 0;
}

static void run_misled(void *text)
{
    setenv("WEFT_WATCHDOG", text, 1);
    weft_config config = { .workers = 1 };
    ck_assert_int_eq(weft_run(&config, do_nothing, NULL), strcmp(text, "0") == 0 ? 0 : -EINVAL);
}

TEST(nonsense_in_the_environment_is_refused_and_0_is_off)
{
    expect_death(run_misled, "soon", 0, "WEFT_WATCHDOG: 'soon' is not a number of milliseconds");
    expect_death(run_misled, "-3", 0, "'-3' is not a number");
    expect_death(run_misled, "50,later", 0, "'50,later' is not a number");
    const char *said = expect_death(run_misled, "0", 0, NULL);
    ck_assert_ptr_null(strstr(said, "WEFT_WATCHDOG"));
}
