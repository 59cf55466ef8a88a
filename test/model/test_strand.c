/* The end of a strand: the last of its tasks against who destroys it, sched/strand.c and
 * sync/strand.c. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who destroys looks at the count and then sets the flag; who has given
 * up and finds that all have ended does not wait until he has been told. */
static enum { NOTHING, LOOKS_FIRST, NOT_TOLD } mutation;

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

/* As base/atomic.h has it. */
#undef weft__add
#define weft__add(p, v, order) \
    (mutation == LOOKS_FIRST ? look_and_add(p, v) : (weft__model_rmw(p), atomic_fetch_add(p, v)))
#define weft_event_wait(event) (mutation == NOT_TOLD && shielded ? 0 : weft_event_wait(event))
#define weft_scope_enter_shielded(scope, deadline) (enter_shield(), (void)(scope))
#define weft_scope_leave(scope) ((void)(scope))
#define free(strand) gone(strand)
#include "sync/strand.c"
#undef free

/* Nothing is spawned here, and nothing bound. */
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

bool weft__future_is_ours(weft_future *future)
{
    (void)future;
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

int weft__spawn(const struct weft__request *request, weft_task **ret_task)
{
    (void)request, (void)ret_task;
    model_fail("no spawning here");
}

int weft_join(weft_task *task, int *ret_result)
{
    (void)task, (void)ret_result;
    model_fail("no joining here");
}

void weft_cancel(weft_task *task)
{
    (void)task;
    model_fail("no cancelling here");
}

int weft_sleep_until(int64_t when)
{
    (void)when;
    model_fail("no sleeping here");
}

#define MATES 2

static struct weft_strand strand;
static struct weft_task mates[MATES], *named[WORLD_THREADS];
static int destroyed, ended;

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
    memset(&strand, 0, sizeof strand);
    memset(mates, 0, sizeof mates);
    memset(named, 0, sizeof named);
    weft__baton_init(&strand.core.baton);
    strand.core.tasks = MATES * WEFT__STRAND_TASK;
    for (int i = 0; i < MATES; i++) {
        mates[i].flags = WEFT__TASK_STRAND;
        *weft__strand_place(&mates[i]) = &strand.core;
    }
    destroyed = ended = 0;
    shielded = false;
    model_name(strand);
    model_name(mates);
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
