#include "suite.h"

#include <pthread.h>
#include <string.h>

#include "sched/queue.h"

#define COUNT 200

static struct weft_task tasks[COUNT];
static struct weft__queue queue;
static struct weft__shelf shelf;

static void fill(int from, int count)
{
    for (int i = 0; i < count; i++)
        weft__queue_append(&queue, &tasks[from + i]);
}

static void expect_number(struct weft_task *task, int number)
{
    ck_assert_ptr_nonnull(task);
    ck_assert_int_eq((int)(task - tasks), number);
}

static struct weft__chain chain_of(int from, int count)
{
    struct weft__queue temporary = { 0 };
    for (int i = 0; i < count; i++)
        weft__queue_append(&temporary, &tasks[from + i]);
    return weft__queue_split(&temporary, (size_t)count);
}

static void expect_chain(struct weft__chain chain, int from, int count)
{
    ck_assert_uint_eq(chain.count, (size_t)count);
    expect_number(chain.head, from);
    expect_number(chain.tail, from + count - 1);
    ck_assert_ptr_null(chain.tail->next);
    struct weft_task *task = chain.head;
    for (int i = 0; i < count; i++, task = task->next)
        expect_number(task, from + i);
}

TEST(appended_tasks_come_first_in_first_out)
{
    fill(0, 10);
    ck_assert_uint_eq(weft__queue_count(&queue), 10);
    for (int i = 0; i < 10; i++)
        expect_number(weft__queue_take(&queue), i);
    ck_assert_ptr_null(weft__queue_take(&queue));
    ck_assert_uint_eq(weft__queue_count(&queue), 0);
}

TEST(prepended_tasks_come_newest_first)
{
    for (int i = 0; i < 10; i++)
        weft__queue_prepend(&queue, &tasks[i]);
    weft__queue_append(&queue, &tasks[10]);
    for (int i = 10; i-- > 0;)
        expect_number(weft__queue_take(&queue), i);
    expect_number(weft__queue_take(&queue), 10);
}

TEST(the_last_task_can_be_taken)
{
    fill(0, 3);
    expect_number(weft__queue_take_last(&queue), 2);
    expect_number(weft__queue_take_last(&queue), 1);
    weft__queue_append(&queue, &tasks[5]);
    expect_number(weft__queue_take_last(&queue), 5);
    expect_number(weft__queue_take_last(&queue), 0);
    ck_assert_ptr_null(weft__queue_take_last(&queue));
    fill(0, 2); /* it is usable after having been empty */
    expect_number(weft__queue_take(&queue), 0);
}

TEST(a_queue_is_split_at_its_head)
{
    fill(0, 10);
    expect_chain(weft__queue_split(&queue, 4), 0, 4);
    ck_assert_uint_eq(weft__queue_count(&queue), 6);
    expect_chain(weft__queue_split(&queue, 6), 4, 6);
    ck_assert_uint_eq(weft__queue_count(&queue), 0);
    ck_assert_ptr_null(weft__queue_take(&queue));
}

TEST(a_chain_is_spliced_to_the_end)
{
    weft__queue_splice(&queue, chain_of(0, 3));
    weft__queue_splice(&queue, chain_of(3, 4));
    weft__queue_append(&queue, &tasks[7]);
    ck_assert_uint_eq(weft__queue_count(&queue), 8);
    for (int i = 0; i < 8; i++)
        expect_number(weft__queue_take(&queue), i);
}

TEST(what_is_given_to_a_shelf_comes_first_in_first_out)
{
    weft__shelf_init(&shelf);
    ck_assert(weft__shelf_empty(&shelf));
    ck_assert_ptr_null(weft__shelf_take_given(&shelf).head);
    weft__shelf_give(&shelf, chain_of(0, 1));
    weft__shelf_give(&shelf, chain_of(1, 5));
    ck_assert(!weft__shelf_empty(&shelf));
    expect_chain(weft__shelf_take_given(&shelf), 0, 6);
    ck_assert(weft__shelf_empty(&shelf));
    weft__shelf_give(&shelf, chain_of(6, 2));
    expect_chain(weft__shelf_take_given(&shelf), 6, 2);
}

TEST(bundles_leave_a_shelf_at_either_end)
{
    weft__shelf_init(&shelf);
    for (int i = 0; i < 4; i++)
        weft__shelf_put_fresh(&shelf, WEFT__NEWEST, chain_of(i * 10, 10));
    ck_assert(!weft__shelf_empty(&shelf));
    expect_chain(weft__shelf_take_fresh(&shelf, WEFT__NEWEST), 30, 10);
    expect_chain(weft__shelf_take_fresh(&shelf, WEFT__OLDEST), 0, 10);
    weft__shelf_put_fresh(&shelf, WEFT__OLDEST, chain_of(1, 9));
    expect_chain(weft__shelf_take_fresh(&shelf, WEFT__OLDEST), 1, 9);
    expect_chain(weft__shelf_take_fresh(&shelf, WEFT__OLDEST), 10, 10);
    struct weft__chain last = weft__shelf_take_fresh(&shelf, WEFT__NEWEST);
    expect_chain(last, 20, 10);
    ck_assert_ptr_null(last.head->stack); /* as a task that has not started */
    ck_assert(weft__shelf_empty(&shelf));
    ck_assert_ptr_null(weft__shelf_take_fresh(&shelf, WEFT__NEWEST).head);
}

#define THREADS 3

static _Atomic(uint32_t) moves;

/* Takes what it finds and puts it back on another place of the shelf. */
static void *shuffle(void *unused)
{
    for (uint64_t n = test_work(20000); n > 0; n--) {
        uint64_t random = test_random();
        struct weft__chain chain;
        if (random & 1) {
            chain = weft__shelf_take_given(&shelf);
            if (chain.head)
                weft__shelf_give(&shelf, chain);
        } else {
            chain = weft__shelf_take_fresh(&shelf, random & 2 ? WEFT__OLDEST : WEFT__NEWEST);
            if (chain.head)
                weft__shelf_put_fresh(&shelf, random & 4 ? WEFT__OLDEST : WEFT__NEWEST, chain);
        }
        weft__add(&moves, chain.head != NULL, relaxed);
    }
    return unused;
}

TEST(a_shelf_under_contention_loses_nothing)
{
    pthread_t threads[THREADS];
    static int seen[COUNT];
    weft__shelf_init(&shelf);
    for (int i = 0; i < 10; i++)
        weft__shelf_put_fresh(&shelf, WEFT__NEWEST, chain_of(i * 10, 10));
    weft__shelf_give(&shelf, chain_of(100, 100));
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, shuffle, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_gt(weft__load(&moves, relaxed), 0);
    weft__queue_splice(&queue, weft__shelf_take_given(&shelf));
    for (struct weft__chain bundle; (bundle = weft__shelf_take_fresh(&shelf, WEFT__OLDEST)).head;)
        weft__queue_splice(&queue, bundle);
    ck_assert_uint_eq(weft__queue_count(&queue), COUNT);
    for (struct weft_task *task; (task = weft__queue_take(&queue));)
        seen[task - tasks]++;
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(seen[i], 1);
}
