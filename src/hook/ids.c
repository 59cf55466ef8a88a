/* Changing the process's ids and groups. The kernel keeps them for each of its threads.
 * libc has every thread of its list change them but the caller, which does it last, and
 * takes the caller's block for that of the caller's OS thread. A virtual thread's is not:
 * its carrier is signalled as well and would change twice, which is not the same as once
 * (setuid(0) may give privilege, with which it does more); and main's block stands for
 * the sink in libc's list (VT-7), which would be left out. So a virtual thread goes by
 * its carrier's block for the length of the call. */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "os/error.h"
#include "sched/worker.h"

#define FEW 64 /* groups */

/* Handlers stay away, and so the thread stays on its carrier. Returns its own thread
 * pointer; NULL: the block is an OS thread's. */
static WEFT_NOINLINE void *go_by_carrier(void)
{
    struct weft_task *self = weft__self();
    if (!self || !weft__is_virtual(self))
        return NULL;
    weft__signals_hold();
    void *own = weft__context_thread_pointer();
    weft__context_set_thread_pointer(weft__carrier_of(self)->thread_pointer);
    return own;
}

static WEFT_NOINLINE int go_by_own(void *own, int rc)
{
    if (!own)
        return rc;
    int error = weft__error();
    weft__context_set_thread_pointer(own);
    weft__signals_unhold();
    if (rc)
        weft__error_set(error);
    return rc;
}

WEFT__INTERPOSE int setuid(uid_t uid)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setuid(uid));
}

WEFT__INTERPOSE int setgid(gid_t gid)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setgid(gid));
}

WEFT__INTERPOSE int seteuid(uid_t uid)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_seteuid(uid));
}

WEFT__INTERPOSE int setegid(gid_t gid)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setegid(gid));
}

WEFT__INTERPOSE int setreuid(uid_t real, uid_t effective)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setreuid(real, effective));
}

WEFT__INTERPOSE int setregid(gid_t real, gid_t effective)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setregid(real, effective));
}

WEFT__INTERPOSE int setresuid(uid_t real, uid_t effective, uid_t saved)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setresuid(real, effective, saved));
}

WEFT__INTERPOSE int setresgid(gid_t real, gid_t effective, gid_t saved)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setresgid(real, effective, saved));
}

WEFT__INTERPOSE int setgroups(size_t count, const gid_t *groups)
{
    void *own = go_by_carrier();
    return go_by_own(own, weft__real_setgroups(count, groups));
}

/* *ret_count of them, to be freed; NULL: memory is out. */
static gid_t *groups_of(const char *user, gid_t group, int *ret_count)
{
    gid_t *groups = NULL;
    int room;
    *ret_count = FEW;
    do {
        room = *ret_count;
        gid_t *more = realloc(groups, (size_t)room * sizeof *groups);
        if (!more) {
            free(groups);
            return NULL;
        }
        groups = more;
    } while (getgrouplist(user, group, groups, ret_count) < 0 && *ret_count > room);
    return groups;
}

/* Written again: libc's own reads the group database, by modules that call what is
 * interposed, on the thread's own block. */
WEFT__INTERPOSE int initgroups(const char *user, gid_t group)
{
    int count, rc;
    gid_t *groups = groups_of(user, group, &count);
    if (!groups) {
        errno = ENOMEM;
        return -1;
    }
    do { /* as many as the kernel takes, as libc does it */
        rc = setgroups((size_t)count, groups);
    } while (rc < 0 && errno == EINVAL && --count > 0);
    int error = errno;
    free(groups);
    errno = error;
    return rc;
}
