/* Who waits, and is woken for nothing, keeps the place that he has (QUEUE-6). */
#include "suite.h"

#include <errno.h>

#include "sync/wait_queue.h"
#include "tasks.h"

#define LINE 3

static int order[LINE], came, served;

static weft_sem sem;
static weft_mutex mutex;
static weft_rwlock rwlock;
static weft_limiter *limiter;
static weft_channel *channel, *other;
static weft_queue *queue;
static weft_mailbox *box;
static weft_pool *pool;

static void serve(int number)
{
    order[served++] = number;
}

/* Enough turns for everybody: one worker. */
static void let_others_run(void)
{
    for (int i = 0; i < 100; i++)
        weft_yield();
}

/* Where who is served gives what the next one waits for. */

static void sem_ready(void)
{
    ck_assert_int_eq(weft_sem_init(&sem, 0), 0);
}

static void sem_wait(int number)
{
    ck_assert_int_eq(weft_sem_wait(&sem), 0);
    serve(number);
    ck_assert_int_eq(weft_sem_post(&sem), 0);
}

static void sem_give(void)
{
    ck_assert_int_eq(weft_sem_post(&sem), 0);
}

static void mutex_ready(void)
{
    ck_assert_int_eq(weft_mutex_init(&mutex, WEFT_MUTEX_PLAIN), 0);
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
}

static void mutex_wait(int number)
{
    ck_assert_int_eq(weft_mutex_lock(&mutex), 0);
    serve(number);
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
}

static void mutex_give(void)
{
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
}

static void rwlock_ready(void)
{
    weft_rwlock_init(&rwlock);
    ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
}

/* A reader who comes after a writer waits for him, though others read. */
static void rwlock_wait(int number)
{
    int rc = number == 1 ? weft_rwlock_rdlock(&rwlock) : weft_rwlock_wrlock(&rwlock);
    ck_assert_int_eq(rc, 0);
    serve(number);
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
}

static void rwlock_give(void)
{
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
}

static void limiter_ready(void)
{
    ck_assert_int_eq(weft_limiter_create(1, &limiter), 0);
    ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), 0);
}

static void limiter_wait(int number)
{
    ck_assert_int_eq(weft_limiter_borrow(limiter, NULL), 0);
    serve(number);
    ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), 0);
}

static void limiter_give(void)
{
    ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), 0);
}

static void limiter_over(void)
{
    weft_limiter_destroy(limiter);
}

static int make_nothing(void *arg, void **ret_resource)
{
    (void)arg;
    *ret_resource = &order;
    return 0;
}

static void pool_ready(void)
{
    weft_pool_attr attr = { .max = 1, .make = make_nothing };
    void *resource;
    ck_assert_int_eq(weft_pool_create(&attr, &pool), 0);
    ck_assert_int_eq(weft_pool_get(pool, &resource), 0);
}

static void pool_wait(int number)
{
    void *resource;
    ck_assert_int_eq(weft_pool_get(pool, &resource), 0);
    serve(number);
    ck_assert_int_eq(weft_pool_put(pool, resource), 0);
}

static void pool_give(void)
{
    ck_assert_int_eq(weft_pool_put(pool, &order), 0);
}

static void pool_over(void)
{
    weft_pool_destroy(pool);
}

/* Three in line for a lock that is written, the last of whom would write. The second reader
 * comes again when the first one, who waits for it, has been given the lock already. */

static weft_scope outside;
static weft_event both_read;

static int read_first(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(weft_event_wait(&both_read), 0);
    return weft_rwlock_unlock(&rwlock);
}

static int read_in_shield(void *unused)
{
    weft_scope shield;
    (void)unused;
    weft_scope_enter(&outside, WEFT_NEVER);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
    weft_event_set(&both_read);
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    weft_scope_leave(&shield);
    weft_scope_leave(&outside);
    return 0;
}

static int write_last(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_rwlock_wrlock(&rwlock), 0);
    ck_assert(weft_event_is_set(&both_read));
    return weft_rwlock_unlock(&rwlock);
}

