/* sync/rwlock.c: readers and writers, one of whom may give up; and the lock is gone as soon
 * as the last one has unlocked it. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who waits does not say so; who gives up takes it that nobody else
 * waits. */
static enum { NOTHING, NO_FLAG, NO_GRANT } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "sync/mutex.h"

uint64_t weft__mutex_self(void)
{
    return (uint64_t)1 << 63;
}

static bool gave_up[WORLD_THREADS];
static int in_line; /* have stood there so far */

static int wait_and_note(struct weft__latch *lock, struct weft__wait_list *list,
                         struct weft__wait_node *node, bool waits)
{
    in_line += waits && node->number == 0;
    int rc = wait_or_let_go(lock, list, node, waits);
    gave_up[model_self()] = rc != 0;
    return rc;
}

static struct weft__wait_node *first_of(const struct weft__wait_list *list)
{
    bool blind = mutation == NO_GRANT && gave_up[model_self()];
    return blind ? NULL : weft__wait_list_first(list);
}

#undef weft__wait_node_wait
#define weft__wait_node_wait wait_and_note
#define weft__wait_list_first first_of
#undef weft__cas_weak
#define weft__cas_weak(p, expected, v, success, failure) \
    (weft__model_rmw(p), \
     atomic_compare_exchange_strong(p, expected, mutation == NO_FLAG ? (v) & ~WAITERS : (v)))
#include "sync/rwlock.c"

static weft_rwlock rwlock;
static int reading, writing, readers, left;

static int users; /* of those who destroy it */

static void reset(void)
{
    world_reset(WORLD_THREADS);
    weft_rwlock_init(&rwlock);
    memset(gave_up, 0, sizeof gave_up);
    reading = writing = readers = in_line = 0;
    left = users;
    model_name(rwlock);
}

static void hold_as_reader(void)
{
    reading++;
    model_assert(writing == 0, "RW-1");
    model_step();
    reading--;
    model_assert(weft_rwlock_unlock(&rwlock) == 0, "RW-1");
}

static void hold_as_writer(void)
{
    model_assert(writing++ == 0 && reading == 0, "RW-1");
    model_step();
    writing--;
    model_assert(weft_rwlock_unlock(&rwlock) == 0, "RW-1");
}

static void read_it(void)
{
    model_assert(weft_rwlock_rdlock(&rwlock) == 0, "RW-2");
    hold_as_reader();
}

static void write_it(void)
{
    model_assert(weft_rwlock_wrlock(&rwlock) == 0, "RW-2");
    hold_as_writer();
}

static void read_as_thread(void)
{
    plain[model_self()] = true;
    read_it();
}

static void write_as_thread(void)
{
    plain[model_self()] = true;
    write_it();
}

static void try_to_read(void)
{
    if (weft_rwlock_tryrdlock(&rwlock) == 0)
        hold_as_reader();
}

static void write_for_a_while(void)
{
    begin_way();
    if (!end_way(weft_rwlock_wrlock(&rwlock)))
        hold_as_writer();
}

static void read_for_a_while(void)
{
    begin_way();
    if (!end_way(weft_rwlock_rdlock(&rwlock)))
        hold_as_reader();
}

static void all_is_free(void)
{
    model_assert(inner(&rwlock)->state == 0, "RW-1");
    model_assert(weft__wait_list_empty(&inner(&rwlock)->waiters), "RW-2");
}

static struct model model = { .setup = reset,
                              .body = { write_it, read_it, write_it },
                              .check = all_is_free };

TEST(RW_1_and_2_writers_and_a_reader)
{
    model_check(&model);
}

TEST(RW_1_and_2_readers_and_a_writer_that_is_a_thread)
{
    model.body[0] = write_as_thread;
    model.body[2] = read_it;
    model_check(&model);
}

TEST(RW_1_and_2_readers_that_are_threads_or_only_try)
{
    model.body[1] = read_as_thread;
    model.body[2] = try_to_read;
    model_check(&model);
}

/* While one reader unlocks, a writer gives up, and another reader comes: who has seen
 * WAITERS finds it gone. */
static struct model giving_up = { .setup = reset,
                                  .body = { write_for_a_while, read_it, cut_short, read_it },
                                  .check = all_is_free,
                                  .preemptions = 1,
                                  .random = 10000 };

TEST(RW_2_a_writer_gives_up_beside_readers)
{
    check_each_way(&giving_up);
}

TEST(RW_2_a_writer_gives_up_beside_a_writer_and_one_who_tries)
{
    giving_up.body[1] = write_it;
    giving_up.body[3] = try_to_read;
    check_each_way(&giving_up);
}

