/* watch.h - waiting for many descriptors at once. */
#ifndef WEFT_HOOK_WATCH_H
#define WEFT_HOOK_WATCH_H

#include <poll.h>
#include <stdint.h>

/* Looks whether there is something to return: the system call itself, without a
 * timeout. `fds` are those of weft__watch(), to be looked at and filled in. 0: nothing;
 * otherwise its result or -errno. */
typedef int weft__watch_look(void *arg, struct pollfd *fds);

/* Looks, and waits until something has happened to one of `fds`, and looks again.
 * Like the kernel it copies them first: what another thread writes there meanwhile has no
 * say. Returns the look's result, after `deadline` the last one's, or -errno. -ENOBUFS:
 * these descriptors cannot be waited for. Suspends. */
int weft__watch(const struct pollfd *fds, nfds_t count, weft__watch_look *look, void *arg,
                int64_t deadline, const char *what);

#endif
