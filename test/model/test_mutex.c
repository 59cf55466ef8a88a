/* hook/mutex.c and cond.c over the lot: tasks, and threads that sleep in libc's own
 * mutex, all with the same one. A lost wake is a deadlock. */
#include "base/atomic.h"

/* Broken on purpose: a task that is woken is not told of others that wait, in the list
 * or in the kernel; a signalled task is put into the list of a mutex that is free. */
static enum { NOTHING, NO_OUTSIDE, NO_MORE, QUEUE_FREE } mutation;

#include "world.h"

#include "hooks.h"
#include "suite.h"

#define weft__lot_outside(bucket) (mutation != NO_OUTSIDE && weft__lot_outside(bucket))
#define weft__lot_take(bucket, address, bits, handed, node) \
    take(weft__lot_take(bucket, address, bits, handed, node), node)

static struct weft__waiter *take(struct weft__waiter *waiter, struct weft__lot_node **node)
{
    if (waiter && mutation == NO_MORE)
        (*node)->more = false;
    return waiter;
}

#define pthread_mutex_lock model_lock
#define pthread_mutex_trylock model_trylock
#define pthread_mutex_timedlock model_timedlock
#define pthread_mutex_clocklock model_clocklock
#define pthread_mutex_unlock model_unlock
#include "hook/mutex.c"

static bool queue_task(pthread_mutex_t *mutex, struct weft__lot_node *node)
{
    bool held = weft__mutex_queue(mutex, node);
    if (held || mutation != QUEUE_FREE)
        return held;
    struct weft__bucket *bucket = weft__lot_bucket(word_of(mutex));
    weft__lot_enter(bucket);
    weft__lot_append_claimed(bucket, node, word_of(mutex), "mutex");
    weft__lock_release(&bucket->lock);
    return true;
}

#include "hook/limit.h"

/* Nobody has a scope here: test_cancel.c, ../hook/scoped_waits.c. */
int weft__lot_park_in_scope(struct weft__bucket *bucket, struct weft__lot_node *node,
                            int64_t deadline)
{
    return weft__lot_park(bucket, node, deadline) ? 0 : ETIMEDOUT;
}

void weft__pass(struct weft_task *self)
{
    (void)self;
    model_step();
}

#define weft__mutex_queue queue_task
#define pthread_cond_wait model_cond_wait
#define pthread_cond_timedwait model_cond_timedwait
#define pthread_cond_clockwait model_cond_clockwait
#define pthread_cond_signal model_cond_signal
#define pthread_cond_broadcast model_cond_broadcast
#include "hook/cond.c"

static pthread_mutex_t mutex;
static pthread_cond_t cond;
static int inside;
static bool ready; /* under the mutex */

/* libc's own, as far as it matters. */
static int libc_lock(pthread_mutex_t *m)
{
    uint32_t free = 0;
    if (weft__cas(word_of(m), &free, 1, acquire, relaxed))
        return 0;
    while (weft__exchange(word_of(m), 2, acquire) != 0)
        model_futex_wait(word_of(m), 2, false);
    return 0;
}

static int libc_unlock(pthread_mutex_t *m)
{
    if (weft__exchange(word_of(m), 0, release) > 1)
        model_futex_wake(word_of(m), 1);
    return 0;
}

static int nobody_waits_in_libc(pthread_cond_t *c)
{
    (void)c;
    return 0;
}

static void nobody_is_cancelled(void)
{
}

static void reset(void)
{
    reset_hooks(WORLD_THREADS);
    reset_lot();
    memset(&mutex, 0, sizeof mutex);
    memset(&cond, 0, sizeof cond);
    inside = 0;
    ready = false;
    weft__real_pthread_mutex_lock = libc_lock;
    weft__real_pthread_mutex_unlock = libc_unlock;
    weft__real_pthread_cond_signal = weft__real_pthread_cond_broadcast = nobody_waits_in_libc;
    weft__real_pthread_testcancel = nobody_is_cancelled;
    model_name(mutex);
    model_name(cond);
}

static void use_mutex(void)
{
    model_assert(model_lock(&mutex) == 0, "MUTEX");
    model_assert(inside++ == 0, "MUTEX-1");
    model_step();
    inside--;
    model_assert(model_unlock(&mutex) == 0, "MUTEX");
}

static void use_mutex_as_thread(void)
{
    plain[model_self()] = true;
    use_mutex();
}

static void mutex_is_free(void)
{
    model_assert(*word_of(&mutex) == 0, "MUTEX-1");
    model_assert(weft__lot_bucket(word_of(&mutex))->waiting == 0, "LOT-3");
}

static struct model model = { .setup = reset,
                              .body = { use_mutex, use_mutex, use_mutex },
                              .check = mutex_is_free };

TEST(MUTEX_1_and_2_tasks_lose_no_wake)
{
    model_check(&model);
}

TEST(MUTEX_2_nor_does_a_thread_beside_tasks)
{
    model.body[2] = use_mutex_as_thread;
    model_check(&model);
}

TEST(MUTEX_2_nor_do_two_threads_beside_a_task)
{
    model.body[1] = model.body[2] = use_mutex_as_thread;
    model_check(&model);
}

TEST(MUTEX_2_needs_to_know_who_else_is_in_the_list)
{
    mutation = NO_MORE;
    model_check_fails(&model, "deadlock");
}

TEST(MUTEX_2_needs_to_know_who_sleeps_in_the_kernel)
{
    mutation = NO_OUTSIDE;
    model.body[2] = use_mutex_as_thread;
    model_check_fails(&model, "deadlock");
}

static void await_ready(void)
{
    model_lock(&mutex);
    while (!ready)
        model_cond_wait(&cond, &mutex);
    model_unlock(&mutex);
}

static void await_ready_as_thread(void)
{
    plain[model_self()] = true;
    await_ready();
}

static void make_ready(void)
{
    model_lock(&mutex);
    ready = true;
    model_unlock(&mutex);
    model_cond_signal(&cond);
}

static void make_all_ready(void)
{
    model_lock(&mutex);
    ready = true;
    model_cond_broadcast(&cond);
    model_unlock(&mutex);
}

TEST(COND_1_and_2_no_signal_is_lost)
{
    model.body[0] = await_ready;
    model.body[1] = make_ready;
    model_check(&model);
}

TEST(COND_2_a_broadcast_reaches_a_task_and_a_thread)
{
    model.body[0] = await_ready;
    model.body[1] = await_ready_as_thread;
    model.body[2] = make_all_ready;
    model_check(&model);
}

TEST(COND_2_needs_to_know_whether_the_mutex_is_free)
{
    mutation = QUEUE_FREE;
    model.body[0] = await_ready;
    model.body[1] = make_ready;
    model.body[2] = NULL;
    model_check_fails(&model, "deadlock");
}
