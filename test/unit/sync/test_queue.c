#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sched/task.h"
#include "sync.h"

WEFT_QUEUE(numbers, int);

struct errand {
    int rank, number;
};
WEFT_QUEUE(errands, struct errand);

static weft_queue *queue;
static atomic_int dropped, produced, ended;
static atomic_llong consumed, sum;

static int by_rank(const void *a, const void *b)
{
    const struct errand *first = a, *second = b;
    return first->rank - second->rank;
}

static void count_drop(void *element)
{
    (void)element;
    atomic_fetch_add(&dropped, 1);
}

static const weft_queue_attr newest_first = { .order = WEFT_QUEUE_LIFO };
static const weft_queue_attr first_by_rank = { .order = WEFT_QUEUE_PRIORITY, .compare = by_rank };
static const weft_queue_attr with_drop = { .drop = count_drop };

static int fill_and_drain(void *unused)
{
    numbers *fifo;
    int n;
    (void)unused;
    ck_assert_int_eq(numbers_create(3, NULL, &fifo), 0);
    ck_assert_int_eq(numbers_try_get(fifo, &n), -EAGAIN);
    for (int round = 0; round < 5; round++) { /* the ring goes round */
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(
                i ? numbers_put(fifo, 10 * round + i) : numbers_try_put(fifo, 10 * round + i), 0);
        ck_assert_int_eq(numbers_try_put(fifo, 99), -EAGAIN);
        ck_assert_uint_eq(numbers_count(fifo), 3);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(i ? numbers_get(fifo, &n) : numbers_try_get(fifo, &n), 0);
            ck_assert_int_eq(n, 10 * round + i);
        }
    }
    numbers_destroy(fifo);
    numbers_destroy(NULL);
    return 0;
}

TEST(a_queue_holds_up_to_its_capacity_in_order)
{
    run_mixed(fill_and_drain);
}

static int last_in_first_out(void *unused)
{
    numbers *lifo;
    int n;
    (void)unused;
    ck_assert_int_eq(numbers_create(WEFT_UNBOUNDED, &newest_first, &lifo), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(numbers_put(lifo, i), 0);
    for (int i = 99; i >= 50; i--) {
        ck_assert_int_eq(numbers_get(lifo, &n), 0);
        ck_assert_int_eq(n, i);
    }
    ck_assert_int_eq(numbers_put(lifo, 7), 0);
    ck_assert_int_eq(numbers_get(lifo, &n), 0);
    ck_assert_int_eq(n, 7);
    ck_assert_uint_eq(numbers_count(lifo), 50);
    numbers_destroy(lifo);
    return 0;
}

TEST(the_newest_leaves_first)
{
    run_mixed(last_in_first_out);
}

/* As many as let it grow. */
static int by_comparison(void *unused)
{
    errands *sorted;
    struct errand errand;
    (void)unused;
    ck_assert_int_eq(errands_create(WEFT_UNBOUNDED, &first_by_rank, &sorted), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(errands_put(sorted, (struct errand){ 37 * i % 5, i }), 0);
    for (int i = 0, number = -1; i < 100; i++) {
        ck_assert_int_eq(errands_get(sorted, &errand), 0);
        ck_assert_int_eq(errand.rank, i / 20);
        ck_assert(i % 20 == 0 || errand.number > number); /* equal ones: the oldest */
        number = errand.number;
    }
    ck_assert_int_eq(errands_try_get(sorted, &errand), -EAGAIN);
    errands_destroy(sorted);
    return 0;
}

TEST(the_first_by_comparison_leaves_first_and_of_equal_ones_the_oldest)
{
    run_mixed(by_comparison);
}

TEST(a_queue_that_makes_no_sense_is_refused)
{
    weft_queue_attr attr = { .order = WEFT_QUEUE_PRIORITY };
    ck_assert_int_eq(weft_queue_create(4, 0, NULL, &queue), -EINVAL);
    ck_assert_int_eq(weft_queue_create(4, 1, &attr, &queue), -EINVAL);
    attr = (weft_queue_attr){ .compare = by_rank };
    ck_assert_int_eq(weft_queue_create(4, 1, &attr, &queue), -EINVAL);
    attr = (weft_queue_attr){ .order = (enum weft_queue_order)3 };
    ck_assert_int_eq(weft_queue_create(4, 1, &attr, &queue), -EINVAL);
    ck_assert_int_eq(weft_queue_create(SIZE_MAX / 2, 3, NULL, &queue), -ENOMEM);
    ck_assert_int_eq(weft_queue_create(0, SIZE_MAX / 2, &first_by_rank, &queue), -ENOMEM);
}

static int join_it(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_queue_join(queue), 0);
    atomic_fetch_add(&ended, 1);
    return 0;
}

static int join_and_be_done(void *unused)
{
    struct crowd crowd;
    int64_t n = 1;
    (void)unused;
    atomic_store(&ended, 0);
    ck_assert_int_eq(weft_queue_create(sizeof n, 2, NULL, &queue), 0);
    ck_assert_int_eq(weft_queue_join(queue), 0);
    ck_assert_int_eq(weft_queue_task_done(queue), -EINVAL);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weft_queue_put(queue, &n), 0);
    ck_assert_int_eq(weft_queue_task_done(queue), -EINVAL); /* none was got */
    crowd_start(&crowd, join_it, NULL);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 20; k++)
            weft_yield();
        ck_assert_int_eq(weft_queue_get(queue, &n), 0);
        ck_assert_int_eq(atomic_load(&ended), 0);
        ck_assert_int_eq(weft_queue_task_done(queue), 0);
    }
    crowd_join(&crowd);
    ck_assert_int_eq(weft_queue_task_done(queue), -EINVAL);
    weft_queue_destroy(queue);
    return 0;
}

