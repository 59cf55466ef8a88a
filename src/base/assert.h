/* assert.h - what must hold, and how the library gives up when it does not. */
#ifndef WEFT_BASE_ASSERT_H
#define WEFT_BASE_ASSERT_H

#include "base/compiler.h"

/* Prints "weft: " and the message to stderr, says which task was running, and
 * aborts. Async-signal-safe but for the formatting. */
WEFT_NORETURN WEFT_COLD void weft__panic(const char *format, ...) WEFT_PRINTF(1, 2);

/* Set by src/observe: writes a line about the running task to stderr. */
extern void (*weft__panic_context)(void);

/* Checked always: the cost is nothing beside what it guards. */
#define WEFT_CHECK(cond) \
    (weft__likely(cond) ? (void)0 \
                        : weft__panic("%s:%d: check failed: %s", __FILE__, __LINE__, #cond))

/* Checked in debug builds. The second argument names the invariant in
 * doc/design that the condition is an instance of. */
#ifdef NDEBUG
#define WEFT_ASSERT(cond, invariant) ((void)0)
#else
#define WEFT_ASSERT(cond, invariant) \
    (weft__likely(cond) \
         ? (void)0 \
         : weft__panic("%s:%d: invariant %s broken: %s", __FILE__, __LINE__, invariant, #cond))
#endif

#endif
