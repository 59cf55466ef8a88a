/* Calls on files that the kernel makes through the ring. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/file.h"
#include "sched/worker.h"
#include "tasks.h"

/* A folder of the test's own, which is the current one. */
static char folder[64];

static void enter_folder(void)
{
    snprintf(folder, sizeof folder, "/var/tmp/weft-ring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

static int look_for_ring(void *ret_takes)
{
    *(bool *)ret_takes = weft__file_ring_takes(WEFT__FILE_READ);
    return 0;
}

static void need_ring(void)
{
    bool takes = false;
    setenv("WEFT_FILES", "ring", 1);
    run_tasks(1, look_for_ring, &takes);
    if (!takes)
        test_skip("the kernel has no ring for us");
}

/* Runs fn(arg) as the first task, in the folder. */
static void run_in_folder(unsigned workers, int (*fn)(void *arg), void *arg)
{
    need_ring();
    enter_folder();
    ck_assert_int_eq(run_tasks(workers, fn, arg), 0);
    leave_folder();
}

static int64_t call(struct weft__file_call call)
{
    ck_assert(weft__file_ring_takes(call.verb));
    return weft__file_ring_run(&call, weft__waiter_self());
}

static int64_t open_by(const char *path, int flags)
{
    return call((struct weft__file_call){ .verb = WEFT__FILE_OPEN,
                                          .fd = AT_FDCWD,
                                          .path = path,
                                          .flags = flags | O_CLOEXEC,
                                          .mode = 0640 });
}

static int64_t transfer(enum weft__file_verb verb, int fd, void *buf, size_t size, int64_t offset)
{
    return call((struct weft__file_call){
        .verb = verb, .fd = fd, .buf = buf, .size = size, .offset = offset });
}

static int64_t simple(enum weft__file_verb verb, int fd)
{
    return call((struct weft__file_call){ .verb = verb, .fd = fd });
}

static int use_a_file(void *unused)
{
    char in[16], text[] = "weft and warp";
    struct iovec out[2] = { { (char[]){ "warp" }, 4 }, { (char[]){ "weft" }, 4 } };
    struct stat seen;
    int fd = (int)open_by("a", O_RDWR | O_CREAT | O_EXCL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(open_by("a", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(transfer(WEFT__FILE_WRITE, fd, text, 13, 2), 13);
    ck_assert_int_eq(transfer(WEFT__FILE_READ, fd, in, 16, 2), 13);
    ck_assert_mem_eq(in, text, 13);
    ck_assert_int_eq(transfer(WEFT__FILE_WRITEV, fd, out, 2, -1), 8); /* at its own position */
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 8);
    struct iovec parts[2] = { { in, 3 }, { in + 8, 8 } };
    ck_assert_int_eq(transfer(WEFT__FILE_READV, fd, parts, 2, 0), 11);
    ck_assert_mem_eq(in, "war", 3);
    ck_assert_mem_eq(in + 8, "pweftnd ", 8);
    ck_assert_int_eq(simple(WEFT__FILE_FSYNC, fd), 0);
    ck_assert_int_eq(simple(WEFT__FILE_FDATASYNC, fd), 0);
    ck_assert_int_eq(call((struct weft__file_call){
                         .verb = WEFT__FILE_ALLOCATE, .fd = fd, .offset = 4096, .length = 4096 }),
                     0);
    ck_assert_int_eq(fstat(fd, &seen), 0);
    ck_assert_int_eq(seen.st_size, 8192);
    if (weft__file_ring_takes(WEFT__FILE_TRUNCATE)) {
        ck_assert_int_eq(
            call((struct weft__file_call){ .verb = WEFT__FILE_TRUNCATE, .fd = fd, .length = 5 }),
            0);
        ck_assert_int_eq(fstat(fd, &seen), 0);
        ck_assert_int_eq(seen.st_size, 5);
    }
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(simple(WEFT__FILE_FSYNC, fd), -EBADF);
    (void)unused;
    return 0;
}

TEST(a_file_is_opened_written_read_synced_and_closed)
{
    run_in_folder(2, use_a_file, NULL);
}

static int64_t by_path(enum weft__file_verb verb, const char *path, int flags)
{
    return call((struct weft__file_call){
        .verb = verb, .fd = AT_FDCWD, .path = path, .flags = flags, .mode = 0700 });
}

static int64_t by_paths(enum weft__file_verb verb, const char *path, const char *to, int flags)
{
    return call((struct weft__file_call){ .verb = verb,
                                          .fd = AT_FDCWD,
                                          .path = path,
                                          .to_fd = AT_FDCWD,
                                          .to_path = to,
                                          .flags = flags });
}

static bool exists(const char *path)
{
    struct stat unused;
    return lstat(path, &unused) == 0;
}

static int use_names(void *unused)
{
    struct statx seen;
    char target[8] = "";
    ck_assert_int_eq(by_path(WEFT__FILE_MKDIR, "d", 0), 0);
    ck_assert_int_eq(close((int)open_by("d/a", O_CREAT | O_WRONLY)), 0);
    ck_assert_int_eq(by_paths(WEFT__FILE_LINK, "d/a", "b", 0), 0);
    ck_assert_int_eq(by_paths(WEFT__FILE_SYMLINK, "b", "c", 0), 0);
    ck_assert_int_eq(readlink("c", target, sizeof target), 1);
    ck_assert_str_eq(target, "b");
    ck_assert_int_eq(by_paths(WEFT__FILE_RENAME, "b", "c", RENAME_NOREPLACE), -EEXIST);
    ck_assert_int_eq(by_paths(WEFT__FILE_RENAME, "b", "e", RENAME_NOREPLACE), 0);
    ck_assert(exists("e") && !exists("b"));
    ck_assert_int_eq(call((struct weft__file_call){ .verb = WEFT__FILE_STAT,
                                                    .fd = AT_FDCWD,
                                                    .path = "c",
                                                    .flags = AT_SYMLINK_NOFOLLOW,
                                                    .mask = STATX_BASIC_STATS,
                                                    .buf = &seen }),
                     0);
    ck_assert(S_ISLNK(seen.stx_mode));
    ck_assert_int_eq(by_path(WEFT__FILE_UNLINK, "d", 0), -EISDIR);
    ck_assert_int_eq(by_path(WEFT__FILE_UNLINK, "d/a", 0), 0);
    ck_assert_int_eq(by_path(WEFT__FILE_UNLINK, "d", AT_REMOVEDIR), 0);
    ck_assert(!exists("d"));
    (void)unused;
    return 0;
}

TEST(names_are_made_changed_and_removed)
{
    run_in_folder(2, use_names, NULL);
}

#define MUCH ((size_t)3 << 20)

static int move_much(void *unused)
{
    char *out = malloc(MUCH), *in = malloc(MUCH);
    int fd = (int)open_by("much", O_RDWR | O_CREAT);
    for (size_t i = 0; i < MUCH; i++)
        out[i] = (char)(i * 2654435761u >> 24);
    struct iovec half = { out + MUCH / 2, MUCH / 2 };
    ck_assert_int_eq(transfer(WEFT__FILE_WRITE, fd, out, MUCH / 2, 0), MUCH / 2);
    ck_assert_int_eq(transfer(WEFT__FILE_WRITEV, fd, &half, 1, MUCH / 2), MUCH / 2);
    ck_assert_int_eq(transfer(WEFT__FILE_READ, fd, in, MUCH, 0), MUCH);
    ck_assert_int_eq(memcmp(in, out, MUCH), 0);
    ck_assert_int_eq(close(fd), 0);
    free(in);
    free(out);
    (void)unused;
    return 0;
}

TEST(much_is_moved_whole)
{
    run_in_folder(1, move_much, NULL);
}

/* Calls that the kernel has, and completions that nobody has reaped. */
static unsigned under_way(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++)
        sum += atomic_load(&weft__rt.worker[i].ring.under_way);
    return sum;
}

static void await_under_way(unsigned count)
{
    while (under_way() != count)
        weft_sleep(WEFT_MS(1));
}

static int pipe_ends[2];

static int read_pipe(void *unused)
{
    char in[8];
    (void)unused;
    return (int)transfer(WEFT__FILE_READ, pipe_ends[0], in, sizeof in, -1);
}

static int open_pipe(void *unused)
{
    (void)unused;
    return (int)open_by("pipe", O_RDONLY);
}

static int meet_at_a_pipe(void *unused)
{
    weft_task *reader;
    int fd;
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    SPAWN(open_pipe, NULL, &reader);
    await_under_way(1);
    int out = open("pipe", O_WRONLY);
    ck_assert_int_eq(weft_join(reader, &fd), 0);
    ck_assert_int_ge(fd, 0);
    close(out);
    close(fd);
    (void)unused;
    return 0;
}

TEST(opening_a_pipe_waits_for_its_other_end)
{
    run_in_folder(2, meet_at_a_pipe, NULL);
}

enum { WAITERS = 20 }; /* more than four for each CPU, on small machines */

static int stat_behind_many(void *unused)
{
    weft_task *waiters[WAITERS];
    struct statx seen;
    int fd;
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    for (int i = 0; i < WAITERS; i++)
        SPAWN(open_pipe, NULL, &waiters[i]);
    await_under_way(WAITERS);
    struct weft__file_call stat_it = {
        .verb = WEFT__FILE_STAT, .fd = AT_FDCWD, .path = ".", .mask = STATX_TYPE, .buf = &seen
    };
    ck_assert_int_eq(call(stat_it), 0);
    int out = open("pipe", O_WRONLY);
    for (int i = 0; i < WAITERS; i++) {
        ck_assert_int_eq(weft_join(waiters[i], &fd), 0);
        close(fd);
    }
    close(out);
    (void)unused;
    return 0;
}

TEST(some_calls_that_wait_hold_up_no_others)
{
    run_in_folder(1, stat_behind_many, NULL);
}

/* Both ends of a connection; what the first has sent stays there, and it wants to wait for that. */
static void make_lingering(int ends[2])
{
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof here;
    struct linger linger = { 1, (int)test_seconds(30) };
    static char much[1 << 16];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&here, sizeof here), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&here, &size), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(ends[0], (struct sockaddr *)&here, sizeof here), 0);
    ends[1] = accept(listener, NULL, NULL);
    ck_assert_int_ge(ends[1], 0);
    while (send(ends[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(listener);
}

static atomic_bool closed;

static int close_lingering(void *end)
{
    ck_assert_int_eq(weft__file_close(*(int *)end), 0);
    atomic_store(&closed, true);
    return 0;
}

static int close_and_go_on(void *unused)
{
    weft_task *closer;
    weft_blocking_info info = { 0 };
    int ends[2];
    make_lingering(ends);
    int64_t start = weft_now();
    SPAWN(close_lingering, &ends[0], &closer);
    do {
        weft_sleep(WEFT_MS(1));
        weft_blocking_look(weft_blocking_files(), &info);
    } while (info.running == 0 && !atomic_load(&closed));
    ck_assert_int_lt(weft_now() - start, (int64_t)(test_seconds(20) * 1e9));
    close(ends[1]); /* ends the lingering */
    JOIN(closer, 0);
    (void)unused;
    return 0;
}

TEST(what_closing_waits_for_holds_nobody_up)
{
    need_ring();
    ck_assert_int_eq(run_in_turn(close_and_go_on, NULL), 0);
}

static int (*const waits[])(void *) = { read_pipe, open_pipe };

static int cancel_each(void *unused)
{
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    for (int i = 0; i < 2; i++) {
        weft_task *task;
        SPAWN(waits[i], NULL, &task);
        await_under_way(1);
        weft_cancel(task);
        JOIN(task, -ECANCELED);
        ck_assert_uint_eq(under_way(), 0);
    }
    (void)unused;
    return 0;
}

TEST(a_cancelled_call_is_taken_back)
{
    run_in_folder(2, cancel_each, NULL);
}

static int run_out_of_time(void *unused)
{
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(pipe(pipe_ends), 0);
    for (int i = 0; i < 2; i++) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_now() + WEFT_MS(5));
        ck_assert_int_eq(waits[i](NULL), -ETIMEDOUT);
        weft_scope_leave(&scope);
        ck_assert_uint_eq(under_way(), 0);
    }
    (void)unused;
    return 0;
}

TEST(a_call_is_taken_back_at_its_deadline)
{
    run_in_folder(2, run_out_of_time, NULL);
}

static int work_in_a_cancelled_scope(void *unused)
{
    weft_scope scope;
    int written = -1, found = -1;
    int fd = (int)open_by("a", O_RDWR | O_CREAT);
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    /* Nobody looks before: what was done at once, or could not be stopped, has happened. */
    for (int i = 0; i < 20; i++) {
        int64_t done = transfer(WEFT__FILE_WRITE, fd, &i, sizeof i, 0);
        ck_assert(done == sizeof i || done == -ECANCELED);
        if (done > 0)
            written = i;
        ck_assert_int_eq(pread(fd, &found, sizeof found, 0), written < 0 ? 0 : sizeof found);
        ck_assert_int_eq(found, written);
        done = simple(WEFT__FILE_FSYNC, fd);
        ck_assert(done == 0 || done == -ECANCELED);
    }
    weft_scope_leave(&scope);
    (void)unused;
    return close(fd);
}

TEST(what_was_done_is_not_said_to_be_cancelled)
{
    run_in_folder(2, work_in_a_cancelled_scope, NULL);
}

enum { MANY = 400 }; /* more than a ring takes at a time */

static atomic_uint left;

static int read_pipe_or_leave(void *unused)
{
    char byte;
    struct weft__file_call read = {
        .verb = WEFT__FILE_READ, .fd = pipe_ends[0], .buf = &byte, .size = 1, .offset = -1
    };
    (void)unused;
    bool leaves = weft__file_ring_run(&read, weft__waiter_self()) == WEFT__FILE_ELSEWHERE;
    atomic_fetch_add(&left, leaves);
    return 0;
}

static int fill_the_ring(void *unused)
{
    weft_task *tasks[MANY];
    char bytes[MANY] = "";
    ck_assert_int_eq(pipe(pipe_ends), 0);
    ck_assert(weft__file_ring_takes(WEFT__FILE_READ));
    for (int i = 0; i < MANY; i++)
        SPAWN(read_pipe_or_leave, NULL, &tasks[i]);
    while (under_way() + atomic_load(&left) < MANY)
        weft_sleep(WEFT_MS(1));
    ck_assert_uint_gt(atomic_load(&left), 0);
    ck_assert_uint_lt(atomic_load(&left), MANY);
    ck_assert_int_eq(write(pipe_ends[1], bytes, MANY), MANY);
    for (int i = 0; i < MANY; i++)
        JOIN(tasks[i], 0);
    ck_assert_uint_eq(under_way(), 0);
    (void)unused;
    return 0;
}

TEST(a_full_ring_sends_calls_elsewhere_and_loses_none)
{
    need_ring();
    ck_assert_int_eq(run_in_turn(fill_the_ring, NULL), 0);
}

static int read_what_comes(void *unused)
{
    (void)unused;
    return read_pipe(NULL) - 1;
}

TEST(a_call_under_way_is_no_deadlock)
{
    need_ring();
    ck_assert_int_eq(pipe(pipe_ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        block_for(WEFT_MS(100)); /* by then all wait, most likely */
        _exit(write(pipe_ends[1], "x", 1) != 1);
    }
    ck_assert_int_eq(run_tasks(1, read_what_comes, NULL), 0);
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
}

static int join_oneself(void *self)
{
    while (!*(weft_task *volatile *)self)
        weft_yield();
    return weft_join(*(weft_task **)self, NULL);
}

static int sync_then_deadlock(void *unused)
{
    static weft_task *one, *other;
    int fd = (int)open_by("/var/tmp", O_RDONLY | O_TMPFILE);
    (void)unused;
    close(fd);
    SPAWN(join_oneself, &other, &one);
    SPAWN(join_oneself, &one, &other);
    return 0;
}

static void run_deadlock(void *unused)
{
    (void)unused;
    run_tasks(2, sync_then_deadlock, NULL);
}

TEST(a_deadlock_is_found_among_the_threads_of_the_kernel)
{
    need_ring();
    if (test_is_under("tsan"))
        test_skip("TSan has a thread of its own");
    expect_death(run_deadlock, NULL, SIGABRT, "weft: deadlock");
}

static int fork_away(void *unused)
{
    char in[4];
    int status, fd = (int)open_by("a", O_RDWR | O_CREAT);
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 0; i < weft__rt.workers; i++)
            weft__ring_abandon(&weft__rt.worker[i].ring);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(transfer(WEFT__FILE_READ, fd, in, 4, 0), 0);
    (void)unused;
    return close(fd);
}

TEST(a_child_leaves_its_parents_ring_alone)
{
    run_in_folder(2, fork_away, NULL);
}

static int refuse_ring(void *unused)
{
    (void)unused;
    return weft__file_ring_takes(WEFT__FILE_READ);
}

TEST(the_environment_decides)
{
    need_ring();
    setenv("WEFT_FILES", "pool", 1);
    ck_assert_int_eq(run_tasks(1, refuse_ring, NULL), 0);
    setenv("WEFT_FILES", "ring", 1);
    ck_assert_int_eq(run_tasks(1, refuse_ring, NULL), 1);
    ck_assert(!weft__file_ring_takes(WEFT__FILE_READ)); /* a plain thread */
}

static int take_none(void *unused)
{
    static const enum weft__file_verb none[] = { WEFT__FILE_READLINK, WEFT__FILE_CHMOD,
                                                 WEFT__FILE_ENTRIES, WEFT__FILE_SEEK,
                                                 WEFT__FILE_CLOSE };
    for (int i = 0; i < 5; i++)
        ck_assert(!weft__file_ring_takes(none[i]));
    (void)unused;
    return 0;
}

TEST(what_the_kernel_has_no_operation_for_is_not_taken)
{
    need_ring();
    ck_assert_int_eq(run_tasks(1, take_none, NULL), 0);
}
