/* barrier.h - asymmetric fences.
 *
 * A Dekker handshake needs a full fence on both sides. Where one side runs a
 * hundred million times a second and the other a few times, the busy side uses
 * weft__barrier_light(), which costs nothing, and the rare side
 * weft__barrier_heavy(), which makes every running thread of the process pass
 * a full fence (membarrier(2)). Where the kernel refuses, both are full fences. */
#ifndef WEFT_OS_BARRIER_H
#define WEFT_OS_BARRIER_H

#include "base/annotate.h"
#include "base/atomic.h"

#ifdef WEFT_MODEL

#define weft__barrier_full() model_fence()
#define weft__barrier_light() ((void)0)
#define weft__barrier_heavy() model_heavy_barrier()

#else

/* Set once by weft__barrier_setup(). */
extern _Atomic(bool) weft__barrier_asymmetric;

/* Registers the process with membarrier(2). Called before the first worker. */
void weft__barrier_setup(void);

void weft__barrier_heavy(void);

/* A full fence, for handshakes that are symmetric. */
WEFT_INLINE void weft__barrier_full(void)
{
#ifdef WEFT__TSAN
    /* TSan knows no fences: a read-modify-write on a common word orders alike. */
    static _Atomic(uint32_t) word;
    weft__add(&word, 1, seq_cst);
#else
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

WEFT_INLINE void weft__barrier_light(void)
{
#ifdef WEFT__TSAN
    weft__barrier_full();
#else
    if (weft__likely(weft__load(&weft__barrier_asymmetric, relaxed)))
        weft__compiler_barrier();
    else
        weft__barrier_full();
#endif
}

#endif

#endif
