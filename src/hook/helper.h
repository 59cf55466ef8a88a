/* helper.h - libc's calls that wait inside, done by another thread: a helper, which
 * is none of weft's, runs libc's own function, and the task parks meanwhile.
 *
 * HELP-1  A job has two owners, who waits for it and the helper, since the waiter may
 *         leave by a jump out of a signal handler or by cancellation. So it lies in
 *         memory of its own, with copies of all that it needs, and neither side writes
 *         to the other's. The last owner frees it.
 * HELP-2  Jobs of more than HELPERS threads wait for their turn. None of them may wait
 *         for another one. */
#ifndef WEFT_HOOK_HELPER_H
#define WEFT_HOOK_HELPER_H

#include <stddef.h>

#include "base/atomic.h"

struct weft__errand {
    void (*work)(struct weft__errand *job);
    void (*lose)(struct weft__errand *job); /* the last owner: what nobody has taken; or NULL */
    struct weft__errand *next;
    _Atomic(uint32_t) done;
    _Atomic(uint32_t) owners;
    int error; /* errno and h_errno, as the work has left them */
    int h_error;
};

/* A job, the first member of a structure of `size` bytes that is otherwise 0; NULL: out
 * of memory. The caller owns it. */
void *weft__errand_create(size_t size, void (*work)(struct weft__errand *job));

/* Copies of what the caller has given (HELP-1), to *room, which moves on; NULL stays
 * NULL. And the size of a text. */
char *weft__errand_copy(char **room, const void *from, size_t size);
size_t weft__errand_size(const char *text);

/* errno and h_errno of the calling thread become the job's. */
void weft__errand_errors(const struct weft__errand *job);

/* One of the two owners has done with it. */
void weft__errand_drop(struct weft__errand *job);

/* Has the work done; suspends, runs signal handlers, is a cancellation point that
 * drops the job. Where no thread can be had the caller does it itself. */
void weft__errand(struct weft__errand *job, const char *what);

/* The same, until a scope ends it: 0, or ECANCELED or ETIMEDOUT, and then the helper may
 * still be at it. For work that touches nothing but the job. */
int weft__errand_in_scope(struct weft__errand *job, const char *what);

#endif
