#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "tasks.h"

/* TSan's own thread could wake somebody, for all the runtime knows. */
static void skip_with_foreign_threads(void)
{
    if (test_is_under("qemu"))
        test_skip("qemu has threads of its own in the process");
#if defined(__SANITIZE_THREAD__)
    test_skip("TSan has a thread of its own");
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    test_skip("TSan has a thread of its own");
#endif
#endif
}

static weft_task *left, *right;

static int join_right(void *unused)
{
    (void)unused;
    weft_set_name("lefthand");
    while (!*(weft_task *volatile *)&right) /* spawned after us, maybe while we run */
        weft_yield();
    return weft_join(right, NULL);
}

static int join_left(void *unused)
{
    (void)unused;
    weft_set_name("righthand");
    weft_yield();
    return weft_join(left, NULL);
}

static int join_each_other(void *unused)
{
    (void)unused;
    SPAWN(join_right, NULL, &left);
    SPAWN(join_left, NULL, &right);
    return 0;
}

static void run(void *workers)
{
    run_tasks(*(unsigned *)workers, join_each_other, NULL);
}

TEST(a_deadlock_is_reported_with_the_tasks_concerned)
{
    skip_with_foreign_threads();
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        expect_death(run, &workers, SIGABRT, "weft: deadlock");
        expect_death(run, &workers, SIGABRT, "'lefthand'");
        expect_death(run, &workers, SIGABRT, "'righthand'");
        expect_death(run, &workers, SIGABRT, "waits: join task");
    }
}

static int sleep_then_deadlock(void *unused)
{
    weft_scope scope;
    weft_scope_enter(&scope, weft_now() + WEFT_S(3600));
    weft_sleep(WEFT_MS(10)); /* timers that were armed and are not any more */
    weft_scope_leave(&scope);
    return join_each_other(unused);
}

static void run_late(void *workers)
{
    run_tasks(*(unsigned *)workers, sleep_then_deadlock, NULL);
}

TEST(a_deadlock_after_timers_is_reported)
{
    skip_with_foreign_threads();
    unsigned workers = 2;
    expect_death(run_late, &workers, SIGABRT, "weft: deadlock");
}

/* On two workers: a deadline is given up by a task that has moved, and the worker that has
 * its timer wakes once more, finds nothing to do, and sleeps again. */

static weft_event moved = WEFT_EVENT_INIT, woken = WEFT_EVENT_INIT, never = WEFT_EVENT_INIT;
static atomic_bool waits;

static int set_woken(void *unused)
{
    (void)unused;
    weft_event_set(&woken);
    return 0;
}

static int wait_far_away(void *unused)
{
    weft_scope scope;
    (void)unused;
    atomic_store(&waits, true);
    weft_scope_enter(&scope, weft_after(WEFT_S(3600)));
    weft_event_wait(&moved);
    weft_scope_leave(&scope);
    SPAWN(set_woken, NULL, NULL);
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(1)))
        weft_event_wait(&woken);
    block_for(WEFT_MS(6)); /* the monitor takes that deadline for one that has come */
    return weft_event_wait(&never);
}

static int give_up_far_deadline(void *unused)
{
    (void)unused;
    SPAWN(wait_far_away, NULL, NULL);
    for (int i = 0; i < 100 && !atomic_load(&waits); i++)
        block_for(WEFT_MS(1));
    block_for(WEFT_MS(3));
    weft_event_set(&moved);
    return weft_event_wait(&never);
}

static void run_far_away(void *unused)
{
    weft_config config = { .workers = 2, .flags = WEFT_NO_HAND_OFF };
    (void)unused;
    weft_run(&config, give_up_far_deadline, NULL);
}

TEST(a_deadlock_after_a_far_deadline_is_reported)
{
    skip_with_foreign_threads();
    expect_death(run_far_away, NULL, SIGABRT, "weft: deadlock");
}

/* And what is none. */

static int fds[2];

static int read_byte(void *unused)
{
    char byte;
    (void)unused;
    return (int)weft_read(fds[0], &byte, 1);
}

static int join_reader(void *unused)
{
    weft_task *reader;
    SPAWN(read_byte, NULL, &reader);
    JOIN(reader, 1);
    (void)unused;
    return 0;
}

static void write_from_another_process(void)
{
    ck_assert_int_eq(pipe(fds), 0);
    if (fork() == 0) {
        block_for(WEFT_MS(100));
        _exit(write(fds[1], "x", 1) != 1);
    }
}

