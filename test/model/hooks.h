/* hooks.h - what the models of src/hook's protocols replace of the rest of it.
 *
 * A test includes this after world.h and before the .c files that it checks. Their
 * interposers become functions of the test's own, so that the test's libc keeps its. */
#ifndef WEFT_TEST_MODEL_HOOKS_H
#define WEFT_TEST_MODEL_HOOKS_H

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/deadline.h"
#include "hook/fork.h"
#include "hook/interposed.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "hook/real.h"

#include "sched/wait.c"

#undef WEFT__INTERPOSE
#define WEFT__INTERPOSE WEFT_UNUSED static
#undef WEFT__INSIDE
#define WEFT__INSIDE(name) WEFT_UNUSED static const char inside_##name

/* libc's: a test sets those that it needs. */
#define DEFINE(name) __typeof__(name) *weft__real_##name;
WEFT__CALLS(DEFINE)
#undef DEFINE

bool weft__observing, weft__hook_forked;

void weft__observe_begin(struct weft__hook_wait *wait)
{
    (void)wait;
}

/* Nobody has thread-locals of his own, nor signals. */
struct weft__thread *weft__thread_self(void)
{
    return NULL;
}

void weft__cancel_point(void)
{
}

void weft_pin(void)
{
}

void weft__hook_end(const struct weft__hook_wait *wait)
{
    (void)wait;
}

/* Budgets are not spent. */
void weft__hook_give_way(struct weft_task *self)
{
    (void)self;
}

WEFT_UNUSED static void reset_hooks(unsigned count)
{
    world_reset(count);
    for (unsigned i = 0; i < WORLD_THREADS; i++)
        carriers[i].budget = 1u << 30;
}

uint32_t weft__hook_tid(void)
{
    return plain[model_self()] ? 0 : 1 + model_self();
}

bool weft__deadline_clock(clockid_t clock)
{
    (void)clock;
    return true;
}

bool weft__deadline_valid(clockid_t clock, const struct timespec *until)
{
    (void)clock, (void)until;
    return true;
}

int weft__deadline(clockid_t clock, const struct timespec *until, int64_t *ret_deadline)
{
    (void)clock;
    *ret_deadline = until ? 1 : INT64_MAX;
    return 0;
}

#ifndef HOOKS_WITHOUT_LOT
/* Threads that sleep in the kernel for a word of the program's. */
#define syscall(number, word, operation, count, time, second, bits) \
    (model_futex_wake(word, count), (void)(bits), 0)
#include "hook/lot.c"
#undef syscall

WEFT_UNUSED static void reset_lot(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        weft__list_init(&buckets[i].nodes);
        buckets[i].waiting = buckets[i].outside = 0;
        buckets[i].lock.state = 0;
    }
}
#endif

#endif
