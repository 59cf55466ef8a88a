#include "hook/rank.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#include "hook/interposed.h"
#include "hook/thread.h"

/* The carrier's own. */

static void read_rank(struct weft__rank *ret_rank)
{
    struct sched_param param = { 0 };
    ret_rank->policy = weft__real_sched_getscheduler(0);
    weft__real_sched_getparam(0, &param);
    ret_rank->priority = param.sched_priority;
}

/* 0 or an error number. */
static int write_rank(int policy, int priority)
{
    struct sched_param param = { .sched_priority = priority };
    return weft__real_sched_setscheduler(0, policy, &param) < 0 ? errno : 0;
}

/* Whether the kernel would: it is asked to, and asked back. But for what it permits to
 * everybody, and lets only the privileged take back. */
static int try_rank(int policy, int priority)
{
    struct weft__rank before;
    int error = errno;
    policy &= ~SCHED_RESET_ON_FORK;
    if (policy == SCHED_IDLE)
        return priority == 0 ? 0 : EINVAL;
    read_rank(&before);
    int rc = write_rank(policy, priority);
    if (rc == 0)
        write_rank(before.policy, before.priority);
    errno = error;
    return rc;
}

/* The same for a set of CPUs, of which it takes those that there are. */
static int try_place(size_t size, const cpu_set_t *cpus, cpu_set_t *ret_cpus)
{
    cpu_set_t before;
    int error = errno, rc = 0;
    weft__real_sched_getaffinity(0, sizeof before, &before);
    if (weft__real_sched_setaffinity(0, size, cpus) == 0) {
        weft__real_sched_getaffinity(0, sizeof *ret_cpus, ret_cpus);
        weft__real_sched_setaffinity(0, sizeof before, &before);
    } else {
        rc = errno;
    }
    errno = error;
    return rc;
}

/* RANK-2. */

static struct weft__rank at_first;

static void read_all(struct weft__rank *ret_rank)
{
    *ret_rank = (struct weft__rank){ 0 };
    read_rank(ret_rank);
    weft__real_sched_getaffinity(0, sizeof ret_rank->cpus, &ret_rank->cpus);
}

/* The process's first: real.h says why. */
__attribute__((constructor(102))) static void look_at_process(void)
{
    read_all(&at_first);
}

void weft__rank_start(struct weft__rank *ret_main)
{
    read_all(ret_main);
    ret_main->placed = !CPU_EQUAL(&ret_main->cpus, &at_first.cpus);
    ret_main->ranked =
        ret_main->policy != at_first.policy || ret_main->priority != at_first.priority;
    if (ret_main->placed)
        weft__real_sched_setaffinity(0, sizeof at_first.cpus, &at_first.cpus);
    if (ret_main->ranked)
        write_rank(at_first.policy, at_first.priority);
}

void weft__rank_keep(const struct weft__thread *self)
{
    if (self->rank.placed)
        weft__real_sched_setaffinity(0, sizeof self->rank.cpus, &self->rank.cpus);
    if (self->rank.ranked)
        write_rank(self->rank.policy, self->rank.priority);
}

/* A carrier gets no policy that could not be taken back from it without privilege. */
static bool lends_rank(const struct weft__rank *rank)
{
    return rank->ranked && rank->policy != SCHED_IDLE && !(rank->policy & SCHED_RESET_ON_FORK);
}

void weft__rank_lend(const struct weft__thread *self, struct weft__rank *ret_carrier)
{
    const struct weft__rank *rank = &self->rank;
    if (rank->placed) {
        weft__real_sched_getaffinity(0, sizeof ret_carrier->cpus, &ret_carrier->cpus);
        weft__real_sched_setaffinity(0, sizeof rank->cpus, &rank->cpus);
    }
    if (lends_rank(rank)) {
        read_rank(ret_carrier);
        write_rank(rank->policy, rank->priority);
    }
}

void weft__rank_return(const struct weft__thread *self, const struct weft__rank *carrier)
{
    if (self->rank.placed)
        weft__real_sched_setaffinity(0, sizeof carrier->cpus, &carrier->cpus);
    if (lends_rank(&self->rank))
        write_rank(carrier->policy, carrier->priority);
}

/* A thread's. 0 or an error number. */

static void note_rank(struct weft__thread *thread, int policy, int priority)
{
    thread->rank.ranked = true;
    thread->rank.policy = policy;
    thread->rank.priority = priority;
}

static int set_rank(struct weft__thread *thread, int policy, int priority)
{
    int rc = try_rank(policy, priority);
    if (rc == 0)
        note_rank(thread, policy, priority);
    return rc;
}

static void get_rank(const struct weft__thread *thread, int *ret_policy, int *ret_priority)
{
    struct weft__rank rank = thread->rank;
    if (!rank.ranked)
        read_rank(&rank);
    *ret_policy = rank.policy;
    *ret_priority = rank.priority;
}

