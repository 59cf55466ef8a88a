/* sync/mutex.c over sync/wait_queue.c: two or three who lock, one of whom may give up. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static uint32_t leans_after = 1u << 30;
#define WEFT__LATCH_LEANS_AFTER leans_after

#include "base/atomic.h"

/* Broken on purpose: who enters the list does not say so; who changes a leaning mutex has not
 * entered its latch. */
static enum { NOTHING, NO_WAITERS, NO_ENTRY } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "waiting.h"

#include "sync/mutex.h"

#define WEFT__MUTEX_WAITERS (mutation == NO_WAITERS ? 0u : 2u)
#define weft__latch_enter(latch, number) (mutation == NO_ENTRY || weft__latch_enter(latch, number))
#include "sync/mutex.c"

static weft_mutex mutex;
static int inside, served, given_up;

static void reset(void)
{
    world_reset(3);
    memset(&mutex, 0, sizeof mutex);
    model_allow(&mutex);
    inside = served = given_up = 0;
    model_name(mutex);
}

static void hold(void)
{
    model_assert(++inside == 1, "LOCK-1");
    model_step();
    inside--;
    served++;
    model_assert(weft_mutex_unlock(&mutex) == 0, "LOCK-1");
}

static void lock_once(void)
{
    model_assert(weft_mutex_lock(&mutex) == 0, "LOCK-1");
    hold();
}

static void lock_as_thread(void)
{
    plain[model_self()] = true;
    lock_once();
}

static void lock_for_a_while(void)
{
    plain[model_self()] = true;
    world_be_patient();
    int rc = weft_mutex_lock(&mutex);
    if (rc == 0)
        hold();
    else
        given_up++;
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static void all_is_free(void)
{
    weft_mutex_info info;
    weft_mutex_look(&mutex, &info);
    model_assert(!info.locked && info.waiters == 0, "LOCK-2");
    model_assert(served + given_up >= 2, "QUEUE-1");
}

static struct model model = { .setup = reset,
                              .body = { lock_twice, lock_once, NULL },
                              .check = all_is_free };

TEST(LOCK_1_to_3_two_tasks)
{
    model_check(&model);
}

TEST(LOCK_1_to_3_a_task_and_a_plain_thread)
{
    model.body[1] = lock_as_thread;
    model_check(&model);
}

TEST(QUEUE_2_one_gives_up)
{
    model.body[1] = lock_for_a_while;
    model.body[2] = lock_once;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

/* It leans after each turn of a task's for which nobody waits. */
TEST(LOCK_5_while_the_latch_leans)
{
    leans_after = 1;
    model_check(&model);
    model.body[1] = lock_twice;
    model_check(&model);
    model.body[1] = lock_as_thread;
    model_check(&model);
    model.body[1] = lock_for_a_while;
    model.body[2] = lock_once;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

/* Who has got it from who was inside, and nobody else knows of it, may destroy it: LOCK-4. */
static void lock_and_destroy(void)
{
    model_assert(weft_mutex_lock(&mutex) == 0, "LOCK-1");
    bool last = served == 2;
    hold();
    if (last)
        model_forbid(&mutex, sizeof mutex);
}

static void lock_twice_or_destroy(void)
{
    lock_and_destroy();
    lock_and_destroy();
}

TEST(LOCK_4_holds_while_the_latch_leans)
{
    leans_after = 1;
    model.body[0] = lock_twice_or_destroy;
    model.body[1] = lock_and_destroy;
    model.check = NULL;
    model.preemptions = 3;
    model_check(&model);
}

TEST(LOCK_5_needs_the_entry)
{
    leans_after = 1;
    mutation = NO_ENTRY;
    model_check_fails(&model, ""); /* two inside, or a waiter whom nobody sees */
}

TEST(QUEUE_2_needs_the_next_waiter)
{
    queue_mutation = NO_QUEUE_2;
    model.body[1] = lock_for_a_while;
    model.body[2] = lock_once;
    model_check_fails(&model, "");
}

TEST(LOCK_2_needs_the_flag)
{
    mutation = NO_WAITERS;
    model_check_fails(&model, "");
}
