/* hook/turn.c: one after the other; whoever gives up takes nobody's turn with it. */
#include "base/atomic.h"

/* Broken on purpose: who leaves without having had the turn wakes nobody, though it may
 * have come to it meanwhile. */
static enum { NOTHING, SILENT } mutation;

#include "world.h"

#define HOOKS_WITHOUT_LOT
#include "hooks.h"
#include "suite.h"

#include "io/fd.h"
#include "task/scope.h"

static bool gave_up[WORLD_THREADS];

static bool fire(struct weft__waiter *waiter, uint64_t ticket, enum weft__wait_state reason)
{
    if (mutation == SILENT && gave_up[model_self()])
        return false;
    return weft__wait_fire(waiter, ticket, reason);
}

#define weft__wait_fire fire
#include "hook/turn.c"
#undef weft__wait_fire

#define FD 3

static int inside;
static unsigned served;

void weft__outside(int change)
{
    (void)change;
}

void weft_scope_enter(weft_scope *scope, int64_t deadline)
{
    (void)scope, (void)deadline;
}

bool weft_scope_leave(weft_scope *scope)
{
    (void)scope;
    return false;
}

struct weft__ended weft__scope_park(struct weft__waiter *waiter, int64_t until)
{
    int64_t deadline = weft__is_thread(waiter) ? 1 : until;
    return (struct weft__ended){ weft__wait_park(waiter, deadline), deadline };
}

int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended)
{
    (void)waiter;
    model_assert(ended.reason == WEFT__DEADLINE, "TURN");
    gave_up[model_self()] = true;
    return -ETIMEDOUT;
}

static void reset_all(void)
{
    reset_hooks(WORLD_THREADS);
    memset(buckets, 0, sizeof buckets);
    memset(gave_up, 0, sizeof gave_up);
    inside = 0;
    served = 0;
}

static void have_turn(void)
{
    struct weft__turn turn;
    int rc = weft__turn_take(&turn, FD, INT64_MAX, "turn");
    if (rc) {
        model_assert(plain[model_self()], "TURN");
        return;
    }
    model_assert(inside++ == 0, "TURN-1");
    model_step();
    inside--;
    served++;
    weft__turn_leave(&turn);
}

/* The model's deadlines come to threads. */
static void may_give_up(void)
{
    plain[model_self()] = true;
    have_turn();
}

static void nobody_is_left(void)
{
    model_assert(served >= 2 && !first_of(&buckets[FD], FD), "TURN-2");
}

static struct model model = { .setup = reset_all,
                              .body = { have_turn, have_turn, may_give_up },
                              .check = nobody_is_left };

TEST(TURN_1_and_2_everybody_has_a_turn)
{
    model_check(&model);
}

TEST(TURN_2_needs_those_who_give_up_to_pass_it_on)
{
    mutation = SILENT;
    model_check_fails(&model, "deadlock");
}
