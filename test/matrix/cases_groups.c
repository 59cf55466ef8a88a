/* Groups: spawning into one that is full, starting a task in one, and waiting for one's
 * end. The event is a byte, for the task that is in there. */
#include "bytes.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define VALUE 42

/* Spawning. The group is around what is cancelled. */

static void arm_full(struct stage *stage)
{
    atomic_store(&stage->count, 0);
    weft_group_enter(&stage->group, WEFT_NEVER);
    weft_group_set_limit(&stage->group, 1);
    ck_assert_int_eq(weft_group_spawn(&stage->group, ends_by_byte, stage), 0);
}

static int count(void *arg)
{
    struct stage *stage = arg;
    atomic_fetch_add(&stage->count, 1);
    return 0;
}

WEFT_TASK(count_with, struct stage *, stage, int, by)
{
    atomic_fetch_add(&stage->count, by);
    return 0;
}

static long call_spawn(struct stage *stage)
{
    return weft_group_spawn(&stage->group, count, stage);
}

static long call_spawn_args(struct stage *stage)
{
    return weft_group_spawn_args(&stage->group, count_with, stage, 1);
}

static void settle_full(struct stage *stage, long rc)
{
    ck_assert_int_eq(weft_group_leave(&stage->group), 0);
    int ran = atomic_load(&stage->count);
    EXPECT(stage, ran == (rc == 0), "it returned %ld, and %d tasks ran", rc, ran);
}

#define SPAWNING(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_pair, \
                                               .arm = arm_full, \
                                               .call = call_, \
                                               .event = send_byte, \
                                               .settle = settle_full, \
                                               .close = close_pair, \
                                               .tasks = true }

SPAWNING(weft_group_spawn_at, call_spawn);
SPAWNING(weft_group_spawn_copy, call_spawn_args);

/* Starting. */

static void arm_start(struct stage *stage)
{
    weft_group_enter(&stage->group, WEFT_NEVER);
}

static int starts_by_byte(void *arg)
{
    int rc = ends_by_byte(arg);
    if (rc < 0)
        return rc;
    weft_started(VALUE);
    return weft_sleep(WEFT_S(1000));
}

static long call_start(struct stage *stage)
{
    intptr_t value = 0;
    int rc = weft_group_start(&stage->group, starts_by_byte, stage, &value);
    EXPECT(stage, rc < 0 || value == VALUE, "it says %ld", (long)value);
    unsigned members = weft_group_count(&stage->group);
    EXPECT(stage, members == (rc == 0), "it returned %d, and %u tasks are there", rc, members);
    return rc;
}

/* The byte may have come to a task that was cancelled then. */
static void settle_start(struct stage *stage, long rc)
{
    (void)rc;
    take_byte(stage);
    weft_group_cancel(&stage->group);
    ck_assert_int_eq(weft_group_leave(&stage->group), 0);
}

const struct operation case_weft_group_start_at = { .name = "weft_group_start_at",
                                                    .open = open_pair,
                                                    .arm = arm_start,
                                                    .call = call_start,
                                                    .event = send_byte,
                                                    .settle = settle_start,
                                                    .close = close_pair,
                                                    .tasks = true,
                                                    .once = true };

/* Waiting for the end. Nothing cuts it short, but the group is inside what is cancelled,
 * and so is its task. */

static void enter(struct stage *stage)
{
    weft_group_enter(&stage->group, WEFT_NEVER);
    ck_assert_int_eq(
        weft_group_spawn_result(&stage->group, ends_by_byte, stage, &stage->results[0]), 0);
}

static long call_leave(struct stage *stage)
{
    return weft_group_leave(&stage->group);
}

static long call_wait(struct stage *stage)
{
    int rc = weft_group_wait(&stage->group);
    EXPECT(stage, weft_group_count(&stage->group) == 0, "not all have ended");
    int left_with = weft_group_leave(&stage->group);
    EXPECT(stage, left_with == rc || rc == 0, "it waited with %d, and left with %d", rc, left_with);
    return rc;
}

/* A task that ended well does not make undone what is in force. */
static void settle_end(struct stage *stage, long rc)
{
    int result = stage->results[0];
    bool left = take_byte(stage);
    EXPECT(stage, (result == RESULT) == !left, "the task returned %d, and a byte is %s", result,
           left ? "left" : "lost");
    EXPECT(stage, result == RESULT || result == rc, "the task returned %d, and it %ld", result, rc);
}

#define ENDING(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_pair, \
                                               .enter = enter, \
                                               .call = call_, \
                                               .event = send_byte, \
                                               .settle = settle_end, \
                                               .close = close_pair, \
                                               .tasks = true, \
                                               .once = true }

ENDING(weft_group_leave, call_leave);
ENDING(weft_group_wait, call_wait);