TEST(who_joins_waits_until_all_that_was_put_is_done)
{
    run_mixed(join_and_be_done);
}

static int draining(void *unused)
{
    numbers *rest;
    int n;
    (void)unused;
    atomic_store(&dropped, 0);
    ck_assert_int_eq(numbers_create(2, &with_drop, &rest), 0);
    ck_assert_int_eq(numbers_put(rest, 1), 0);
    ck_assert_int_eq(numbers_put(rest, 2), 0);
    ck_assert_int_eq(numbers_shutdown(rest, false), 0);
    ck_assert_int_eq(numbers_shutdown(rest, false), -EALREADY);
    ck_assert_int_eq(numbers_put(rest, 3), -EPIPE);
    ck_assert_int_eq(numbers_try_put(rest, 3), -EPIPE);
    for (int i = 1; i <= 2; i++) {
        ck_assert_int_eq(numbers_get(rest, &n), 0);
        ck_assert_int_eq(n, i);
        ck_assert_int_eq(numbers_task_done(rest), 0);
    }
    ck_assert_int_eq(numbers_get(rest, &n), -EPIPE);
    ck_assert_int_eq(numbers_try_get(rest, &n), -EPIPE);
    ck_assert_int_eq(numbers_join(rest), 0);
    numbers_destroy(rest);
    ck_assert_int_eq(atomic_load(&dropped), 0);
    return 0;
}

TEST(a_queue_that_is_shut_down_gives_what_is_in_it)
{
    run_mixed(draining);
}

static int at_once(void *unused)
{
    numbers *rest;
    int n;
    (void)unused;
    atomic_store(&dropped, 0);
    ck_assert_int_eq(numbers_create(5, &with_drop, &rest), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(numbers_put(rest, i), 0);
    ck_assert_int_eq(numbers_get(rest, &n), 0);
    ck_assert_int_eq(numbers_shutdown(rest, false), 0);
    ck_assert_int_eq(numbers_shutdown(rest, true), -EALREADY);
    ck_assert_int_eq(atomic_load(&dropped), 4);
    ck_assert_uint_eq(numbers_count(rest), 0);
    ck_assert_int_eq(numbers_get(rest, &n), -EPIPE);
    ck_assert_int_eq(numbers_put(rest, n), -EPIPE);
    ck_assert_int_eq(numbers_task_done(rest), 0); /* what had been got */
    ck_assert_int_eq(numbers_task_done(rest), -EINVAL);
    ck_assert_int_eq(numbers_join(rest), 0);
    ck_assert_int_eq(numbers_shutdown(rest, true), -EALREADY);
    numbers_destroy(rest);
    ck_assert_int_eq(atomic_load(&dropped), 4);
    return 0;
}

TEST(a_queue_that_is_shut_down_at_once_drops_what_is_in_it)
{
    run_mixed(at_once);
}

static int errands_done; /* the sum of the numbers */

static void add_number(void *element)
{
    errands_done += ((struct errand *)element)->number;
}

TEST(each_element_is_dropped_once_in_every_order)
{
    for (int order = WEFT_QUEUE_FIFO; order <= WEFT_QUEUE_PRIORITY; order++) {
        weft_queue_attr attr = { .order = (enum weft_queue_order)order, .drop = add_number };
        struct errand errand;
        errands *rest;
        if (order == WEFT_QUEUE_PRIORITY)
            attr.compare = by_rank;
        for (int destroyed = 0; destroyed < 2; destroyed++) {
            int left = 0;
            errands_done = 0;
            ck_assert_int_eq(errands_create(8, &attr, &rest), 0);
            for (int i = 0; i < 12; i++) { /* the ring has gone round */
                ck_assert_int_eq(errands_put(rest, (struct errand){ 5 * i % 7, 1 << i }), 0);
                left += 1 << i;
                if (i % 2) {
                    ck_assert_int_eq(errands_get(rest, &errand), 0);
                    left -= errand.number;
                }
            }
            if (!destroyed)
                ck_assert_int_eq(errands_shutdown(rest, true), 0);
            errands_destroy(rest);
            ck_assert_int_eq(errands_done, left);
        }
    }
}

static int get_refused(void *unused)
{
    int64_t n;
    (void)unused;
    ck_assert_int_eq(weft_queue_get(queue, &n), -EPIPE);
    return 0;
}

static int put_refused(void *unused)
{
    int64_t n = 3;
    (void)unused;
    ck_assert_int_eq(weft_queue_put(queue, &n), -EPIPE);
    return 0;
}

static void shut_down_before(int (*fn)(void *), bool immediate, bool filled, int yields)
{
    struct crowd crowd;
    int64_t n = 1;
    ck_assert_int_eq(weft_queue_create(sizeof n, 1, NULL, &queue), 0);
    if (filled)
        ck_assert_int_eq(weft_queue_put(queue, &n), 0);
    crowd_start(&crowd, fn, NULL);
    for (int i = 0; i < yields; i++)
        weft_yield();
    ck_assert_int_eq(weft_queue_shutdown(queue, immediate), 0);
    crowd_join(&crowd);
    weft_queue_destroy(queue);
}

/* At any moment, before they wait or while. */
static int shut_down_on_waiters(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        shut_down_before(get_refused, i % 2, false, i);
        shut_down_before(put_refused, i % 2, true, i);
        shut_down_before(join_it, true, true, i);
    }
    return 0;
}

