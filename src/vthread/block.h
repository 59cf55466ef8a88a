/* block.h - thread-local blocks of virtual threads: taking, giving, recycling.
 *
 * doc/design/vthreads.md has the rules (VT-n). Blocks are the process's, not a
 * runtime's: they outlive weft_stop(). */
#ifndef WEFT_VTHREAD_BLOCK_H
#define WEFT_VTHREAD_BLOCK_H

#include "mem/pool.h"
#include "vthread/layout.h"

struct weft__block {
    char *tp;      /* NULL: not made yet, or given back to libc */
    uint32_t slot; /* its range of thread numbers; 0: none yet */
    uint32_t uses;
    struct weft__free link;
};

/* Whether this process has virtual threads; `*ret_refusal`: why not, or NULL. The first
 * call looks, and the next one again where something was not to be had; blocks meanwhile,
 * does not suspend. Returns 0, -ENOTSUP (it has none, for good), -EAGAIN (no OS thread, or
 * key, to look with) or -ENOMEM. */
int weft__vthread_find(const char **ret_refusal);

/* The layout that was found. Only after weft__vthread_find() returned 0. */
extern struct weft__layout weft__layout;

/* Takes a block that is a fresh thread's in every respect: VT-3. NULL: memory is
 * out, or four million blocks are in use. */
struct weft__block *weft__block_take(struct weft__magazine *magazine);

/* Nobody runs on the block any more. */
void weft__block_give(struct weft__magazine *magazine, struct weft__block *block);

/* The block at a thread pointer. */
struct weft__block *weft__block_at(void *tp);

/* It becomes an OS thread's, for good, which libc has in its list already (VT-7). */
void weft__block_unlist(struct weft__block *block);

/* Whose OS thread runs on it from now on: the thread pointer of that one. */
extern ptrdiff_t weft__block_home; /* of the place, from tp */

static inline void weft__block_set_home(char *tp, void *home)
{
    *(void **)(void *)(tp + weft__block_home) = home;
}

/* What the block's thread says of its stack, the guard included. */
void weft__block_set_stack(struct weft__block *block, void *low, size_t size, size_t guard);

/* Makes the magazine's blocks common. */
void weft__blocks_flush(struct weft__magazine *magazine);

/* Gives some of the blocks that nobody needed since the last call back to libc.
 * Called about once a second. True: there were some. */
bool weft__blocks_trim(void);

/* Blocks there are, in use or kept. */
size_t weft__blocks_count(void);

static inline char *weft__block_self(const struct weft__block *block)
{
    return block->tp + weft__layout.self;
}

/* The thread number: what libc's mutexes know their owner by. libc also asks the
 * kernel about it, for pthread_getattr_np() among others: whoever wants that to
 * work on a virtual thread lends it a real one for the length of the call. */
static inline uint32_t *weft__block_tid(const struct weft__block *block)
{
    return (uint32_t *)(void *)(weft__block_self(block) + weft__layout.tid);
}

#endif
