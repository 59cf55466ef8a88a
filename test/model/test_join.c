/* The end of a task against its joiner: sched/bury.c and task/join.c. */
#include "world.h"

#include <sched.h>

#include "suite.h"

#include "burial.h"
#include "scopes.h"

/* Broken on purpose: the burier acknowledges before it has tried to claim; a plain
 * thread whose wait has been claimed goes on, woken or not; a canceller claims a firm
 * joiner's wait; who says that it joins firmly does not look whether it is cancelled, or
 * gives up its wait by itself when it is; one who watches takes DONE for all that will come. */
static enum {
    NOTHING,
    EARLY_ACKNOWLEDGEMENT,
    THREAD_RUNS_ON,
    FIRM_IS_CLAIMED,
    NO_LOOK,
    GIVES_UP_BY_ITSELF,
    DONE_IS_ENOUGH,
} mutation;

#define sched_yield() model_spin()

#undef WEFT__TASK_DONE
#define WEFT__TASK_DONE (mutation == EARLY_ACKNOWLEDGEMENT ? WEFT__TASK_ACKED : (void *)2)
#include "sched/bury.c"
#undef WEFT__TASK_DONE
#define WEFT__TASK_DONE ((struct weft__waiter *)2)

static bool is_woken_or_runs_on(struct weft__plain_thread *thread)
{
    return weft__plain_thread_is_woken(thread) ||
           (mutation == THREAD_RUNS_ON && weft__wait_state(&thread->waiter) != WEFT__WAITING);
}

#define weft__plain_thread_is_woken is_woken_or_runs_on
#include "sched/wait.c"
#undef weft__plain_thread_is_woken
#undef WEFT__FAMILY_CANCELLED
#define WEFT__FAMILY_CANCELLED (mutation == NO_LOOK ? 0u : 2u)
#define weft__wait_park_firmly(waiter) \
    (mutation == GIVES_UP_BY_ITSELF ? weft__scope_park(waiter, WEFT_NEVER).reason \
                                    : weft__wait_park_firmly(waiter))
#include "task/join.c"
#undef weft__wait_park_firmly
#undef WEFT__FAMILY_CANCELLED
#define WEFT__FAMILY_CANCELLED 2u

static struct weft_task *const victim = &victims[0];

static void reset(void)
{
    world_reset(3);
    victims_reset();
    model_name(victims[0].joiner);
}

static void ender(void)
{
    end_victim(0);
}

static void clock_thread(void)
{
    world_fire_timer(1, WEFT__DEADLINE);
}

static void join_for_ever(struct weft__waiter *waiter)
{
    int result = 0;
    waiter->scope = NULL;
    model_assert(weft_join(victim, &result) == 0, "JOIN-5");
    model_assert(result == result_of(0) && released[0] == 1, "JOIN-1");
}

static void joiner(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    join_for_ever(waiter);
    wait_for_something_else(waiter);
    world_over = true;
}

static void plain_joiner(void)
{
    plain[1] = true;
    joiner();
}

static void patient_joiner(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int result = 0;
    world_be_patient();
    int rc = weft_join(victim, &result);
    wait_for_something_else(waiter);
    model_note("joined: %d", rc);
    if (rc == 0)
        model_assert(result == result_of(0) && released[0] == 1, "JOIN-1");
    else if (model_choose(2))
        join_for_ever(waiter);
    else
        weft_detach(victim);
    world_over = true;
}

static void patient_plain_joiner(void)
{
    plain[1] = true;
    patient_joiner();
}

/* As select: another event may end the wait as well, and who it was is not known. */
static void watcher(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    for (int64_t deadline = 1; !weft__has_ended(victim); deadline = INT64_MAX) {
        uint64_t ticket = weft__wait_begin(waiter, "select", 1);
        if (weft__join_watch(victim, waiter)) {
            weft__wait_drop(waiter, ticket);
            continue;
        }
        weft__wait_park(waiter, deadline);
        if (mutation == DONE_IS_ENOUGH)
            continue;
        weft__join_unwatch(victim, waiter);
        wait_for_something_else(waiter); /* of which the burier must know nothing */
    }
    joiner();
}

static void watching_thread(void)
{
    plain[1] = true;
    watcher();
}

static void detacher(void)
{
    weft_detach(victim);
    world_over = true;
}

static void released_once(void)
{
    model_assert(released[0] == 1, "JOIN-1");
    model_assert(runnable[1] == 0, "WAIT-2");
}