TEST(shutting_down_sends_all_who_wait_away)
{
    run_mixed(shut_down_on_waiters);
}

/* On one worker, one after the other: each task waits before the next one begins. */
static void spawn_waiting(int (*fn)(void *arg), void *arg, weft_task **ret_task)
{
    SPAWN(fn, arg, ret_task);
    while (weft__wait_state(&(*ret_task)->waiter) != WEFT__WAITING)
        weft_yield();
}

static int get_in_turn(void *which)
{
    int64_t n;
    ck_assert_int_eq(weft_queue_get(queue, &n), 0);
    ck_assert_int_eq(n, (intptr_t)which);
    return 0;
}

static int getters_wait(void *unused)
{
    weft_task *tasks[4];
    (void)unused;
    ck_assert_int_eq(weft_queue_create(sizeof(int64_t), 4, &newest_first, &queue), 0);
    for (intptr_t i = 0; i < 4; i++)
        spawn_waiting(get_in_turn, (void *)i, &tasks[i]);
    for (int64_t i = 0; i < 4; i++)
        ck_assert_int_eq(weft_queue_put(queue, &i), 0);
    ck_assert_uint_eq(weft_queue_count(queue), 0); /* straight to them */
    for (int i = 0; i < 4; i++)
        JOIN(tasks[i], 0);
    weft_queue_destroy(queue);
    return 0;
}

TEST(who_waits_to_get_is_served_in_turn)
{
    ck_assert_int_eq(run_in_turn(getters_wait, NULL), 0);
}

static int put_errand(void *errand)
{
    ck_assert_int_eq(weft_queue_put(queue, errand), 0);
    return 0;
}

/* Who waits does not overtake, however high its rank; once it is in it does. */
static int putters_wait(void *unused)
{
    static struct errand waiting[] = { { 9, 1 }, { 0, 2 }, { 5, 3 } };
    static const int expected[] = { 10, 11, 2, 3, 1 };
    struct errand errand = { 4, 10 };
    weft_task *tasks[3];
    (void)unused;
    ck_assert_int_eq(weft_queue_create(sizeof errand, 2, &first_by_rank, &queue), 0);
    ck_assert_int_eq(weft_queue_put(queue, &errand), 0);
    errand = (struct errand){ 4, 11 };
    ck_assert_int_eq(weft_queue_put(queue, &errand), 0);
    for (int i = 0; i < 3; i++)
        spawn_waiting(put_errand, &waiting[i], &tasks[i]);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(weft_queue_get(queue, &errand), 0);
        ck_assert_int_eq(errand.number, expected[i]);
    }
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], 0);
    weft_queue_destroy(queue);
    return 0;
}

TEST(who_waits_to_put_enters_in_turn)
{
    ck_assert_int_eq(run_in_turn(putters_wait, NULL), 0);
}