static void note_place(struct weft__thread *thread, const cpu_set_t *cpus)
{
    thread->rank.placed = true;
    thread->rank.cpus = *cpus;
}

static int set_place(struct weft__thread *thread, size_t size, const cpu_set_t *cpus)
{
    cpu_set_t found;
    int rc = try_place(size, cpus, &found);
    if (rc == 0)
        note_place(thread, &found);
    return rc;
}

static int get_place(const struct weft__thread *thread, size_t size, cpu_set_t *ret_cpus)
{
    int error = errno;
    int rc = weft__real_sched_getaffinity(0, size, ret_cpus) < 0 ? errno : 0;
    errno = error;
    if (rc == 0 && thread->rank.placed)
        memcpy(ret_cpus, &thread->rank.cpus,
               size < sizeof thread->rank.cpus ? size : sizeof thread->rank.cpus);
    return rc;
}

int weft__rank_apply(struct weft__thread *thread, const pthread_attr_t *attr)
{
    int inherits, policy;
    struct sched_param param;
    cpu_set_t cpus, all;
    pthread_attr_getinheritsched(attr, &inherits);
    pthread_attr_getschedpolicy(attr, &policy);
    pthread_attr_getschedparam(attr, &param);
    int rc = 0;
    thread->rank.by_attributes = inherits == PTHREAD_EXPLICIT_SCHED;
    if (thread->rank.by_attributes)
        rc = set_rank(thread, policy, param.sched_priority);
    memset(&all, 0xff, sizeof all); /* that is: none were set */
    if (rc == 0 && pthread_attr_getaffinity_np(attr, sizeof cpus, &cpus) == 0 &&
        !CPU_EQUAL(&cpus, &all))
        rc = set_place(thread, sizeof cpus, &cpus);
    return rc;
}

int weft__rank_describe(const struct weft__thread *thread, pthread_attr_t *attr)
{
    int policy;
    struct sched_param param;
    cpu_set_t cpus;
    get_rank(thread, &policy, &param.sched_priority);
    pthread_attr_setschedpolicy(attr, policy);
    pthread_attr_setschedparam(attr, &param);
    if (thread->rank.by_attributes)
        pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
    int rc = get_place(thread, sizeof cpus, &cpus);
    return rc ? rc : pthread_attr_setaffinity_np(attr, sizeof cpus, &cpus);
}

/* The interposed calls, by handle. */

WEFT__INTERPOSE int pthread_setschedparam(pthread_t id, int policy, const struct sched_param *param)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_setschedparam(id, policy, param);
    return set_rank(thread, policy, param->sched_priority);
}

WEFT__INTERPOSE int pthread_getschedparam(pthread_t id, int *ret_policy,
                                          struct sched_param *ret_param)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH
                                     : weft__real_pthread_getschedparam(id, ret_policy, ret_param);
    get_rank(thread, ret_policy, &ret_param->sched_priority);
    return 0;
}

WEFT__INTERPOSE int pthread_setschedprio(pthread_t id, int priority)
{
    struct weft__thread *thread = weft__thread_of(id);
    int policy, unused;
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_setschedprio(id, priority);
    get_rank(thread, &policy, &unused);
    return set_rank(thread, policy, priority);
}

WEFT__INTERPOSE int pthread_setaffinity_np(pthread_t id, size_t size, const cpu_set_t *cpus)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH : weft__real_pthread_setaffinity_np(id, size, cpus);
    return set_place(thread, size, cpus);
}

WEFT__INTERPOSE int pthread_getaffinity_np(pthread_t id, size_t size, cpu_set_t *ret_cpus)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__thread_gone(id) ? ESRCH
                                     : weft__real_pthread_getaffinity_np(id, size, ret_cpus);
    return get_place(thread, size, ret_cpus);
}

/* And by number: the thread's, as gettid() has it, or 0 for the caller. A thread that
 * others name may end meanwhile, so the signals' lock is held as long as it is looked at:
 * SIG-5. NULL, and not held: another process's, or the caller is no virtual thread. */
static struct weft__thread *hold_by(pid_t tid)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return NULL;
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    struct weft__thread *thread = tid == 0 ? self : weft__signals_thread((uint32_t)tid);
    if (thread)
        return thread;
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
    return NULL;
}

static void let_go(void)
{
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
}

static int outcome(int rc)
{
    if (rc == 0)
        return 0;
    errno = rc;
    return -1;
}

bool weft__rank_has(pid_t tid)
{
    if (!hold_by(tid))
        return false;
    let_go();
    return true;
}

/* False: there is none such. */
static bool get_rank_by(pid_t tid, int *ret_policy, int *ret_priority)
{
    struct weft__thread *thread = hold_by(tid);
    if (!thread)
        return false;
    get_rank(thread, ret_policy, ret_priority);
    let_go();
    return true;
}

/* The kernel is asked without the lock: what it is asked for may be to run this carrier
 * last. */
