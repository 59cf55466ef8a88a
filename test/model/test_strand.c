/* The end of a strand: the last of its tasks against who destroys it; and a call: its task
 * against its caller's deadline. sched/strand.c and sync/strand.c. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who destroys looks at the count and then sets the flag; who has given
 * up and finds that all have ended does not wait until he has been told; who settles a call
 * looks whether somebody else has, and then does. */
static enum { NOTHING, LOOKS_FIRST, NOT_TOLD, SETTLES_LATE } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "sched/wait.c"
#include "sched/wakes.c"

#include "sync/wait_queue.c"

#include "sync/event.c"

#include "sched/strand.c"

static bool shielded;
static void gone(void *strand);

static void enter_shield(void)
{
    shielded = true;
    weft__waiter_self()->scope = NULL;
}

static uint64_t look_and_add(_Atomic(uint64_t) *p, uint64_t n)
{
    uint64_t before = weft__load(p, relaxed);
    weft__store(p, before + n, seq_cst);
    return before;
}

static uint32_t look_and_set(_Atomic(uint32_t) *p, uint32_t v)
{
    uint32_t before = weft__load(p, relaxed);
    weft__store(p, v, seq_cst);
    return before;
}

/* As base/atomic.h has them. */
#undef weft__add
#define weft__add(p, v, order) \
    (mutation == LOOKS_FIRST ? look_and_add(p, v) : (weft__model_rmw(p), atomic_fetch_add(p, v)))
#undef weft__exchange
#define weft__exchange(p, v, order) \
    (mutation == SETTLES_LATE ? look_and_set(p, v) : (weft__model_rmw(p), atomic_exchange(p, v)))
#define weft_event_wait(event) (mutation == NOT_TOLD && shielded ? 0 : weft_event_wait(event))
#define weft_scope_enter_shielded(scope, deadline) (enter_shield(), (void)(scope))
#define weft_scope_leave(scope) ((void)(scope))
#define free(strand) gone(strand)
#include "sync/strand.c"
#undef free

/* Nothing is bound here, and nothing spawned but what is called. */
int weft__bound_run_until(struct weft_strand *bound, weft_case item)
{
    (void)bound, (void)item;
    model_fail("no thread here");
}

int weft_select(weft_case *cases, size_t count)
{
    (void)cases, (void)count;
    model_fail("no future here");
}

const weft_future *weft__future_own(void)
{
    model_fail("no future here");
}

void weft__bound_destroy(struct weft__bound *bound)
{
    model_assert(!bound, "STRAND-11");
}

bool weft__bound_is_ours(const struct weft_strand *strand)
{
    (void)strand;
    return false;
}

struct weft_strand *weft__bound_running(void)
{
    return NULL;
}

static struct {
    struct weft_task task;
    bool spawned, cancelled, detached, ended;
} callee;

int weft__spawn(const struct weft__request *request, weft_task **ret_task)
{
    callee.task.arg = memcpy(callee.task.args, request->args, request->size);
    callee.task.fn = request->fn;
    callee.spawned = true;
    *ret_task = &callee.task;
    return 0;
}

static bool has_ended(void *unused)
{
    (void)unused;
    return callee.ended;
}

/* Something cuts it short, at any moment, or nothing does. */
int weft__await_end(struct weft_task *task, struct weft__waiter *waiter)
{
    (void)task, (void)waiter;
    if (model_choose(2))
        return -ETIMEDOUT;
    model_wait(has_ended, NULL);
    return 0;
}

int weft__reap(struct weft_task *task, int *ret_result)
{
    model_assert(callee.ended && !callee.detached, "JOIN-1");
    *ret_result = task->result;
    model_forbid(&callee, sizeof callee);
    return 0;
}

int weft_join(weft_task *task, int *ret_result)
{
    model_assert(shielded, "STRAND-16");
    model_wait(has_ended, NULL);
    return weft__reap(task, ret_result);
}

void weft_detach(weft_task *task)
{
    model_assert(task == &callee.task, "JOIN-1");
    callee.detached = true;
    if (callee.ended)
        model_forbid(&callee, sizeof callee);
}

void weft_cancel(weft_task *task)
{
    model_assert(task == &callee.task, "JOIN-1");
    callee.cancelled = true;
}

int weft__strand_invoke(void (*fn)(void *arg), void *arg)
{
    fn(arg);
    return 0;
}

int weft_sleep_until(int64_t when)
{
    (void)when;
    model_fail("no sleeping here");
}

#define MATES 2

