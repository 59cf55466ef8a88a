/* hook/rwlock.c over the lot. A lost turn is a deadlock. */
#include "base/atomic.h"

/* Broken on purpose: who waits reads `turn` when it has let go of the lock; a writer
 * that gives up tells nobody. */
static enum { NOTHING, LATE_TURN, QUIET_WRITER } mutation;

#include "world.h"

#include "hooks.h"
#include "suite.h"

static int wait_for_turn(_Atomic(uint32_t) *word, uint32_t value, uint32_t bits, int64_t deadline,
                         const char *what)
{
    if (mutation == LATE_TURN)
        value = weft__load(word, relaxed);
    return weft__lot_wait(word, value, bits, deadline, what);
}

static unsigned wake_all(_Atomic(uint32_t) *word, unsigned count, uint32_t bits)
{
    bool gives_up = deadline_of[model_self()] != 0;
    return mutation == QUIET_WRITER && gives_up ? 0 : weft__lot_wake(word, count, bits);
}

#define weft__lot_wait wait_for_turn
#define weft__lot_wake wake_all
#define pthread_rwlock_rdlock model_rdlock
#define pthread_rwlock_wrlock model_wrlock
#define pthread_rwlock_tryrdlock model_tryrdlock
#define pthread_rwlock_trywrlock model_trywrlock
#define pthread_rwlock_timedrdlock model_timedrdlock
#define pthread_rwlock_timedwrlock model_timedwrlock
#define pthread_rwlock_clockrdlock model_clockrdlock
#define pthread_rwlock_clockwrlock model_clockwrlock
#define pthread_rwlock_unlock model_unlock
#include "hook/renew.c"
#include "hook/rwlock.c"

static pthread_rwlock_t rwlock;
static int reading, writing, reads;

static void reset(void)
{
    reset_hooks(WORLD_THREADS);
    reset_lot();
    memset(&rwlock, 0, sizeof rwlock);
    rwlock.__data.__flags = PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
    reading = writing = reads = 0;
    model_name(rwlock);
}

static void read_it(void)
{
    model_assert(model_rdlock(&rwlock) == 0, "rwlock");
    reading++;
    model_assert(writing == 0, "WRITER");
    model_step();
    reading--;
    model_unlock(&rwlock);
}

static void read_as_thread(void)
{
    plain[model_self()] = true;
    read_it();
}

static void write_it(void)
{
    model_assert(model_wrlock(&rwlock) == 0, "rwlock");
    model_assert(writing++ == 0 && reading == 0, "WRITER");
    model_step();
    writing--;
    model_unlock(&rwlock);
}

/* Holds up readers while it waits, as the lock's kind has it. A thread: the model's
 * deadlines come to those that sleep in the kernel. */
static void give_up_writing(void)
{
    struct timespec soon = { 0, 1 };
    plain[model_self()] = true;
    deadline_of[model_self()] = 1;
    if (model_timedwrlock(&rwlock, &soon) != 0)
        return;
    deadline_of[model_self()] = 0;
    model_unlock(&rwlock);
}

static bool somebody_reads(void *unused)
{
    (void)unused;
    return reads > 1;
}

/* Does not let go before another reader has come. */
static void read_together(void)
{
    model_assert(model_rdlock(&rwlock) == 0, "rwlock");
    reads++;
    model_wait(somebody_reads, NULL);
    model_unlock(&rwlock);
}

static void all_is_free(void)
{
    model_assert(inner(&rwlock)->state == 0 && inner(&rwlock)->waiting == 0, "rwlock");
}

static struct model model = { .setup = reset,
                              .body = { write_it, read_it, write_it },
                              .check = all_is_free };

TEST(everybody_has_a_turn)
{
    model_check(&model);
}

TEST(a_thread_and_tasks_too)
{
    model.body[1] = read_as_thread;
    model_check(&model);
}

TEST(a_writer_that_gives_up_lets_readers_go_on)
{
    model.body[0] = model.body[1] = read_together;
    model.body[2] = give_up_writing;
    model_check(&model);
}

/* In a forked child; a thread of the parent's has held the inner lock. */
static void reset_in_child(void)
{
    reset();
    weft__hook_forks = 1;
    renewing.state = 0;
    inner(&rwlock)->lock.state = 1;
}

TEST(FORK_1_a_lock_that_nobody_holds_is_renewed_once)
{
    model.setup = reset_in_child;
    model.preemptions = 2;
    model_check(&model);
}

TEST(the_turn_is_read_under_the_lock)
{
    mutation = LATE_TURN;
    model_check_fails(&model, "deadlock");
}

TEST(a_writer_that_gives_up_has_to_say_so)
{
    mutation = QUIET_WRITER;
    model.body[0] = model.body[1] = read_together;
    model.body[2] = give_up_writing;
    model_check_fails(&model, "deadlock");
}
