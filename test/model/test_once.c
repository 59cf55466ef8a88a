/* sync/once.c over sync/mutex.c: who calls the function, and who may take it for done. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who has the mutex does not look again; the mark comes before what it
 * stands for. */
static enum { NOTHING, NO_SECOND_LOOK, EARLY_MARK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "sync/mutex.c"

static uint64_t look_relaxed(_Atomic(uint64_t) *mark)
{
    uint64_t done = weft__load(mark, relaxed);
    if (mutation == EARLY_MARK)
        weft__store(mark, 1, relaxed);
    return mutation == NO_SECOND_LOOK ? 0 : done;
}

static uint64_t look_acquire(_Atomic(uint64_t) *mark)
{
    return weft__load(mark, acquire);
}

#undef weft__load
#define weft__load(p, order) look_##order(p)
#include "sync/once.c"
#undef weft__load

/* No function of a model leaves by weft_exit(). */
void weft_cleanup_push(weft_cleanup *cleanup, void (*fn)(void *arg), void *arg)
{
    cleanup->weft__private[0] = (uintptr_t)fn;
    cleanup->weft__private[1] = (uintptr_t)arg;
}

void weft_cleanup_pop(weft_cleanup *cleanup, bool run)
{
    if (run)
        ((void (*)(void *))(uintptr_t)cleanup->weft__private[0])(
            (void *)(uintptr_t)cleanup->weft__private[1]);
}

static weft_once once;
static int calls, failures, under_way;
static bool made;

static void reset(void)
{
    weft_once fresh = WEFT_ONCE_INIT;
    world_reset(WORLD_THREADS);
    once = fresh;
    calls = failures = under_way = 0;
    made = false;
    model_name(once);
}

static int make(void *fails)
{
    model_assert(++under_way == 1 && !made, "ONCE-1");
    model_step();
    under_way--;
    calls++;
    if (fails && failures++ == 0)
        return -EIO;
    made = true;
    return 5;
}

static void call(void)
{
    int rc = weft_call_once(&once, make, NULL);
    model_assert((rc == 0 || rc == 5) && made, "ONCE-1");
}

static void call_as_thread(void)
{
    plain[model_self()] = true;
    call();
}

/* The first of them fails; the one whose call it was is told. */
static void call_again(void)
{
    plain[2] = true;
    int rc = weft_call_once(&once, make, &failures);
    if (rc == -EIO)
        rc = weft_call_once(&once, make, &failures);
    model_assert((rc == 0 || rc == 5) && made, "ONCE-1");
}

static void call_for_a_while(void)
{
    begin_way();
    int rc = weft_call_once(&once, make, NULL);
    model_assert(rc < 0 || made, "ONCE-1");
    if (end_way(rc))
        call();
}

static int make_by_itself(void *unused)
{
    model_assert(weft_call_once(&once, make, unused) == -EDEADLK, "ONCE-2");
    return make(NULL);
}

static void call_inside(void)
{
    int rc = weft_call_once(&once, make_by_itself, NULL);
    model_assert((rc == 0 || rc == 5) && made, "ONCE-2");
}

static void made_once(void)
{
    weft_mutex_info info;
    weft_mutex_look(&once.weft__mutex, &info);
    model_assert(made && calls == 1 + failures && !info.locked && info.waiters == 0, "ONCE-1");
}

static void made_at_the_second_try(void)
{
    model_assert(calls == 2 && failures == 2, "ONCE-1");
}

static struct model model = { .setup = reset,
                              .body = { call, call, call_as_thread },
                              .check = made_once };

TEST(ONCE_1_three_call)
{
    model_check(&model);
}

TEST(ONCE_1_the_next_one_tries_after_a_failure)
{
    model.body[0] = model.body[1] = model.body[2] = call_again;
    model.check = made_at_the_second_try;
    model_check(&model);
}

TEST(ONCE_1_one_gives_up_and_comes_again)
{
    model.body[0] = call_for_a_while;
    model.body[2] = cut_short;
    check_each_way(&model);
}

TEST(ONCE_2_the_function_itself_calls)
{
    model.body[0] = call_inside;
    model.body[2] = NULL;
    model_check(&model);
}

TEST(ONCE_1_needs_the_second_look)
{
    mutation = NO_SECOND_LOOK;
    model_check_fails(&model, "ONCE-1");
}

TEST(ONCE_1_needs_the_mark_to_come_last)
{
    mutation = EARLY_MARK;
    model_check_fails(&model, "ONCE-1");
}