static int give_up(void *unused)
{
    weft_scope scope;
    int64_t n = 5;
    (void)unused;
    ck_assert_int_eq(weft_queue_create(sizeof n, 1, NULL, &queue), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_queue_get(queue, &n), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_eq(weft_queue_put(queue, &n), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_queue_put(queue, &n), -ETIMEDOUT);
    ck_assert_int_eq(weft_queue_get(queue, &n), -ETIMEDOUT); /* level: still */
    weft_scope_leave(&scope);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_queue_join(queue), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_uint_eq(weft_queue_count(queue), 1);
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    ck_assert_int_eq(weft_queue_get(queue, &n), -ECANCELED);
    ck_assert_int_eq(weft_queue_task_done(queue), -EINVAL);
    ck_assert_int_eq(weft_queue_join(queue), -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_queue_get(queue, &n), 0);
    weft_queue_destroy(queue);
    return 0;
}

TEST(what_was_cut_short_moved_nothing)
{
    run_mixed(give_up);
}

/* A crowd of producers and a crowd of consumers. */
#define EACH 300

static int produce(void *unused)
{
    (void)unused;
    for (int i = 0; i < EACH; i++) {
        int64_t n = atomic_fetch_add(&produced, 1);
        ck_assert_int_eq(weft_queue_put(queue, &n), 0);
    }
    return 0;
}

static int consume(void *unused)
{
    int64_t n;
    int rc;
    (void)unused;
    while ((rc = weft_queue_get(queue, &n)) == 0) {
        atomic_fetch_add(&consumed, 1);
        atomic_fetch_add(&sum, n);
        ck_assert_int_eq(weft_queue_task_done(queue), 0);
    }
    ck_assert_int_eq(rc, -EPIPE);
    return 0;
}

static void pass_through(size_t capacity, const weft_queue_attr *attr)
{
    struct crowd producers, consumers;
    long long total = CROWD * EACH;
    atomic_store(&produced, 0);
    atomic_store(&consumed, 0);
    atomic_store(&sum, 0);
    ck_assert_int_eq(weft_queue_create(sizeof(int64_t), capacity, attr, &queue), 0);
    crowd_start(&consumers, consume, NULL);
    crowd_start(&producers, produce, NULL);
    crowd_join(&producers);
    ck_assert_int_eq(weft_queue_join(queue), 0);
    ck_assert_int_eq(atomic_load(&consumed), total);
    ck_assert_int_eq(atomic_load(&sum), total * (total - 1) / 2);
    weft_queue_shutdown(queue, false);
    crowd_join(&consumers);
    weft_queue_destroy(queue);
}

static int all_kinds(void *unused)
{
    (void)unused;
    pass_through(1, NULL);
    pass_through(7, &newest_first);
    pass_through(3, &first_by_rank);
    pass_through(WEFT_UNBOUNDED, &first_by_rank);
    return 0;
}

TEST(many_put_and_many_get_and_nothing_is_lost)
{
    run_mixed(all_kinds);
}

/* Who has joined may destroy, though who was done may still be on its way out. */
static int do_one(void *arg)
{
    numbers *fifo = arg;
    int n;
    ck_assert_int_eq(numbers_get(fifo, &n), 0);
    ck_assert_int_eq(numbers_task_done(fifo), 0);
    return 0;
}

static int destroy_after_join(void *unused)
{
    (void)unused;
    for (int round = 0; round < 300; round++) {
        numbers *fifo;
        weft_task *task;
        ck_assert_int_eq(numbers_create(1, NULL, &fifo), 0);
        SPAWN(do_one, fifo, &task);
        ck_assert_int_eq(numbers_put(fifo, round), 0);
        ck_assert_int_eq(numbers_join(fifo), 0);
        numbers_destroy(fifo);
        JOIN(task, 0);
    }
    return 0;
}

TEST(who_has_joined_may_destroy)
{
    run_mixed(destroy_after_join);
}

#ifndef NDEBUG
static int get_for_ever(void *fifo)
{
    int n;
    return numbers_get(fifo, &n);
}

static int destroy_under_getter(void *unused)
{
    numbers *fifo;
    (void)unused;
    ck_assert_int_eq(numbers_create(1, NULL, &fifo), 0);
    SPAWN(get_for_ever, fifo, NULL);
    weft_yield();
    numbers_destroy(fifo);
    return 0;
}

static void run_destroyer(void *unused)
{
    run_tasks(1, destroy_under_getter, unused);
}

TEST(destroying_one_at_which_somebody_waits_is_told)
{
    expect_death(run_destroyer, NULL, SIGABRT, "weft_queue_destroy: somebody waits at it");
}
#endif
