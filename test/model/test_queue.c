/* sync/queue.c: elements against deadlines and shutting down; and the queue is gone as
 * soon as a join is over. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: a getter who has given up gets an element all the same; who joins
 * looks without the lock. */
static enum { NOTHING, NO_CLAIM, NO_LOCK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "sched/wait.c"
#include "sched/wakes.c"

static bool claim(struct weft__waiter *waiter, uint64_t ticket, enum weft__wait_state reason)
{
    return weft__wait_claim(waiter, ticket, reason) || mutation == NO_CLAIM;
}

#define weft__wait_claim claim
#include "sync/wait_queue.c"
#undef weft__wait_claim

/* After the claim the element is still to be copied. What is in a queue is not from
 * malloc() here. */
#define memcpy(to, from, size) (model_step(), memcpy(to, from, size))
#define free(memory) ((void)(memory))
#include "sync/channel.c"
#include "sync/heap.c"
#include "sync/queue.c"
#undef memcpy
#undef free

static struct weft_queue queue;
static uint64_t ring[2];
static int put_in, got, dropped; /* sums */

static void note_drop(void *element)
{
    dropped += (int)*(uint64_t *)element;
}

static void reset(void)
{
    world_reset(4);
    memset(&queue, 0, sizeof queue);
    model_allow(&queue);
    queue.channel.size = sizeof *ring;
    queue.channel.ring = (char *)ring;
    queue.channel.room = 1;
    queue.order = &orders[WEFT_QUEUE_FIFO];
    queue.drop = note_drop;
    put_in = got = dropped = 0;
    model_name(queue);
}

static void put_two(void)
{
    for (uint64_t n = 1; n <= 2; n++) {
        int rc = weft_queue_put(&queue, &n);
        model_assert(rc == 0 || rc == -EPIPE || rc == -ETIMEDOUT, "CHAN-2");
        put_in += rc == 0 ? (int)n : 0;
    }
}

static void put_two_and_end(void)
{
    put_two();
    weft_queue_shutdown(&queue, false);
}

static void put_two_for_a_while(void)
{
    plain[model_self()] = true;
    world_be_patient();
    put_two_and_end();
}

/* What get() returned, and being done with it. */
static int get_one(void)
{
    uint64_t element = 99;
    int rc = weft_queue_get(&queue, &element);
    model_assert(rc == 0 || rc == -EPIPE || rc == -ETIMEDOUT, "CHAN-2");
    if (rc == 0) {
        model_assert(element == 1 || element == 2, "CHAN-2");
        got += (int)element;
        model_assert(weft_queue_task_done(&queue) == 0, "DONE-1");
    }
    return rc;
}

static void get_all(void)
{
    while (get_one() != -EPIPE)
        ;
}

static void get_one_for_a_while(void)
{
    plain[model_self()] = true;
    world_be_patient();
    get_one();
}

static void shut_down_at_once(void)
{
    weft_queue_shutdown(&queue, true);
}

static void join(void)
{
    model_assert(weft_queue_join(&queue) == 0, "DONE-2");
}

static void nothing_is_lost(void)
{
    model_assert(put_in == got + dropped, "CHAN-2");
    model_assert(all_done(&queue), "DONE-1");
    model_assert(queue.channel.receivers.count == 0 && queue.channel.senders.count == 0 &&
                     queue.joiners.count == 0,
                 "CHAN-1");
}

static void all_was_got(void)
{
    model_assert(put_in == 3 && dropped == 0, "CHAN-2");
    nothing_is_lost();
}

static struct model model = { .setup = reset,
                              .body = { put_two_and_end, get_all },
                              .check = all_was_got };

TEST(a_queue_is_drained)
{
    model_check(&model);
}

TEST(who_gives_up_putting_has_not_put)
{
    model.body[0] = put_two_for_a_while;
    model.check = nothing_is_lost;
    model_check(&model);
}

TEST(who_gives_up_getting_has_not_got)
{
    model.body[2] = get_one_for_a_while;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

TEST(QUEUE_2_needs_the_claim)
{
    mutation = NO_CLAIM;
    model.body[2] = get_one_for_a_while;
    model_check_fails(&model, "");
}

TEST(DONE_1_and_4_shutting_down_at_once)
{
    model.body[0] = put_two;
    model.body[2] = shut_down_at_once;
    model.check = nothing_is_lost;
    model_check(&model);
}

/* Somebody joins while elements are put, got and dropped. */
static void put_two_and_join(void)
{
    put_two();
    join();
}

TEST(DONE_2_dropping_wakes_who_joins)
{
    model.body[0] = put_two_and_join;
    model.body[1] = get_one_for_a_while;
    model.body[2] = shut_down_at_once;
    model.check = nothing_is_lost;
    model.random = 20000;
    model_check(&model);
}

/* DONE-3 */
static void put_join_and_destroy(void)
{
    uint64_t n = 1;
    model_assert(weft_queue_put(&queue, &n) == 0, "CHAN-1");
    if (mutation != NO_LOCK || !all_done(&queue))
        join();
    model_forbid(&queue, sizeof queue);
}

static void put_join_and_destroy_as_thread(void)
{
    plain[model_self()] = true;
    put_join_and_destroy();
}

static void get_one_for_good(void)
{
    model_assert(get_one() == 0, "DONE-1");
}

static struct model joining = { .setup = reset,
                                .body = { put_join_and_destroy, get_one_for_good } };

TEST(DONE_2_and_3_a_task_joins)
{
    model_check(&joining);
}

TEST(DONE_2_and_3_a_plain_thread_joins)
{
    joining.body[0] = put_join_and_destroy_as_thread;
    model_check(&joining);
}

TEST(DONE_3_needs_the_lock)
{
    mutation = NO_LOCK;
    model_check_fails(&joining, "queue");
}
