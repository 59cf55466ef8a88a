/* weft_blocking_begin() and weft_blocking_end(). */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "sched/section.h"
#include "tasks.h"
#include "vthreads.h"

static atomic_bool stop;
static atomic_int turns;

static int yield_until_stopped(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        atomic_fetch_add(&turns, 1);
        weft_yield();
    }
    return 0;
}

/* Runs fn() beside a task that always has something to do, as a task of the kind. */
static int (*tested)(void *);
static weft_attr kind;

static int beside_a_busy_task(void *unused)
{
    weft_task *busy, *task;
    (void)unused;
    SPAWN(yield_until_stopped, NULL, &busy);
    ck_assert_int_eq(weft_spawn_with(&kind, tested, NULL, &task), 0);
    JOIN(task, 0);
    atomic_store(&stop, true);
    JOIN(busy, 0);
    return 0;
}

static void run_beside(int (*fn)(void *), unsigned flags)
{
    tested = fn;
    kind.flags = flags;
    ck_assert_int_eq(run_tasks(1, beside_a_busy_task, NULL), 0);
}

static bool has_worker(void)
{
    return atomic_load(&weft__self()->seat->wanted) != WEFT__SEAT_GONE;
}

/* The section whose mark the calling task's worker bears; 0 as well when it has none. */
static uint64_t marked(void)
{
    return has_worker() ? weft__section_of(weft__self()->worker) : 0;
}

/* Computes in a section until the worker has been given away: how long that took. */
static int64_t lose_worker(void)
{
    weft_blocking_begin();
    int64_t begin = weft_now();
    while (has_worker())
        ;
    return weft_now() - begin;
}

static int lose_it_soon(void *unused)
{
    int64_t end = weft_now() + (int64_t)(WEFT_S(1) * test_seconds(20)), took;
    (void)unused;
    do {
        weft_yield();
        took = lose_worker();
        weft_blocking_end();
    } while (took >= WEFT_MS(1) && weft_now() < end);
    if (!test_is_slowed())
        ck_assert_int_lt(took, WEFT_MS(1)); /* without a section it is 10 */
    return 0;
}

TEST(a_section_that_lasts_gives_its_worker_away_soon)
{
    run_beside(lose_it_soon, 0);
}

static bool monitor_rests(void)
{
    return atomic_load(&weft__rt.monitor) == WEFT__MONITOR_RESTS;
}

/* Begins sections while the monitor rests: mostly, it does not any more. (Its time may come by
 * itself, and it may rest again.) */
static int begin_while_it_rests(void *unused)
{
    int hurried = 0;
    (void)unused;
    for (int i = 0; i < 20; i++) {
        while (!monitor_rests())
            weft_yield();
        weft_yield();
        weft_blocking_begin();
        hurried += !monitor_rests();
        weft_blocking_end();
    }
    ck_assert_int_gt(hurried, 10);
    return 0;
}

TEST(a_section_hurries_the_monitor)
{
    run_beside(begin_while_it_rests, 0);
}

#define SHORT_SECTIONS 20000

static int have_short_sections(void *unused)
{
    (void)unused;
    for (int i = 0; i < SHORT_SECTIONS; i++) {
        weft_blocking_begin();
        spin_for(WEFT_US(5));
        weft_blocking_end();
    }
    unsigned handoffs = (unsigned)atomic_load(&weft__rt.handoffs);
    if (!test_is_slowed()) /* the kernel may make some of them long */
        ck_assert_uint_lt(handoffs, SHORT_SECTIONS / 50);
    return 0;
}

TEST(short_sections_keep_their_worker)
{
    run_beside(have_short_sections, 0);
}

static int have_worker_after(void *unused)
{
    (void)unused;
    do { /* it may be taken at once, the machine being slow */
        lose_worker();
        int before = atomic_load(&turns);
        while (atomic_load(&turns) == before) /* the others go on */
            ;
        weft_blocking_end();
    } while (!has_worker());
    return 0;
}

TEST(SECTION_3_what_comes_after_has_a_worker)
{
    run_beside(have_worker_after, 0);
}

static int keep_errno(void *unused)
{
    pid_t tid;
    int64_t end = weft_now() + (int64_t)(WEFT_S(1) * test_seconds(20));
    (void)unused;
    do {
        tid = gettid();
        lose_worker();
        *errno_here() = 77;
        weft_blocking_end();
        ck_assert_int_eq(*errno_here(), 77);
        weft_blocking_begin();
        ck_assert_int_eq(*errno_here(), 77);
        weft_blocking_end();
        ck_assert_int_eq(*errno_here(), 77);
    } while (gettid() == tid && weft_now() < end); /* on another thread, for once */
    return 0;
}

TEST(both_keep_errno)
{
    run_beside(keep_errno, 0);
}

TEST(both_keep_the_errno_of_virtual_threads)
{
    need_virtual_threads();
    run_beside(keep_errno, WEFT_VIRTUAL_THREAD);
}

static int come_back_pinned(void *unused)
{
    (void)unused;
    weft_pin();
    pid_t tid = gettid();
    for (int i = 0; i < 5; i++) {
        lose_worker();
        weft_blocking_end();
        ck_assert_int_eq(gettid(), tid);
    }
    weft_unpin();
    return 0;
}

