/* critical.h - whether the running thread is in a critical section of the library's.
 *
 * A signal handler that runs in the middle of one, and calls the library, may want the
 * lock that its own thread holds. That the thread is in the library's code can be told
 * from the interrupted address; what a critical section calls in libc (a copy, a system
 * call) is elsewhere. So locks and latches count how many of them the thread holds, in a
 * thread-local: hook/deliver.c looks at it.
 *
 * CRITICAL-1  No lock or latch is held across a suspension, and whoever got it lets go of
 *             it: so the same thread-local, the running thread's, is counted up and down.
 * CRITICAL-2  It is counted up after the lock was got, and down after it was let go and a
 *             sleeper woken, with nothing but the library's own code before and behind: so
 *             what is held beside the lock, by a bit, is covered as well.
 *
 * One instruction each, without the accessor that other thread-locals have: it names the
 * thread pointer's register itself, so no compiler keeps an address across a suspension. */
#ifndef WEFT_OS_CRITICAL_H
#define WEFT_OS_CRITICAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#ifdef WEFT_MODEL

#define weft__critical_enter() ((void)0)
#define weft__critical_leave() ((void)0)
#define weft__critical_inside() false

#else

extern _Thread_local uint32_t weft__critical_count
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

#if defined(__x86_64__)
#define WEFT__CRITICAL_CHANGE(x86, aarch64) \
    do { \
        uintptr_t at; \
        __asm__ volatile("movq weft__critical_count@gottpoff(%%rip), %0\n\t" x86 " %%fs:(%0)" \
                         : "=&r"(at) \
                         : \
                         : "memory", "cc"); \
    } while (0)
#elif defined(__aarch64__)
#define WEFT__CRITICAL_CHANGE(x86, aarch64) \
    do { \
        uintptr_t tp, at, count; \
        __asm__ volatile("adrp %1, :gottprel:weft__critical_count\n\t" \
                         "ldr %1, [%1, :gottprel_lo12:weft__critical_count]\n\t" \
                         "mrs %0, tpidr_el0\n\t" \
                         "ldr %w2, [%0, %1]\n\t" aarch64 " %w2, %w2, #1\n\t" \
                         "str %w2, [%0, %1]" \
                         : "=&r"(tp), "=&r"(at), "=&r"(count) \
                         : \
                         : "memory"); \
    } while (0)
#endif

WEFT_INLINE void weft__critical_enter(void)
{
    WEFT__CRITICAL_CHANGE("incl", "add");
}

WEFT_INLINE void weft__critical_leave(void)
{
    WEFT__CRITICAL_CHANGE("decl", "sub");
}

/* Also in signal handlers. */
bool weft__critical_inside(void);

#endif

#endif
