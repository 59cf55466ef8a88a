#include "os/thread_state.h"

#include <dirent.h>
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

/* What the asker and the reader tell each other: a thread's number is a question, and so is
 * how many of the threads are the kernel's; the others are answers. */
enum { RUNS = 0, SLEEPS = 1, ENDS = 2 };
#define HOW_MANY UINT32_MAX
#define IS_QUESTION(word) ((word) > ENDS)

static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER; /* and what makes and ends the reader */
static _Atomic(uint32_t) talk;
static unsigned kernels;      /* the answer to HOW_MANY */
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
    bool tells = end != line && number >= 0;
    *call = (struct weft__thread_call){ .number = tells ? number : -1 };
    for (char *from = NULL; tells && from != end;) { /* the last two */
        uintptr_t word = (uintptr_t)strtoull(from = end, &end, 16);
        if (end == from)
            break;
        call->sp = call->pc;
        call->pc = word;
    }
}

static unsigned count_kernels(void)
{
    char name[32];
    unsigned count = 0;
    DIR *threads = opendir("/proc/self/task");
    struct dirent *entry;
    while (threads && (entry = readdir(threads))) {
        read_line(atoi(entry->d_name), "comm", name, sizeof name);
        count += strncmp(name, "iou-wrk-", 8) == 0;
    }
    if (threads)
        closedir(threads);
    return count;
}

static uint32_t answer_one(uint32_t question)
{
    if (question == HOW_MANY) {
        kernels = count_kernels();
        return RUNS;
    }
    bool sleeps = read_state((int)question);
    if (sleeps && wanted)
        read_call((int)question, wanted);
    return sleeps ? SLEEPS : RUNS;
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
        weft__store(&talk, answer_one(word), release);
        weft__futex_wake(&talk, 1);
    }
}

static void say(uint32_t word)
{
    weft__store(&talk, word, release);
    weft__futex_wake(&talk, 1);
}

/* Under `asking`. */
static bool has_reader(void)
{
    if (weft__load(&reading, relaxed))
        return true;
    weft__store(&talk, RUNS, relaxed); /* the thread's making orders it */
    if (pthread_create(&reader, NULL, answer, NULL) != 0)
        return false;
    weft__store(&reading, true, relaxed);
    return true;
}

void weft__thread_state_prepare(void)
{
    pthread_mutex_lock(&asking);
    has_reader();
    pthread_mutex_unlock(&asking);
}

/* The answer; RUNS as well if there is none. Under `asking`. */
static uint32_t ask(uint32_t question)
{
    uint32_t word;
    if (!IS_QUESTION(question) || !has_reader()) /* of init, or nobody */
        return RUNS;
    say(question);
    /* acquire: pairs with the release in answer() */
    while (IS_QUESTION(word = weft__load(&talk, acquire)))
        weft__futex_wait(&talk, word, INT64_MAX);
    return word;
}

static bool sleeps_in(int tid, struct weft__thread_call *call)
{
    pthread_mutex_lock(&asking);
    wanted = call;
    bool sleeps = ask((uint32_t)tid) == SLEEPS;
    pthread_mutex_unlock(&asking);
    return sleeps;
}

bool weft__thread_sleeps(int tid)
{
    return sleeps_in(tid, NULL);
}

bool weft__thread_sleeps_in(int tid, struct weft__thread_call *ret_call)
{
    *ret_call = (struct weft__thread_call){ .number = -1 };
    return sleeps_in(tid, ret_call);
}

unsigned weft__threads_of_kernel(void)
{
    pthread_mutex_lock(&asking);
    kernels = 0;
    ask(HOW_MANY);
    unsigned count = kernels;
    pthread_mutex_unlock(&asking);
    return count;
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
    pthread_mutex_lock(&asking);
    if (weft__load(&reading, relaxed)) {
        say(ENDS);
        pthread_join(reader, NULL);
        weft__store(&reading, false, relaxed);
    }
    pthread_mutex_unlock(&asking);
}