TEST(a_pinned_task_comes_back_to_its_thread)
{
    run_beside(come_back_pinned, 0);
}

/* One worker that nobody takes away, since nothing waits. */
static int nest(void *unused)
{
    (void)unused;
    ck_assert_uint_eq(marked(), 0);
    weft_blocking_begin();
    uint64_t first = marked();
    ck_assert_uint_ne(first, 0);
    weft_blocking_begin();
    ck_assert_uint_eq(marked(), first);
    weft_blocking_end();
    ck_assert_uint_eq(marked(), first);
    weft_blocking_end();
    ck_assert_uint_eq(marked(), 0);
    weft_blocking_begin();
    ck_assert_uint_ne(marked(), 0);
    ck_assert_uint_ne(marked(), first);
    weft_blocking_end();
    return 0;
}

TEST(sections_nest)
{
    ck_assert_int_eq(run_tasks(1, nest, NULL), 0);
}

static int suspend_inside(void *unused)
{
    (void)unused;
    weft_blocking_begin();
    weft_blocking_begin();
    weft_sleep(1);
    ck_assert_uint_eq(marked(), 0);
    weft_blocking_begin();
    ck_assert_uint_ne(marked(), 0);
    weft_blocking_end();
    ck_assert_uint_eq(marked(), 0);
    weft_blocking_end();
    weft_blocking_end();
    ck_assert_uint_eq(marked(), 0);
    return nest(NULL);
}

TEST(what_suspends_ends_the_section)
{
    ck_assert_int_eq(run_tasks(1, suspend_inside, NULL), 0);
}

/* The wait is over at once: sometimes before the task could go. */
static int suspend_for_nothing(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        weft_blocking_begin();
        weft_sleep(1);
        ck_assert_uint_eq(marked(), 0);
        weft_blocking_begin(); /* a new one, not one inside */
        ck_assert_uint_ne(marked(), 0);
        weft_blocking_end();
    }
    return 0;
}

TEST(what_suspends_for_nothing_ends_the_section)
{
    ck_assert_int_eq(run_tasks(1, suspend_for_nothing, NULL), 0);
}

static int leave_open(void *unused)
{
    (void)unused;
    weft_blocking_begin();
    return 0;
}

static int spawn_open(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(leave_open, NULL, &task);
    JOIN(task, 0);
    return nest(NULL);
}

TEST(a_task_that_ends_takes_its_section_along)
{
    ck_assert_int_eq(run_tasks(1, spawn_open, NULL), 0);
}

static int see_scope(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    weft_blocking_begin();
    ck_assert_uint_ne(marked(), 0);
    weft_blocking_end();
    ck_assert_int_eq(weft_checkpoint(), -ECANCELED);
    weft_scope_leave(&scope);
    return 0;
}

TEST(a_cancelled_task_has_sections)
{
    ck_assert_int_eq(run_tasks(1, see_scope, NULL), 0);
}

static void *on_thread(void *unused)
{
    errno = 5;
    weft_blocking_begin();
    weft_blocking_end();
    weft_blocking_end();
    ck_assert_int_eq(errno, 5);
    return unused;
}

static int beside_a_thread(void *unused)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, on_thread, NULL), 0);
    pthread_join(thread, NULL);
    return unused != NULL;
}

TEST(they_do_nothing_on_plain_threads)
{
    on_thread(NULL);
    ck_assert_int_eq(run_tasks(1, beside_a_thread, NULL), 0);
}

static int expect_no_mark(void *unused)
{
    (void)unused;
    weft_blocking_begin();
    ck_assert_uint_eq(marked(), 0);
    weft_blocking_end();
    return 0;
}

TEST(they_do_nothing_where_workers_stay)
{
    weft_config configs[] = { { .seed = 7 },
                              { .workers = 1, .flags = WEFT_VIRTUAL_CLOCK },
                              { .workers = 1, .flags = WEFT_NO_HAND_OFF } };
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weft_run(&configs[i], expect_no_mark, NULL), 0);
}

/* In a strand: what waits for its baton waits still, and the others go on. */

static atomic_bool in_section;
static weft_strand *strand;

static int have_section(void *unused)
{
    (void)unused;
    lose_worker();
    int before = atomic_load(&turns);
    while (atomic_load(&turns) < before + 10)
        ;
    atomic_store(&in_section, true);
    block_for(WEFT_MS(1));
    atomic_store(&in_section, false);
    weft_blocking_end();
    return 0;
}

static int be_alone(void *unused)
{
    ck_assert(!atomic_load(&in_section));
    return unused != NULL;
}

static int have_sections_in_strand(void *unused)
{
    weft_task *tasks[6];
    (void)unused;
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(
            weft_strand_spawn(strand, i % 2 ? be_alone : have_section, NULL, &tasks[i]), 0);
    for (int i = 0; i < 6; i++)
        JOIN(tasks[i], 0);
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    return 0;
}

TEST(a_strand_waits_for_its_task)
{
    run_beside(have_sections_in_strand, 0);
}
