#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tasks.h"

#define POSTS 300
#define FEW 4

static weft_strand *strand;
static pthread_t thread; /* the strand's */
static int counter;      /* the same */
static char trace[64];

static void expect_here(void)
{
    ck_assert(pthread_equal(pthread_self(), thread));
    ck_assert_ptr_eq(weft_strand_self(), strand);
}

static void count(void *unused)
{
    (void)unused;
    expect_here();
    counter++;
}

static void note(void *text)
{
    expect_here();
    strcat(trace, text);
}

static void open_bound(unsigned workers)
{
    weft_config config = { .workers = workers };
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(weft_strand_create_bound(&strand), 0);
    thread = pthread_self();
    counter = 0;
    trace[0] = 0;
}

static void close_bound(void)
{
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_ptr_null(weft_strand_self());
}

static int post_often(void *unused)
{
    for (int i = 0; i < POSTS; i++)
        ck_assert_int_eq(weft_strand_post(strand, count, NULL), 0);
    (void)unused;
    return 0;
}

static void *post_on_thread(void *unused)
{
    post_often(NULL);
    return unused;
}

TEST(callbacks_are_called_by_the_strands_thread)
{
    for (unsigned workers = 1; workers <= 4; workers *= 4) {
        pthread_t other;
        open_bound(workers);
        pthread_create(&other, NULL, post_on_thread, NULL);
        for (int i = 0; i < FEW; i++)
            SPAWN(post_often, NULL, NULL);
        post_often(NULL);
        pthread_join(other, NULL);
        while (counter < (FEW + 2) * POSTS)
            ck_assert_int_ge(weft_strand_step(strand), 0);
        close_bound();
        ck_assert_int_eq(counter, (FEW + 2) * POSTS);
    }
}

TEST(callbacks_come_in_order_and_the_end_waits_for_them)
{
    char letters[] = "abcdefghijklmnopqrstuvwxyz";
    open_bound(4);
    for (int i = 25; i >= 0; i--) { /* one text for each */
        static char texts[26][2];
        texts[25 - i][0] = letters[25 - i];
        ck_assert_int_eq(weft_strand_post(strand, note, texts[25 - i]), 0);
    }
    close_bound();
    ck_assert_str_eq(trace, letters);
}

/* As another main loop does it. */
static void await_callback(const char *expected)
{
    struct pollfd pfd = { .fd = weft_strand_fd(strand), .events = POLLIN };
    ck_assert_int_eq(poll(&pfd, 1, -1), 1);
    ck_assert_int_eq(weft_strand_step(strand), 1);
    ck_assert_int_eq(poll(&pfd, 1, 0), 0);
    ck_assert_str_eq(trace, expected);
}

TEST(the_descriptor_says_when_there_is_something_to_do)
{
    open_bound(2);
    struct pollfd pfd = { .fd = weft_strand_fd(strand), .events = POLLIN };
    ck_assert_int_eq(poll(&pfd, 1, 0), 0);
    ck_assert_int_eq(weft_strand_post(strand, note, "now "), 0);
    await_callback("now ");
    ck_assert_int_eq(weft_strand_schedule(strand, weft_after(WEFT_MS(2)), note, "later", NULL), 0);
    await_callback("now later");
    close_bound();
}

static int seven(void *unused)
{
    (void)unused;
    expect_here();
    return 7;
}

static int call_and_stop(void *unused)
{
    int result = 0;
    (void)unused;
    ck_assert_int_eq(weft_strand_step(strand), -EPERM);
    ck_assert_int_eq(weft_strand_run(strand), -EPERM);
    for (int i = 0; i < FEW; i++) {
        ck_assert_int_eq(weft_strand_call(strand, seven, NULL, &result), 0);
        ck_assert_int_eq(result, 7);
    }
    weft_strand_stop(strand);
    return 0;
}

TEST(a_thread_runs_its_strand_until_it_is_stopped)
{
    weft_task *task;
    open_bound(2);
    for (int i = 0; i < FEW; i++) {
        SPAWN(call_and_stop, NULL, &task);
        ck_assert_int_eq(weft_strand_run(strand), 0);
        JOIN(task, 0);
    }
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_run(strand), -ETIMEDOUT);
    weft_scope_leave(&scope);
    close_bound();
}

static weft_future *future;

static void finish(void *value)
{
    count(NULL);
    ck_assert_int_eq(weft_future_set(future, (intptr_t)value), 0);
}

static int post_and_finish(void *unused)
{
    (void)unused;
    post_often(NULL);
    return weft_strand_post(strand, finish, (void *)5);
}

