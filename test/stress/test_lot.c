/* Locks made of words and the lot, in the hands of tasks and plain threads, with
 * deadlines that come at the worst moment: no wake is lost, nobody is inside twice. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>

#include "hook/lot.h"
#include "tasks.h"
#include "time/clock.h"

#define TASKS 40
#define THREADS 3
#define WORDS 3 /* some of the lot's buckets will be shared with others */

static struct {
    _Atomic(uint32_t) word; /* 0 free, 1 held, 2 held and somebody may wait */
    uint64_t count;         /* under it */
} locks[WORDS];
static _Atomic(uint64_t) taken, late;
static uint64_t rounds;

/* Returns false when the deadline came first. */
static bool lock(_Atomic(uint32_t) *word, int64_t deadline)
{
    uint32_t free = 0;
    if (weft__cas(word, &free, 1, acquire, relaxed))
        return true;
    while (weft__exchange(word, 2, acquire) != 0) {
        if (weft__lot_wait(word, 2, WEFT__LOT_ANY, deadline, "test") == ETIMEDOUT)
            return false;
    }
    return true;
}

static void unlock(_Atomic(uint32_t) *word)
{
    if (weft__exchange(word, 0, seq_cst) == 2)
        weft__lot_wake(word, 1, WEFT__LOT_ANY);
}

static void hammer(void)
{
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t random = test_random();
        _Atomic(uint32_t) *word = &locks[random % WORDS].word;
        int64_t deadline = random & 64 ? WEFT_NEVER : weft__clock_now() + (int64_t)(random >> 48);
        if (!lock(word, deadline)) {
            weft__add(&late, 1, relaxed);
            continue;
        }
        locks[random % WORDS].count++;
        if ((random & 0x700) == 0)
            weft_yield();
        weft__add(&taken, 1, relaxed);
        unlock(word);
    }
}

static int hammer_task(void *unused)
{
    (void)unused;
    hammer();
    return 0;
}

static void *hammer_thread(void *unused)
{
    hammer();
    return unused;
}

static int hammer_all(void *unused)
{
    weft_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        SPAWN(hammer_task, NULL, &tasks[i]);
    for (int i = 0; i < TASKS; i++)
        JOIN(tasks[i], 0);
    return unused != NULL;
}

TEST(no_wake_is_lost, .timeout = 120)
{
    pthread_t threads[THREADS];
    rounds = test_work(5000);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hammer_thread, NULL);
    ck_assert_int_eq(run_tasks(0, hammer_all, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    uint64_t count = 0;
    for (int i = 0; i < WORDS; i++)
        count += locks[i].count;
    ck_assert_uint_eq(count, taken);
    ck_assert_uint_eq(taken + late, rounds * (TASKS + THREADS));
}
