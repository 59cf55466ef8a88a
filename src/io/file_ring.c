/* Calls on files through the ring: reactor/ring.h.
 *
 * A ride is one trip of a call to the kernel and back. It lies on its task's stack, and the
 * task does not leave before the completion has been told (RING-5): when its scope ends it asks
 * the kernel to take the call back, again and again, and waits on, whatever is in force. Then
 * the outcome decides: -ECANCELED is the kernel's word that nothing was done; -EINTR says that
 * of a call that was waiting for something. Not so for closing: of that no outcome would tell
 * whether the number is another file's by now, so it is the pool's.
 *
 * While a ride is under way the kernel will end a wait: so it counts as something outside, as
 * a descriptor does. */
#include <errno.h>
#include <sys/uio.h>

#include "io/fd.h"
#include "io/file_call.h"
#include "sched/enter.h"
#include "sched/settings.h"
#include "sched/spend.h"
#include "sync/event.h"
#include "time/clock.h"
#include "weft/time.h"

/* What linux/io_uring.h of Debian 12 does not have yet. */
#define OP_FTRUNCATE 55 /* Linux 6.9 */

/* As read(2) does: MAX_RW_COUNT. */
#define BYTES_MOST 0x7ffff000u

/* More than this the kernel copies on a thread of its own, and not under the ring's lock. */
#define COPIED_HERE (256u << 10)

/* The kernel's own words for an interrupted call, which some operations have let out. */
#define KERNEL_RESTARTS_FIRST 512
#define KERNEL_RESTARTS_LAST 516

#define ASK_AGAIN_FIRST WEFT_MS(1)
#define ASK_AGAIN_LAST WEFT_MS(100)

struct verb {
    const char *what; /* for dumps; NULL: the ring has no such operation */
    uint8_t operation;
};

static const struct verb verbs[WEFT__FILE_VERBS] = {
    [WEFT__FILE_READ] = { "file read", IORING_OP_READ },
    [WEFT__FILE_WRITE] = { "file write", IORING_OP_WRITE },
    [WEFT__FILE_READV] = { "file read", IORING_OP_READV },
    [WEFT__FILE_WRITEV] = { "file write", IORING_OP_WRITEV },
    [WEFT__FILE_FSYNC] = { "file sync", IORING_OP_FSYNC },
    [WEFT__FILE_FDATASYNC] = { "file sync", IORING_OP_FSYNC },
    [WEFT__FILE_TRUNCATE] = { "file truncate", OP_FTRUNCATE },
    [WEFT__FILE_ALLOCATE] = { "file allocate", IORING_OP_FALLOCATE },
    [WEFT__FILE_OPEN] = { "file open", IORING_OP_OPENAT },
    [WEFT__FILE_STAT] = { "file stat", IORING_OP_STATX },
    [WEFT__FILE_RENAME] = { "file rename", IORING_OP_RENAMEAT },
    [WEFT__FILE_UNLINK] = { "file unlink", IORING_OP_UNLINKAT },
    [WEFT__FILE_MKDIR] = { "file mkdir", IORING_OP_MKDIRAT },
    [WEFT__FILE_LINK] = { "file link", IORING_OP_LINKAT },
    [WEFT__FILE_SYMLINK] = { "file symlink", IORING_OP_SYMLINKAT },
};

static struct weft__ring *ring_here(void)
{
    struct weft_task *self = weft__self();
    return self ? &self->worker->ring : NULL; /* which it has lost, maybe: RING-2 */
}

bool weft__file_ring_takes(enum weft__file_verb verb)
{
    const struct verb *is = &verbs[verb];
    struct weft__ring *ring = ring_here();
    if (!ring || !is->what || weft__files_by_pool)
        return false;
    return weft__ring_operations(ring) >> is->operation & 1;
}

static uint64_t address(const void *at)
{
    return (uintptr_t)at;
}

static bool has_much(const struct weft__file_call *call)
{
    const struct iovec *parts = call->buf;
    size_t bytes = 0;
    if (call->verb == WEFT__FILE_READ || call->verb == WEFT__FILE_WRITE)
        return call->size > COPIED_HERE;
    for (size_t i = 0; i < call->size && bytes <= COPIED_HERE; i++)
        bytes = parts[i].iov_len > COPIED_HERE ? SIZE_MAX : bytes + parts[i].iov_len;
    return bytes > COPIED_HERE;
}

/* io_uring_enter(2) says what goes where. */
static void fill_transfer(const struct weft__file_call *call, struct io_uring_sqe *entry)
{
    entry->addr = address(call->buf);
    entry->len = (uint32_t)(call->size < BYTES_MOST ? call->size : BYTES_MOST);
    entry->off = (uint64_t)call->offset;
    if (has_much(call))
        entry->flags = IOSQE_ASYNC;
}

