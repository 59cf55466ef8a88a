#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

#define ROUNDS 50

static weft_barrier barrier = WEFT_BARRIER_INIT(CROWD);
static atomic_int come[ROUNDS], last[ROUNDS];

static int go_round(void *unused)
{
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        atomic_fetch_add(&come[round], 1);
        int rc = weft_barrier_wait(&barrier);
        ck_assert(rc == 0 || rc == 1);
        atomic_fetch_add(&last[round], rc);
        ck_assert_int_eq(atomic_load(&come[round]), CROWD);
    }
    return 0;
}

static int rounds(void *unused)
{
    struct crowd crowd;
    (void)unused;
    for (int round = 0; round < ROUNDS; round++)
        come[round] = last[round] = 0;
    crowd_start(&crowd, go_round, NULL);
    crowd_join(&crowd);
    for (int round = 0; round < ROUNDS; round++)
        ck_assert_int_eq(atomic_load(&last[round]), 1);
    return 0;
}

TEST(all_wait_for_all)
{
    run_mixed(rounds);
}

static int come_second(void *own)
{
    return weft_barrier_wait(own);
}

static int one_gives_up(void *unused)
{
    weft_barrier own;
    weft_scope scope;
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(weft_barrier_init(&own, 0), -EINVAL);
    ck_assert_int_eq(weft_barrier_init(&own, 2), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(1));
    ck_assert_int_eq(weft_barrier_wait(&own), -ETIMEDOUT);
    weft_scope_leave(&scope);
    SPAWN(come_second, &own, &task); /* is the first, for all that counts */
    int mine = weft_barrier_wait(&own);
    JOIN(task, 1 - mine);
    return 0;
}

TEST(who_gives_up_has_not_come)
{
    run_mixed(one_gives_up);
}
