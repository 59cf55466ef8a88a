/* annotate.h - tells TSan, ASan and Valgrind what the context switch does.
 *
 * Nothing else in the library knows that these tools exist. In ordinary builds
 * all of this compiles to nothing. */
#ifndef WEFT_BASE_ANNOTATE_H
#define WEFT_BASE_ANNOTATE_H

#include <stddef.h>

#include "base/compiler.h"

#if defined(__SANITIZE_THREAD__)
#define WEFT__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WEFT__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT__ASAN 1
#endif
#endif

#ifdef WEFT__TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef WEFT__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* What the tools want to remember about one context. */
struct weft__annotation {
#ifdef WEFT__TSAN
    void *fiber;
#endif
#ifdef WEFT__ASAN
    void *fake_stack;
    const void *bottom;
    size_t size;
#endif
    char unused[0];
};

/* A context whose stack is [bottom, bottom + size) begins. */
static inline void weft__annotate_create(struct weft__annotation *a, const void *bottom,
                                         size_t size)
{
#ifdef WEFT__TSAN
    a->fiber = __tsan_create_fiber(0);
#endif
#ifdef WEFT__ASAN
    a->fake_stack = NULL;
    a->bottom = bottom;
    a->size = size;
#endif
    (void)a, (void)bottom, (void)size;
}

/* The calling thread's own context. */
static inline void weft__annotate_thread(struct weft__annotation *a, const void *bottom,
                                         size_t size)
{
#ifdef WEFT__TSAN
    a->fiber = __tsan_get_current_fiber();
#endif
#ifdef WEFT__ASAN
    a->fake_stack = NULL;
    a->bottom = bottom;
    a->size = size;
#endif
    (void)a, (void)bottom, (void)size;
}

/* A context has ended and will not run again; called from another one. */
static inline void weft__annotate_destroy(struct weft__annotation *a)
{
#ifdef WEFT__TSAN
    if (a->fiber)
        __tsan_destroy_fiber(a->fiber);
    a->fiber = NULL;
#endif
    (void)a;
}

/* Just before the switch; `ending` contexts do not come back. */
WEFT_INLINE void weft__annotate_leave(struct weft__annotation *from, struct weft__annotation *to,
                                      int ending)
{
#ifdef WEFT__ASAN
    __sanitizer_start_switch_fiber(ending ? NULL : &from->fake_stack, to->bottom, to->size);
#endif
#ifdef WEFT__TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    (void)from, (void)to, (void)ending;
}

/* First thing after the switch, on the stack that was switched to. */
WEFT_INLINE void weft__annotate_arrive(struct weft__annotation *a)
{
#ifdef WEFT__ASAN
    __sanitizer_finish_switch_fiber(a->fake_stack, NULL, NULL);
#endif
    (void)a;
}

/* Stack memory that the next owner may use from scratch. */
static inline void weft__annotate_recycle(void *bottom, size_t size)
{
#ifdef WEFT__ASAN
    __asan_unpoison_memory_region(bottom, size);
#endif
    (void)bottom, (void)size;
}

/* TSan delivers signals when the program calls something it intercepts. A thread
 * that sleeps in a raw system call wakes up now and then for that: this many
 * nanoseconds, 0 when there is no need. */
#ifdef WEFT__TSAN
#define WEFT__SLEEP_AT_MOST 20000000
#else
#define WEFT__SLEEP_AT_MOST 0
#endif

/* TSan takes a child that runs in its parent's memory for one with its own, and so believes of
 * the parent what holds for the child only. */
#ifdef WEFT__TSAN
#define WEFT__CHILDREN_SHARE 0
#else
#define WEFT__CHILDREN_SHARE 1
#endif

/* Valgrind has to be told which address ranges are stacks. The request is a
 * sequence of instructions that do nothing outside Valgrind, so ordinary builds
 * carry it where the header is installed. */
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define weft__annotate_stack_add(low, size) VALGRIND_STACK_REGISTER(low, (char *)(low) + (size)-1)
#define weft__annotate_stack_remove(id) VALGRIND_STACK_DEREGISTER(id)
#define weft__annotate_on_valgrind() RUNNING_ON_VALGRIND
#endif
#endif
#ifndef weft__annotate_stack_add
#define weft__annotate_stack_add(low, size) ((void)(low), (void)(size), 0u)
#define weft__annotate_stack_remove(id) ((void)(id))
#define weft__annotate_on_valgrind() 0
#endif

#endif
