/* The calls on files, each with what it does and its errors. */
#include "suite.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "files.h"
#include "os/error.h"
#include "vthreads.h"

static void open_and_move(void)
{
    char buf[16] = "";
    size_t done;
    int fd = weft_file_open("f", O_RDWR | O_CREAT | O_EXCL, 0640);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(weft_file_open("f", O_RDWR | O_CREAT | O_EXCL, 0640), -EEXIST);
    ck_assert_int_eq(weft_pwrite(fd, "abcdef", 6, 2), 6);
    ck_assert_int_eq(weft_pread(fd, buf, 16, 0), 8);
    ck_assert_int_eq(memcmp(buf, "\0\0abcdef", 8), 0);
    ck_assert_int_eq(weft_pread(fd, buf, 3, 5), 3);
    ck_assert_int_eq(memcmp(buf, "def", 3), 0);
    ck_assert_int_eq(weft_pread(fd, buf, 3, 8), 0); /* the end */
    ck_assert_int_eq(weft_pread(fd, buf, 0, 0), 0);
    ck_assert_int_eq(weft_pread(fd, buf, 1, -1), -EINVAL);
    ck_assert_int_eq(weft_pwrite(fd, buf, 1, -1), -EINVAL);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0); /* it has not moved */
    ck_assert_int_eq(weft_pread_all(fd, buf, 8, 0, &done), 0);
    ck_assert_uint_eq(done, 8);
    ck_assert_int_eq(weft_pread_all(fd, buf, 9, 0, &done), -ENODATA);
    ck_assert_uint_eq(done, 8);
    ck_assert_int_eq(weft_pwrite_all(fd, "xyz", 3, 7, &done), 0);
    ck_assert_uint_eq(done, 3);
    ck_assert_int_eq(weft_pread(fd, buf, 16, 6), 4);
    ck_assert_int_eq(memcmp(buf, "exyz", 4), 0);
    ck_assert_int_eq(weft_close(fd), 0);
    ck_assert_int_eq(weft_pread(fd, buf, 1, 0), -EBADF);
    ck_assert_int_eq(weft_pwrite(fd, buf, 1, 0), -EBADF);
}

TEST(bytes_go_to_a_place_in_a_file_and_come_from_there)
{
    run_everywhere(open_and_move);
}

