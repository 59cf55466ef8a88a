/* sync/cond.c over sync/mutex.c: signals against waiters, one of whom gives up. A lost
 * signal is a deadlock. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who waits lets go of the mutex before it enters the list. */
static enum { NOTHING, LATE } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "sync/mutex.c"

static weft_mutex mutex;
static weft_cond cond;

static void append(struct weft__wait_list *list, struct weft__wait_node *node);
static int let_go(struct weft__mutex *held, uint32_t *ret_depth);

#define inner inner_cond
#define wait_once wait_for_signal
#define weft__wait_list_enter append
#define weft__mutex_let_go let_go
#include "sync/cond.c"
#undef inner
#undef wait_once
#undef weft__wait_list_enter
#undef weft__mutex_let_go

static struct weft__wait_node *late[WORLD_THREADS];

static void append(struct weft__wait_list *list, struct weft__wait_node *node)
{
    if (mutation == LATE)
        late[model_self()] = node;
    else
        weft__wait_list_enter(list, node);
}

static int let_go(struct weft__mutex *held, uint32_t *ret_depth)
{
    int rc = weft__mutex_let_go(held, ret_depth);
    if (late[model_self()]) {
        weft__latch_acquire(&inner_cond(&cond)->lock);
        weft__wait_list_enter(&inner_cond(&cond)->waiters, late[model_self()]);
        weft__latch_release(&inner_cond(&cond)->lock);
    }
    return rc;
}

static int items, inside;

static void reset(void)
{
    world_reset(WORLD_THREADS);
    memset(&mutex, 0, sizeof mutex);
    memset(&cond, 0, sizeof cond);
    memset(late, 0, sizeof late);
    items = inside = 0;
    model_name(mutex);
    model_name(cond);
}

static void lock(void)
{
    model_assert(weft_mutex_lock(&mutex) == 0, "LOCK-1");
    model_assert(++inside == 1, "LOCK-1");
}

static void unlock(void)
{
    inside--;
    model_assert(weft_mutex_unlock(&mutex) == 0, "LOCK-1");
}

static int wait_for_item(void)
{
    int rc = 0;
    while (items == 0 && rc == 0) {
        inside--;
        rc = weft_cond_wait(&cond, &mutex);
        model_assert(++inside == 1, "LOCK-1"); /* also when it is cut short */
    }
    return rc;
}

static void put(void)
{
    lock();
    items++;
    unlock();
    weft_cond_signal(&cond);
}

static void put_for_all(void)
{
    lock();
    items += 2;
    weft_cond_broadcast(&cond);
    unlock();
}

static void get(void)
{
    lock();
    model_assert(wait_for_item() == 0, "cond");
    items--;
    unlock();
}

static void get_as_thread(void)
{
    plain[model_self()] = true;
    get();
}

/* The item is for it, or for the other one. */
static void get_for_a_while_and_put_back(void)
{
    begin_way();
    int rc = weft_mutex_lock(&mutex);
    if (rc == 0) {
        inside++;
        rc = wait_for_item();
        items -= rc == 0;
        unlock();
    }
    if (!end_way(rc))
        put();
}

static void get_and_put_back(void)
{
    get();
    put();
}

static void all_is_free(void)
{
    weft_mutex_info info;
    weft_mutex_look(&mutex, &info);
    model_assert(!info.locked && info.waiters == 0, "LOCK-2");
    model_assert(weft__wait_list_empty(&inner_cond(&cond)->waiters), "QUEUE-2");
}

static struct model model = { .setup = reset, .body = { get, put }, .check = all_is_free };

TEST(a_signal_is_not_lost)
{
    model_check(&model);
}

TEST(a_signal_for_a_plain_thread_is_not_lost)
{
    model.body[0] = get_as_thread;
    model_check(&model);
}

TEST(a_broadcast_reaches_a_task_and_a_thread)
{
    model.body[1] = put_for_all;
    model.body[2] = get_as_thread;
    model_check(&model);
}

static struct model giving_up = { .setup = reset,
                                  .body = { get_for_a_while_and_put_back, put, cut_short,
                                            get_and_put_back },
                                  .check = all_is_free,
                                  .preemptions = 1 };

TEST(QUEUE_2_one_gives_up_and_the_signal_goes_to_the_next)
{
    check_each_way(&giving_up);
}

TEST(a_waiter_has_to_be_in_the_list_before_it_unlocks)
{
    mutation = LATE;
    model_check_fails(&model, "deadlock");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "");
}
