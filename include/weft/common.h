/* weft/common.h - what every weft header needs: linkage, attributes, errors.
 *
 * Errors. A weft function that can fail returns 0 or a count on success and a
 * negative errno value on failure. Nothing is told by errno: the C library lets
 * a compiler keep errno's address across calls, and after a task has moved to
 * another thread that address belongs to somebody else. What is in errno may have
 * changed after a call.
 *
 * Callers. "task" is code that runs inside weft_run() or was spawned; "plain
 * thread" is any pthread that the runtime did not start. Unless a comment says
 * otherwise a function may be called from both.
 *
 * Mistakes. A value out of range gives -EINVAL, a descriptor that is not open -EBADF.
 * Broken nesting (a scope, group, cleanup handler or pin that is not left in the reverse
 * order, or by another task than began it), and the destruction of what can be seen to be
 * in use, end the program: lines on stderr say which call has found it and in which task,
 * and abort() follows. A handle that is used up, or an object that is destroyed, is void
 * as memory is after free(): to use it is undefined. */
#ifndef WEFT_COMMON_H
#define WEFT_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#define WEFT__NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define WEFT__WARN_UNUSED __attribute__((warn_unused_result))
#define WEFT__MAYBE_UNUSED __attribute__((unused))
#define WEFT__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WEFT__NORETURN __attribute__((noreturn))
/* On a variable: fn(&variable) when its block is left, in C and C++. */
#define WEFT__CLEANUP(fn) __attribute__((cleanup(fn)))
#else
#define WEFT_API
#define WEFT__NONNULL(...)
#define WEFT__WARN_UNUSED
#define WEFT__MAYBE_UNUSED
#define WEFT__PRINTF(fmt, args)
#define WEFT__NORETURN
#endif

#ifdef __cplusplus
#define WEFT__BEGIN extern "C" {
#define WEFT__END }
/* A declaration: no constructor or destructor of the type is missed. */
#define WEFT__COPIED_AS_BYTES(...) \
    static_assert(__is_trivially_copyable(__VA_ARGS__), \
                  "weft copies it as bytes: the type must be trivially copyable");
#else
#define WEFT__BEGIN
#define WEFT__END
#define WEFT__COPIED_AS_BYTES(...)
#endif

#define WEFT__STR_(x) #x
#define WEFT__STR(x) WEFT__STR_(x)
#define WEFT__JOIN__(a, b) a##b
#define WEFT__JOIN_(a, b) WEFT__JOIN__(a, b)
/* A name that is this line's. */
#define WEFT__UNIQUE(name) WEFT__JOIN_(name, __LINE__)

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0
#define WEFT_VERSION \
    WEFT__STR(WEFT_VERSION_MAJOR) \
    "." WEFT__STR(WEFT_VERSION_MINOR) "." WEFT__STR(WEFT_VERSION_PATCH)

WEFT__BEGIN

/* The version of the library that is linked, "major.minor.patch". Static
 * storage. Any caller, signal handlers included; never suspends. */
WEFT_API const char *weft_version(void);

WEFT__END

#endif