static int set_rank_by(pid_t tid, int policy, int priority)
{
    int rc = try_rank(policy, priority);
    struct weft__thread *thread = rc == 0 ? hold_by(tid) : NULL;
    if (!thread)
        return outcome(rc ? rc : ESRCH);
    note_rank(thread, policy, priority);
    let_go();
    return 0;
}

WEFT__INTERPOSE int sched_setscheduler(pid_t tid, int policy, const struct sched_param *param)
{
    if (!param || !weft__rank_has(tid))
        return weft__real_sched_setscheduler(tid, policy, param);
    return set_rank_by(tid, policy, param->sched_priority);
}
WEFT__INSIDE(sched_setscheduler);

WEFT__INTERPOSE int sched_getscheduler(pid_t tid)
{
    int policy, unused;
    return get_rank_by(tid, &policy, &unused) ? policy : weft__real_sched_getscheduler(tid);
}
WEFT__INSIDE(sched_getscheduler);

WEFT__INTERPOSE int sched_setparam(pid_t tid, const struct sched_param *param)
{
    int policy, unused;
    if (!param || !get_rank_by(tid, &policy, &unused))
        return weft__real_sched_setparam(tid, param);
    return set_rank_by(tid, policy, param->sched_priority);
}
WEFT__INSIDE(sched_setparam);

WEFT__INTERPOSE int sched_getparam(pid_t tid, struct sched_param *ret_param)
{
    int unused, priority; /* not the program's memory under the lock: it may be none */
    if (!ret_param || !get_rank_by(tid, &unused, &priority))
        return weft__real_sched_getparam(tid, ret_param);
    ret_param->sched_priority = priority;
    return 0;
}
WEFT__INSIDE(sched_getparam);

WEFT__INTERPOSE int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *cpus)
{
    cpu_set_t found;
    if (!weft__rank_has(tid))
        return weft__real_sched_setaffinity(tid, size, cpus);
    int rc = try_place(size, cpus, &found);
    struct weft__thread *thread = rc == 0 ? hold_by(tid) : NULL;
    if (!thread)
        return outcome(rc ? rc : ESRCH);
    note_place(thread, &found);
    let_go();
    return 0;
}
WEFT__INSIDE(sched_setaffinity);

WEFT__INTERPOSE int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *ret_cpus)
{
    struct weft__thread *thread = hold_by(tid);
    if (!thread)
        return weft__real_sched_getaffinity(tid, size, ret_cpus);
    int rc = get_place(thread, size, ret_cpus);
    let_go();
    return outcome(rc);
}
WEFT__INSIDE(sched_getaffinity);

/* By the kernel's structure, in its first form. The niceness and what later forms have are
 * the OS thread's. */
struct weft__rank_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t niceness;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

#define RESET 1   /* SCHED_FLAG_RESET_ON_FORK, in policies SCHED_RESET_ON_FORK */
#define KEEP 0x18 /* SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS */

/* Whether the kernel would, as in try_rank(). */
static int try_attr(struct weft__rank_attr *attr, unsigned flags)
{
    struct weft__rank before;
    if (attr->policy == SCHED_IDLE && !(attr->flags & KEEP))
        return try_rank(SCHED_IDLE, (int)attr->priority);
    weft__signals_hold(); /* stays on this carrier */
    read_rank(&before);
    uint64_t asked = attr->flags;
    attr->flags &= ~(uint64_t)RESET;
    int rc = weft__real_syscall(SYS_sched_setattr, 0, attr, flags) < 0 ? errno : 0;
    attr->flags = asked;
    if (rc == 0)
        write_rank(before.policy, before.priority);
    weft__signals_unhold();
    return rc;
}

long weft__rank_set_attr(pid_t tid, struct weft__rank_attr *attr, unsigned flags)
{
    if (!attr || !weft__rank_has(tid))
        return weft__real_syscall(SYS_sched_setattr, tid, attr, flags);
    int rc = try_attr(attr, flags);
    if (rc || attr->flags & KEEP)
        return outcome(rc);
    int policy = (int)(attr->policy | (attr->flags & RESET ? SCHED_RESET_ON_FORK : 0));
    struct weft__thread *thread = hold_by(tid);
    if (!thread)
        return outcome(ESRCH);
    note_rank(thread, policy, (int)attr->priority);
    let_go();
    return 0;
}

long weft__rank_get_attr(pid_t tid, struct weft__rank_attr *ret_attr, unsigned size, unsigned flags)
{
    int policy, priority;
    if (!get_rank_by(tid, &policy, &priority))
        return weft__real_syscall(SYS_sched_getattr, tid, ret_attr, size, flags);
    long rc = weft__real_syscall(SYS_sched_getattr, 0, ret_attr, size, flags);
    if (rc == 0) {
        ret_attr->policy = (uint32_t)(policy & ~SCHED_RESET_ON_FORK);
        ret_attr->flags &= ~(uint64_t)RESET;
        ret_attr->flags |= policy & SCHED_RESET_ON_FORK ? RESET : 0;
        ret_attr->priority = (uint32_t)priority;
    }
    return rc;
}
