/* atomic.h - every atomic access of the library.
 *
 * The operations are C11's under shorter names, so that one place can replace
 * them: with WEFT_MODEL defined each one is a step of the model checker in
 * test/model, which chooses who goes next and delays stores as a processor's
 * store buffer does. The memory order is written without its prefix:
 *
 *     weft__store(&queue->tail, tail + 1, release);
 *
 * An order other than seq_cst names its partner in a comment. */
#ifndef WEFT_BASE_ATOMIC_H
#define WEFT_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#ifndef WEFT_MODEL

#define weft__load(p, order) atomic_load_explicit(p, memory_order_##order)
#define weft__store(p, v, order) atomic_store_explicit(p, v, memory_order_##order)
#define weft__exchange(p, v, order) atomic_exchange_explicit(p, v, memory_order_##order)
#define weft__add(p, v, order) atomic_fetch_add_explicit(p, v, memory_order_##order)
#define weft__cas(p, expected, v, success, failure) \
    atomic_compare_exchange_strong_explicit(p, expected, v, memory_order_##success, \
                                            memory_order_##failure)
#define weft__cas_weak(p, expected, v, success, failure) \
    atomic_compare_exchange_weak_explicit(p, expected, v, memory_order_##success, \
                                          memory_order_##failure)
#define weft__spin_hint() weft__pause()

#else

#include "model.h"

#define weft__load(p, order) \
    ({ \
        model_step(); \
        __auto_type model_v_ = atomic_load_explicit(p, memory_order_seq_cst); \
        model_forward((const volatile void *)(p), &model_v_, sizeof model_v_); \
        model_v_; \
    })
/* The value is worked out before the step at which it is stored. */
#define weft__store(p, v, order) \
    do { \
        __auto_type model_v_ = atomic_load_explicit(p, memory_order_seq_cst); /* its type */ \
        model_v_ = (v); \
        model_store((volatile void *)(p), &model_v_, sizeof model_v_, \
                    memory_order_##order == memory_order_seq_cst); \
    } while (0)
#define weft__model_rmw(p) model_rmw((const volatile void *)(p), sizeof *(p))
#define weft__exchange(p, v, order) (weft__model_rmw(p), atomic_exchange(p, v))
#define weft__add(p, v, order) (weft__model_rmw(p), atomic_fetch_add(p, v))
#define weft__cas(p, expected, v, success, failure) \
    (weft__model_rmw(p), atomic_compare_exchange_strong(p, expected, v))
#define weft__cas_weak(p, expected, v, success, failure) \
    (weft__model_rmw(p), atomic_compare_exchange_strong(p, expected, v))
#define weft__spin_hint() model_spin()

#endif

/* A counter with one writer and any number of readers: no read-modify-write. */
#define weft__bump(p, n) weft__store(p, weft__load(p, relaxed) + (n), relaxed)

#endif
