#include "observe/scopes.h"

#include <sys/uio.h>
#include <unistd.h>

#include "task/scope.h"
#include "weft/time.h"

#define FAR 100 /* scopes, then nobody looks any further */

/* Copies memory that may not be there any more. False: it is not, or the kernel does not
 * let us look. */
static bool peek(const void *from, void *to, size_t size)
{
    struct iovec local = { to, size }, remote = { (void *)(uintptr_t)from, size };
    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size;
}

struct scopes {
    struct weft__waiter *group_owner; /* NULL: in no group */
    int64_t deadline;
    bool cancelled, shielded;
};

static bool is_cancelled(struct weft__waiter *owner)
{
    struct weft__waiter seen;
    return peek(owner, &seen, sizeof seen) && seen.family & WEFT__FAMILY_CANCELLED;
}

/* As look() in task/scope.c, but to the end, and without trust. */
static struct scopes look(struct weft__waiter *waiter, const struct weft_scope *at)
{
    struct scopes found = { .deadline = WEFT_NEVER };
    struct weft__waiter *owner = waiter;
    struct weft__scope scope;
    for (int i = 0; i < FAR && at && peek(at, &scope, sizeof scope); i++) {
        if (scope.owner != owner && !found.group_owner)
            found.group_owner = scope.owner;
        if (scope.owner != owner && !found.shielded)
            found.cancelled |= is_cancelled(owner);
        owner = scope.owner;
        if (!found.shielded) {
            found.cancelled |= scope.cancelled;
            found.deadline = scope.deadline < found.deadline ? scope.deadline : found.deadline;
            found.shielded = scope.shield;
        }
        at = scope.outer;
    }
    found.cancelled |= !found.shielded && is_cancelled(owner);
    return found;
}

static void put_owner(struct weft__line *line, struct weft__waiter *owner)
{
    struct weft_task seen;
    weft__line_string(line, ", in a group of ");
    bool is_task = peek(owner, &seen.waiter, sizeof seen.waiter) && !weft__is_thread(&seen.waiter);
    if (is_task && peek(weft__task_of(owner), &seen, sizeof seen)) {
        weft__line_string(line, "task ");
        weft__line_number(line, seen.id);
    } else {
        weft__line_string(line, "a thread");
    }
}

WEFT_RACY void weft__line_scopes(struct weft__line *line, struct weft_task *task, int64_t now)
{
    struct weft_scope *scope = task->waiter.scope;
    if (!scope && !weft__load(&task->waiter.family, relaxed))
        return;
    struct scopes found = look(&task->waiter, scope);
    if (found.group_owner)
        put_owner(line, found.group_owner);
    if (found.deadline != WEFT_NEVER) {
        weft__line_string(line, found.deadline > now ? ", deadline in " : ", deadline passed ");
        weft__line_duration(line,
                            found.deadline > now ? found.deadline - now : now - found.deadline);
        if (found.deadline <= now)
            weft__line_string(line, " ago");
    }
    if (found.cancelled)
        weft__line_string(line, ", cancelled");
    if (found.shielded)
        weft__line_string(line, ", shielded");
}