static int run_in_vain(void *unused)
{
    (void)unused;
    return weft_strand_run_until(strand, future);
}

TEST(a_thread_runs_its_strand_until_there_is_a_result)
{
    intptr_t value = 0;
    weft_task *task;
    open_bound(2);
    ck_assert_int_eq(weft_future_create(&future), 0);
    SPAWN(run_in_vain, NULL, &task);
    JOIN(task, -EPERM);
    weft_strand_stop(strand); /* is for others */
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_run_until(strand, future), -ETIMEDOUT);
    weft_scope_leave(&scope);
    SPAWN(post_and_finish, NULL, &task);
    ck_assert_int_eq(weft_strand_run_until(strand, future), 0);
    ck_assert_int_eq(weft_future_try(future, &value), 0);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(counter, POSTS + 1);
    ck_assert_int_eq(weft_strand_run(strand), 0);
    JOIN(task, 0);
    weft_future_release(future);
    close_bound();
}

static int pair[2];
static weft_task *watcher;

static void take_byte(void *unused)
{
    char byte;
    (void)unused;
    expect_here();
    ck_assert_int_eq(read(pair[0], &byte, 1), 1);
    if (++counter == 3) {
        weft_cancel(watcher);
        weft_strand_stop(strand);
    }
}

TEST(descriptors_are_watched_for_the_thread)
{
    open_bound(2);
    ck_assert_int_eq(pipe(pair), 0);
    ck_assert_int_eq(write(pair[1], "xxxxx", 5), 5);
    ck_assert_int_eq(weft_strand_watch(strand, pair[0], POLLIN, take_byte, NULL, &watcher), 0);
    ck_assert_int_eq(weft_strand_run(strand), 0);
    JOIN(watcher, -ECANCELED);
    close_bound();
    ck_assert_int_eq(counter, 3);
    weft_close(pair[0]);
    close(pair[1]);
}

static weft_task *victim;

static void cancel_victim(void *unused)
{
    (void)unused;
    weft_cancel(victim);
}

static void abort_it(void *unused)
{
    (void)unused;
    ck_abort_msg("it was called");
}

/* Also when it was left with us already. */
TEST(whom_a_callback_cancels_is_not_called)
{
    open_bound(2);
    ck_assert_int_eq(weft_strand_post(strand, cancel_victim, NULL), 0);
    ck_assert_int_eq(weft_strand_schedule(strand, 1, abort_it, NULL, &victim), 0);
    do {
        block_for(WEFT_MS(10)); /* both are there by then, unless the machine is slow */
    } while (weft_strand_step(strand) == 0);
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    JOIN(victim, -ECANCELED);
    ck_assert_int_eq(weft_stop(), 0);
}

static int nothing(void *unused)
{
    (void)unused;
    ck_abort_msg("a task ran");
}

TEST(a_bound_strand_has_no_tasks_of_its_own)
{
    weft_strand *other;
    open_bound(1);
    ck_assert_int_eq(weft_strand_spawn(strand, nothing, NULL, NULL), -ENOTSUP);
    ck_assert_int_eq(weft_strand_create(&other), 0);
    ck_assert_int_eq(weft_strand_fd(other), -EINVAL);
    ck_assert_int_eq(weft_strand_step(other), -EINVAL);
    ck_assert_int_eq(weft_strand_destroy(other), 0);
    close_bound();
}

static void step_to_the_end(void *letters)
{
    expect_here();
    while (strlen(trace) < strlen(letters))
        ck_assert_int_ge(weft_strand_step(strand), 0);
}

TEST(a_callback_that_steps_goes_on_in_order)
{
    static char letters[] = "abcdefghijklmnopqrstuvwxyz", texts[26][2];
    open_bound(2);
    ck_assert_int_eq(weft_strand_post(strand, step_to_the_end, letters), 0);
    for (int i = 0; i < 26; i++) {
        texts[i][0] = letters[i];
        ck_assert_int_eq(weft_strand_post(strand, note, texts[i]), 0);
    }
    block_for(WEFT_MS(10)); /* most have been left with us by then, unless the machine is slow */
    while (!trace[0])
        ck_assert_int_ge(weft_strand_step(strand), 0);
    ck_assert_str_eq(trace, letters);
    close_bound();
}

static void call_itself(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_strand_call(strand, seven, NULL, NULL), -EDEADLK);
    counter++;
}

