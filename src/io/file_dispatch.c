/* Who makes a call on a file.
 *
 * A plain thread that stands in no scope has no reason not to do it itself. For a task, reading
 * and looking at a file are tried at once: what is in the kernel's memory costs one system call,
 * or three, and no switch. Not so writing: for most file systems (ext4 among them, Linux 6.18) the
 * kernel knows no way to write to the page cache only if that needs no waiting, and it may wait
 * long there, for other pages to be written or for the journal. So a write, as all else, is the
 * ring's or the pool's. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exec/jobs.h"
#include "io/fd.h"
#include "io/file.h"
#include "io/operation.h"
#include "sched/task.h"
#include "task/scope.h"

static const char *const sites[WEFT__FILE_VERBS] = {
    [WEFT__FILE_READ] = "file read",         [WEFT__FILE_WRITE] = "file write",
    [WEFT__FILE_READV] = "file readv",       [WEFT__FILE_WRITEV] = "file writev",
    [WEFT__FILE_FSYNC] = "file fsync",       [WEFT__FILE_FDATASYNC] = "file fdatasync",
    [WEFT__FILE_TRUNCATE] = "file truncate", [WEFT__FILE_ALLOCATE] = "file allocate",
    [WEFT__FILE_OPEN] = "file open",         [WEFT__FILE_CLOSE] = "file close",
    [WEFT__FILE_STAT] = "file stat",         [WEFT__FILE_RENAME] = "file rename",
    [WEFT__FILE_UNLINK] = "file unlink",     [WEFT__FILE_MKDIR] = "file mkdir",
    [WEFT__FILE_LINK] = "file link",         [WEFT__FILE_SYMLINK] = "file symlink",
    [WEFT__FILE_READLINK] = "file readlink", [WEFT__FILE_CHMOD] = "file chmod",
    [WEFT__FILE_UTIMES] = "file utimes",     [WEFT__FILE_ENTRIES] = "file entries",
    [WEFT__FILE_COPY_RANGE] = "file copy",   [WEFT__FILE_CLONE] = "file clone",
    [WEFT__FILE_SEEK] = "file seek",
};

static int64_t run_here(const struct weft__file_call *call)
{
    int64_t result;
    do {
        result = weft__file_run(call);
    } while (result == -EINTR && call->verb != WEFT__FILE_CLOSE);
    return result;
}

struct errand {
    const struct weft__file_call *call;
    int64_t result;
};

static int run_errand(void *arg)
{
    struct errand *errand = arg;
    errand->result = run_here(errand->call);
    return 0;
}

static int64_t run_in_pool(const struct weft__file_call *call)
{
    static const weft_blocking_attr attr = { .kind = &weft__files_kind };
    struct errand errand = { .call = call };
    int rc = weft_blocking_at(sites[call->verb], &attr, run_errand, &errand, NULL);
    /* No thread can be made: then this one blocks, and its worker's tasks are taken over. */
    if (weft__unlikely(rc == -EAGAIN))
        return run_here(call);
    return rc ? rc : errand.result;
}

/* What only appends goes to the file's end, and nobody looks at its own position. */
static bool appends(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND);
}

/* The ring moves a file's own position without its lock: two at a time would have the same place.
 * And to a pipe it would write at any place; the system call says -ESPIPE. */
static bool suits_ring(const struct weft__file_call *call)
{
    switch (call->verb) {
    case WEFT__FILE_READ:
    case WEFT__FILE_READV:
        return call->offset >= 0 || !weft__fd_is_regular(call->fd);
    case WEFT__FILE_WRITE:
    case WEFT__FILE_WRITEV:
        return weft__fd_is_regular(call->fd) ? call->offset >= 0 || appends(call->fd)
                                             : call->offset < 0;
    default:
        return true;
    }
}

static int64_t run_elsewhere(const struct weft__file_call *call, struct weft__waiter *waiter)
{
    if (weft__file_ring_takes(call->verb) && suits_ring(call)) {
        int64_t result = weft__file_ring_run(call, waiter);
        /* -EAGAIN: somebody has opened it with O_NONBLOCK, which the ring obeys. */
        if (result != WEFT__FILE_ELSEWHERE && result != -EAGAIN)
            return result;
    }
    return run_in_pool(call);
}