static int share_late(void *unused)
{
    int (*fns[])(void *) = { read_first, read_in_shield, write_last };
    weft_task *tasks[3];
    (void)unused;
    weft_rwlock_init(&rwlock);
    weft_event_init(&both_read);
    ck_assert_int_eq(weft_rwlock_wrlock(&rwlock), 0);
    for (int i = 0; i < 3; i++) {
        SPAWN(fns[i], NULL, &tasks[i]);
        let_others_run();
    }
    weft_scope_cancel(&outside); /* it is woken, and runs later */
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(RW_3_a_reader_who_comes_again_joins_the_others)
{
    ck_assert_int_eq(run_in_turn(share_late, NULL), 0);
}

/* Where each is given something. */

static void channel_ready(void)
{
    ck_assert_int_eq(weft_channel_create(sizeof(int), 0, &channel), 0);
    ck_assert_int_eq(weft_channel_create(sizeof(int), 0, &other), 0);
}

static void channel_over(void)
{
    weft_channel_destroy(channel);
    weft_channel_destroy(other);
}

static void channel_receive(int number)
{
    int element;
    ck_assert_int_eq(weft_channel_receive(channel, &element), 0);
    serve(number);
}

static void channel_select(int number)
{
    int element;
    weft_case cases[] = { weft_case_receive(other, &element),
                          weft_case_receive(channel, &element) };
    ck_assert_int_eq(weft_select(cases, 2), 1);
    serve(number);
}

static void channel_give(void)
{
    int element = 0;
    ck_assert_int_eq(weft_channel_try_send(channel, &element), 0);
}

static void channel_send(int number)
{
    ck_assert_int_eq(weft_channel_send(channel, &number), 0);
}

static void channel_take(void)
{
    int number;
    ck_assert_int_eq(weft_channel_try_receive(channel, &number), 0);
    serve(number);
}

static void queue_ready(void)
{
    ck_assert_int_eq(weft_queue_create(sizeof(int), 1, NULL, &queue), 0);
}

static void queue_over(void)
{
    weft_queue_destroy(queue);
}

static void queue_get(int number)
{
    int element;
    ck_assert_int_eq(weft_queue_get(queue, &element), 0);
    serve(number);
}

static void queue_give(void)
{
    int element = 0;
    ck_assert_int_eq(weft_queue_try_put(queue, &element), 0);
}

static void mailbox_ready(void)
{
    int number = -1;
    ck_assert_int_eq(weft_mailbox_create(sizeof(int), 1, &box), 0);
    ck_assert_int_eq(weft_mailbox_try_send(box, &number), 0);
}

static void mailbox_over(void)
{
    weft_mailbox_destroy(box);
}

static void mailbox_send(int number)
{
    ck_assert_int_eq(weft_mailbox_send(box, &number), 0);
}

static void mailbox_take(void)
{
    int number;
    do {
        ck_assert_int_eq(weft_mailbox_try_receive(box, &number), 0);
    } while (number < 0);
    serve(number);
}

static const struct line {
    void (*ready)(void);
    void (*wait)(int number);
    void (*give)(void);
    void (*over)(void);
    bool passed_on; /* who has been served gives */
} lines[] = {
    { sem_ready, sem_wait, sem_give, NULL, true },
    { mutex_ready, mutex_wait, mutex_give, NULL, true },
    { rwlock_ready, rwlock_wait, rwlock_give, NULL, true },
    { limiter_ready, limiter_wait, limiter_give, limiter_over, true },
    { pool_ready, pool_wait, pool_give, pool_over, true },
    { channel_ready, channel_receive, channel_give, channel_over, false },
    { channel_ready, channel_select, channel_give, channel_over, false },
    { channel_ready, channel_send, channel_take, channel_over, false },
    { queue_ready, queue_get, queue_give, queue_over, false },
    { mailbox_ready, mailbox_send, mailbox_take, mailbox_over, false },
};

static const struct line *line;
static weft_scope around[LINE];

/* In a shield: cancelling what is around it wakes it, and it waits on. */
static int stand_in_line(void *unused)
{
    weft_scope shield;
    int number = came++;
    (void)unused;
    weft_scope_enter(&around[number], WEFT_NEVER);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    line->wait(number);
    weft_scope_leave(&shield);
    weft_scope_leave(&around[number]);
    return 0;
}

static void try_line(int stirred)
{
    weft_task *tasks[LINE];
    came = served = 0;
    line->ready();
    for (int i = 0; i < LINE; i++)
        SPAWN(stand_in_line, NULL, &tasks[i]);
    let_others_run();
    ck_assert_int_eq(came, LINE);
    weft_scope_cancel(&around[stirred]);
    let_others_run();
    for (int i = 0; i < LINE; i++) {
        if (i == 0 || !line->passed_on)
            line->give();
        let_others_run();
    }
    for (int i = 0; i < LINE; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < LINE; i++)
        ck_assert_msg(order[i] == i, "line %td, stirred %d: %d is served %dth", line - lines,
                      stirred, order[i], i);
    if (line->over)
        line->over();
}

static int try_all(void *unused)
{
    (void)unused;
    for (line = lines; line < lines + sizeof lines / sizeof *lines; line++) {
        for (int stirred = 0; stirred < LINE; stirred++)
            try_line(stirred);
    }
    return 0;
}

TEST(QUEUE_6_who_is_woken_for_nothing_keeps_the_place)
{
    ck_assert_int_eq(run_in_turn(try_all, NULL), 0);
}

#define LONG_LINE 200000 /* too many for as many steps each */

static struct weft__wait_node stood[LONG_LINE];
static struct weft__wait_list list;

static void enter_all_and_leave(void)
{
    for (int i = 0; i < LONG_LINE; i++)
        weft__wait_list_enter(&list, &stood[i]);
    for (int i = 0; i < LONG_LINE; i++)
        weft__wait_list_remove(&stood[i]);
}

static void leave_in_order(void)
{
    for (int i = 0; i < LONG_LINE; i++) {
        ck_assert_ptr_eq(weft__wait_list_first(&list), &stood[i]);
        weft__wait_list_remove(&stood[i]);
    }
}

TEST(QUEUE_6_many_may_come_again_in_either_order)
{
    enter_all_and_leave();
    for (int i = 0; i < LONG_LINE; i++)
        weft__wait_list_enter(&list, &stood[i]);
    leave_in_order();
    for (int i = LONG_LINE - 1; i >= 0; i--)
        weft__wait_list_enter(&list, &stood[i]);
    leave_in_order();
}
