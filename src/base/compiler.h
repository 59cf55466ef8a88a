/* compiler.h - every compiler extension the library uses, and nothing else. */
#ifndef WEFT_BASE_COMPILER_H
#define WEFT_BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define weft__likely(x) __builtin_expect(!!(x), 1)
#define weft__unlikely(x) __builtin_expect(!!(x), 0)

#define WEFT_NOINLINE __attribute__((noinline))
#define WEFT_INLINE static inline __attribute__((always_inline))
#define WEFT_COLD __attribute__((cold, noinline))
#define WEFT_NORETURN __attribute__((noreturn))
#define WEFT_CONST __attribute__((const)) /* the same each time, and nothing else happens */
#define WEFT_UNUSED __attribute__((unused))
#define WEFT_HIDDEN __attribute__((visibility("hidden")))
#define WEFT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WEFT_ALIGNED(n) __attribute__((aligned(n)))

#define WEFT_CACHE_LINE 64

#define weft__container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* For reports that look at what others write: torn text is better than a lock. */
#ifdef __clang__
#define WEFT_RACY __attribute__((no_sanitize("thread"), noinline))
#else /* gcc would have the caller read what the function is handed a pointer to */
#define WEFT_RACY __attribute__((no_sanitize("thread"), noipa))
#endif

/* For a child that runs in its parent's memory: sanitizers would take it for the parent. */
#define WEFT_UNSEEN __attribute__((no_sanitize("thread"), no_sanitize("address"), noinline))

/* Keeps the compiler, not the processor, from moving memory accesses. */
#define weft__compiler_barrier() __asm__ volatile("" ::: "memory")

#if defined(__x86_64__)
#define weft__pause() __asm__ volatile("pause")
#elif defined(__aarch64__)
#define weft__pause() __asm__ volatile("isb")
#else
#error "weft runs on x86_64 and aarch64"
#endif

/* An alias has the attributes of what it names; clang knows no such wish, nor gcc's
 * warning without it. */
#ifdef __clang__
#define WEFT_ALIAS_OF(name) __attribute__((alias(#name)))
#else
#define WEFT_ALIAS_OF(name) __attribute__((alias(#name), copy(name)))
#endif

#endif
