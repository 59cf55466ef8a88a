/* processes.h - child processes for tests: shells that say what they find. */
#ifndef WEFT_TEST_PROCESSES_H
#define WEFT_TEST_PROCESSES_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "tasks.h"

#define ALL_OF_IT ((size_t)1 << 30)

/* A spec for `sh -c script`. */
#define SHELL(script, ...) \
    (weft_process_spec) \
    { \
        .argv = (const char *[]){ "sh", "-c", script, NULL }, __VA_ARGS__ \
    }

#define PIPE_ \
    { \
        .kind = WEFT_STDIO_PIPE \
    }

static inline weft_process *spawn_process(const weft_process_spec *spec)
{
    weft_process *process;
    ck_assert_int_eq(weft_process_spawn(spec, &process), 0);
    return process;
}

/* What it writes to standard output, and that it ends well. */
static inline void expect_says(const weft_process_spec *spec, const char *text)
{
    weft_process_result result;
    ck_assert_int_eq(weft_process_run(spec, NULL, 0, ALL_OF_IT, &result), 0);
    ck_assert_str_eq(result.out.data ? result.out.data : "", text);
    ck_assert_int_eq(result.status.code, 0);
    ck_assert_int_eq(result.status.signal, 0);
    weft_process_result_clear(&result);
}

/* Reads one line, which says how far the child is. */
static inline void expect_line(int fd, const char *line)
{
    char text[64] = "";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        ck_assert_int_eq(weft_read(fd, text + i, 1), 1);
        if (text[i] == '\n')
            break;
    }
    ck_assert_str_eq(text, line);
}

static inline void expect_end(int fd)
{
    char byte;
    ck_assert_int_eq(weft_read(fd, &byte, 1), 0);
}

static inline bool has_children(void)
{
    return waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* No child and no descriptor is left. */
static inline void everywhere(int (*fn)(void *unused))
{
    int fds = entries_of("/proc/self/fd");
    by_everybody(fn);
    ck_assert(!has_children());
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
}

#endif