static void move_vectors(void)
{
    char a[3], b[5], c[4];
    struct iovec out[] = { { (char *)"one", 3 }, { NULL, 0 }, { (char *)"seven", 5 } };
    struct iovec in[] = { { a, 3 }, { b, 5 }, { c, 4 } };
    int fd = weft_file_open("f", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(weft_pwritev(fd, out, 3, 1), 8);
    ck_assert_int_eq(weft_preadv(fd, in, 3, 1), 8);
    ck_assert_int_eq(memcmp(a, "one", 3), 0);
    ck_assert_int_eq(memcmp(b, "seven", 5), 0);
    ck_assert_int_eq(weft_preadv(fd, in, -1, 1), -EINVAL);
    ck_assert_int_eq(weft_pwritev(fd, in, 2000, 1), -EINVAL);
    ck_assert_int_eq(weft_preadv(fd, in, 3, -1), -EINVAL);
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(vectors_are_scattered_and_gathered)
{
    run_everywhere(move_vectors);
}

/* weft_read() and weft_write() of a file are the same at its own position. */
static void move_along(void)
{
    char buf[16];
    struct iovec out[] = { { (char *)"fgh", 3 }, { (char *)"ij", 2 } };
    struct iovec in[] = { { buf, 2 }, { buf + 2, 14 } };
    int fd = weft_file_open("f", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(weft_write(fd, "abcde", 5), 5);
    ck_assert_int_eq(weft_writev(fd, out, 2), 5);
    ck_assert_int_eq(weft_read(fd, buf, 16), 0);
    ck_assert_int_eq(lseek(fd, 1, SEEK_SET), 1);
    ck_assert_int_eq(weft_read(fd, buf, 2), 2);
    ck_assert_int_eq(memcmp(buf, "bc", 2), 0);
    ck_assert_int_eq(weft_readv(fd, in, 2), 7);
    ck_assert_int_eq(memcmp(buf, "defghij", 7), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 10);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0); /* its mode is left alone */
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(reading_and_writing_along_a_file)
{
    run_everywhere(move_along);
}

static void append_all(void)
{
    int fd = weft_file_open("f", O_WRONLY | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq(weft_write_all(fd, "abc", 3, NULL), 0);
    ck_assert_int_eq(weft_write_all(fd, "def", 3, NULL), 0);
    ck_assert_int_eq(weft_close(fd), 0);
    ck_assert_str_eq(read_file("f"), "abcdef");
}

TEST(what_is_appended_comes_after_the_rest)
{
    run_everywhere(append_all);
}

static void refuse(void)
{
    char buf[4] = "";
    int pair[2];
    ck_assert_int_eq(weft_file_open("none", O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(weft_file_open(".", O_WRONLY, 0), -EISDIR);
    int fd = weft_file_open(".", O_RDONLY, 0);
    ck_assert_int_eq(weft_pread(fd, buf, 4, 0), -EISDIR);
    ck_assert_int_eq(weft_read(fd, buf, 4), -EISDIR);
    ck_assert_int_eq(weft_close(fd), 0);
    fd = weft_file_open("f", O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(weft_pread(fd, buf, 4, 0), -EBADF);
    ck_assert_int_eq(weft_file_open_at(fd, "f", O_RDONLY, 0), -ENOTDIR);
    ck_assert_int_eq(weft_close(fd), 0);
    ck_assert_int_eq(pipe(pair), 0);
    ck_assert_int_eq(weft_pread(pair[0], buf, 4, 0), -ESPIPE); /* and does not wait */
    ck_assert_int_eq(weft_pwrite(pair[1], buf, 4, 0), -ESPIPE);
    ck_assert_int_eq(weft_close(pair[0]), 0);
    ck_assert_int_eq(weft_close(pair[1]), 0);
    fd = weft_file_open("/dev/full", O_WRONLY, 0);
    ck_assert_int_eq(weft_pwrite(fd, "a", 1, 0), -ENOSPC);
    ck_assert_int_eq(weft_pwrite_all(fd, "a", 1, 0, NULL), -ENOSPC);
    ck_assert_int_eq(weft_close(fd), 0);
    ck_assert_int_eq(weft_fsync(-1), -EBADF);
    ck_assert_int_eq(weft_fdatasync(-1), -EBADF);
    ck_assert_int_eq(weft_ftruncate(-1, 0), -EBADF);
    ck_assert_int_eq(weft_fallocate(-1, 0, 0, 1), -EBADF);
}

TEST(errors_are_those_of_the_system_calls)
{
    run_everywhere(refuse);
}

static void outgrow(void)
{
    struct rlimit before, small = { 10, RLIM_INFINITY };
    size_t done;
    int fd = weft_file_open("f", O_WRONLY | O_CREAT, 0600);
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(weft_pwrite_all(fd, "0123456789abcdef", 16, 0, &done), -EFBIG);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_uint_eq(done, 10);
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(a_write_that_ends_early_says_how_far_it_came)
{
    signal(SIGXFSZ, SIG_IGN);
    run_everywhere(outgrow);
}

static void resize(void)
{
    struct stat file;
    int fd = weft_file_open("f", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(weft_fstat(fd, &file), 0);
    ck_assert_int_eq(file.st_size, 0);
    ck_assert_int_eq(weft_ftruncate(fd, 1000), 0);
    ck_assert_int_eq(weft_fsync(fd), 0);
    ck_assert_int_eq(weft_file_stat("f", &file), 0);
    ck_assert_int_eq(file.st_size, 1000);
    int rc = weft_fallocate(fd, 0, 0, 8192);
    ck_assert(rc == 0 || rc == -EOPNOTSUPP);
    ck_assert_int_eq(weft_fdatasync(fd), 0);
    ck_assert_int_eq(weft_fstat(fd, &file), 0);
    ck_assert_int_eq(file.st_size, rc ? 1000 : 8192);
    ck_assert_int_eq(weft_ftruncate(fd, -1), -EINVAL);
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(a_file_gets_another_size)
{
    run_everywhere(resize);
}

static void expect_same(const struct stat *a, const struct stat *b)
{
    ck_assert(a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode);
    ck_assert(a->st_nlink == b->st_nlink && a->st_uid == b->st_uid && a->st_gid == b->st_gid);
    ck_assert(a->st_rdev == b->st_rdev && a->st_size == b->st_size);
    ck_assert(a->st_blksize == b->st_blksize && a->st_blocks == b->st_blocks);
    ck_assert_int_eq(memcmp(&a->st_atim, &b->st_atim, sizeof a->st_atim), 0);
    ck_assert_int_eq(memcmp(&a->st_mtim, &b->st_mtim, sizeof a->st_mtim), 0);
    ck_assert_int_eq(memcmp(&a->st_ctim, &b->st_ctim, sizeof a->st_ctim), 0);
}

static void look(void)
{
    struct stat found, expected;
    write_file("f", "12345");
    ck_assert_int_eq(symlink("f", "l"), 0);
    ck_assert_int_eq(weft_file_stat("l", &found), 0);
    ck_assert_int_eq(stat("l", &expected), 0);
    expect_same(&found, &expected);
    ck_assert_int_eq(found.st_size, 5);
    ck_assert_int_eq(weft_file_lstat("l", &found), 0);
    ck_assert_int_eq(lstat("l", &expected), 0);
    expect_same(&found, &expected);
    ck_assert(S_ISLNK(found.st_mode));
    ck_assert_int_eq(weft_file_stat("/dev/null", &found), 0);
    ck_assert_int_eq(stat("/dev/null", &expected), 0);
    expect_same(&found, &expected);
    ck_assert_int_eq(weft_file_stat("none", &found), -ENOENT);
    ck_assert_int_eq(weft_fstat(-1, &found), -EBADF);
    ck_assert_int_eq(weft_file_stat("f/g", &found), -ENOTDIR);
}

TEST(what_is_known_of_a_file)
{
    run_everywhere(look);
}

static void rename_them(void)
{
    write_file("a", "a");
    write_file("b", "b");
    ck_assert_int_eq(weft_file_rename_at(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), -EEXIST);
    ck_assert_int_eq(weft_file_rename_at(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE), 0);
    ck_assert_str_eq(read_file("a"), "b");
    ck_assert_int_eq(weft_file_rename("a", "b"), 0);
    ck_assert_str_eq(read_file("b"), "b");
    ck_assert(!exists("a"));
    ck_assert_int_eq(weft_file_rename("a", "c"), -ENOENT);
    ck_assert_int_eq(weft_dir_make("d", 0700), 0);
    ck_assert_int_eq(weft_dir_make("d", 0700), -EEXIST);
    int folder = weft_file_open("d", O_RDONLY | O_DIRECTORY, 0);
    ck_assert_int_eq(weft_file_rename_at(AT_FDCWD, "b", folder, "b", 0), 0);
    ck_assert_str_eq(read_file("d/b"), "b");
    ck_assert_int_eq(weft_dir_remove("d"), -ENOTEMPTY);
    ck_assert_int_eq(weft_file_unlink_at(folder, "b", 0), 0);
    ck_assert_int_eq(weft_file_unlink_at(folder, "b", 0), -ENOENT);
    ck_assert_int_eq(weft_file_unlink("d"), -EISDIR);
    ck_assert_int_eq(weft_close(folder), 0);
    ck_assert_int_eq(weft_dir_remove("d"), 0);
    ck_assert_int_eq(weft_dir_remove("d"), -ENOENT);
}

TEST(names_come_change_and_go)
{
    run_everywhere(rename_them);
}

static void link_them(void)
{
    char text[8];
    struct stat file;
    write_file("a", "a");
    ck_assert_int_eq(weft_file_link("a", "b"), 0);
    ck_assert_int_eq(weft_file_stat("b", &file), 0);
    ck_assert_uint_eq(file.st_nlink, 2);
    ck_assert_int_eq(weft_file_link("a", "b"), -EEXIST);
    ck_assert_int_eq(weft_file_symlink("where", "l"), 0);
    ck_assert_int_eq(weft_file_symlink("where", "l"), -EEXIST);
    ck_assert_int_eq(weft_file_readlink("l", text, sizeof text), 5);
    ck_assert_str_eq(text, "where");
    ck_assert_int_eq(weft_file_readlink("l", text, 6), 5);
    ck_assert_int_eq(weft_file_readlink("l", text, 5), -ENAMETOOLONG);
    ck_assert_int_eq(weft_file_readlink("l", text, 0), -ENAMETOOLONG);
    ck_assert_int_eq(weft_file_readlink("a", text, sizeof text), -EINVAL);
}

TEST(links_of_both_kinds)
{
    run_everywhere(link_them);
}

static void change(void)
{
    struct timespec times[] = { { 100, 5 }, { 200, 7 } };
    struct stat file;
    write_file("f", "");
    int fd = weft_file_open("f", O_RDONLY, 0);
    ck_assert_int_eq(weft_file_chmod("f", 0604), 0);
    ck_assert_int_eq(weft_file_utimes_at(AT_FDCWD, "f", times, 0), 0);
    ck_assert_int_eq(weft_file_stat("f", &file), 0);
    ck_assert_int_eq(file.st_mode & 07777, 0604);
    ck_assert_int_eq(file.st_atim.tv_sec, 100);
    ck_assert_int_eq(file.st_mtim.tv_sec, 200);
    ck_assert_int_eq(weft_fchmod(fd, 0640), 0);
    ck_assert_int_eq(weft_futimens(fd, NULL), 0);
    ck_assert_int_eq(weft_fstat(fd, &file), 0);
    ck_assert_int_eq(file.st_mode & 07777, 0640);
    ck_assert_int_gt(file.st_mtim.tv_sec, 200);
    ck_assert_int_eq(weft_file_chmod("none", 0600), -ENOENT);
    ck_assert_int_eq(weft_fchmod(-1, 0600), -EBADF);
    ck_assert_int_eq(weft_file_utimes_at(AT_FDCWD, "none", NULL, 0), -ENOENT);
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(permissions_and_times_change)
{
    run_everywhere(change);
}

/* Several write and read at one position, which is the file's own: as with write(2) and read(2)
 * each has a place of its own. */

enum { SHARERS = 4, THREADS_TOO = 2 };

struct record {
    uint32_t writer, number;
};

static int shared_fd;
static uint32_t records; /* by each */
static atomic_uint *seen;

static int write_records(void *writer)
{
    for (uint32_t i = 0; i < records; i++) {
        struct record record = { (uint32_t)(uintptr_t)writer, i };
        struct iovec parts[] = { { &record.writer, 4 }, { &record.number, 4 } };
        ssize_t n = i % 2 ? weft_write(shared_fd, &record, sizeof record)
                          : weft_writev(shared_fd, parts, 2);
        ck_assert_int_eq(n, sizeof record);
    }
    return 0;
}

static int read_records(void *unused)
{
    struct record record;
    ssize_t n;
    (void)unused;
    while ((n = weft_read(shared_fd, &record, sizeof record)) > 0) {
        ck_assert_int_eq(n, sizeof record);
        ck_assert_uint_lt(record.writer, SHARERS + THREADS_TOO);
        ck_assert_uint_lt(record.number, records);
        atomic_fetch_add(&seen[record.writer * records + record.number], 1);
    }
    return (int)n;
}

static int (*share)(void *arg);

static void *share_on_thread(void *number)
{
    ck_assert_int_eq(share(number), 0);
    return NULL;
}

static void run_sharers(int (*fn)(void *arg))
{
    weft_task *tasks[SHARERS];
    pthread_t threads[THREADS_TOO];
    share = fn;
    for (uintptr_t i = 0; i < THREADS_TOO; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, share_on_thread, (void *)(SHARERS + i)),
                         0);
    for (uintptr_t i = 0; i < SHARERS; i++)
        SPAWN(fn, (void *)i, &tasks[i]);
    for (int i = 0; i < SHARERS; i++)
        JOIN(tasks[i], 0);
    for (int i = 0; i < THREADS_TOO; i++)
        pthread_join(threads[i], NULL);
}

static int share_position(void *flags)
{
    uint32_t all;
    records = (uint32_t)test_work(500);
    all = records * (SHARERS + THREADS_TOO);
    seen = calloc(all, sizeof *seen);
    shared_fd = weft_file_open("f", O_WRONLY | O_CREAT | *(int *)flags, 0600);
    run_sharers(write_records);
    ck_assert_int_eq(lseek(shared_fd, 0, SEEK_END), (off_t)(all * sizeof(struct record)));
    ck_assert_int_eq(weft_close(shared_fd), 0);
    shared_fd = weft_file_open("f", O_RDONLY, 0);
    run_sharers(read_records);
    ck_assert_int_eq(weft_close(shared_fd), 0);
    for (uint32_t i = 0; i < all; i++)
        ck_assert_uint_eq(atomic_load(&seen[i]), 1);
    free(seen);
    return 0;
}

TEST(who_shares_a_position_loses_nothing_and_has_nothing_twice, .timeout = 120)
{
    static const int ways[] = { 0, O_APPEND };
    for (int i = 0; i < 2; i++) {
        enter_folder();
        ck_assert_int_eq(run_tasks(2, share_position, (void *)(uintptr_t)&ways[i]), 0);
        leave_folder();
    }
}

#define KEEPS_ERRNO(call, want) \
    do { \
        weft__error_set(77); \
        long long result_ = (call); \
        int error_ = weft__error(); \
        ck_assert_int_eq(result_, want); \
        ck_assert_msg(error_ == 77, "%s: errno %d", #call, error_); \
    } while (0)

/* None of them suspends a task. */
static int keep_at_once(void *unused)
{
    char byte;
    (void)unused;
    int fd = open("f", O_RDWR | O_CREAT, 0600), ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    KEEPS_ERRNO(weft_pread(-1, &byte, 1, 0), -EBADF);
    KEEPS_ERRNO(weft_pread(fd, &byte, 1, 0), 0);
    KEEPS_ERRNO(weft_pread(ends[0], &byte, 1, 0), -ESPIPE);
    KEEPS_ERRNO(weft_read(fd, &byte, 1), 0);
    close(fd);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static int keep(void *unused)
{
    struct stat file;
    void *data;
    enter_folder();
    keep_at_once(unused);
    write_file("f", "x");
    KEEPS_ERRNO(weft_file_open("none", O_RDONLY, 0), -ENOENT);
    KEEPS_ERRNO(weft_file_stat("none", &file), -ENOENT);
    KEEPS_ERRNO(weft_pwrite(-1, "x", 1, 0), -EBADF);
    KEEPS_ERRNO(weft_file_load(AT_FDCWD, "f", 100, &data, NULL), 0);
    free(data);
    KEEPS_ERRNO(weft_file_copy(AT_FDCWD, "f", AT_FDCWD, "g", NULL), 0); /* no clone in /tmp */
    KEEPS_ERRNO(weft_dir_make_all(AT_FDCWD, "f/g", 0700), -ENOTDIR);
    KEEPS_ERRNO(weft_dir_remove_all(AT_FDCWD, "g/g"), -ENOTDIR);
    leave_folder();
    return 0;
}

static int keep_on_virtual_thread(void *unused)
{
    return weft_virtual_thread_refusal() ? 0 : on_virtual_thread(keep, unused);
}

/* Who suspends as a light task may be on another thread afterwards. */
TEST(errno_is_left_alone)
{
    enter_folder();
    ck_assert_int_eq(run_in_turn(keep_at_once, NULL), 0);
    leave_folder();
    keep(NULL);
    ck_assert_int_eq(weft_start(NULL), 0);
    keep(NULL);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(run_tasks(0, keep_on_virtual_thread, NULL), 0);
}
