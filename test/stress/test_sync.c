/* Tasks and plain threads in random mixes at one primitive each, with deadlines that
 * come at any moment and cancelling from outside: nothing is lost, nobody is let in twice,
 * and in the end nobody is left waiting. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

#define TASKS 12
#define THREADS 4
#define ALL (TASKS + THREADS)

static atomic_int rounds_left;
static _Atomic(weft_scope *) victims[ALL]; /* scopes that may be cancelled; NULL: busy */
static atomic_int cut_short, completed;

/* What one party does again and again, in a scope that may end at any moment. Returns
 * as the call that it makes: 0 or the scope's error. */
static int (*operation)(void);

static void note(int rc)
{
    if (rc == 0)
        atomic_fetch_add(&completed, 1);
    else if (rc == -ETIMEDOUT || rc == -ECANCELED)
        atomic_fetch_add(&cut_short, 1);
    else
        ck_abort_msg("an operation returned %d", rc);
}

/* The scope is shown to the canceller, and taken back before it is left. */
static int in_a_scope(int index)
{
    weft_scope scope;
    uint64_t draw = test_random();
    bool timed = draw % 4 == 0;
    weft_scope_enter(&scope, timed ? weft_now() + (int64_t)(draw >> 8) % 10000 : WEFT_NEVER);
    atomic_store(&victims[index], &scope);
    int rc = operation();
    weft_scope *shown = &scope;
    while (!atomic_compare_exchange_weak(&victims[index], &shown, NULL)) {
        shown = &scope; /* it is being cancelled at this moment */
        weft_yield();
    }
    weft_scope_leave(&scope);
    return rc;
}

static int party(void *index)
{
    while (atomic_fetch_sub(&rounds_left, 1) > 0) {
        bool scoped = test_random() % 2;
        note(scoped ? in_a_scope((int)(intptr_t)index) : operation());
        if (test_random() % 16 == 0)
            weft_yield();
    }
    return 0;
}

static void *party_thread(void *index)
{
    party(index);
    return NULL;
}

static atomic_bool over;

static void *cancel_some(void *unused)
{
    while (!atomic_load(&over)) {
        _Atomic(weft_scope *) *place = &victims[test_random() % ALL];
        weft_scope *scope = atomic_exchange(place, NULL);
        if (scope) {
            weft_scope_cancel(scope);
            atomic_store(place, scope);
        }
        block_for(20000);
    }
    return unused;
}

static int all_parties(void *unused)
{
    weft_task *tasks[TASKS];
    pthread_t threads[THREADS], canceller;
    (void)unused;
    atomic_store(&over, false);
    atomic_store(&cut_short, 0);
    atomic_store(&completed, 0);
    atomic_store(&rounds_left, (int)test_work(40000));
    pthread_create(&canceller, NULL, cancel_some, NULL);
    for (intptr_t i = 0; i < TASKS; i++)
        SPAWN(party, (void *)i, &tasks[i]);
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, party_thread, (void *)(TASKS + i));
    for (int i = 0; i < TASKS; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    pthread_join(canceller, NULL);
    ck_assert_int_gt(atomic_load(&completed), 0);
    return 0;
}

static void run_all(int (*what)(void))
{
    static const unsigned workers[] = { 1, 2, 8 };
    operation = what;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(workers[i], all_parties, NULL), 0);
}

/* What nobody may see more than `limit` of at a time. */
static atomic_int inside;

static void stay(int limit)
{
    int now = atomic_fetch_add(&inside, 1) + 1;
    if (now > limit)
        ck_abort_msg("%d inside where %d may be", now, limit);
    if (test_random() % 4 == 0)
        weft_yield(); /* a task may go on elsewhere */
    atomic_fetch_sub(&inside, 1);
}

static weft_mutex mutex = WEFT_MUTEX_INIT;

static int lock_mutex(void)
{
    int rc = weft_mutex_lock(&mutex);
    if (rc == 0) {
        stay(1);
        ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    }
    return rc;
}

TEST(a_mutex_has_one_holder, .timeout = 120)
{
    weft_mutex_info info;
    run_all(lock_mutex);
    weft_mutex_look(&mutex, &info);
    ck_assert(!info.locked);
    ck_assert_uint_eq(info.waiters, 0);
}

static weft_sem sem = WEFT_SEM_INIT(3);

static int take_permit(void)
{
    int rc = weft_sem_wait(&sem);
    if (rc == 0) {
        stay(3);
        ck_assert_int_eq(weft_sem_post(&sem), 0);
    }
    return rc;
}

TEST(a_semaphore_keeps_its_permits, .timeout = 120)
{
    run_all(take_permit);
    ck_assert_uint_eq(weft_sem_value(&sem), 3);
}

