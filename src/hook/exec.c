/* exec: the new program inherits the thread's mask, not the carrier's. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/interposed.h"
#include "hook/signals.h"

/* Returns only when `call` has failed. */
#define WITH_MASK(call) \
    do { \
        struct weft__lent carrier; \
        weft__signals_settle_kept(); \
        weft__signals_lend(&carrier); \
        int rc = (call); \
        weft__signals_return(&carrier); \
        return rc; \
    } while (0)

WEFT__INTERPOSE int execve(const char *path, char *const argv[], char *const envp[])
{
    WITH_MASK(weft__real_execve(path, argv, envp));
}

WEFT__INTERPOSE int execv(const char *path, char *const argv[])
{
    WITH_MASK(weft__real_execv(path, argv));
}

WEFT__INTERPOSE int execvp(const char *file, char *const argv[])
{
    WITH_MASK(weft__real_execvp(file, argv));
}

WEFT__INTERPOSE int execvpe(const char *file, char *const argv[], char *const envp[])
{
    WITH_MASK(weft__real_execvpe(file, argv, envp));
}

WEFT__INTERPOSE int fexecve(int fd, char *const argv[], char *const envp[])
{
    WITH_MASK(weft__real_fexecve(fd, argv, envp));
}

WEFT__INTERPOSE int execveat(int fd, const char *path, char *const argv[], char *const envp[],
                             int flags)
{
    WITH_MASK(weft__real_execveat(fd, path, argv, envp, flags));
}

/* The variadic ones. Without malloc(): they may be called after fork(). */

static size_t count(va_list *arguments)
{
    size_t n = 1;
    va_list copy;
    va_copy(copy, *arguments);
    while (va_arg(copy, const char *))
        n++;
    va_end(copy);
    return n;
}

static void collect(char **argv, const char *first, va_list *arguments)
{
    *argv = (char *)(uintptr_t)first;
    while (*argv++)
        *argv = va_arg(*arguments, char *);
}

WEFT__INTERPOSE int execl(const char *path, const char *first, ...)
{
    va_list arguments;
    va_start(arguments, first);
    char *argv[count(&arguments) + 1];
    collect(argv, first, &arguments);
    va_end(arguments);
    return execv(path, argv);
}

WEFT__INTERPOSE int execlp(const char *file, const char *first, ...)
{
    va_list arguments;
    va_start(arguments, first);
    char *argv[count(&arguments) + 1];
    collect(argv, first, &arguments);
    va_end(arguments);
    return execvp(file, argv);
}

WEFT__INTERPOSE int execle(const char *path, const char *first, ...)
{
    va_list arguments;
    va_start(arguments, first);
    char *argv[count(&arguments) + 1];
    collect(argv, first, &arguments);
    char **envp = va_arg(arguments, char **);
    va_end(arguments);
    return execve(path, argv, envp);
}
