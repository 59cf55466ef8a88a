#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "sync.h"

#define EACH 200

static atomic_int ran, inside;
static int seen[CROWD]; /* by the callbacks, one at a time */
static atomic_int posters;

static void note(void *arg)
{
    int poster = (int)((intptr_t)arg / EACH), number = (int)((intptr_t)arg % EACH);
    if (atomic_fetch_add(&inside, 1) != 0)
        ck_abort_msg("two at a time");
    if (seen[poster]++ != number)
        ck_abort_msg("number %d of poster %d out of turn", number, poster);
    if (number % 16 == 0)
        weft_yield();
    atomic_fetch_sub(&inside, 1);
    atomic_fetch_add(&ran, 1);
}

static int post_in_order(void *unused)
{
    intptr_t poster = atomic_fetch_add(&posters, 1);
    (void)unused;
    for (int i = 0; i < EACH; i++)
        ck_assert_int_eq(weft_post(note, (void *)(poster * EACH + i)), 0);
    return 0;
}

static int crowd_posts(void *unused)
{
    struct crowd crowd;
    (void)unused;
    atomic_store(&ran, 0);
    atomic_store(&posters, 0);
    for (int i = 0; i < CROWD; i++)
        seen[i] = 0;
    crowd_start(&crowd, post_in_order, NULL);
    crowd_join(&crowd);
    while (atomic_load(&ran) < CROWD * EACH)
        weft_yield();
    return 0;
}

TEST(callbacks_run_one_at_a_time_in_their_posters_order)
{
    run_mixed(crowd_posts);
}

static void count_one(void *counter)
{
    atomic_fetch_add((atomic_int *)counter, 1);
}

static weft_local local;

static void post_more(void *event)
{
    ck_assert_ptr_nonnull(weft_self());
    ck_assert_ptr_null(weft_local_get(local)); /* not those of whoever came first */
    ck_assert_int_eq(weft_sleep(WEFT_US(10)), 0);
    ck_assert_int_eq(weft_post(count_one, &ran), 0);
    weft_event_set(event);
}

static int post_from_task(void *unused)
{
    weft_event event = WEFT_EVENT_INIT;
    (void)unused;
    ck_assert_int_eq(weft_local_set(local, "value"), 0);
    ck_assert_int_eq(weft_post(post_more, &event), 0);
    ck_assert_int_eq(weft_event_wait(&event), 0);
    return weft_local_set(local, NULL);
}

TEST(a_callback_may_do_what_a_task_may)
{
    ck_assert_int_eq(weft_local_create(&local, NULL, WEFT_LOCAL_INHERITED), 0);
    run_mixed(post_from_task);
    ck_assert_int_eq(atomic_load(&ran), 3);
}

static int fail_after_posting(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_post(count_one, &ran), 0);
    weft_cancel_all();
    ck_assert_int_eq(weft_post(count_one, &ran), 0);
    return -EIO;
}

TEST(what_was_posted_runs_before_the_runtime_ends)
{
    ck_assert_int_eq(weft_post(count_one, &ran), -EPERM);
    for (int round = 1; round <= 10; round++) {
        ck_assert_int_eq(weft_start(NULL), 0);
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(weft_post(count_one, &ran), 0);
        ck_assert_int_eq(weft_stop(), 0);
        ck_assert_int_eq(atomic_load(&ran), 100 * round);
    }
    ck_assert_int_eq(weft_post(count_one, &ran), -EPERM);
    ck_assert_int_eq(weft_run(NULL, fail_after_posting, NULL), -EIO);
    ck_assert_int_eq(atomic_load(&ran), 1002);
}

/* Nodes. */

static weft_post_node node = WEFT_POST_NODE_INIT(count_one, &ran);
static weft_post_node again;

static void post_itself(void *left)
{
    atomic_fetch_add(&ran, 1);
    if (--*(int *)left > 0)
        ck_assert_int_eq(weft_post_from_signal(&again), 0); /* it has begun */
}

static int post_nodes(void *unused)
{
    int left = 5;
    (void)unused;
    atomic_store(&ran, 0);
    ck_assert_int_eq(weft_post_from_signal(&node), 0);
    ck_assert_int_eq(weft_post_from_signal(&node), -EALREADY); /* the worker is ours */
    weft_post_node_init(&again, post_itself, &left);
    ck_assert_int_eq(weft_post_from_signal(&again), 0);
    while (atomic_load(&ran) < 6)
        weft_yield();
    return 0;
}