static void fill_names(const struct weft__file_call *call, struct io_uring_sqe *entry)
{
    entry->addr = address(call->path);
    entry->addr2 = address(call->to_path);
    if (call->verb == WEFT__FILE_SYMLINK)
        entry->fd = call->to_fd;
    else
        entry->len = (uint32_t)call->to_fd;
    if (call->verb == WEFT__FILE_RENAME)
        entry->rename_flags = (uint32_t)call->flags;
    if (call->verb == WEFT__FILE_LINK)
        entry->hardlink_flags = (uint32_t)call->flags;
}

static void fill_path(const struct weft__file_call *call, struct io_uring_sqe *entry)
{
    entry->addr = address(call->path);
    if (call->verb == WEFT__FILE_STAT) {
        entry->statx_flags = (uint32_t)call->flags;
        entry->len = call->mask;
        entry->off = address(call->buf);
    } else if (call->verb == WEFT__FILE_OPEN) {
        entry->open_flags = (uint32_t)call->flags;
        entry->len = call->mode;
        /* At once, the kernel opens without waiting: a pipe that has no other end, too. */
        entry->flags = IOSQE_ASYNC;
    } else if (call->verb == WEFT__FILE_MKDIR) {
        entry->len = call->mode;
    } else {
        entry->unlink_flags = (uint32_t)call->flags;
    }
}

static struct io_uring_sqe entry_of(const struct weft__file_call *call)
{
    struct io_uring_sqe entry = { .opcode = verbs[call->verb].operation, .fd = call->fd };
    switch (call->verb) {
    case WEFT__FILE_READ:
    case WEFT__FILE_WRITE:
    case WEFT__FILE_READV:
    case WEFT__FILE_WRITEV:
        fill_transfer(call, &entry);
        break;
    case WEFT__FILE_FDATASYNC:
        entry.fsync_flags = IORING_FSYNC_DATASYNC;
        break;
    case WEFT__FILE_TRUNCATE:
        entry.off = (uint64_t)call->length;
        break;
    case WEFT__FILE_ALLOCATE:
        entry.off = (uint64_t)call->offset;
        entry.addr = (uint64_t)call->length;
        entry.len = (uint32_t)call->flags;
        break;
    case WEFT__FILE_RENAME:
    case WEFT__FILE_LINK:
    case WEFT__FILE_SYMLINK:
        fill_names(call, &entry);
        break;
    case WEFT__FILE_OPEN:
    case WEFT__FILE_STAT:
    case WEFT__FILE_MKDIR:
    case WEFT__FILE_UNLINK:
        fill_path(call, &entry);
        break;
    default: /* FSYNC has a descriptor only; the ring does not take others */
        break;
    }
    return entry;
}

struct ride {
    struct weft__completion completion;
    struct weft__ring *ring;
    const struct weft__file_call *call;
    int32_t result;
    weft_event done;
};

static void tell(struct weft__completion *completion, int32_t result)
{
    struct ride *ride = weft__container_of(completion, struct ride, completion);
    ride->result = result;
    weft_event_set(&ride->done); /* it is gone */
}

static void take_back(struct ride *ride, struct weft__waiter *waiter)
{
    const char *what = verbs[ride->call->verb].what;
    int64_t patience = ASK_AGAIN_FIRST;
    struct weft__event_flag *done = weft__event_of(&ride->done);
    while (!weft__event_passed(done)) {
        weft__ring_cancel(ride->ring, &ride->completion);
        weft__event_wait_firmly(done, waiter, what, (uint64_t)ride->call->fd,
                                weft__clock_now() + patience);
        if (patience < ASK_AGAIN_LAST)
            patience *= 2;
    }
}

/* 0, or what has cut the wait short. Only when the ride is over. */
static int await(struct ride *ride, struct weft__waiter *waiter)
{
    struct weft__event_flag *done = weft__event_of(&ride->done);
    if (weft__event_passed(done))
        return 0;
    weft__outside(1);
    int rc = weft__event_wait(done, waiter, verbs[ride->call->verb].what, (uint64_t)ride->call->fd);
    if (rc)
        take_back(ride, waiter);
    weft__outside(-1);
    return rc;
}

static bool is_interrupted(int32_t result)
{
    return result == -EINTR ||
           (result <= -KERNEL_RESTARTS_FIRST && result >= -KERNEL_RESTARTS_LAST);
}

int64_t weft__file_ring_run(const struct weft__file_call *call, struct weft__waiter *waiter)
{
    struct io_uring_sqe entry = entry_of(call);
    weft__spend(waiter);
    for (;;) {
        struct ride ride = { .completion = { .tell = tell },
                             .ring = ring_here(),
                             .call = call,
                             .done = WEFT_EVENT_INIT };
        if (!weft__ring_submit(ride.ring, &entry, &ride.completion))
            return WEFT__FILE_ELSEWHERE;
        int rc = await(&ride, waiter);
        bool interrupted = is_interrupted(ride.result);
        if (!interrupted && ride.result != -ECANCELED)
            return ride.result;
        if (rc)
            return rc;
        if (!interrupted)
            return WEFT__FILE_ELSEWHERE; /* the kernel ends a thread that has submitted */
    }
}
