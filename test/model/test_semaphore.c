/* sync/semaphore.c: permits against deadlines and cancelling; and the semaphore is gone
 * as soon as the last permit has come. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who waits does not say so; who has given a permit looks at the
 * semaphore once more. */
static enum { NOTHING, NO_FLAG, LOOKS_AGAIN } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "weft/semaphore.h"

static weft_sem sem;

static void wake_and_look(struct weft__waiter *waiter)
{
    weft__wait_wake(waiter);
    if (mutation == LOOKS_AGAIN)
        weft_sem_value(&sem);
}

#define weft__wait_wake wake_and_look
#undef weft__cas
#define weft__cas(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == NO_FLAG || atomic_compare_exchange_strong(p, expected, v))
#include "sync/semaphore.c"

static unsigned permits, posted;
static int inside, users, served, first;

static void reset(void)
{
    world_reset(WORLD_THREADS);
    weft_sem_init(&sem, permits);
    posted = permits;
    inside = served = 0;
    users = 3;
    first = -1;
    model_name(sem);
}

static void post(void)
{
    posted++;
    model_assert(weft_sem_post(&sem) == 0, "SEM-1");
}

static void use(void)
{
    model_assert(++inside <= (int)permits, "SEM-1");
    model_step();
    inside--;
    weft_sem_post(&sem);
}

static void take_and_use(void)
{
    model_assert(weft_sem_wait(&sem) == 0, "SEM-1");
    use();
}

static void use_twice(void)
{
    take_and_use();
    take_and_use();
}

static void use_as_thread(void)
{
    plain[model_self()] = true;
    take_and_use();
}

static void try_to_use(void)
{
    if (weft_sem_trywait(&sem) == 0)
        use();
}

static void all_are_back(void)
{
    model_assert(weft_sem_value(&sem) == permits, "SEM-1");
    model_assert(weft__wait_list_empty(&inner(&sem)->waiters), "QUEUE-2");
}

static struct model using = { .setup = reset,
                              .body = { use_twice, take_and_use },
                              .check = all_are_back };

TEST(SEM_1_two_tasks_and_one_permit)
{
    permits = 1;
    model_check(&using);
}

TEST(SEM_1_a_task_a_plain_thread_and_one_who_tries)
{
    permits = 1;
    using.body[0] = use_as_thread;
    using.body[2] = try_to_use;
    model_check(&using);
}

TEST(SEM_1_three_and_two_permits)
{
    permits = 2;
    using.body[0] = use_as_thread;
    using.body[2] = take_and_use;
    model_check(&using);
}

/* One permit, for one who gives up, or for the next. */
static void take_for_a_while(void)
{
    begin_way();
    posted -= !end_way(weft_sem_wait(&sem));
}

static void take_for_a_while_and_give_back(void)
{
    begin_way();
    if (!end_way(weft_sem_wait(&sem)))
        weft_sem_post(&sem);
}

static void take_and_give_back(void)
{
    model_assert(weft_sem_wait(&sem) == 0, "QUEUE-1");
    weft_sem_post(&sem);
}

static void posted_are_there(void)
{
    model_assert(weft_sem_value(&sem) == posted, "QUEUE-2");
}

static struct model alone = { .setup = reset,
                              .body = { take_for_a_while, post, cut_short },
                              .check = posted_are_there };
static struct model before_another = {
    .setup = reset,
    .body = { take_for_a_while_and_give_back, post, cut_short, take_and_give_back },
    .check = posted_are_there,
    .preemptions = 1,
};

TEST(QUEUE_2_a_permit_is_taken_or_still_there)
{
    check_each_way(&alone);
}

TEST(QUEUE_2_the_next_one_gets_it)
{
    check_each_way(&before_another);
}

/* The second comes when the first is in the list. */
static bool one_waits(void *unused)
{
    (void)unused;
    return inner(&sem)->waiters.count == 1;
}

static bool two_wait(void *unused)
{
    (void)unused;
    return inner(&sem)->waiters.count == 2;
}

static bool one_is_served(void *unused)
{
    (void)unused;
    return served == 1;
}

static void be_served(void)
{
    model_assert(weft_sem_wait(&sem) == 0, "SEM-1");
    served++;
    if (first < 0)
        first = (int)model_self();
}

static void come_second(void)
{
    plain[model_self()] = true;
    model_wait(one_waits, NULL);
    be_served();
}

static void serve_both(void)
{
    model_wait(two_wait, NULL);
    weft_sem_post(&sem);
    model_wait(one_is_served, NULL);
    model_assert(first == 0, "SEM-1");
    weft_sem_post(&sem);
}

static struct model in_order = { .setup = reset, .body = { be_served, come_second, serve_both } };

TEST(SEM_1_permits_go_to_waiters_in_order)
{
    model_check(&in_order);
}

static void take_and_destroy(void)
{
    model_assert(weft_sem_wait(&sem) == 0, "QUEUE-1");
    model_forbid(&sem, sizeof sem); /* QUEUE-4 */
}

static void take_and_destroy_as_thread(void)
{
    plain[model_self()] = true;
    take_and_destroy();
}

/* The giver may find that all have given up. */
static void take_at_last_and_destroy(void)
{
    begin_way();
    if (end_way(weft_sem_wait(&sem)))
        take_and_destroy();
    else
        model_forbid(&sem, sizeof sem);
}

/* The last one out destroys it. */
static void use_and_destroy(void)
{
    plain[2] = true;
    model_assert(weft_sem_wait(&sem) == 0, "SEM-1");
    bool last = --users == 0;
    model_step();
    weft_sem_post(&sem);
    if (last)
        model_forbid(&sem, sizeof sem);
}

static struct model destroying = { .setup = reset, .body = { take_and_destroy, post } };

TEST(QUEUE_4_a_task_destroys_it)
{
    model_check(&destroying);
}

TEST(QUEUE_4_a_plain_thread_destroys_it)
{
    destroying.body[0] = take_and_destroy_as_thread;
    model_check(&destroying);
}

TEST(QUEUE_4_one_who_has_given_up_before_destroys_it)
{
    destroying.body[0] = take_at_last_and_destroy;
    destroying.body[2] = cut_short;
    check_each_way(&destroying);
}

TEST(QUEUE_4_the_last_one_out_destroys_it)
{
    permits = 1;
    destroying.body[0] = destroying.body[1] = destroying.body[2] = use_and_destroy;
    model_check(&destroying);
}

TEST(SEM_1_needs_the_flag)
{
    mutation = NO_FLAG;
    model_check_fails(&destroying, "deadlock");
}

TEST(QUEUE_1_needs_one_hold_of_the_lock)
{
    queue_mutation = NO_QUEUE_1;
    model_check_fails(&destroying, "deadlock");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&alone, "");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    destroying.body[0] = take_and_destroy_as_thread;
    model_check_fails(&destroying, "use after release: sem");
}

TEST(QUEUE_4_needs_the_wake_to_come_last)
{
    mutation = LOOKS_AGAIN;
    model_check_fails(&destroying, "use after release: sem");
}