TEST(a_node_is_posted_once_at_a_time)
{
    ck_assert_int_eq(weft_post_from_signal(&node), -EPERM);
    ck_assert_int_eq(run_in_turn(post_nodes, NULL), 0);
}

static atomic_int accepted;
static atomic_bool over;

static void *post_all_the_time(void *own)
{
    bool posted = false;
    for (int i = 0; !atomic_load(&over); i++) {
        bool by_node = i % 3 == 0;
        int rc = by_node ? weft_post_from_signal(own) : weft_post(count_one, &ran);
        ck_assert(rc == 0 || rc == -EPERM || (by_node && rc == -EALREADY));
        atomic_fetch_add(&accepted, rc == 0);
        posted |= rc == 0;
        if (i % 8 == 0)
            block_for(WEFT_US(50)); /* as long as work comes the runtime does not stop */
    }
    ck_assert(posted);
    return NULL;
}

TEST(what_is_taken_while_the_runtime_stops_runs)
{
    static weft_post_node nodes[3];
    pthread_t threads[3];
    weft_config config = { .workers = 2 };
    for (int i = 0; i < 3; i++) {
        weft_post_node_init(&nodes[i], count_one, &ran);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_all_the_time, &nodes[i]), 0);
    }
    for (uint64_t left = test_work(100); left > 0; left--) {
        int before = atomic_load(&accepted);
        ck_assert_int_eq(weft_start(&config), 0);
        while (atomic_load(&accepted) < before + 50)
            block_for(WEFT_US(10));
        if (left == 1)
            atomic_store(&over, true); /* the last ones come before the end, or too late */
        ck_assert_int_eq(weft_stop(), 0);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&ran), atomic_load(&accepted));
}

/* From handlers, that interrupt whatever the threads are at: posting, submitting, waiting,
 * and, on the runtime's own threads, the scheduler. */

static weft_post_node from_handlers[4];
static atomic_int handled, by_handlers;

static void handler(int number)
{
    int at = atomic_fetch_add(&handled, 1) % 4;
    (void)number;
    if (weft_post_from_signal(&from_handlers[at]) == 0)
        atomic_fetch_add(&accepted, 1);
}

/* The main thread waits only, and would get all of them. */
static void mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    ck_assert_int_eq(pthread_sigmask(how, &set, NULL), 0);
}

static void unblock_on_carriers(enum weft_carrier_event event, unsigned carrier, void *unused)
{
    (void)carrier, (void)unused;
    if (event == WEFT_CARRIER_START)
        mask(SIG_UNBLOCK);
}

static int three(void *unused)
{
    (void)unused;
    weft_yield();
    return 3;
}

static int keep_busy(void *unused)
{
    (void)unused;
    if (!weft_self())
        mask(SIG_UNBLOCK);
    while (atomic_load(&handled) < (int)test_work(2000) || atomic_load(&by_handlers) <= 10) {
        weft_future *future;
        intptr_t value = 0;
        ck_assert_int_eq(weft_post(count_one, &ran), 0);
        atomic_fetch_add(&accepted, 1);
        ck_assert_int_eq(weft_submit(three, NULL, &future), 0);
        ck_assert_int_eq(weft_future_wait(future, &value), 0);
        ck_assert_int_eq(value, 3);
        weft_future_release(future);
    }
    return 0;
}

static void set_timer(int64_t us)
{
    struct itimerval timer = { { 0, us }, { 0, us } };
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

TEST(handlers_post_whatever_they_interrupt, .timeout = 120)
{
    struct crowd crowd;
    weft_config config = { .workers = 2, .on_carrier = unblock_on_carriers };
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    atomic_store(&ran, 0);
    atomic_store(&accepted, 0);
    for (int i = 0; i < 4; i++)
        weft_post_node_init(&from_handlers[i], count_one, &by_handlers);
    sigaction(SIGALRM, &action, NULL);
    mask(SIG_BLOCK);
    ck_assert_int_eq(weft_start(&config), 0);
    crowd_start(&crowd, keep_busy, NULL);
    set_timer(100);
    crowd_join(&crowd);
    set_timer(0);
    ck_assert_int_eq(weft_stop(), 0);
    signal(SIGALRM, SIG_DFL);
    ck_assert_int_eq(atomic_load(&ran) + atomic_load(&by_handlers), atomic_load(&accepted));
    ck_assert_int_gt(atomic_load(&by_handlers), 10);
}
