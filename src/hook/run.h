/* run.h - a virtual thread's block and its code, from creation to end: what self.c, run.c,
 * first.c and thread.c have in common. */
#ifndef WEFT_HOOK_RUN_H
#define WEFT_HOOK_RUN_H

#include "hook/thread.h"

/* self.c: blocks. */

/* The block of the process's first thread is libc's, so we describe it ourselves, and nobody
 * gives it back. `tp` is NULL in a program that runs the runtime itself. */
extern struct weft__block weft__first_block;

/* NULL: out of memory. */
struct weft__block *weft__thread_take_block(void);
void weft__thread_give_block(struct weft__block *block);

/* One of the block's two owners does. */
void weft__thread_let_go(struct weft__thread *thread);

/* run.c: the thread on it. */

/* Virtual threads that have not ended, and main, which in a program of weft's own is
 * none and does not end: the last one ends the process. */
extern _Atomic(uint64_t) weft__threads_alive;

void weft__thread_init(struct weft__thread *thread, struct weft__block *block, void *(*fn)(void *),
                       void *arg);

/* All that the thread does, on its own block, up to its last destructor. */
void weft__thread_call(struct weft__thread *self);

/* Back to the carrier's block. */
void weft__thread_leave_block(struct weft_task *task);

#endif
