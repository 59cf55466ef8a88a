/* system_calls.h - for a test that is linked with --wrap=syscall, and says what calls do. */
#ifndef WEFT_TEST_SYSTEM_CALLS_H
#define WEFT_TEST_SYSTEM_CALLS_H

#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The test's: syscall() itself. */
static long answer_syscall(long number, const long a[6]);

static inline long real_syscall(long number, const long a[6])
{
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static inline long fail_with(int error)
{
    errno = error;
    return -1;
}

long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    return answer_syscall(number, a);
}

#endif