static struct model model = {
    .setup = reset, .body = { ender }, .check = released_once, .preemptions = 3
};

/* weft_cancel() for a joiner without a scope. */
static void canceller(void)
{
    struct weft__waiter *waiter = &tasks[1].waiter;
    weft__store(&waiter->family, WEFT__FAMILY_CANCELLED, relaxed);
    uint64_t word = world_find_wait(waiter);
    if (word && (mutation == FIRM_IS_CLAIMED || weft__join_soften(waiter, word)))
        weft__wait_fire(waiter, word >> WEFT__WAIT_SHIFT, WEFT__CANCELLED);
}

static void cancelled_joiner(void)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int result = 0, rc = weft_join(victim, &result);
    if (rc == 0) {
        model_assert(result == result_of(0) && released[0] == 1, "JOIN-1");
        return;
    }
    model_assert(rc == -ECANCELED && released[0] == 0, "CANCEL-10");
    weft__store(&waiter->family, 0, relaxed); /* a shield */
    if (model_choose(2))
        join_for_ever(waiter);
    else
        weft_detach(victim);
}

/* Without the task's end: the joiner is woken. */
static void hopeless_joiner(void)
{
    model_assert(weft_join(victim, NULL) == -ECANCELED, "CANCEL-10");
    released[0] = 1;
}

TEST(JOIN_1_a_joined_task_is_released_once)
{
    model.body[1] = joiner;
    model_check(&model);
}

TEST(JOIN_1_a_task_joined_by_a_plain_thread_is_released_once)
{
    model.body[1] = plain_joiner;
    model_check(&model);
}

TEST(JOIN_1_a_detached_task_is_released_once)
{
    model.body[1] = detacher;
    model_check(&model);
}

TEST(JOIN_3_a_deadline_may_come_with_the_end)
{
    model.body[1] = patient_joiner;
    model.body[2] = clock_thread;
    model_check(&model);
}

TEST(JOIN_3_a_plain_threads_deadline_may_come_with_the_end)
{
    model.body[1] = patient_plain_joiner;
    model_check(&model);
}

TEST(JOIN_3_needs_the_acknowledgement)
{
    mutation = EARLY_ACKNOWLEDGEMENT;
    model.body[1] = patient_joiner;
    model.body[2] = clock_thread;
    model_check_fails(&model, "");
}

TEST(JOIN_4_needs_a_plain_thread_to_wait_for_its_wake)
{
    mutation = THREAD_RUNS_ON;
    model.body[1] = plain_joiner;
    model_check_fails(&model, "use after release");
}

static void other_event(void)
{
    world_fire_timer(1, WEFT__EVENT);
}

TEST(JOIN_6_another_event_may_come_with_the_end)
{
    model.body[1] = watcher;
    model.body[2] = other_event;
    model_check(&model);
}

TEST(JOIN_6_a_plain_threads_deadline_may_come_with_the_end)
{
    model.body[1] = watching_thread;
    model_check(&model);
}

TEST(JOIN_6_needs_the_acknowledgement_to_be_awaited)
{
    mutation = DONE_IS_ENOUGH;
    model.body[1] = watcher;
    model.body[2] = other_event;
    model_check_fails(&model, "");
}

TEST(CANCEL_10_a_firm_joiner_is_cancelled_at_the_tasks_end)
{
    victims_looked_at = true;
    model.body[1] = cancelled_joiner;
    model.body[2] = canceller;
    model_check(&model);
}

static struct model hopeless = {
    .setup = reset, .body = { canceller, hopeless_joiner }, .check = released_once, .preemptions = 4
};

TEST(CANCEL_10_a_firm_joiner_is_woken)
{
    model_check(&hopeless);
}

TEST(CANCEL_10_needs_the_joiners_look)
{
    mutation = NO_LOOK;
    model_check_fails(&hopeless, "deadlock");
}

TEST(CANCEL_10_needs_the_softening)
{
    mutation = FIRM_IS_CLAIMED;
    victims_looked_at = true;
    model.body[1] = cancelled_joiner;
    model.body[2] = canceller;
    model_check_fails(&model, "");
}

TEST(CANCEL_10_needs_a_firm_joiner_not_to_give_up_by_itself)
{
    mutation = GIVES_UP_BY_ITSELF;
    victims_looked_at = true;
    model.body[1] = cancelled_joiner;
    model.body[2] = canceller;
    model_check_fails(&model, "");
}
