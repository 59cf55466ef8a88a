/* poll() and ppoll(): the kernel's look without a timeout, and waits in between. */
#include <poll.h>
#include <stddef.h>

#include "hook/call.h"
#include "hook/deadline.h"
#include "hook/park.h"
#include "hook/real.h"
#include "hook/signals.h"
#include "hook/watch.h"

struct poll {
    struct pollfd *fds;
    nfds_t count;
};

/* The first look, at the program's own, has already said that there is nothing. */
static int look(void *arg, struct pollfd *fds)
{
    struct poll *poll = arg;
    int rc = (int)weft__call_or_errno(weft__real_poll(fds, poll->count, 0));
    for (nfds_t i = 0; rc > 0 && i < poll->count; i++)
        poll->fds[i].revents = fds[i].revents;
    return rc;
}

/* A first look, for which nothing has to be prepared, finds something as a rule. */
static int poll_until(struct pollfd *fds, nfds_t count, int64_t deadline)
{
    struct poll poll = { fds, count };
    weft__hook_spend();
    int rc = count ? (int)weft__call_or_errno(weft__real_poll(fds, count, 0)) : 0;
    return rc ? rc : weft__watch(fds, count, look, &poll, deadline, "poll");
}

WEFT__INTERPOSE int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    WEFT__STAYS;
    if (!weft__hook_task() || timeout == 0)
        return weft__real_poll(fds, count, timeout);
    int64_t deadline = timeout < 0 ? WEFT_NEVER : weft_now() + WEFT_MS(timeout);
    int rc = poll_until(fds, count, deadline);
    return rc == -ENOBUFS ? weft__real_poll(fds, count, weft__duration_left_ms(deadline))
                          : (int)weft__call_result(rc);
}

WEFT__INTERPOSE int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                          const sigset_t *mask)
{
    WEFT__STAYS;
    sigset_t room;
    if (!weft__hook_task() || (timeout && !weft__duration_valid(timeout)))
        return weft__real_ppoll(fds, count, timeout, weft__signals_for_kernel(mask, &room));
    int64_t deadline = timeout ? weft__duration_end(timeout) : WEFT_NEVER;
    weft__signals_mask_begin(mask);
    int rc = poll_until(fds, count, deadline);
    weft__signals_mask_end(mask, rc == -EINTR);
    if (rc != -ENOBUFS)
        return (int)weft__call_result(rc);
    struct timespec left = timeout ? *timeout : (struct timespec){ 0 };
    weft__duration_left(deadline, &left);
    return weft__real_ppoll(fds, count, timeout ? &left : NULL,
                            weft__signals_for_kernel(mask, &room));
}

WEFT__INTERPOSE int __poll(struct pollfd *fds, nfds_t count, int timeout)
{
    return poll(fds, count, timeout);
}

/* What _FORTIFY_SOURCE makes of them: it is libc that ends the process. */
WEFT__INTERPOSE int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
    return room / sizeof *fds < count ? weft__real___poll_chk(fds, count, timeout, room)
                                      : poll(fds, count, timeout);
}

WEFT__INTERPOSE int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                                const sigset_t *mask, size_t room)
{
    return room / sizeof *fds < count ? weft__real___ppoll_chk(fds, count, timeout, mask, room)
                                      : ppoll(fds, count, timeout, mask);
}
