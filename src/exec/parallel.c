/* Loops on all workers.
 *
 * The caller takes parts of the range and works on them, and so do others, parties, who are
 * tasks of a group around the loop. Parts are as long as they have been found to take
 * PART_TIME; after each the party gives way if somebody else can run. What they call may rely
 * on what the caller is: how large its stack is, and whether thread-locals stay with it.
 *
 * Another party is invited when a worker has nothing to do, and one at a time: who has come
 * invites the next. So where all are busy nothing is spawned, a loop inside of another least
 * of all, and a worker that becomes idle later is found when the next part is taken. */
#include "exec/parallel.h"

#include <errno.h>
#include <string.h>

#include "mem/stack.h"
#include "sched/enter.h"
#include "sched/share.h"
#include "time/clock.h"
#include "weft/runtime.h"
#include "weft/scope.h"
#include "weft/time.h"

/* Nanoseconds: parts become longer when they take less than the first, and shorter when they
 * take more than the other. */
#define PART_TIME 10000
#define PART_TIME_LONG 50000
/* Grains that the program has asked for may be of very different lengths. */
#define BATCH_OF_GRAINS 16

const weft_parallel_attr weft__parallel_default;

bool weft__parallel_attr_valid(const weft_parallel_attr *attr)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    return memcmp(attr->reserved, zero, sizeof zero) == 0 &&
           (!attr->stack_size || weft__stack_size_valid(attr->stack_size));
}

static bool has_stopped(struct weft__loop *loop)
{
    return weft__load(&loop->result, relaxed) != 0; /* a hint: read after the parties' end */
}

static void stop(struct weft__loop *loop, int rc)
{
    int none = 0;
    if (weft__cas(&loop->result, &none, rc, relaxed, relaxed))
        weft_group_cancel(&loop->group);
}

/* Parties. */

static int attend(void *arg);

/* A worker without work finds what is on the shelf, and a new task is not there yet. */
static void offer_work(void)
{
    struct weft_task *self = weft__self();
    struct weft__worker *worker = weft__enter(self);
    weft__share(worker);
    weft__leave(self);
}

static bool is_somebody_idle(void)
{
    return weft__load(&weft__rt.sleepers.counts, relaxed) != 0; /* a hint */
}

/* Pinned it is where it begins: on the caller's thread it would be no help. */
static void describe_helper(struct weft__loop *loop)
{
    const struct weft_task *self = weft__self();
    size_t stack = loop->attr->stack_size;
    loop->helper = (weft_attr){ .stack_size = stack ? stack : self->stack_size,
                                .flags = weft__is_virtual(self) ? WEFT_VIRTUAL_THREAD : 0 };
    loop->pinned = self->pins > 0;
}

static void invite(struct weft__loop *loop)
{
    if (weft__likely(!is_somebody_idle()) || weft__load(&loop->inviting, relaxed) ||
        weft__range_taken(&loop->range))
        return;
    /* acquire: pairs with the release in attend() */
    if (weft__exchange(&loop->inviting, true, acquire) || loop->parties == loop->limit)
        return; /* in the second case for good */
    loop->parties++;
    if (weft_group_spawn_at(WEFT__SITE(parallel), &loop->helper, &loop->group, attend, loop,
                            NULL) == 0)
        offer_work(); /* without it nobody is invited any more, and it goes on with those here */
}

/* Working. */

/* In pieces of a grain, which may be all of it. Stores how many have been done, and how long it
 * has taken. */
static int call(struct weft__loop *loop, uint64_t first, uint64_t size, weft_budget *budget,
                uint64_t *ret_done, int64_t *ret_time)
{
    uint64_t grain = loop->grain && loop->grain < size ? loop->grain : size, left = size;
    int64_t began = weft__clock_now();
    int rc = 0;
    for (;;) {
        uint64_t piece = left < grain ? left : grain;
        uint64_t at = (uint64_t)loop->begin + first + (size - left);
        rc = loop->fn((int64_t)at, (int64_t)(at + piece), loop->arg);
        if (rc < 0)
            break;
        left -= piece;
        rc = 0;
        if (left == 0 || has_stopped(loop) || (rc = weft_budget_spend(budget)))
            break;
    }
    *ret_time = weft__clock_now() - began;
    *ret_done = size - left;
    return rc;
}