static weft_rwlock rwlock = WEFT_RWLOCK_INIT;
static atomic_int readers;

static int lock_either_way(void)
{
    if (test_random() % 3) {
        int rc = weft_rwlock_rdlock(&rwlock);
        if (rc)
            return rc;
        atomic_fetch_add(&readers, 1);
        if (atomic_load(&inside))
            ck_abort_msg("a reader beside a writer");
        weft_yield();
        atomic_fetch_sub(&readers, 1);
    } else {
        int rc = weft_rwlock_wrlock(&rwlock);
        if (rc)
            return rc;
        if (atomic_load(&readers))
            ck_abort_msg("a writer beside a reader");
        stay(1);
    }
    return weft_rwlock_unlock(&rwlock);
}

TEST(a_read_write_lock_has_readers_or_a_writer, .timeout = 120)
{
    run_all(lock_either_way);
    ck_assert_int_eq(weft_rwlock_trywrlock(&rwlock), 0);
}

static weft_limiter *limiter;

static int borrow(void)
{
    int rc = weft_limiter_borrow(limiter, NULL);
    if (rc == 0) {
        stay(3);
        ck_assert_int_eq(weft_limiter_give_back(limiter, NULL), 0);
    }
    return rc;
}

TEST(a_limiter_keeps_its_tokens, .timeout = 120)
{
    weft_limiter_info info;
    ck_assert_int_eq(weft_limiter_create(3, &limiter), 0);
    run_all(borrow);
    weft_limiter_look(limiter, &info);
    ck_assert_uint_eq(info.borrowed, 0);
    ck_assert_uint_eq(info.waiters, 0);
    weft_limiter_destroy(limiter);
}

/* A pool whose resources are made late, or not at all, and found broken or die while they are
 * lent. */
#define RESOURCES 3

static weft_pool *pool;
static struct resource {
    atomic_bool there, lent;
} resources[2 * RESOURCES]; /* that one is there does not say that it has a slot */
static atomic_int made;

static int dawdle(void)
{
    switch (test_random() % 8) {
    case 0:
        return -EIO;
    case 1:
        return weft_sleep((int64_t)(test_random() % 50000));
    case 2:
        return weft_yield();
    default:
        return 0;
    }
}

static int make_resource(void *unused, void **ret_resource)
{
    struct resource *resource = resources;
    (void)unused;
    int rc = dawdle();
    if (rc)
        return rc;
    while (atomic_exchange(&resource->there, true))
        resource++;
    if (atomic_fetch_add(&made, 1) >= RESOURCES)
        ck_abort_msg("more than %d resources", RESOURCES);
    *ret_resource = resource;
    return 0;
}

static void destroy_resource(void *unused, void *arg)
{
    struct resource *resource = arg;
    (void)unused;
    dawdle();
    if (atomic_load(&resource->lent))
        ck_abort_msg("destroyed while it is lent");
    atomic_fetch_sub(&made, 1);
    if (!atomic_exchange(&resource->there, false))
        ck_abort_msg("destroyed twice");
}

static int check_resource(void *unused, void *resource)
{
    (void)unused;
    if (atomic_load(&((struct resource *)resource)->lent))
        ck_abort_msg("checked while it is lent");
    return dawdle();
}

static int use_resource(void)
{
    struct resource *resource;
    void *got;
    if (test_random() % 64 == 0 && weft_pool_trim(pool) == 0)
        return 0;
    int rc = weft_pool_get(pool, &got);
    if (rc)
        return rc == -EIO ? 0 : rc;
    resource = got;
    if (!atomic_load(&resource->there) || atomic_exchange(&resource->lent, true))
        ck_abort_msg("lent twice, or what is not there");
    stay(RESOURCES);
    atomic_store(&resource->lent, false);
    if (test_random() % 8)
        ck_assert_int_eq(weft_pool_put(pool, resource), 0);
    else
        ck_assert_int_eq(weft_pool_drop(pool, resource), 0);
    return 0;
}

TEST(a_pool_lends_each_resource_to_one, .timeout = 120)
{
    weft_pool_attr attr = { .max = RESOURCES,
                            .min = 1,
                            .make = make_resource,
                            .destroy = destroy_resource,
                            .check = check_resource,
                            .idle_lifetime = WEFT_US(50),
                            .max_lifetime = WEFT_MS(1),
                            .check_after = WEFT_US(5) };
    weft_pool_info info;
    ck_assert_int_eq(weft_pool_create(&attr, &pool), 0);
    run_all(use_resource);
    weft_pool_look(pool, &info);
    ck_assert_uint_eq(info.in_use, 0);
    ck_assert_uint_eq(info.waiters, 0);
    ck_assert_uint_eq(info.made - info.destroyed, info.idle);
    weft_pool_destroy(pool);
    ck_assert_int_eq(made, 0);
}

