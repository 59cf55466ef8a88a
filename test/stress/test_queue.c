/* Queues that are shut down, at once or when they are empty, or left as they are, while
 * tasks and plain threads put, get and join under deadlines and cancelling from outside.
 * What was put was got, dropped or left; each producer's elements come in order. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

#define PRODUCERS 6
#define CONSUMERS 6
#define JOINERS 2
#define PARTIES (PRODUCERS + CONSUMERS + JOINERS)

struct element {
    uint32_t producer, number;
};
WEFT_QUEUE(elements, struct element);

enum ending { DRAINED, AT_ONCE, LEFT };

static elements *queue;
static enum weft_queue_order order;
static atomic_uint_least64_t put, got, dropped, cut_short;
static atomic_bool over;
static _Atomic(weft_scope *) victims[PARTIES]; /* scopes that may be cancelled; NULL: busy */

static int by_producer(const void *a, const void *b)
{
    const struct element *first = a, *second = b;
    return (int)first->producer - (int)second->producer;
}

static void count_drop(void *element)
{
    (void)element;
    atomic_fetch_add(&dropped, 1);
}

/* A scope that ends at any moment, but does end: nobody waits for ever for partners who
 * have gone. It is shown to the canceller, and taken back before it is left. */
static int in_a_scope(int party, int (*call)(struct element *), struct element *element)
{
    weft_scope scope;
    weft_scope_enter(&scope, weft_now() + (int64_t)(test_random() % WEFT_US(300)));
    atomic_store(&victims[party], &scope);
    int rc = call(element);
    weft_scope *shown = &scope;
    while (!atomic_compare_exchange_weak(&victims[party], &shown, NULL)) {
        shown = &scope; /* it is being cancelled at this moment */
        weft_yield();
    }
    weft_scope_leave(&scope);
    if (rc == -ETIMEDOUT || rc == -ECANCELED)
        atomic_fetch_add(&cut_short, 1);
    else if (rc != 0 && rc != -EPIPE && rc != -EAGAIN)
        ck_abort_msg("a queue returned %d", rc);
    return rc;
}

static int put_one(struct element *element)
{
    return test_random() % 8 ? elements_put(queue, *element) : elements_try_put(queue, *element);
}

static int get_one(struct element *ret_element)
{
    return test_random() % 8 ? elements_get(queue, ret_element)
                             : elements_try_get(queue, ret_element);
}

static int join(struct element *unused)
{
    (void)unused;
    return elements_join(queue);
}

static void produce(int party)
{
    struct element element = { (uint32_t)party, 0 };
    int rc = 0;
    while (rc != -EPIPE && !atomic_load(&over)) {
        rc = in_a_scope(party, put_one, &element);
        if (rc == 0) {
            atomic_fetch_add(&put, 1);
            element.number++;
        }
    }
}

/* One consumer sees each producer's numbers rise. */
static void expect_order(int64_t *last, const struct element *element)
{
    if (order != WEFT_QUEUE_LIFO && element->number <= last[element->producer])
        ck_abort_msg("%u of producer %u after %d", element->number, element->producer,
                     (int)last[element->producer]);
    last[element->producer] = element->number;
}

static void consume(int party)
{
    struct element element;
    int64_t last[PRODUCERS];
    int rc = 0;
    for (int i = 0; i < PRODUCERS; i++)
        last[i] = -1;
    while (rc != -EPIPE && !atomic_load(&over)) {
        rc = in_a_scope(party, get_one, &element);
        if (rc == 0) {
            atomic_fetch_add(&got, 1);
            expect_order(last, &element);
            if (elements_task_done(queue) != 0)
                ck_abort_msg("it was done without having been got");
        }
    }
}

static void join_again_and_again(int party)
{
    while (!atomic_load(&over))
        in_a_scope(party, join, NULL);
}

static int run_party(void *arg)
{
    int party = (int)(intptr_t)arg;
    if (party < PRODUCERS)
        produce(party);
    else if (party < PRODUCERS + CONSUMERS)
        consume(party);
    else
        join_again_and_again(party);
    return 0;
}

static void *run_party_thread(void *arg)
{
    run_party(arg);
    return NULL;
}

/* Until so many have been put. */
static void cancel_some(uint64_t target)
{
    while (atomic_load(&put) < target) {
        _Atomic(weft_scope *) *place = &victims[test_random() % PARTIES];
        weft_scope *scope = atomic_exchange(place, NULL);
        if (scope) {
            weft_scope_cancel(scope);
            atomic_store(place, scope);
        }
        weft_yield();
    }
}

static void start(pthread_t *threads, weft_task **tasks)
{
    for (intptr_t i = 0; i < PARTIES; i++) {
        if (i % 2)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, run_party_thread, (void *)i), 0);
        else
            SPAWN(run_party, (void *)i, &tasks[i]);
    }
}

/* Of the parties from `first` on, before `end`. */
static void await(int first, int end, pthread_t *threads, weft_task **tasks)
{
    for (int i = first; i < end; i++) {
        if (i % 2)
            pthread_join(threads[i], NULL);
        else
            JOIN(tasks[i], 0);
    }
}

static void expect_all_done(void)
{
    ck_assert_uint_eq(elements_count(queue), 0);
    ck_assert_int_eq(elements_join(queue), 0);
    ck_assert_int_eq(elements_task_done(queue), -EINVAL);
}

static void run_round(size_t capacity, enum ending ending)
{
    pthread_t threads[PARTIES];
    weft_task *tasks[PARTIES];
    weft_queue_attr attr = { .order = order, .drop = count_drop };
    attr.compare = order == WEFT_QUEUE_PRIORITY ? by_producer : NULL;
    ck_assert_int_eq(elements_create(capacity, &attr, &queue), 0);
    put = got = dropped = 0;
    atomic_store(&over, false);
    start(threads, tasks);
    cancel_some(50 + test_random() % 100);
    if (ending == LEFT)
        atomic_store(&over, true);
    else
        ck_assert_int_eq(elements_shutdown(queue, ending == AT_ONCE), 0);
    await(0, PRODUCERS + CONSUMERS, threads, tasks);
    atomic_store(&over, true);
    await(PRODUCERS + CONSUMERS, PARTIES, threads, tasks);
    if (ending != LEFT)
        expect_all_done();
    if (ending == DRAINED)
        ck_assert_uint_eq(dropped, 0);
    uint64_t left = elements_count(queue);
    ck_assert_uint_eq(put, got + dropped + left);
    elements_destroy(queue);
    ck_assert_uint_eq(put, got + dropped);
}

static int run_rounds(void *unused)
{
    static const size_t capacities[] = { 1, 2, 7, WEFT_UNBOUNDED };
    (void)unused;
    for (uint64_t left = test_work(24); left > 0; left--)
        run_round(capacities[test_random() % 4], (enum ending)(left % 3));
    return 0;
}

static void run_all(enum weft_queue_order which)
{
    static const unsigned workers[] = { 1, 2, 8 };
    order = which;
    atomic_store(&cut_short, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(workers[i], run_rounds, NULL), 0);
    ck_assert_uint_gt(cut_short, 0);
}

TEST(a_queue_loses_nothing_and_keeps_its_order, .timeout = 120)
{
    run_all(WEFT_QUEUE_FIFO);
}

TEST(a_queue_whose_newest_leaves_first_loses_nothing, .timeout = 120)
{
    run_all(WEFT_QUEUE_LIFO);
}

TEST(a_queue_by_comparison_loses_nothing_and_keeps_the_order_of_equals, .timeout = 120)
{
    run_all(WEFT_QUEUE_PRIORITY);
}