TEST(the_strands_thread_does_not_wait_for_itself)
{
    open_bound(2);
    ck_assert_int_eq(weft_strand_post(strand, call_itself, NULL), 0);
    while (counter == 0)
        ck_assert_int_ge(weft_strand_step(strand), 0);
    call_itself(NULL);
    close_bound();
}

TEST(STRAND_15_nor_does_it_before_its_first_step)
{
    int result = 0;
    open_bound(1);
    ck_assert_int_eq(weft_strand_call(strand, seven, NULL, &result), -EDEADLK);
    ck_assert_int_eq(weft_strand_step(strand), 0); /* nothing was left behind */
    close_bound();
}

static void *create_bound(void *unused)
{
    ck_assert_int_eq(weft_strand_create_bound(&strand), 0);
    return unused;
}

static void *call_seven(void *ret_done)
{
    int result = 0;
    ck_assert_int_eq(weft_strand_call(strand, seven, NULL, &result), 0);
    ck_assert_int_eq(result, 7);
    atomic_store((atomic_bool *)ret_done, true);
    return NULL;
}

/* Which may have come by all that was that one's. */
TEST(STRAND_15_a_thread_after_the_one_that_has_created_it_is_another)
{
    weft_config config = { .workers = 1 };
    atomic_bool done = false;
    pthread_t other;
    ck_assert_int_eq(weft_start(&config), 0);
    ck_assert_int_eq(pthread_create(&other, NULL, create_bound, NULL), 0);
    pthread_join(other, NULL);
    thread = pthread_self();
    ck_assert_int_eq(pthread_create(&other, NULL, call_seven, &done), 0);
    struct pollfd errand = { .fd = weft_strand_fd(strand), .events = POLLIN };
    while (poll(&errand, 1, -1) != 1) /* our own step would make it our strand */
        ;
    while (!atomic_load(&done))
        ck_assert_int_ge(weft_strand_step(strand), 0);
    pthread_join(other, NULL);
    close_bound();
}

static weft_event stepped;

/* The strand is this thread's from now on. */
static void *run_strand(void *unused)
{
    thread = pthread_self();
    ck_assert_int_eq(weft_strand_step(strand), 0);
    weft_event_set(&stepped);
    ck_assert_int_eq(weft_strand_run(strand), 0);
    return unused;
}

TEST(STRAND_15_who_has_created_it_for_another_thread_may_call_once_that_has_stepped)
{
    pthread_t other;
    int result = 0;
    weft_event_init(&stepped);
    open_bound(1);
    ck_assert_int_eq(pthread_create(&other, NULL, run_strand, NULL), 0);
    ck_assert_int_eq(weft_event_wait(&stepped), 0);
    ck_assert_int_eq(weft_strand_call(strand, seven, NULL, &result), 0);
    ck_assert_int_eq(result, 7);
    weft_strand_stop(strand);
    pthread_join(other, NULL);
    close_bound();
}

static int create_for_another(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_strand_create_bound(&strand), 0);
    return 0;
}

static void *call_on_thread(void *unused)
{
    int result = 0;
    ck_assert_int_eq(weft_strand_call(strand, seven, NULL, &result), 0);
    ck_assert_int_eq(result, 7);
    weft_strand_stop(strand);
    return unused;
}

TEST(STRAND_15_what_a_task_has_created_is_whose_who_steps)
{
    weft_config config = { .workers = 1 };
    weft_task *task;
    pthread_t caller;
    ck_assert_int_eq(weft_start(&config), 0);
    SPAWN(create_for_another, NULL, &task);
    JOIN(task, 0);
    ck_assert_int_eq(pthread_create(&caller, NULL, call_on_thread, NULL), 0);
    thread = pthread_self();
    ck_assert_int_eq(weft_strand_run(strand), 0);
    pthread_join(caller, NULL);
    close_bound();
}

TEST(stepping_leaves_errno_alone)
{
    open_bound(1);
    errno = ENOTNAM;
    ck_assert_int_eq(weft_strand_step(strand), 0);
    ck_assert_int_eq(errno, ENOTNAM);
    close_bound();
}

static int never(void *unused)
{
    (void)unused;
    ck_abort_msg("it was called");
}

static int call_for_a_moment(void *unused)
{
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_strand_call(strand, never, NULL, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    (void)unused;
    return 0;
}

TEST(who_calls_waits_no_longer_than_he_may_though_the_thread_does_not_step, .timeout = 20)
{
    weft_task *task;
    open_bound(2);
    SPAWN(call_for_a_moment, NULL, &task);
    JOIN(task, 0);
    close_bound();
}
