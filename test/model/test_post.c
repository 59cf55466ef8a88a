/* sync/post.c: posters, one of which may not spawn, against the drain that ends and the
 * monitor; memory is out now and then. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: the drain does not look again before it ends; it looks before others
 * can see that it does; what waits for the monitor is no guest. */
static enum { NOTHING, NO_LOOK, EARLY_LOOK, NO_GUEST } mutation;

#define WORLD_HAS_GUESTS
#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "sched/wait.c"

static _Atomic(int) guests;

void weft__guest_enter(void)
{
    weft__add(&guests, 1, seq_cst);
}

void weft__guest_leave(void)
{
    int left = weft__add(&guests, -1, seq_cst) - 1;
    if (mutation == NO_GUEST && left < 0) /* what the inbox has not entered */
        weft__add(&guests, 1, seq_cst);
}

bool weft__guest_bring(void)
{
    weft__guest_enter();
    return true;
}

weft_task *weft_self(void)
{
    return weft__self();
}

#include "sync/post.h"

static bool look(struct weft__inbox *inbox)
{
    return weft__inbox_empty(inbox) || mutation == NO_LOOK;
}

static void enter_as_inbox(void)
{
    if (mutation != NO_GUEST)
        weft__guest_enter();
}

/* As base/atomic.h has it. */
#undef weft__store
#define weft__store(p, v, order) \
    do { \
        __auto_type model_v_ = atomic_load_explicit(p, memory_order_seq_cst); \
        model_v_ = (v); \
        model_store((volatile void *)(p), &model_v_, sizeof model_v_, mutation != EARLY_LOOK); \
    } while (0)
#define weft__inbox_empty look
#define weft__guest_enter enter_as_inbox
#include "sync/post.c"
#undef weft__inbox_empty
#undef weft__guest_enter

#define MONITOR 2
#define WORKER 3

static struct weft__post plain_posts[2];
static weft_post_node shared;
static int told, heard; /* of what was known when the shared one was posted */
static int accepted, ran, last_ran, posters_done;
static int drains;         /* that have been spawned and not picked */
static int failures, dead; /* spawns that may fail; stacks that may be missing */
static int shortages = 1;  /* of each kind */
static bool called, over;

static void count(void *number)
{
    model_assert((int)(intptr_t)number > last_ran, "POST-2");
    last_ran = (int)(intptr_t)number;
    model_step();
    ran++;
}

static void hear(void *unused)
{
    (void)unused;
    heard = told;
    ran++;
}

static void reset(void)
{
    world_reset(4);
    posts.head = NULL;
    state = IDLE;
    starved = false;
    guests = 0;
    weft__monitor_spawns = 0;
    for (intptr_t i = 0; i < 2; i++)
        plain_posts[i] = (struct weft__post){ .fn = count, .arg = (void *)(i + 1) };
    weft_post_node_init(&shared, hear, NULL);
    told = heard = accepted = ran = last_ran = posters_done = drains = 0;
    failures = dead = shortages;
    called = over = false;
    model_name(posts);
    model_name(state);
    model_name(guests);
}

int weft__spawn(const struct weft__request *request, weft_task **ret_task)
{
    model_assert(request->fn == drain && !ret_task, "POST-1");
    if (failures > 0 && model_choose(2)) {
        failures--;
        return -ENOMEM;
    }
    model_fence();
    model_assert(++drains == 1, "POST-2");
    return 0;
}

void weft__monitor_call(void)
{
    model_fence();
    called = true;
}

void weft__monitor_add(struct weft__errand *errand)
{
    (void)errand;
}

static void post_two(void)
{
    plain[model_self()] = true;
    weft__guest_bring();
    for (int i = 0; i < 2; i++) {
        accepted++;
        weft__post_put(&plain_posts[i]);
    }
    weft__guest_leave();
    posters_done++;
}

/* Twice, as a handler may: the second time it may still be posted. */
static void post_shared(void)
{
    plain[model_self()] = true;
    weft__guest_bring();
    for (int i = 0; i < 2; i++) {
        told++;
        accepted++;
        if (weft_post_from_signal(&shared) == -EALREADY)
            accepted--;
    }
    weft__guest_leave();
    posters_done++;
}

static bool has_call(void *unused)
{
    (void)unused;
    return called || over;
}

static void monitor(void)
{
    plain[MONITOR] = true;
    for (;;) {
        model_wait(has_call, NULL);
        if (over)
            return;
        called = false;
        model_fence();
        if (spawn_if_asked() != INT64_MAX)
            called = true; /* after a pause */
    }
}

/* Nothing to do, for good or for now: then the runtime may stop. */
static bool has_work(void *unused)
{
    (void)unused;
    if (drains == 0 && guests == 0)
        model_assert(ran == accepted, "POST-3");
    return drains > 0 || (posters_done == 2 && guests == 0);
}

static void worker(void)
{
    for (;;) {
        model_wait(has_work, NULL);
        if (drains == 0)
            break;
        drains--;
        if (dead > 0 && model_choose(2)) {
            dead--;
            tasks[WORKER].flags |= WEFT__TASK_NO_STACK;
        } else {
            tasks[WORKER].flags = 0;
            drain(NULL);
            model_step(); /* what it has stored others may not see yet */
        }
        on_end(&tasks[WORKER]);
    }
    over = true;
}

static struct model model;

static void all_have_run(void)
{
    model_assert(ran == accepted && last_ran == (model.body[0] == post_two ? 2 : 0), "POST-1");
    model_assert(heard == told, "POST-4");
    model_assert(state == IDLE && weft__monitor_spawns == 0, "POST-1");
}

static struct model model = {
    .setup = reset,
    .body = { post_two, post_shared, [MONITOR] = monitor, [WORKER] = worker },
    .check = all_have_run,
    .preemptions = 1,
    .random = 20000,
};

static void stay_away(void)
{
    posters_done++;
}

/* One poster at a time, and memory enough: more preemptions. */
static void simplify(void (*poster)(void))
{
    model.body[0] = poster;
    model.body[1] = stay_away;
    model.preemptions = 2;
    shortages = 0;
}

TEST(POST_1_to_4_what_is_posted_runs, .timeout = 300)
{
    model_check(&model);
}

TEST(POST_1_to_3_a_poster_that_spawns, .timeout = 300)
{
    simplify(post_two);
    model_check(&model);
}

TEST(POST_1_to_4_a_poster_that_asks_the_monitor, .timeout = 300)
{
    simplify(post_shared);
    model_check(&model);
}

TEST(POST_1_needs_the_second_look)
{
    if (test_is_under("tsan"))
        return; /* it tells of the broken code first */
    mutation = NO_LOOK;
    model_check_fails(&model, "POST-");
}

TEST(POST_1_needs_the_look_after_the_state)
{
    if (test_is_under("tsan"))
        return; /* it tells of the broken code first */
    mutation = EARLY_LOOK;
    simplify(post_two);
    model_check_fails(&model, "POST-");
}

TEST(POST_3_needs_the_guest)
{
    if (test_is_under("tsan"))
        return; /* it tells of the broken code first */
    mutation = NO_GUEST;
    model_check_fails(&model, "POST-3");
}
