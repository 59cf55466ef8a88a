#include "os/futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/annotate.h"

static bool wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    int64_t at = deadline > 0 ? deadline : 0; /* a negative time is EINVAL */
    struct timespec until = { at / 1000000000, at % 1000000000 };
    /* FUTEX_WAIT_BITSET takes an absolute time, FUTEX_WAIT a relative one. */
    long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                      deadline == INT64_MAX ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    return !(rc < 0 && errno == ETIMEDOUT);
}

/* Waits in slices, see WEFT__SLEEP_AT_MOST; usleep() is what TSan intercepts. */
static bool wait_sliced(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t slice = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + WEFT__SLEEP_AT_MOST;
    bool last = deadline <= slice;
    bool woken = wait(word, value, last ? deadline : slice);
    usleep(0);
    return woken || !last;
}

bool weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    int kept = errno;
    bool woken =
        WEFT__SLEEP_AT_MOST ? wait_sliced(word, value, deadline) : wait(word, value, deadline);
    errno = kept;
    return woken;
}

void weft__futex_wake(_Atomic(uint32_t) *word, int count)
{
    int kept = errno;
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
    errno = kept;
}