/* Direct transfers wait for the device, whatever they are asked. */
static bool reads_at_once(const struct weft__file_call *call)
{
    if (call->verb != WEFT__FILE_READ && call->verb != WEFT__FILE_READV)
        return false;
    struct weft__fd *entry = weft__fd_find(call->fd);
    return !entry || !(weft__load(&entry->flags, relaxed) & WEFT__FD_DIRECT);
}

/* What is left of one buffer of a read, at first nothing; goes on to the next. */
struct rest {
    const struct iovec *iov;
    size_t count; /* of buffers, this one included */
    size_t done;  /* bytes of this one */
};

/* The next part of a read of which `done` bytes are there. */
static struct weft__file_call next_part(const struct weft__file_call *call, struct rest *rest,
                                        int64_t done)
{
    while (rest->count > 1 && rest->done >= rest->iov->iov_len) {
        rest->done -= rest->iov->iov_len;
        rest->iov++;
        rest->count--;
    }
    struct weft__file_call part = *call;
    part.verb = WEFT__FILE_READ;
    part.buf = (char *)rest->iov->iov_base + rest->done;
    part.size = rest->iov->iov_len - rest->done;
    part.offset = call->offset < 0 ? -1 : call->offset + done;
    return part;
}

static int64_t size_of(const struct weft__file_call *call)
{
    if (call->verb == WEFT__FILE_READ)
        return (int64_t)call->size;
    const struct iovec *iov = call->buf;
    int64_t size = 0;
    for (size_t i = 0; i < call->size; i++)
        size += (int64_t)iov[i].iov_len;
    return size;
}

static bool has_to_wait(const struct weft__file_call *call, int64_t result)
{
    if (result == 0)
        return size_of(call) > 0 && !weft__file_at_end(call);
    return result == -EAGAIN || result == -EOPNOTSUPP || result == -ENOSYS;
}

/* Here the cache has ended, or the file. Programs take less for the end, so it is to be one. */
static int64_t read_on(const struct weft__file_call *call, struct weft__waiter *waiter,
                       int64_t done)
{
    struct iovec one = { call->buf, call->size };
    bool many = call->verb == WEFT__FILE_READV;
    struct rest rest = { many ? call->buf : &one, many ? call->size : 1, (size_t)done };
    for (;;) {
        struct weft__file_call part = next_part(call, &rest, done);
        if (part.size == 0)
            return done;
        int64_t n = weft__file_run_now(&part);
        if (has_to_wait(&part, n))
            n = run_elsewhere(&part, waiter);
        if (n <= 0)
            return done;
        rest.done += (size_t)n;
        done += n;
    }
}

static int64_t read_at_once(const struct weft__file_call *call, struct weft__waiter *waiter)
{
    int64_t result;
    weft__operation_spend();
    do {
        result = weft__file_run_now(call);
    } while (result == -EINTR);
    if (has_to_wait(call, result))
        return run_elsewhere(call, waiter);
    return result > 0 && result < size_of(call) ? read_on(call, waiter, result) : result;
}

static int64_t look_at_once(const struct weft__file_call *call, struct weft__waiter *waiter)
{
    weft__operation_spend();
    int64_t result = weft__file_stat_now(call);
    return result == -EAGAIN ? run_elsewhere(call, waiter) : result;
}

static int64_t run(const struct weft__file_call *call, struct weft__waiter *waiter)
{
    if (weft__is_thread(waiter) && !waiter->scope)
        return run_here(call);
    if (call->verb == WEFT__FILE_STAT)
        return look_at_once(call, waiter);
    return reads_at_once(call) ? read_at_once(call, waiter) : run_elsewhere(call, waiter);
}

int64_t weft__file_do(const struct weft__file_call *call)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    if (weft__likely(!weft__waiter_is_virtual(waiter)))
        return run(call, waiter);
    int kept = errno; /* VT-8 */
    int64_t result = run(call, waiter);
    errno = kept;
    return result;
}

int64_t weft__file_do_firmly(const struct weft__file_call *call)
{
    struct weft__waiter *waiter = weft__waiter_self();
    weft_scope shield;
    /* Nothing ends it, so a plain thread needs nobody else; if it is one of the pool's, and all
     * of those do the same, there might be nobody. */
    if (!waiter || weft__is_thread(waiter))
        return run_here(call);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    int64_t result = weft__file_do(call);
    weft_scope_leave(&shield);
    return result;
}