static uint64_t adapt(const struct weft__loop *loop, uint64_t batch, int64_t time)
{
    if (time > PART_TIME_LONG)
        return batch > 1 ? batch / 2 : 1;
    uint64_t most = loop->grain ? BATCH_OF_GRAINS : UINT64_MAX / 2;
    return time < PART_TIME && batch < most ? batch * 2 : batch;
}

/* Who has the right to. */
static void tell(struct weft__loop *loop, uint64_t done)
{
    uint64_t indices = done == loop->count ? loop->total : done * loop->span;
    loop->attr->progress(indices, loop->total, loop->attr->progress_arg);
}

static void count_done(struct weft__loop *loop, uint64_t done)
{
    weft__add(&loop->range.done, done, relaxed); /* read after the parties' end */
    if (!loop->attr->progress || !weft__range_tells(&loop->range, &done))
        return;
    tell(loop, done);
    weft__range_told(&loop->range);
}

static void work(struct weft__loop *loop)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    uint64_t batch = 1, first, size, done;
    int64_t time;
    while (!has_stopped(loop) &&
           (size = weft__range_take(&loop->range, batch, loop->limit, &first))) {
        invite(loop);
        int rc = call(loop, first, size, &budget, &done, &time);
        count_done(loop, done);
        batch = adapt(loop, batch, time);
        if (rc == 0 && !weft__range_taken(&loop->range))
            rc = weft_budget_spend(&budget);
        if (rc)
            stop(loop, rc);
    }
}

static int attend(void *arg)
{
    struct weft__loop *loop = arg;
    /* release: pairs with the acquire in invite() */
    weft__store(&loop->inviting, false, release);
    if (loop->pinned)
        weft_pin();
    work(loop);
    return 0;
}

/* `left`: what leaving the group has returned. A party may have had no memory for its stack, or
 * has called weft_exit(): that has cancelled the group, and says more than -ECANCELED does. */
static int outcome(struct weft__loop *loop, int left)
{
    int rc = weft__load(&loop->result, relaxed);
    if (weft__load(&loop->range.done, relaxed) == loop->count)
        return 0;
    if (rc && (rc != -ECANCELED || left == 0))
        return rc;
    return left ? left : -ECANCELED;
}

static int run(void *arg)
{
    struct weft__loop *loop = arg;
    int rc = weft_checkpoint();
    if (rc)
        return rc;
    loop->limit = loop->attr->limit ? loop->attr->limit : weft_workers();
    describe_helper(loop);
    weft_group_enter(&loop->group, WEFT_NEVER);
    work(loop);
    rc = outcome(loop, weft_group_leave(&loop->group));
    uint64_t done = weft__load(&loop->range.done, relaxed);
    if (loop->attr->progress && (done > loop->range.told || loop->count == 0))
        tell(loop, done);
    return rc;
}

/* A guest until the task is there (GUEST-2), which is in the thread's scopes. */
static int run_as_task(struct weft__loop *loop)
{
    weft_attr attr = { .stack_size = loop->attr->stack_size };
    weft_group group;
    int result = 0, rc = weft_checkpoint();
    if (rc)
        return rc;
    if (!weft__guest_bring())
        return -EPERM;
    weft_group_enter(&group, WEFT_NEVER);
    rc = weft_group_spawn_at(WEFT__SITE(parallel), &attr, &group, run, loop, &result);
    weft__guest_leave();
    weft_group_leave(&group);
    if (rc == 0)
        rc = result < 0 ? result : outcome(loop, 0); /* run() may not have come back */
    return rc;
}

int weft__loop_run(struct weft__loop *loop)
{
    loop->range =
        (struct weft__range){ .count = loop->count, .grain = loop->grain ? loop->grain : 1 };
    loop->parties = 1;
    return weft_self() ? run(loop) : run_as_task(loop);
}

int weft_parallel_for(int64_t begin, int64_t end, const weft_parallel_attr *attr,
                      int (*fn)(int64_t first, int64_t last, void *arg), void *arg)
{
    if (!attr)
        attr = &weft__parallel_default;
    if (!weft__parallel_attr_valid(attr))
        return -EINVAL;
    uint64_t count = weft__parallel_count(begin, end);
    struct weft__loop loop = { .begin = begin,
                               .count = count,
                               .attr = attr,
                               .grain = attr->grain,
                               .fn = fn,
                               .arg = arg,
                               .total = count,
                               .span = 1 };
    return weft__loop_run(&loop);
}
