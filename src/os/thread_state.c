#include "os/thread_state.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/futex.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2u
#endif

/* What the asker and the reader tell each other: a thread's number is a question,
 * the other two are answers. */
enum { RUNS = 0, SLEEPS = 1, ENDS = 2 };
#define IS_QUESTION(word) ((word) > ENDS)

static _Atomic(uint32_t) talk;
static _Atomic(bool) reading; /* the reader lives */
static pthread_t reader;

/* Part of the question, and of the answer: where to say in which call the thread is. NULL:
 * nobody wants to know. */
static struct weft__thread_call *wanted;

/* The beginning of a file that tells of a thread; "" if there is none. */
static void read_line(int tid, const char *name, char *line, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, size - 1);
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = 0;
}

static bool read_state(int tid)
{
    char line[256];
    read_line(tid, "stat", line, sizeof line);
    const char *name_end = strrchr(line, ')'); /* "tid (name) S ..." */
    return name_end && (name_end[2] == 'S' || name_end[2] == 'D');
}

/* "230 0x0 0x0 0x7f.. 0x7f.. 0x0 0x0 sp pc", or "-1 sp pc" outside of a call, or "running". */
static void read_call(int tid, struct weft__thread_call *call)
{
    char line[256], *end;
    read_line(tid, "syscall", line, sizeof line);
    long number = strtol(line, &end, 10);
    const char *last = strrchr(line, ' ');
    bool tells = end != line && number >= 0 && last;
    call->number = tells ? number : -1;
    call->pc = tells ? (uintptr_t)strtoull(last + 1, NULL, 16) : 0;
}

static void *answer(void *unused)
{
    syscall(SYS_close_range, 0u, UINT_MAX, CLOSE_RANGE_UNSHARE);
    for (;;) {
        uint32_t word = weft__load(&talk, acquire); /* pairs with the release in say() */
        if (word == ENDS)
            return unused;
        if (!IS_QUESTION(word)) {
            weft__futex_wait(&talk, word, INT64_MAX);
            continue;
        }
        bool sleeps = read_state((int)word);
        if (sleeps && wanted)
            read_call((int)word, wanted);
        weft__store(&talk, sleeps ? SLEEPS : RUNS, release);
        weft__futex_wake(&talk, 1);
    }
}

static void say(uint32_t word)
{
    weft__store(&talk, word, release);
    weft__futex_wake(&talk, 1);
}

static bool ask(int tid, struct weft__thread_call *call)
{
    if (tid <= ENDS)
        return false; /* init's, or nobody's */
    if (!weft__load(&reading, relaxed)) {
        weft__store(&talk, RUNS, relaxed); /* the thread's making orders it */
        if (pthread_create(&reader, NULL, answer, NULL) != 0)
            return false;
        weft__store(&reading, true, relaxed);
    }
    wanted = call;
    say((uint32_t)tid);
    uint32_t word;
    /* acquire: pairs with the release in answer() */
    while (IS_QUESTION(word = weft__load(&talk, acquire)))
        weft__futex_wait(&talk, word, INT64_MAX);
    return word == SLEEPS;
}

bool weft__thread_sleeps(int tid)
{
    return ask(tid, NULL);
}

bool weft__thread_sleeps_in(int tid, struct weft__thread_call *ret_call)
{
    *ret_call = (struct weft__thread_call){ .number = -1 };
    return ask(tid, ret_call);
}

unsigned weft__threads_counted(void)
{
    struct stat tasks;
    /* A folder has a link from its parent, one from itself and one per subfolder. */
    return stat("/proc/self/task", &tasks) == 0 ? (unsigned)tasks.st_nlink - 2 : 0;
}

unsigned weft__thread_readers(void)
{
    return weft__load(&reading, relaxed);
}

void weft__thread_state_finish(void)
{
    if (!weft__load(&reading, relaxed))
        return;
    say(ENDS);
    pthread_join(reader, NULL);
    weft__store(&reading, false, relaxed);
}