/* A store with little room. Who would wait for ever for a partner who has done his rounds
 * does not wait. */
static weft_cond not_empty = WEFT_COND_INIT, not_full = WEFT_COND_INIT;
static int stored; /* under the mutex */
static atomic_int put, taken;

static int wait_while(weft_cond *cond, int unwanted)
{
    int rc = 0;
    weft_scope patience;
    weft_scope_enter(&patience, weft_now() + WEFT_US(200));
    while (stored == unwanted && rc == 0)
        rc = weft_cond_wait(cond, &mutex);
    weft_scope_leave(&patience);
    return rc;
}

static int put_or_take(void)
{
    bool puts = test_random() % 2;
    int rc = weft_mutex_lock(&mutex);
    if (rc)
        return rc;
    rc = wait_while(puts ? &not_full : &not_empty, puts ? 2 : 0);
    stay(1); /* locked, whatever it returned */
    if (rc == 0) {
        stored += puts ? 1 : -1;
        atomic_fetch_add(puts ? &put : &taken, 1);
        weft_cond_signal(puts ? &not_empty : &not_full);
    }
    ck_assert_int_eq(weft_mutex_unlock(&mutex), 0);
    return rc;
}

TEST(conditions_are_waited_for_with_the_mutex_locked, .timeout = 120)
{
    run_all(put_or_take);
    ck_assert_int_eq(stored, put - taken);
    ck_assert_int_gt(taken, 0);
}

#define PARTIES 3

static weft_barrier barrier = WEFT_BARRIER_INIT(PARTIES);
static atomic_int leaders, followers;

static int meet(void)
{
    weft_scope patience;
    weft_scope_enter(&patience, weft_now() + WEFT_US(200));
    int rc = weft_barrier_wait(&barrier);
    weft_scope_leave(&patience);
    if (rc >= 0)
        atomic_fetch_add(rc ? &leaders : &followers, 1);
    return rc < 0 ? rc : 0;
}

TEST(a_barrier_lets_all_go_or_nobody, .timeout = 120)
{
    run_all(meet);
    ck_assert_int_gt(leaders, 0);
    ck_assert_int_eq(followers, leaders * (PARTIES - 1));
}

#define ONCES 64

static weft_once onces[ONCES];
static int done[ONCES]; /* by who is at it, alone */

static int do_or_fail(void *arg)
{
    stay(ONCES);
    if (test_random() % 4 == 0)
        return -EIO;
    ++*(int *)arg;
    return 0;
}

static int do_once(void)
{
    size_t i = test_random() % ONCES;
    int rc = weft_call_once(&onces[i], do_or_fail, &done[i]);
    if (rc == 0 && done[i] != 1)
        ck_abort_msg("done %d times", done[i]);
    return rc == -EIO ? 0 : rc;
}

TEST(what_is_to_be_done_once_is_done_once, .timeout = 120)
{
    for (int i = 0; i < ONCES; i++)
        onces[i] = (weft_once)WEFT_ONCE_INIT;
    run_all(do_once);
    for (int i = 0; i < ONCES; i++)
        ck_assert_int_eq(done[i], 1);
}

/* Things that are passed around: each is in one of these places, or somebody's. */
#define THINGS 3

static weft_queue *queues[2];
static weft_mailbox *box;
static weft_sem heap;

/* Nobody else receives from the mailbox meanwhile: then without. */
static int take_from_anywhere(void)
{
    int thing;
    weft_case cases[] = { weft_case_get(queues[0], &thing), weft_case_semaphore(&heap),
                          weft_case_get(queues[1], &thing), weft_case_mailbox(box, &thing) };
    int rc = weft_select(cases, test_random() % 2 ? 4 : 3);
    if (rc == -EBUSY)
        rc = weft_select(cases, 3);
    if (rc >= 0)
        ck_assert_int_eq(cases[rc].result, 0);
    return rc;
}

static void put_anywhere(void)
{
    int thing = 1;
    weft_scope patience;
    weft_case cases[] = { weft_case_put(queues[0], &thing), weft_case_put(queues[1], &thing) };
    if (test_random() % 2 && weft_mailbox_try_send(box, &thing) == 0)
        return;
    weft_scope_enter_shielded(&patience, weft_now() + WEFT_US(100));
    int rc = weft_select(cases, 2);
    weft_scope_leave(&patience);
    if (rc < 0)
        ck_assert_int_eq(weft_sem_post(&heap), 0);
    else
        ck_assert_int_eq(cases[rc].result, 0);
}

