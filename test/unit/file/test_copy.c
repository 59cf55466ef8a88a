/* Copies: content, holes, permissions; errors, after which all is as it was. */
#include "suite.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "files.h"

#define LARGE ((size_t)9 << 20) /* more than a chunk */

static int count_entries(void)
{
    return entries_of(".") - 2;
}

static void write_pattern(const char *path, size_t size)
{
    unsigned char *pattern = make_pattern(size);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, pattern, size), size);
    ck_assert_int_eq(close(fd), 0);
    free(pattern);
}

static void expect_equal(const char *a, const char *b)
{
    static unsigned char one[1 << 16], other[1 << 16];
    int fds[2] = { open(a, O_RDONLY), open(b, O_RDONLY) };
    ssize_t n;
    do {
        n = read(fds[0], one, sizeof one);
        ck_assert_int_eq(read(fds[1], other, sizeof other), n);
        ck_assert_int_eq(memcmp(one, other, (size_t)n), 0);
    } while (n > 0);
    close(fds[0]);
    close(fds[1]);
}

static int note_progress(void *arg, int64_t done, int64_t size)
{
    int64_t *last = arg;
    ck_assert_int_ge(done, *last);
    ck_assert_int_le(done, size);
    *last = done;
    return 0;
}

static void copy_whole(void)
{
    int64_t last = 0;
    weft_copy_attr attr = { .progress = note_progress, .arg = &last };
    struct stat from, to;
    write_pattern("a", LARGE);
    ck_assert_int_eq(chmod("a", 06751), 0);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", NULL), 0);
    expect_equal("a", "b");
    ck_assert_int_eq(stat("b", &to), 0);
    ck_assert_int_eq(to.st_mode & 07777, 0751);
    attr.flags = WEFT_COPY_NO_CLONE | WEFT_COPY_SYNC | WEFT_COPY_TIMES;
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "c", &attr), 0);
    expect_equal("a", "c");
    ck_assert_int_eq(last, LARGE);
    ck_assert_int_eq(stat("a", &from), 0);
    ck_assert_int_eq(stat("c", &to), 0);
    ck_assert_int_eq(memcmp(&from.st_mtim, &to.st_mtim, sizeof from.st_mtim), 0);
    write_file("a", "small");
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "c", NULL), 0); /* replaced */
    ck_assert_str_eq(read_file("c"), "small");
    write_file("a", "");
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "c", NULL), 0);
    ck_assert_int_eq(stat("c", &to), 0);
    ck_assert_int_eq(to.st_size, 0);
    ck_assert_int_eq(count_entries(), 3);
}

TEST(a_copy_is_equal, .timeout = 120)
{
    run_everywhere(copy_whole);
}

static void copy_unsized(void)
{
    int64_t last = 0;
    weft_copy_attr attr = { .progress = note_progress, .arg = &last };
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "/proc/version", AT_FDCWD, "v", &attr), 0);
    ck_assert_int_gt(last, 0);
    expect_equal("/proc/version", "v");
}

TEST(so_is_that_of_a_file_that_does_not_tell_its_size)
{
    run_everywhere(copy_unsized);
}

/* Data here and there; the last piece of the file is a hole. */
static void make_sparse(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(pwrite(fd, "front", 5, 0), 5);
    ck_assert_int_eq(pwrite(fd, "middle", 6, 20 << 20), 6);
    ck_assert_int_eq(ftruncate(fd, 40 << 20), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void copy_holes(void)
{
    weft_copy_attr attr = { .flags = WEFT_COPY_NO_CLONE };
    struct stat from, to;
    make_sparse("a");
    ck_assert_int_eq(stat("a", &from), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", i ? &attr : NULL), 0);
        ck_assert_int_eq(stat("b", &to), 0);
        ck_assert_int_eq(to.st_size, from.st_size);
        if (from.st_blocks < 1000) /* the file system knows holes */
            ck_assert_int_lt(to.st_blocks, 2000);
        expect_equal("a", "b");
    }
    int fd = open("a", O_RDWR | O_TRUNC);
    ck_assert_int_eq(ftruncate(fd, 1 << 20), 0); /* nothing but a hole */
    close(fd);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", &attr), 0);
    expect_equal("a", "b");
}

TEST(holes_stay_holes, .timeout = 120)
{
    run_everywhere(copy_holes);
}

static void refuse(void)
{
    weft_copy_attr exclusive = { .flags = WEFT_COPY_EXCLUSIVE }, wrong = { .flags = 0x80 };
    struct rlimit before, small;
    write_pattern("a", 100000);
    write_file("b", "old");
    ck_assert_int_eq(mkdir("d", 0700), 0);
    ck_assert_int_eq(mkfifo("p", 0600), 0);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", &exclusive), -EEXIST);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", &wrong), -EINVAL);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "none", AT_FDCWD, "b", NULL), -ENOENT);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "d", AT_FDCWD, "b", NULL), -EISDIR);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "p", AT_FDCWD, "b", NULL), -EINVAL);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "d", NULL), -EISDIR);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "none/f", NULL), -ENOENT);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ 50000, before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", NULL);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(rc == -EFBIG || rc == 0); /* 0: the data is shared */
    if (rc)
        ck_assert_str_eq(read_file("b"), "old");
    ck_assert_int_eq(count_entries(), 4);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "d/c", &exclusive), 0);
    expect_equal("a", "d/c");
}

TEST(what_cannot_be_copied_leaves_the_old_one_and_nothing_else)
{
    signal(SIGXFSZ, SIG_IGN);
    run_everywhere(refuse);
}

/* Stops after the first chunk: by an error of its own, or by a cancelled scope. */

static weft_scope scope;

static int stop(void *arg, int64_t done, int64_t size)
{
    ck_assert_int_lt(done, size);
    return *(int *)arg;
}

static int cancel(void *arg, int64_t done, int64_t size)
{
    ck_assert_int_lt(done, size);
    ++*(int *)arg;
    weft_scope_cancel(&scope);
    return 0;
}

static void stop_between(void)
{
    int error = -ECHILD, calls = 0;
    weft_copy_attr attr = { .flags = WEFT_COPY_NO_CLONE, .progress = stop, .arg = &error };
    write_pattern("a", LARGE);
    write_file("b", "old");
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", &attr), -ECHILD);
    ck_assert_str_eq(read_file("b"), "old");
    attr.progress = cancel;
    attr.arg = &calls;
    weft_scope_enter(&scope, WEFT_NEVER);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "a", AT_FDCWD, "b", &attr), -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_int_eq(calls, 1);
    ck_assert_str_eq(read_file("b"), "old");
    ck_assert_int_eq(count_entries(), 2);
}

TEST(a_copy_stops_between_two_chunks, .timeout = 120)
{
    run_everywhere(stop_between);
}
