/* stack.h - stacks for tasks.
 *
 * A stack is 256 KiB of address space (or what the task asked for) of which
 * only the touched pages exist, with a guard at its low end. Stacks are recycled,
 * newest first, through the worker's magazine and a common depot: those of the
 * runtime's size, and those of the first few other sizes that are asked for. What
 * is of yet another size, or very large, is mapped and unmapped.
 *
 * The first frame of each begins at one of 16 offsets below the top: were all
 * frames at the same offset within a page, a thousand parked tasks would fight for
 * the same few sets of the cache. */
#ifndef WEFT_MEM_STACK_H
#define WEFT_MEM_STACK_H

#include "mem/pool.h"
#include "mem/region.h"

#define WEFT__STACK_MIN ((size_t)32 << 10)
#define WEFT__STACK_MAX ((size_t)1 << 30)
#define WEFT__STACK_DEFAULT ((size_t)256 << 10)
/* A frame that skips a page would jump over a guard of 4 KiB, which is gcc's default
 * stack-clash interval; four times that catches what probes do not. */
#define WEFT__STACK_GUARD ((size_t)16 << 10)
/* Sizes that are recycled. */
#define WEFT__STACK_SIZES 4
/* Larger ones are not. */
#define WEFT__STACK_RECYCLED_MAX ((size_t)16 << 20)
/* Above the guard, however large pages are. */
#define WEFT__STACK_USABLE_MIN ((size_t)16 << 10)

/* Describes a stack; lives apart from it, so that the stack's pages can be
 * given back while it is free. */
struct weft__stack {
    char *low;   /* the guard's first byte */
    size_t size; /* guard included */
    struct weft__free link;
    void *top; /* where the first frame begins; 16-byte aligned */
    unsigned valgrind_id;
    uint8_t which; /* of the recycled sizes; STACK_SIZES: of none */
    bool touched;  /* its first page is there */
};

/* Those of one size. */
struct weft__stacks_of {
    _Atomic(size_t) size;     /* 0: of none yet */
    struct weft__depot depot; /* warm: pages that were touched are still there */
    struct weft__depot cold;  /* pages were given back */
    struct weft__regions regions;
};

struct weft__stacks {
    struct weft__stacks_of of[WEFT__STACK_SIZES]; /* the runtime's size comes first */
    struct weft__pool descriptors;
    struct weft__lock lock; /* who is first to ask for a size */
    _Atomic(size_t) count;  /* of all stacks */
    _Atomic(size_t) bytes;  /* their address space, and what has been reserved for more */
};

/* `size`: the runtime's, as weft__stack_size() gives it. */
void weft__stacks_init(struct weft__stacks *stacks, size_t size);

/* Unmaps everything; no stack may be in use. */
void weft__stacks_finish(struct weft__stacks *stacks);

/* Takes a stack of `size` bytes, as weft__stack_size() gives them; NULL when memory is out. */
struct weft__stack *weft__stack_take(struct weft__stacks *stacks,
                                     struct weft__magazine magazines[WEFT__STACK_SIZES],
                                     size_t size);
void weft__stack_give(struct weft__stacks *stacks,
                      struct weft__magazine magazines[WEFT__STACK_SIZES],
                      struct weft__stack *stack);

/* The next task may use the stack, whatever the last one left there. */
void weft__stack_recycle(struct weft__stack *stack);

/* Gives the memory of half the stacks of each size that nobody needed since the last call
 * back to the kernel. Called about once a second. True: there were some. */
bool weft__stacks_trim(struct weft__stacks *stacks);

/* How many free stacks the common caches hold. */
size_t weft__stacks_cached(struct weft__stacks *stacks);

/* Bytes at the low end of each stack that fault. */
size_t weft__stack_guard_size(void) WEFT_CONST;

/* Whether one may ask for so many bytes. */
static inline bool weft__stack_size_valid(size_t size)
{
    return size >= WEFT__STACK_MIN && size <= WEFT__STACK_MAX;
}

/* How large the stack is that somebody gets who has asked for so many bytes. */
size_t weft__stack_size(size_t asked) WEFT_CONST;

/* The same two where pages have `page` bytes. */
static inline size_t weft__stack_guard(size_t page)
{
    return (WEFT__STACK_GUARD + page - 1) & -page;
}

static inline size_t weft__stack_rounded(size_t asked, size_t page)
{
    size_t least = weft__stack_guard(page) + WEFT__STACK_USABLE_MIN;
    return ((asked > least ? asked : least) + page - 1) & -page;
}

/* Whether `address` lies in the stack's guard: an overflow. */
bool weft__stack_in_guard(const struct weft__stack *stack, const void *address);

#endif
