#include "os/uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/private_fd.h"

/* NATIVE_WORKERS is of Linux 5.12, the others are older. Before, threads of the kernel's made
 * the calls, which only borrowed the process's files and identity, and the rings counted as
 * locked memory. */
#define NEEDED \
    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | \
     IORING_FEAT_RW_CUR_POS | IORING_FEAT_NATIVE_WORKERS)

#define PROBED 64

static void *map(struct weft__uring *uring, size_t size, uint64_t what)
{
    void *at =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring->fd, (off_t)what);
    /* A child must not find the parent's rings, even by accident. */
    if (at != MAP_FAILED)
        madvise(at, size, MADV_DONTFORK);
    return at;
}

static void *part(struct weft__uring *uring, uint32_t offset)
{
    return (char *)uring->rings + offset;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int map_rings(struct weft__uring *uring, const struct io_uring_params *params)
{
    uring->entry_count = params->sq_entries;
    uring->completion_count = params->cq_entries;
    uring->entries_size = params->sq_entries * sizeof *uring->entries;
    uring->rings_size =
        larger(params->sq_off.array + params->sq_entries * sizeof(uint32_t),
               params->cq_off.cqes + params->cq_entries * sizeof *uring->completions);
    uring->rings = map(uring, uring->rings_size, IORING_OFF_SQ_RING);
    uring->entries = map(uring, uring->entries_size, IORING_OFF_SQES);
    if (uring->rings == MAP_FAILED || uring->entries == MAP_FAILED)
        return -ENOMEM;
    uring->entry_head = part(uring, params->sq_off.head);
    uring->entry_tail = part(uring, params->sq_off.tail);
    uring->completion_head = part(uring, params->cq_off.head);
    uring->completion_tail = part(uring, params->cq_off.tail);
    uring->completions = part(uring, params->cq_off.cqes);
    /* Between the ring of entries and the entries lies a ring of their numbers. */
    uint32_t *numbers = part(uring, params->sq_off.array);
    for (uint32_t i = 0; i < params->sq_entries; i++)
        numbers[i] = i;
    return 0;
}

static int probe(struct weft__uring *uring, weft__uring_operations *ret_operations)
{
    union {
        struct io_uring_probe head;
        char room[sizeof(struct io_uring_probe) + PROBED * sizeof(struct io_uring_probe_op)];
    } answer;
    memset(&answer, 0, sizeof answer);
    if (syscall(SYS_io_uring_register, uring->fd, IORING_REGISTER_PROBE, &answer, PROBED) < 0)
        return -errno;
    *ret_operations = 0;
    for (int i = 0; i < answer.head.ops_len && i < PROBED; i++) {
        if (answer.head.ops[i].flags & IO_URING_OP_SUPPORTED)
            *ret_operations |= (weft__uring_operations)1 << answer.head.ops[i].op;
    }
    return 0;
}

static int set_up(struct weft__uring *uring, const struct io_uring_params *params,
                  weft__uring_operations *ret_operations)
{
    if ((params->features & NEEDED) != NEEDED)
        return -EOPNOTSUPP;
    int rc = map_rings(uring, params);
    return rc ? rc : probe(uring, ret_operations);
}

int weft__uring_init(struct weft__uring *uring, unsigned entries, unsigned completions,
                     weft__uring_operations *ret_operations)
{
    int kept = errno;
    struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE, .cq_entries = completions };
    *uring = (struct weft__uring){ .rings = MAP_FAILED, .entries = MAP_FAILED };
    /* The kernel sets FD_CLOEXEC. */
    uring->fd = weft__private_fd_take((int)syscall(SYS_io_uring_setup, entries, &params));
    int rc = uring->fd < 0 ? -errno : set_up(uring, &params, ret_operations);
    if (rc)
        weft__uring_finish(uring);
    errno = kept;
    return rc;
}

void weft__uring_finish(struct weft__uring *uring)
{
    if (uring->entries != MAP_FAILED)
        munmap(uring->entries, uring->entries_size);
    if (uring->rings != MAP_FAILED)
        munmap(uring->rings, uring->rings_size);
    weft__uring_abandon(uring);
}

void weft__uring_abandon(struct weft__uring *uring)
{
    if (uring->fd >= 0)
        weft__private_fd_close(uring->fd);
    uring->fd = -1;
}

void weft__uring_set_threads(struct weft__uring *uring, unsigned most)
{
    int kept = errno;
    uint32_t limits[2] = { most, 0 }; /* and the other kind's as it is */
    syscall(SYS_io_uring_register, uring->fd, IORING_REGISTER_IOWQ_MAX_WORKERS, limits, 2);
    errno = kept;
}

int weft__uring_submit(struct weft__uring *uring, const struct io_uring_sqe *entry)
{
    int kept = errno;
    uint32_t tail = weft__load(uring->entry_tail, relaxed); /* ours */
    WEFT_ASSERT(weft__load(uring->entry_head, relaxed) == tail, "RING-2");
    uring->entries[tail & (uring->entry_count - 1)] = *entry;
    /* release: pairs with the kernel's acquire; it may see the entry */
    weft__store(uring->entry_tail, tail + 1, release);
    long rc = syscall(SYS_io_uring_enter, uring->fd, 1, 0, 0, NULL, (size_t)0);
    int error = rc < 0 ? -errno : -EAGAIN;
    /* acquire: pairs with the kernel's release: whether it has taken the entry decides, and
     * not what it returned. It looks only when it is entered, so we can take it back. */
    bool taken = weft__load(uring->entry_head, acquire) == tail + 1;
    if (!taken)
        weft__store(uring->entry_tail, tail, relaxed);
    errno = kept;
    return taken ? 0 : error;
}

unsigned weft__uring_reap(struct weft__uring *uring, struct weft__uring_result *ret_results,
                          unsigned most)
{
    uint32_t head = weft__load(uring->completion_head, relaxed); /* ours */
    /* acquire: pairs with the kernel's release; we may read what is before */
    uint32_t tail = weft__load(uring->completion_tail, acquire);
    unsigned count = tail - head < most ? tail - head : most;
    for (unsigned i = 0; i < count; i++) {
        const struct io_uring_cqe *from =
            &uring->completions[(head + i) & (uring->completion_count - 1)];
        ret_results[i] = (struct weft__uring_result){ from->user_data, from->res };
    }
    /* release: pairs with the kernel's acquire; it may write there again */
    weft__store(uring->completion_head, head + count, release);
    return count;
}
