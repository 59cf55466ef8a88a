/* sync/event.c: setting against waiting; and the event is gone as soon as its wait is
 * over. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: setting under the lock leaves nothing that says so. */
static enum { NOTHING, NO_MARK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "sched/wait.c"
#include "sched/wakes.c"

#include "sync/wait_queue.c"

/* As base/atomic.h has it. */
#undef weft__store
#define weft__store(p, v, order) \
    do { \
        uint32_t model_v_ = mutation == NO_MARK ? (v) & ~WAITERS : (v); \
        model_store((volatile void *)(p), &model_v_, sizeof model_v_, false); \
    } while (0)
#include "sync/event.c"

static weft_event event;
static int payload;

static void reset(void)
{
    world_reset(3);
    memset(&event, 0, sizeof event);
    model_allow(&event);
    payload = 0;
    model_name(event);
}

static void set(void)
{
    payload = 7;
    weft_event_set(&event);
}

static void wait_and_destroy(void)
{
    model_assert(weft_event_wait(&event) == 0, "EVENT-1");
    model_assert(payload == 7, "EVENT-1");
    model_forbid(&event, sizeof event); /* EVENT-2 */
}

static void wait_as_thread(void)
{
    plain[model_self()] = true;
    wait_and_destroy();
}

/* Comes first, gives up before the other one: so the setter may find its list empty. */
static void wait_for_a_while_and_for_ever(void)
{
    plain[model_self()] = true;
    world_be_patient();
    int rc = weft_event_wait(&event);
    weft__waiter_self()->scope = NULL;
    if (rc)
        wait_and_destroy();
    else
        model_forbid(&event, sizeof event);
}

static void nothing_left(void)
{
    model_assert(runnable[0] == 0 && runnable[1] == 0, "WAIT-2");
}

static struct model model = { .setup = reset,
                              .body = { wait_and_destroy, set },
                              .check = nothing_left };

TEST(EVENT_1_and_2_a_task_waits)
{
    model_check(&model);
}

TEST(EVENT_1_and_2_a_plain_thread_waits)
{
    model.body[0] = wait_as_thread;
    model_check(&model);
}

TEST(EVENT_2_a_thread_gives_up_and_comes_again)
{
    model.body[0] = wait_for_a_while_and_for_ever;
    model_check(&model);
}

TEST(EVENT_2_needs_the_mark)
{
    mutation = NO_MARK;
    model.body[0] = wait_for_a_while_and_for_ever;
    model_check_fails(&model, "event");
}