static struct weft_strand strand;
static struct weft_task mates[MATES], *named[WORLD_THREADS];
static int destroyed, ended, calls;
static bool returned; /* from the call */

static void gone(void *memory)
{
    model_assert(memory == &strand && ++destroyed == 1, "STRAND-11");
    model_assert(ended == MATES, "STRAND-11");
    model_forbid(&strand, sizeof strand); /* STRAND-5 */
}

void weft__ready_next(struct weft__worker *worker, struct weft_task *task)
{
    (void)worker;
    named[model_self()] = task;
}

static void reset(void)
{
    world_reset(3);
    model_allow(&strand);
    model_allow(&callee);
    memset(&strand, 0, sizeof strand);
    memset(mates, 0, sizeof mates);
    memset(named, 0, sizeof named);
    memset(&callee, 0, sizeof callee);
    weft__baton_init(&strand.core.baton);
    strand.core.tasks = MATES * WEFT__STRAND_TASK;
    for (int i = 0; i < MATES; i++) {
        mates[i].flags = WEFT__TASK_STRAND;
        *weft__strand_place(&mates[i]) = &strand.core;
    }
    destroyed = ended = calls = 0;
    returned = false;
    shielded = false;
    model_name(strand);
    model_name(mates);
    model_name(callee);
}

/* It comes, runs and ends, and so do those whom it names. */
static void mate(void)
{
    struct weft_task *task = &mates[model_self()];
    if (!weft__strand_admits(task))
        return;
    while (task) {
        ended++;
        named[model_self()] = NULL;
        weft__strand_end(&workers[model_self()], task);
        task = named[model_self()];
    }
}

static void destroyer(void)
{
    model_assert(weft_strand_destroy(&strand) == 0, "STRAND-11");
}

static void plain_destroyer(void)
{
    plain[model_self()] = true;
    destroyer();
}

static void patient_destroyer(void)
{
    plain[model_self()] = true;
    world_be_patient();
    int rc = weft_strand_destroy(&strand);
    weft__waiter_self()->scope = NULL;
    if (rc)
        destroyer();
}

static void destroyed_once(void)
{
    model_assert(destroyed == 1, "STRAND-11");
}

static struct model model = { .setup = reset,
                              .body = { mate, mate, destroyer },
                              .check = destroyed_once };

TEST(STRAND_11_a_task_destroys_a_strand_that_ends)
{
    model_check(&model);
}

TEST(STRAND_11_a_plain_thread_destroys_a_strand_that_ends)
{
    model.body[2] = plain_destroyer;
    model_check(&model);
}

TEST(STRAND_11_who_destroys_may_give_up_and_come_again)
{
    model.body[2] = patient_destroyer;
    model_check(&model);
}

TEST(STRAND_11_needs_one_exchange_for_flag_and_look)
{
    mutation = LOOKS_FIRST;
    model_check_fails(&model, "");
}

TEST(STRAND_11_needs_who_gives_up_to_be_told)
{
    mutation = NOT_TOLD;
    model.body[2] = patient_destroyer;
    model_check_fails(&model, "use after release");
}

/* Calls. */

static bool is_spawned(void *unused)
{
    (void)unused;
    return callee.spawned;
}

/* Who is cancelled before its turn may not run at all. */
static void run_callee(void)
{
    model_wait(is_spawned, NULL);
    bool runs = !callee.cancelled || model_choose(2);
    callee.task.result = runs ? callee.task.fn(callee.task.arg) : -ECANCELED;
    model_step();
    callee.ended = true;
    if (callee.detached)
        model_forbid(&callee, sizeof callee);
}

static int seven(void *arg)
{
    for (int i = 0; i < 2; i++) {
        model_assert(!returned && arg == &returned, "STRAND-16");
        model_step();
    }
    calls++;
    return 7;
}

static void caller(void)
{
    int result = 0;
    int rc = weft_strand_call_at("", &strand, seven, &returned, &result);
    returned = true;
    model_assert(calls == (rc == 0), "STRAND-16");
    model_assert(result == 7 * calls && (rc == 0 || rc == -ETIMEDOUT), "STRAND-16");
}

static void call_ended(void)
{
    model_assert(callee.ended && calls <= 1, "STRAND-16");
}

static struct model calling = { .setup = reset,
                                .body = { caller, run_callee },
                                .check = call_ended };

TEST(STRAND_16_a_call_is_made_or_its_caller_leaves)
{
    model_check(&calling);
}

TEST(STRAND_16_needs_one_exchange_to_settle_it)
{
    mutation = SETTLES_LATE;
    model_check_fails(&calling, "STRAND-16");
}