TEST(a_task_that_awaits_a_descriptor_is_no_deadlock)
{
    write_from_another_process();
    ck_assert_int_eq(weft_run(NULL, join_reader, NULL), 0);
}

static int wait_in_vain(void *unused)
{
    (void)unused;
    return weft_event_wait(&never);
}

static weft_scope around;

static int wait_for_a_moment(void *unused)
{
    weft_scope_set_deadline(&around, weft_after(WEFT_MS(30)));
    return wait_in_vain(unused);
}

static int leave_one_that_waits_in_vain(void *unused)
{
    (void)unused;
    SPAWN(wait_in_vain, NULL, NULL);
    weft_scope_set_deadline(&around, weft_after(WEFT_MS(30)));
    return 5;
}

TEST(what_a_deadline_around_all_will_end_is_no_deadlock)
{
    WEFT_WITH_SCOPE (&around)
        ck_assert_int_eq(weft_run(NULL, wait_for_a_moment, NULL), -ECANCELED);
    WEFT_WITH_SCOPE (&around)
        ck_assert_int_eq(weft_run(NULL, leave_one_that_waits_in_vain, NULL), 5);
}

static int poll_pipe(void *unused)
{
    struct pollfd pfd = { fds[0], POLLIN, 0 };
    (void)unused;
    return weft_poll(&pfd, 1);
}

TEST(a_task_that_polls_is_no_deadlock)
{
    write_from_another_process();
    ck_assert_int_eq(weft_run(NULL, poll_pipe, NULL), 1);
}

static int nap(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_MS(100));
}

static int join_napper(void *unused)
{
    weft_task *task;
    SPAWN(nap, NULL, &task);
    JOIN(task, 0);
    (void)unused;
    return 0;
}

TEST(an_armed_timer_is_no_deadlock)
{
    for (unsigned workers = 1; workers <= 4; workers++)
        ck_assert_int_eq(run_tasks(workers, join_napper, NULL), 0);
}

static void *close_later(void *unused)
{
    block_for(WEFT_MS(100));
    weft_close(fds[0]);
    return unused;
}

static weft_task *waker;

static int join_waker(void *unused)
{
    (void)unused;
    return weft_join(waker, NULL);
}

static int await_close(void *unused)
{
    struct pollfd pfd = { fds[0], POLLIN, 0 };
    (void)unused;
    return weft_poll(&pfd, 1) == 1 ? 0 : -1;
}

TEST(a_plain_thread_that_will_wake_somebody_is_no_deadlock)
{
    pthread_t thread;
    weft_task *joiner;
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, close_later, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    SPAWN(await_close, NULL, &waker);
    SPAWN(join_waker, NULL, &joiner);
    JOIN(joiner, 0);
    ck_assert_int_eq(weft_stop(), 0);
    pthread_join(thread, NULL);
}

static _Atomic(weft_task *) handle;

static int lent(void *unused)
{
    (void)unused;
    while (weft_sleep(WEFT_MS(1)) == 0 && !handle)
        ;
    return 0;
}

static void *spawn_later(void *unused)
{
    weft_task *task;
    block_for(WEFT_MS(50));
    SPAWN(nap, NULL, &task);
    handle = task;
    return unused;
}

TEST(a_runtime_in_the_background_may_wait_for_its_host)
{
    pthread_t thread;
    ck_assert_int_eq(weft_start(NULL), 0);
    SPAWN(lent, NULL, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, spawn_later, NULL), 0);
    pthread_join(thread, NULL);
    JOIN(handle, 0);
    ck_assert_int_eq(weft_stop(), 0);
}

static int block(void *unused)
{
    (void)unused;
    block_for(WEFT_MS(20));
    return 0;
}

static int block_then_join_each_other(void *unused)
{
    weft_task *tasks[3];
    for (int i = 0; i < 3; i++)
        SPAWN(block, NULL, &tasks[i]);
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], 0);
    return join_each_other(unused);
}

static void run_with_carriers_that_end(void *idle)
{
    weft_config config = { .workers = 1, .carrier_idle = *(int64_t *)idle };
    weft_run(&config, block_then_join_each_other, NULL);
}

/* While they end nothing is a deadlock; then somebody looks again. */
TEST(a_deadlock_is_found_when_carriers_have_ended)
{
    skip_with_foreign_threads();
    for (int64_t idle = 1; idle <= WEFT_MS(10); idle *= 100)
        expect_death(run_with_carriers_that_end, &idle, SIGABRT, "weft: deadlock");
}
