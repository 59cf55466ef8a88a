/* sync/future.c: of those who give it a result one wins; nobody waits for ever, each
 * callback is called once or taken back, and the last one to go frees it. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: nobody takes the lock. */
static enum { NOTHING, NO_LOCK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "sched/wait.c"
#include "sched/wakes.c"

#include "sync/wait_queue.c"

static void forget_memory(void *memory);
#define free(memory) forget_memory(memory)

static void acquire(struct weft__latch *lock)
{
    if (mutation != NO_LOCK)
        weft__latch_acquire(lock);
}

#define weft__latch_acquire acquire
#include "sync/future.c"
#undef weft__latch_acquire
#undef free

static struct weft_future future;
static bool freed;
static int wins, calls, taken_back;
static intptr_t first; /* what the winner gave */

static void forget_memory(void *memory)
{
    if (memory != &future) {
        free(memory);
        return;
    }
    model_assert(!freed, "FUTURE-3");
    freed = true;
    model_forbid(&future, sizeof future);
}

/* There is no submitted task, and nothing is posted. */
struct weft_task *weft__cancel_claim(struct weft_task *task)
{
    (void)task;
    model_fail("FUTURE-4");
    return NULL;
}

void weft__cancel_wake(struct weft_task *wave)
{
    model_assert(!wave, "FUTURE-4");
}

void weft__post_ask(struct weft__post *post)
{
    (void)post;
    model_fail("nothing to post");
}

static void reset(void)
{
    world_reset(4);
    memset(&future, 0, sizeof future);
    model_allow(&future);
    weft__list_init(&future.callbacks);
    future.refs = 3;
    freed = false;
    wins = calls = taken_back = 0;
    first = 0;
    model_name(future);
}

static void done_with_it(int rc, intptr_t result)
{
    if (rc == 0) {
        wins++;
        first = result;
    } else {
        model_assert(rc == -EALREADY, "FUTURE-1");
    }
    weft_future_release(&future);
}

static void set(void)
{
    done_with_it(weft_future_set(&future, 7), 7);
}

static void cancel(void)
{
    done_with_it(weft_future_cancel(&future), -ECANCELED);
}

static void wait(void)
{
    intptr_t value = 0;
    int rc = weft_future_wait(&future, &value);
    model_assert((rc == 0 && value == 7) || (rc == -ECANCELED && value == 0), "FUTURE-1");
    intptr_t again = 0;
    model_assert(weft_future_try(&future, &again) == rc && again == value, "FUTURE-1");
    weft_future_release(&future);
}

static void wait_as_thread(void)
{
    plain[model_self()] = true;
    wait();
}

static void wait_for_a_while(void)
{
    plain[model_self()] = true;
    world_be_patient();
    if (weft_future_wait(&future, NULL) == -ETIMEDOUT)
        model_note("gave up");
    weft_future_release(&future);
}

static void on_done(weft_future *done, void *arg)
{
    model_assert(done == &future && arg == &calls, "FUTURE-2");
    model_assert(weft_future_is_done(done), "FUTURE-2");
    calls++;
}

static void add_callback(void)
{
    model_assert(weft_future_on_done(&future, on_done, &calls) == 0, "FUTURE-2");
    weft_future_release(&future);
}

static void add_and_take_back(void)
{
    model_assert(weft_future_on_done(&future, on_done, &calls) == 0, "FUTURE-2");
    if (weft_future_forget(&future, on_done, &calls) == 0)
        taken_back++;
    weft_future_release(&future);
}

static void one_result(void)
{
    model_assert(wins == 1, "FUTURE-1");
    model_assert(freed, "FUTURE-3");
    model_assert(runnable[0] == 0 && runnable[1] == 0 && runnable[2] == 0, "WAIT-2");
    model_assert(future.error == (first == 7 ? 0 : -ECANCELED), "FUTURE-1");
}

static void one_result_and_call(void)
{
    one_result();
    model_assert(calls + taken_back == 1, "FUTURE-2");
}

static void call_without_result(void)
{
    model_assert(freed && calls == 1, "FUTURE-3");
}

static struct model model = { .setup = reset, .body = { set, cancel, wait }, .check = one_result };

TEST(FUTURE_1_set_against_cancel_a_task_waits)
{
    model_check(&model);
}

TEST(FUTURE_1_set_against_cancel_a_plain_thread_waits)
{
    model.body[2] = wait_as_thread;
    model_check(&model);
}

TEST(FUTURE_1_and_3_who_waits_gives_up)
{
    model.body[2] = wait_for_a_while;
    model_check(&model);
}

TEST(FUTURE_2_set_against_cancel_with_a_callback)
{
    model.body[2] = add_callback;
    model.check = one_result_and_call;
    model_check(&model);
}

TEST(FUTURE_2_a_callback_is_called_or_taken_back)
{
    model.body[2] = add_and_take_back;
    model.check = one_result_and_call;
    model_check(&model);
}

static void release_only(void)
{
    weft_future_release(&future);
}

TEST(FUTURE_3_the_last_one_to_go_calls_back)
{
    model.body[0] = model.body[1] = release_only;
    model.body[2] = add_callback;
    model.check = call_without_result;
    model_check(&model);
}

TEST(FUTURE_1_needs_the_lock)
{
    mutation = NO_LOCK;
    model_check_fails(&model, "");
}

TEST(FUTURE_2_needs_the_lock)
{
    mutation = NO_LOCK;
    model.body[1] = release_only;
    model.body[2] = add_callback;
    model.check = one_result_and_call;
    model_check_fails(&model, "FUTURE-2");
}
