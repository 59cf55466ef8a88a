/* Waiting for children.
 *
 * Everything begins with the kernel's own call and WNOHANG. When that finds nothing,
 * the thread waits for a SIGCHLD, which the sink sees first, and tries again. The sink
 * does not see it when all threads block it (it stays with the kernel: SIG-2) or
 * when the program ignores it; and the end of a child that clone() made with another
 * signal, or none, makes no SIGCHLD: who asks for such children (__WALL, __WCLONE) does not
 * wait for one. Then the call blocks its carrier, and the worker goes to another.
 *
 * CHILD-1  A waiter is in the list before it tries. Whoever has seen a SIGCHLD wakes
 *          all in the list; so whatever a try has missed ends the wait. So does a carrier
 *          after it has lent its mask: to it the kernel may have given one unseen.
 * CHILD-2  When the sink gives SIGCHLD up it says so first, then wakes: a waiter either
 *          is in the list by then, or sees it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "hook/interposed.h"
#include "hook/park.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "task/scope.h"
#include "weft/time.h"

struct child_wait {
    pid_t (*attempt)(const struct child_wait *wait, int more_options);
    idtype_t type;
    id_t id;
    int options;
    int *ret_status;
    siginfo_t *ret_info;
    struct rusage *ret_usage;
};

struct node {
    struct weft__list link;
    struct weft__waiter *waiter;
    uint64_t ticket;
};

static struct weft__list nodes = WEFT__LIST_INIT(nodes);
static struct weft__lock lock;

void weft__children_changed(void)
{
    weft__lock_acquire(&lock);
    for (struct weft__list *at; (at = weft__list_first(&nodes));) {
        struct node *node = weft__container_of(at, struct node, link);
        weft__list_remove(at);
        weft__wait_fire(node->waiter, node->ticket, WEFT__EVENT);
    }
    weft__lock_release(&lock);
}

static void begin(struct node *node, struct weft__waiter *waiter)
{
    node->waiter = waiter;
    node->ticket = weft__wait_begin(waiter, "child", 0);
    weft__lock_acquire(&lock);
    weft__list_append(&nodes, &node->link);
    weft__lock_release(&lock);
}

static void end(struct node *node)
{
    weft__lock_acquire(&lock);
    weft__list_remove(&node->link);
    weft__lock_release(&lock);
}

static bool sink_sees(const struct child_wait *call)
{
    return !(call->options & (__WALL | __WCLONE)) && weft__sink_sees(SIGCHLD) &&
           weft__signal_action(SIGCHLD).sa_handler != SIG_IGN;
}

/* Whether the kernel says at once that there is nothing: 0, or EAGAIN for a pidfd. */
static bool never_waits(const struct child_wait *call)
{
    if (call->options & WNOHANG)
        return true;
    return call->type == P_PIDFD && weft__real_fcntl((int)call->id, F_GETFL) & O_NONBLOCK;
}

/* ECANCELED or ETIMEDOUT, if a scope has ended the wait. */
static int park(struct weft__waiter *waiter)
{
    struct weft__ended ended = weft__scope_park(waiter, WEFT_NEVER);
    if (ended.reason == WEFT__EVENT || ended.reason == WEFT__INTERRUPTED)
        return 0;
    return -weft__scope_error(waiter, ended);
}

/* A try, and a wait if that has found nothing: 0; else the outcome. */
static pid_t try_and_wait(const struct child_wait *call, bool *ret_blind)
{
    struct node node;
    struct weft__waiter *waiter = weft__waiter_self();
    begin(&node, waiter); /* CHILD-1 */
    pid_t pid = call->attempt(call, WNOHANG);
    int error = errno;
    *ret_blind = !sink_sees(call);
    int rc = 0;
    if (pid == 0 && !*ret_blind)
        rc = park(waiter);
    else
        weft__wait_drop(waiter, node.ticket);
    end(&node);
    errno = rc ? rc : error;
    return rc ? -1 : pid;
}

static pid_t await(struct weft__thread *self, const struct child_wait *call)
{
    pid_t pid;
    bool blind = false;
    weft__cancel_point();
    if (never_waits(call))
        return call->attempt(call, 0);
    uint32_t handled = self->signals.handled;
    do {
        struct weft__hook_wait wait;
        weft__hook_begin(&wait);
        pid = try_and_wait(call, &blind);
        if (pid < 0)
            wait.error = errno;
        weft__hook_end(&wait);
        if (pid == 0)
            weft__cancel_point();
        if (pid == 0 && !weft__signals_restart(handled)) {
            pid = call->attempt(call, WNOHANG); /* a child's end comes before its signal */
            errno = pid == 0 ? EINTR : errno;
            return pid == 0 ? -1 : pid;
        }
    } while (pid == 0 && !blind);
    return pid == 0 ? call->attempt(call, 0) : pid;
}

static pid_t attempt_wait4(const struct child_wait *wait, int more_options)
{
    return weft__real_wait4((pid_t)wait->id, wait->ret_status, wait->options | more_options,
                            wait->ret_usage);
}

/* Success as a number that is not 0. */
static pid_t attempt_waitid(const struct child_wait *wait, int more_options)
{
    siginfo_t info = { .si_pid = 0 };
    int rc = weft__real_waitid(wait->type, wait->id, &info, wait->options | more_options);
    if (rc == 0 && wait->ret_info)
        *wait->ret_info = info;
    if (rc != 0)
        return -1;
    return info.si_pid ? info.si_pid : 0;
}

WEFT__INTERPOSE pid_t wait4(pid_t pid, int *ret_status, int options, struct rusage *ret_usage)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return weft__real_wait4(pid, ret_status, options, ret_usage);
    struct child_wait wait = { .attempt = attempt_wait4,
                               .type = P_PID,
                               .id = (id_t)pid,
                               .options = options,
                               .ret_status = ret_status,
                               .ret_usage = ret_usage };
    return await(self, &wait);
}

WEFT__INTERPOSE pid_t waitpid(pid_t pid, int *ret_status, int options)
{
    return wait4(pid, ret_status, options, NULL);
}
WEFT__INSIDE(waitpid);

WEFT__INTERPOSE pid_t wait3(int *ret_status, int options, struct rusage *ret_usage)
{
    return wait4(-1, ret_status, options, ret_usage);
}

WEFT__INTERPOSE pid_t wait(int *ret_status)
{
    return wait4(-1, ret_status, 0, NULL);
}

WEFT__INTERPOSE int waitid(idtype_t type, id_t id, siginfo_t *ret_info, int options)
{
    struct weft__thread *self = weft__thread_self();
    if (!self)
        return weft__real_waitid(type, id, ret_info, options);
    struct child_wait wait = {
        .attempt = attempt_waitid, .type = type, .id = id, .options = options, .ret_info = ret_info
    };
    return await(self, &wait) < 0 ? -1 : 0;
}
