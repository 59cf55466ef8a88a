/* Pools of processes: what exec/pool.c lends are workers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "os/cpus.h"
#include "os/latch.h"
#include "process/hand.h"
#include "weft/pool.h"
#include "weft/scope.h"

/* Somebody kills a worker before it is ready, or before it has begun its first job; or its
 * init() is the reason, each time. */
#define TRIES 3

struct weft_process_pool {
    struct weft__template template; /* constant, as the next two */
    unsigned jobs_per_worker;
    weft_pool *workers;
    struct weft__latch lock; /* of the rest */
    uint64_t completed, crashed, killed, moved;
};

/* The pool's workers. */

static int make(void *arg, void **ret_worker)
{
    weft_process_pool *pool = arg;
    struct weft__hand *hand = malloc(sizeof *hand);
    int rc = hand ? -EOWNERDEAD : -ENOMEM;
    for (int left = TRIES; rc == -EOWNERDEAD && left > 0; left--)
        rc = weft__hand_open(&pool->template, hand);
    if (rc)
        free(hand);
    else
        *ret_worker = hand;
    return rc;
}

static void destroy(void *arg, void *worker)
{
    (void)arg;
    weft__hand_close(worker);
    free(worker);
}

static int check(void *arg, void *worker)
{
    (void)arg;
    return weft__hand_is_good(worker) ? 0 : -EOWNERDEAD;
}

/* Creating. */

static bool is_valid(const weft_process_pool_attr *attr, unsigned max)
{
    static const uintptr_t zero[sizeof attr->reserved / sizeof *attr->reserved];
    return max <= WEFT_PROCESS_POOL_MAX && attr->prefork <= max && attr->idle_lifetime >= 0 &&
           memcmp(attr->reserved, zero, sizeof zero) == 0;
}

/* All are lent at the same time once. */
static int prefork(weft_process_pool *pool, unsigned wanted)
{
    void *workers[WEFT_PROCESS_POOL_MAX];
    unsigned count = 0;
    weft_scope shield;
    int rc = 0;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    while (rc == 0 && count < wanted) {
        rc = weft_pool_get(pool->workers, &workers[count]);
        count += rc == 0;
    }
    while (count > 0)
        weft_pool_put(pool->workers, workers[--count]);
    weft_scope_leave(&shield);
    return rc;
}

static int create(const weft_process_pool_attr *attr, unsigned max, weft_process_pool *pool)
{
    weft_pool_attr workers = { .max = max,
                               .make = make,
                               .destroy = destroy,
                               .check = check,
                               .arg = pool,
                               .idle_lifetime = attr->idle_lifetime };
    struct weft__worker_init init = { attr->init, attr->arg };
    pool->jobs_per_worker = attr->jobs_per_worker;
    int rc = weft_pool_create(&workers, &pool->workers);
    if (rc)
        return rc;
    rc = weft__template_start(max, &init, &pool->template);
    if (rc == 0) {
        rc = prefork(pool, attr->prefork);
        if (rc == 0)
            return 0;
        weft_pool_close(pool->workers);
        weft__template_stop(&pool->template);
    }
    weft_pool_destroy(pool->workers);
    return rc;
}

int weft_process_pool_create(const weft_process_pool_attr *attr, weft_process_pool **ret_pool)
{
    unsigned cpus = weft__cpus_usable(),
             usual = cpus < WEFT_PROCESS_POOL_MAX ? cpus : WEFT_PROCESS_POOL_MAX;
    unsigned max = attr->max ? attr->max : usual;
    if (!is_valid(attr, max))
        return -EINVAL;
    weft_process_pool *pool = calloc(1, sizeof *pool);
    int rc = pool ? create(attr, max, pool) : -ENOMEM;
    if (rc)
        free(pool);
    else
        *ret_pool = pool;
    return rc;
}

void weft_process_pool_destroy(weft_process_pool *pool)
{
    weft_pool_info info;
    if (!pool)
        return;
    weft_pool_look(pool->workers, &info);
    if (info.in_use || info.waiters)
        weft__panic("weft_process_pool_destroy: %u jobs are under way, %u wait", info.in_use,
                    info.waiters);
    weft_pool_destroy(pool->workers);
    weft__template_stop(&pool->template);
    free(pool);
}

int weft_process_pool_close(weft_process_pool *pool)
{
    return weft_pool_close(pool->workers);
}

/* It makes none, since the least number of them is none. */
void weft_process_pool_trim(weft_process_pool *pool)
{
    weft_pool_trim(pool->workers);
}

/* Calls. */

static bool is_callable(const weft_process_call *call)
{
    static const uintptr_t zero[sizeof call->reserved / sizeof *call->reserved];
    return call->fn && call->shared_count <= WEFT_PROCESS_SHARED_MAX &&
           memcmp(call->reserved, zero, sizeof zero) == 0;
}

static void count(weft_process_pool *pool, int rc, bool begun)
{
    weft__latch_acquire(&pool->lock);
    if (rc == WEFT__HAND_AGAIN)
        pool->moved++;
    else if (rc == 0 || rc == -EMSGSIZE)
        pool->completed++;
    else if (begun && (rc == -EOWNERDEAD || rc == -EPIPE))
        pool->crashed++;
    else if (begun)
        pool->killed++;
    weft__latch_release(&pool->lock);
}

static void give_back(weft_process_pool *pool, struct weft__hand *hand, bool dead)
{
    if (dead || ++hand->jobs == pool->jobs_per_worker)
        weft_pool_drop(pool->workers, hand);
    else
        weft_pool_put(pool->workers, hand);
}

/* Counts *left down for a worker that was new, and has not begun it. */
static int run(weft_process_pool *pool, const weft_process_call *call,
               weft_process_outcome *outcome, int *left)
{
    void *worker;
    bool dead = false;
    int rc = weft_pool_get(pool->workers, &worker);
    if (rc)
        return rc;
    struct weft__hand *hand = worker;
    rc = weft__hand_run(hand, call, outcome, &dead);
    if (rc == WEFT__HAND_AGAIN && hand->jobs == 0 && --*left == 0)
        rc = -EOWNERDEAD;
    count(pool, rc, outcome->begun);
    give_back(pool, hand, dead);
    return rc;
}

int weft_process_pool_call(weft_process_pool *pool, const weft_process_call *call,
                           weft_process_outcome *ret_outcome)
{
    weft_process_outcome here, *outcome = ret_outcome ? ret_outcome : &here;
    int rc, left = TRIES;
    memset(outcome, 0, sizeof *outcome);
    if (!is_callable(call))
        return -EINVAL;
    while ((rc = run(pool, call, outcome, &left)) == WEFT__HAND_AGAIN)
        memset(outcome, 0, sizeof *outcome); /* how the last worker has ended */
    return rc;
}

void weft_process_pool_look(weft_process_pool *pool, weft_process_pool_info *ret_info)
{
    weft_pool_info workers;
    weft_pool_look(pool->workers, &workers);
    *ret_info = (weft_process_pool_info){ .max = workers.max,
                                          .busy = workers.in_use,
                                          .idle = workers.idle,
                                          .waiting = workers.waiters,
                                          .started = workers.made,
                                          .ended = workers.destroyed,
                                          .total_wait = workers.total_wait,
                                          .longest_wait = workers.longest_wait,
                                          .process = pool->template.pid,
                                          .broken = weft__template_ended(&pool->template) };
    weft__latch_acquire(&pool->lock);
    ret_info->completed = pool->completed;
    ret_info->crashed = pool->crashed;
    ret_info->killed = pool->killed;
    ret_info->moved = pool->moved;
    weft__latch_release(&pool->lock);
}