static int take_and_put(void)
{
    int rc = take_from_anywhere();
    if (rc < 0)
        return rc;
    stay(THINGS);
    put_anywhere();
    return 0;
}

TEST(select_takes_and_puts_each_thing_once, .timeout = 120)
{
    weft_mailbox_info info;
    ck_assert_int_eq(weft_sem_init(&heap, THINGS), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(weft_queue_create(sizeof(int), 1, NULL, &queues[i]), 0);
    ck_assert_int_eq(weft_mailbox_create(sizeof(int), 1, &box), 0);
    run_all(take_and_put);
    weft_mailbox_look(box, &info);
    ck_assert_uint_eq(weft_sem_value(&heap) + info.count + weft_queue_count(queues[0]) +
                          weft_queue_count(queues[1]),
                      THINGS);
    for (int i = 0; i < 2; i++)
        weft_queue_destroy(queues[i]);
    weft_mailbox_destroy(box);
}

/* What is waited for is on the waiter's stack, and gone when the wait is over. */
struct errand {
    weft_wait_group open;
    weft_event event;
    atomic_int ended;
};

static int run_errand(void *arg)
{
    struct errand *errand = arg;
    if (test_random() % 2)
        weft_yield();
    if (atomic_fetch_add(&errand->ended, 1) == 0)
        weft_event_set(&errand->event);
    else
        ck_assert_int_eq(weft_wait_group_done(&errand->open), 0);
    return 0;
}

static int await_errands(void)
{
    struct errand errand = { .open = WEFT_WAIT_GROUP_INIT, .event = WEFT_EVENT_INIT };
    weft_scope shield;
    weft_wait_group_add(&errand.open, 2);
    for (int i = 0; i < 3; i++)
        SPAWN(run_errand, &errand, NULL);
    int rc = weft_event_wait(&errand.event);
    if (rc == 0)
        rc = weft_wait_group_wait(&errand.open);
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) { /* it was cut short: now for good */
        ck_assert_int_eq(weft_event_wait(&errand.event), 0);
        ck_assert_int_eq(weft_wait_group_wait(&errand.open), 0);
    }
    ck_assert_int_eq(atomic_load(&errand.ended), 3);
    return rc;
}

TEST(what_was_waited_for_may_go_at_once, .timeout = 120)
{
    run_all(await_errands);
}

/* Channels: what was sent is received once, or left. Who would wait for ever for a
 * partner who has done his rounds does not wait. */
static weft_channel *left, *right;
static atomic_llong in, out;
static atomic_uint_least64_t next_number;

static int send_or_receive(void)
{
    int64_t number = (int64_t)atomic_fetch_add(&next_number, 1) + 1, got;
    weft_channel *channel = test_random() % 2 ? left : right;
    bool sends = test_random() % 2;
    weft_scope patience;
    weft_scope_enter(&patience, weft_now() + WEFT_US(200));
    int rc = sends ? weft_channel_send(channel, &number) : weft_channel_receive(channel, &got);
    weft_scope_leave(&patience);
    if (rc == 0)
        atomic_fetch_add(sends ? &in : &out, sends ? number : got);
    return rc;
}

static int select_among_all(void)
{
    int64_t number = (int64_t)atomic_fetch_add(&next_number, 1) + 1, got = 0;
    weft_case cases[] = {
        weft_case_send(left, &number),
        weft_case_receive(right, &got),
        weft_case_receive(left, &got),
        weft_case_send(right, &number),
        weft_case_timer(weft_now() + WEFT_US(200)),
    };
    int chosen = weft_select(cases, 5);
    if (chosen == 0 || chosen == 3)
        atomic_fetch_add(&in, number);
    else if (chosen == 1 || chosen == 2)
        atomic_fetch_add(&out, got);
    return chosen < 0 ? chosen : cases[chosen].result;
}

static int either(void)
{
    return test_random() % 2 ? send_or_receive() : select_among_all();
}

static void exchange(size_t capacity)
{
    int64_t got;
    in = out = 0;
    ck_assert_int_eq(weft_channel_create(sizeof got, capacity, &left), 0);
    ck_assert_int_eq(weft_channel_create(sizeof got, capacity, &right), 0);
    run_all(either);
    while (weft_channel_try_receive(left, &got) == 0 || weft_channel_try_receive(right, &got) == 0)
        out += got;
    ck_assert_int_eq(in, out);
    ck_assert_int_gt(in, 0);
    weft_channel_destroy(left);
    weft_channel_destroy(right);
}

TEST(channels_and_selectors_lose_nothing_without_room, .timeout = 120)
{
    exchange(0);
}

TEST(channels_and_selectors_lose_nothing_with_some, .timeout = 120)
{
    exchange(2);
}
