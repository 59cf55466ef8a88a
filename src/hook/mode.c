#include "hook/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "weft/time.h"

#define REMEMBERED 65536 /* descriptors */

/* Counts changes; and for each descriptor and side the count and the entry's
 * generation for which there was an answer without a deadline, and the answer. */
static _Atomic(uint32_t) changes = 1;
static _Atomic(uint64_t) answers[REMEMBERED][2];

void weft__mode_changed(void)
{
    /* release: after the change itself. Pairs with the load in weft__mode_waits():
     * who still sees the old count has not to know the new mode. */
    weft__add(&changes, 1, release);
}

static int64_t deadline_of(int fd, enum weft__side side)
{
    struct timeval time = { 0 };
    socklen_t size = sizeof time;
    int option = side == WEFT__READ ? SO_RCVTIMEO : SO_SNDTIMEO;
    if (getsockopt(fd, SOL_SOCKET, option, &time, &size) < 0 || (!time.tv_sec && !time.tv_usec))
        return WEFT_NEVER;
    if (time.tv_sec > WEFT_NEVER / WEFT_S(4))
        return WEFT_NEVER;
    return weft_now() + WEFT_S(time.tv_sec) + WEFT_US(time.tv_usec);
}

static bool ask(int fd, enum weft__side side, bool socket, int64_t *ret_deadline)
{
    int error = errno;
    int flags = fcntl(fd, F_GETFL);
    bool waits = flags >= 0 && !(flags & O_NONBLOCK);
    *ret_deadline = waits && socket ? deadline_of(fd, side) : WEFT_NEVER;
    errno = error;
    return waits;
}

bool weft__mode_waits(struct weft__fd *entry, int fd, enum weft__side side, int64_t *ret_deadline)
{
    bool socket = weft__load(&entry->flags, relaxed) & WEFT__FD_SOCKET;
    if (!socket || fd >= REMEMBERED)
        return ask(fd, side, socket, ret_deadline);
    /* acquire, both: before the kernel is asked */
    uint64_t now = (uint64_t)weft__load(&changes, acquire) << 33 |
                   (uint64_t)weft__load(&entry->generation, acquire) << 1;
    *ret_deadline = WEFT_NEVER;
    uint64_t answer = weft__load(&answers[fd][side], relaxed);
    if ((answer & ~(uint64_t)1) == now)
        return answer & 1;
    bool waits = ask(fd, side, true, ret_deadline);
    if (*ret_deadline == WEFT_NEVER)
        weft__store(&answers[fd][side], now | waits, relaxed);
    return waits;
}
