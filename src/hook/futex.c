/* syscall(): for Rust, libstdc++ and others who do not ask libc.
 *
 * WAIT, WAKE and their BITSET forms, WAKE_OP, REQUEUE and CMP_REQUEUE of private words
 * go through the lot when a task calls. Of a plain thread's calls the waits are the
 * kernel's, and counted (LOT-5). Its wakes look into the lot; what changes a word, or would
 * move sleepers to a word for which they are not counted, is always done here. Whoever
 * requeues moves nobody: it wakes them, which costs those threads a turn and is allowed.
 * All else is the kernel's. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "hook/close.h"
#include "hook/deadline.h"
#include "hook/futex_op.h"
#include "hook/interposed.h"
#include "hook/lot.h"
#include "hook/park.h"
#include "hook/signals.h"
#include "hook/tid.h"

struct futex {
    _Atomic(uint32_t) *word;
    int operation;
    uint32_t value;
    const struct timespec *time; /* or how many of the second word's */
    _Atomic(uint32_t) *second;
    uint32_t third;
};

static int fail(int error)
{
    errno = error;
    return -1;
}

static int command_of(const struct futex *futex)
{
    return futex->operation & FUTEX_CMD_MASK;
}

static long by_kernel(const struct futex *futex)
{
    return weft__real_syscall(SYS_futex, futex->word, futex->operation, futex->value, futex->time,
                              futex->second, futex->third);
}

/* No word can be there: NULL, a small number, no multiple of four. */
static bool is_nowhere(const void *address)
{
    return (uintptr_t)address < 4096 || (uintptr_t)address % sizeof(uint32_t);
}

/* For the kernel to say what is wrong. Its clocks are FUTEX_WAIT_BITSET's alone. */
static bool is_wrong(const struct futex *futex)
{
    int command = command_of(futex);
    if (is_nowhere((const void *)futex->word))
        return true;
    if (futex->operation & FUTEX_CLOCK_REALTIME)
        return command != FUTEX_WAIT_BITSET;
    return command == FUTEX_WAKE_OP && is_nowhere((const void *)futex->second);
}

/* FUTEX_WAIT's time is relative and monotonic, FUTEX_WAIT_BITSET's absolute. */
static int deadline_of(const struct futex *futex, int64_t *ret_deadline)
{
    bool realtime = futex->operation & FUTEX_CLOCK_REALTIME;
    if (futex->time && !weft__duration_valid(futex->time))
        return EINVAL;
    if (!futex->time || command_of(futex) == FUTEX_WAIT_BITSET)
        return weft__deadline(realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, futex->time,
                              ret_deadline);
    *ret_deadline = weft__duration_end(futex->time);
    return 0;
}

/* weft__lot_wait() that says EINTR where handlers have run that do not let it go on. */
static int sleep_until(const struct futex *futex, uint32_t bits, int64_t deadline)
{
    uint32_t handled = weft__signals_handled();
    struct weft__lot_node node;
    do {
        struct weft__bucket *bucket =
            weft__lot_line_up(&node, futex->word, futex->value, bits, "futex");
        if (!bucket)
            return EAGAIN;
        if (!weft__lot_park(bucket, &node, deadline))
            return ETIMEDOUT;
        if (!node.interrupted)
            return 0;
    } while (weft__signals_restart_until(handled, deadline));
    return EINTR;
}

static int wait_for(const struct futex *futex, uint32_t bits)
{
    int64_t deadline;
    int rc = bits ? deadline_of(futex, &deadline) : EINVAL;
    if (rc)
        return fail(rc);
    struct weft__hook_wait wait;
    weft__hook_begin(&wait);
    rc = sleep_until(futex, bits, deadline);
    weft__hook_end(&wait);
    return rc ? fail(rc) : 0;
}

/* The kernel wakes before it counts: one at least. */
static long wake(_Atomic(uint32_t) *word, int count, uint32_t bits)
{
    return (long)weft__lot_wake(word, count > 0 ? (unsigned)count : 1, bits);
}

/* Both kinds are woken whatever the kernel says: `value` and the limit together. */
static long requeue(const struct futex *futex, bool compare)
{
    int wakes = (int)futex->value, moves = (int)(intptr_t)futex->time;
    if (wakes < 0 || moves < 0)
        return fail(EINVAL);
    if (compare && weft__load(futex->word, seq_cst) != futex->third)
        return fail(EAGAIN);
    int64_t count = (int64_t)wakes + moves;
    return (long)weft__lot_wake(futex->word, count > INT_MAX ? INT_MAX : (unsigned)count,
                                WEFT__LOT_ANY);
}

static long wake_op(const struct futex *futex)
{
    bool holds;
    int error = weft__futex_op(futex->second, futex->third, &holds);
    if (error)
        return fail(error);
    long woken = wake(futex->word, (int)futex->value, WEFT__LOT_ANY);
    if (holds)
        woken += wake(futex->second, (int)(intptr_t)futex->time, WEFT__LOT_ANY);
    return woken;
}

static long by_task(const struct futex *futex)
{
    switch (command_of(futex)) {
    case FUTEX_WAIT:
        return wait_for(futex, WEFT__LOT_ANY);
    case FUTEX_WAIT_BITSET:
        return wait_for(futex, futex->third);
    case FUTEX_WAKE:
        return wake(futex->word, (int)futex->value, WEFT__LOT_ANY);
    case FUTEX_WAKE_BITSET:
        return futex->third ? wake(futex->word, (int)futex->value, futex->third) : fail(EINVAL);
    case FUTEX_WAKE_OP:
        return wake_op(futex);
    case FUTEX_REQUEUE:
        return requeue(futex, false);
    case FUTEX_CMP_REQUEUE:
        return requeue(futex, true);
    default:
        return by_kernel(futex);
    }
}

/* LOT-5. */
static long wait_outside(const struct futex *futex)
{
    weft__lot_outside_enter((void *)futex->word);
    long rc = by_kernel(futex);
    weft__lot_outside_leave((void *)futex->word);
    return rc;
}

static long by_thread(const struct futex *futex)
{
    switch (command_of(futex)) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        return wait_outside(futex);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: /* LOT-2 */
        return weft__lot_quiet(weft__lot_bucket((void *)futex->word)) ? by_kernel(futex)
                                                                      : by_task(futex);
    default:
        return by_task(futex);
    }
}

WEFT__INTERPOSE long syscall(long number, ...)
{
    WEFT__STAYS;
    long at[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        at[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_gettid)
        return weft__hook_gettid();
    if (number == SYS_tgkill)
        return weft__signals_tgkill((pid_t)at[0], (pid_t)at[1], (int)at[2]);
    if (number == SYS_pidfd_send_signal)
        return weft__signals_pidfd((int)at[0], (int)at[1], (void *)at[2], (unsigned)at[3]);
    long result;
    if (weft__close_by_number(number, at, &result))
        return result;
    if (number != SYS_futex || !((int)at[1] & FUTEX_PRIVATE_FLAG))
        return weft__tid_syscall(number, at);
    struct futex futex = { (void *)at[0], (int)at[1],    (uint32_t)at[2],
                           (void *)at[3], (void *)at[4], (uint32_t)at[5] };
    if (is_wrong(&futex))
        return by_kernel(&futex);
    return weft__hook_task() ? by_task(&futex) : by_thread(&futex);
}