TEST(RW_2_a_reader_gives_up_beside_writers)
{
    giving_up.body[0] = read_for_a_while;
    giving_up.body[1] = write_as_thread;
    giving_up.body[3] = write_it;
    check_each_way(&giving_up);
}

static bool both_read(void *unused)
{
    (void)unused;
    return readers == 2;
}

/* Does not let go before another reader has come. */
static void read_together(void)
{
    model_assert(weft_rwlock_rdlock(&rwlock) == 0, "RW-2");
    readers++;
    model_wait(both_read, NULL);
    hold_as_reader();
}

static struct model in_the_way = { .setup = reset,
                                   .body = { write_for_a_while, read_together, cut_short,
                                             read_together },
                                   .check = all_is_free,
                                   .preemptions = 1 };

TEST(RW_3_a_writer_that_gives_up_lets_readers_go_on)
{
    check_each_cut(&in_the_way);
}

/* Two readers are in line before a writer, one of whom is woken for nothing: he may come
 * again after the other was given the lock. */
static void reset_locked(void)
{
    reset();
    weft_rwlock_trywrlock(&rwlock);
}

static bool as_many_in_line(void *count)
{
    return in_line == *(int *)count;
}

static void unlock_for_three(void)
{
    int all = 3;
    model_wait(as_many_in_line, &all);
    model_assert(weft_rwlock_unlock(&rwlock) == 0, "RW-1");
}

static void stir_and_write(void)
{
    int readers_only = 2;
    cut_short();
    model_wait(as_many_in_line, &readers_only);
    write_it();
}

static void read_together_though_stirred(void)
{
    begin_way();
    model_assert(!end_way(weft_rwlock_rdlock(&rwlock)), "CANCEL-3");
    readers++;
    model_wait(both_read, NULL);
    hold_as_reader();
}

static struct model again = { .setup = reset_locked,
                              .body = { read_together_though_stirred, unlock_for_three,
                                        stir_and_write, read_together },
                              .check = all_is_free,
                              .preemptions = 1 };

TEST(RW_3_a_reader_that_comes_again_as_the_first_joins_the_others)
{
    way = TASK_STIRRED;
    model_check(&again);
}

/* The last one out destroys it. */
static void write_and_destroy(void)
{
    model_assert(weft_rwlock_wrlock(&rwlock) == 0, "RW-2");
    bool last = --left == 0;
    hold_as_writer();
    if (last)
        model_forbid(&rwlock, sizeof rwlock);
}

static void write_and_destroy_as_thread(void)
{
    plain[model_self()] = true;
    write_and_destroy();
}

static struct model destroying = { .setup = reset,
                                   .body = { write_and_destroy, write_and_destroy },
                                   .preemptions = 1 };

TEST(QUEUE_4_the_last_one_out_destroys_it)
{
    users = 3;
    destroying.body[2] = write_and_destroy_as_thread;
    model_check(&destroying);
}

/* The one who unlocks may find that all have given up. */
static void unlock(void)
{
    model_assert(weft_rwlock_unlock(&rwlock) == 0, "RW-1");
}

static void write_at_last_and_destroy(void)
{
    begin_way();
    if (end_way(weft_rwlock_wrlock(&rwlock)))
        write_it();
    else
        hold_as_writer();
    model_forbid(&rwlock, sizeof rwlock);
}

TEST(QUEUE_4_one_who_has_given_up_before_destroys_it)
{
    destroying.setup = reset_locked;
    destroying.body[0] = write_at_last_and_destroy;
    destroying.body[1] = unlock;
    destroying.body[2] = cut_short;
    check_each_way(&destroying);
}

TEST(RW_2_needs_the_flag)
{
    mutation = NO_FLAG;
    model_check_fails(&model, "deadlock");
}

TEST(RW_3_needs_who_gives_up_to_grant)
{
    mutation = NO_GRANT;
    way = TASK_CANCELLED;
    model_check_fails(&in_the_way, "deadlock");
}

TEST(QUEUE_1_needs_one_hold_of_the_lock)
{
    queue_mutation = NO_QUEUE_1;
    model_check_fails(&model, "");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    users = 2;
    destroying.preemptions = 2;
    destroying.body[1] = write_and_destroy_as_thread;
    model_check_fails(&destroying, "use after release: rwlock");
}

TEST(QUEUE_4_needs_the_wakes_to_come_last)
{
    queue_mutation = NO_QUEUE_4;
    users = 2;
    model_check_fails(&destroying, "use after release: rwlock");
}
