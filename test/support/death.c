#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Keeps the first `size` - 1 bytes and drops the rest, so that no writer blocks. */
static void read_to_end(int fd, char *buf, size_t size)
{
    size_t have = 0;
    char spill[1024];
    for (;;) {
        bool full = have == size - 1;
        ssize_t n = full ? read(fd, spill, sizeof spill) : read(fd, buf + have, size - 1 - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (!full)
            have += (size_t)n;
    }
    buf[have] = '\0';
}

static bool died_as_expected(int status, int signal)
{
    if (signal == 0)
        return WIFEXITED(status);
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == signal;
    return SANITIZED && signal != SIGABRT && WEXITSTATUS(status) != 0;
}

const char *expect_death_at(const char *file, int line, void (*fn)(void *arg), void *arg,
                            int signal, const char *text)
{
    static char output[64 * 1024];
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn(arg);
        _exit(0);
    }
    close(ends[1]);
    read_to_end(ends[0], output, sizeof output);
    close(ends[0]);

    int status;
    while (waitpid(child, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    if (!died_as_expected(status, signal))
        ck_abort_msg("%s:%d: expected signal %d, got %s %d; stderr:\n%s", file, line, signal,
                     WIFSIGNALED(status) ? "signal" : "exit status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), output);
    if (text && !strstr(output, text))
        ck_abort_msg("%s:%d: expected \"%s\" on stderr, got:\n%s", file, line, text, output);
    return output;
}
