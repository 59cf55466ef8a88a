/* Each system call on files fails, does less than it was asked for, or is interrupted. */
#include "suite.h"

#include <dirent.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "files.h"
#include "system_calls.h"

__attribute__((constructor)) static void without_ring(void)
{
    setenv("WEFT_FILES", "pool", 1);
}

/* The n-th of the calls below fails with `error`; or, if that is EINTR, each second one does. */
static atomic_int calls, failing, error, most; /* most: bytes that a call moves; 0: all */

static bool fails(void)
{
    int number = atomic_fetch_add(&calls, 1) + 1;
    bool interrupted = atomic_load(&error) == EINTR && number % 2;
    if (!interrupted && number != atomic_load(&failing))
        return false;
    errno = atomic_load(&error);
    return true;
}

static void break_call(int number, int with)
{
    atomic_store(&calls, 0);
    atomic_store(&failing, number);
    atomic_store(&error, with);
}

static size_t less(size_t size)
{
    size_t limit = (size_t)atomic_load(&most);
    return limit && limit < size ? limit : size;
}

#define WRAP(type, name, parameters, arguments) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        return fails() ? -1 : __real_##name arguments; \
    }

WRAP(ssize_t, pread64, (int fd, void *buf, size_t size, off_t offset),
     (fd, buf, less(size), offset))
WRAP(ssize_t, pwrite64, (int fd, const void *buf, size_t size, off_t offset),
     (fd, buf, less(size), offset))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, ftruncate64, (int fd, off_t size), (fd, size))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))

static atomic_int rename_error; /* only with flags */

int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    if (flags && atomic_load(&rename_error)) {
        errno = atomic_load(&rename_error);
        return -1;
    }
    return fails() ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

/* Reading at once: so many bytes are in the cache, or it fails otherwise. */
static atomic_int cached = INT32_MAX, cache_error = EAGAIN; /* 0: as if it ended */

static long read_cached(int fd, const struct iovec *iov, int count, off_t offset)
{
    size_t left = (size_t)atomic_exchange(&cached, 0);
    struct iovec parts[8];
    int used = 0;
    for (; used < count && left; used++) {
        parts[used] = iov[used];
        parts[used].iov_len = left < iov[used].iov_len ? left : iov[used].iov_len;
        left -= parts[used].iov_len;
    }
    if (used)
        return __real_syscall(SYS_preadv2, fd, parts, used, offset, 0, 0);
    errno = atomic_load(&cache_error);
    return errno ? -1 : 0;
}

static atomic_int copying; /* errno; -1: nothing moves, as if it were the end; 0: it works */

ssize_t __real_copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t size,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t size,
                               unsigned flags);
ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t size,
                               unsigned flags)
{
    int how = atomic_load(&copying);
    if (how > 0)
        errno = how;
    return how ? (how < 0 ? 0 : -1)
               : __real_copy_file_range(from, from_at, to, to_at, less(size), flags);
}

static atomic_int no_holes; /* errno; 0: they are known */
static atomic_bool no_types;
static atomic_int entries_left = INT32_MAX; /* so many calls for entries work */

off_t __real_lseek64(int fd, off_t offset, int whence);
off_t __wrap_lseek64(int fd, off_t offset, int whence);
off_t __wrap_lseek64(int fd, off_t offset, int whence)
{
    int how = atomic_load(&no_holes);
    if (!how || (whence != SEEK_DATA && whence != SEEK_HOLE))
        return __real_lseek64(fd, offset, whence);
    errno = how;
    return -1;
}

static void forget_types(char *buffer, long size)
{
    for (long at = 0; at < size;) {
        struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + at);
        entry->d_type = DT_UNKNOWN;
        at += entry->d_reclen;
    }
}

static atomic_int long_name; /* not 0: a folder has one more entry, whose name has so many bytes */

static long add_long_name(char *buffer, long used, long size)
{
    size_t length = (size_t)atomic_exchange(&long_name, 0);
    struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + used);
    size_t record = (offsetof(struct dirent64, d_name) + length + 1 + 7) & ~(size_t)7;
    if (length == 0 || used + (long)record > size)
        return used;
    entry->d_ino = 1;
    entry->d_reclen = (unsigned short)record;
    entry->d_type = DT_REG;
    memset(buffer + used + offsetof(struct dirent64, d_name), 'x', length);
    buffer[(size_t)used + offsetof(struct dirent64, d_name) + length] = 0;
    return used + (long)record;
}

/* Looking at once: no name is known, or the file is a server's, who says something else. */
static atomic_int find_error;
static atomic_bool is_remote;

static long look_at_remote(struct statx *seen)
{
    memset(seen, 0, sizeof *seen);
    seen->stx_size = 99;
    return 0;
}

static long answer_syscall(long number, const long a[6])
{
    if (number == SYS_preadv2)
        return read_cached((int)a[0], (const struct iovec *)a[1], (int)a[2], a[3]);
    bool entries = number == SYS_getdents64;
    if (entries && atomic_fetch_sub(&entries_left, 1) <= 0)
        return fail_with(EIO);
    if (number == SYS_openat2 && atomic_load(&find_error))
        return fail_with(atomic_load(&find_error));
    if (number == SYS_statx && atomic_load(&is_remote))
        return look_at_remote((struct statx *)(uintptr_t)a[4]);
    long result = real_syscall(number, a);
    if (entries && atomic_load(&no_types))
        forget_types((char *)(uintptr_t)a[1], result);
    if (entries && result > 0)
        result = add_long_name((char *)(uintptr_t)a[1], result, a[2]);
    return result;
}

/* Parts of a read come from the cache, the rest from elsewhere. */

static void read_in_parts(void)
{
    char a[4], b[1], c[8];
    struct iovec iov[] = { { a, 3 }, { b, 0 }, { b, 1 }, { c, 8 } };
    write_file("f", "0123456789");
    int fd = open("f", O_RDONLY);
    for (int left = 0; left <= 32; left++) {
        static const int errors[] = { EAGAIN, EOPNOTSUPP, 0 }; /* Linux 5.10 has that, too */
        atomic_store(&cache_error, errors[left % 3]);
        atomic_store(&cached, left / 3);
        ck_assert_int_eq(weft_pread(fd, c, 8, 1), 8);
        ck_assert_int_eq(memcmp(c, "12345678", 8), 0);
        atomic_store(&cached, left / 3);
        ck_assert_int_eq(weft_pread(fd, c, 8, 5), 5); /* the end */
        atomic_store(&cached, left / 3);
        ck_assert_int_eq(weft_preadv(fd, iov, 4, 0), 10);
        ck_assert(memcmp(a, "012", 3) == 0 && *b == '3' && memcmp(c, "456789", 6) == 0);
        atomic_store(&cached, left / 3);
        ck_assert_int_eq(lseek(fd, 2, SEEK_SET), 2);
        ck_assert_int_eq(weft_readv(fd, iov, 4), 8);
        ck_assert(memcmp(a, "234", 3) == 0 && *b == '5' && memcmp(c, "6789", 4) == 0);
    }
    atomic_store(&cache_error, EAGAIN);
    break_call(1, EIO);
    ck_assert_int_eq(weft_pread(fd, c, 8, 0), -EIO);
    break_call(2, EIO);
    atomic_store(&cached, 3);
    ck_assert_int_eq(weft_pread(fd, c, 8, 0), 8);
    break_call(1, EIO);
    atomic_store(&cached, 3);
    ck_assert_int_eq(weft_pread(fd, c, 8, 0), 3); /* the part that is there */
    break_call(0, 0);
    close(fd);
}

static int begin_and_end_reading(void *unused)
{
    enter_folder();
    read_in_parts();
    leave_folder();
    (void)unused;
    return 0;
}

TEST(what_is_partly_in_the_cache_is_read_whole)
{
    ck_assert_int_eq(run_tasks(0, begin_and_end_reading, NULL), 0);
}

static void look_elsewhere(void)
{
    static const int errors[] = { EAGAIN, EMFILE, EACCES, EPERM, EAGAIN };
    struct stat file;
    write_file("f", "content");
    ck_assert_int_eq(weft_file_stat("none", &file), -ENOENT);
    ck_assert_int_eq(weft_file_stat("f/g", &file), -ENOTDIR);
    atomic_store(&is_remote, true);
    ck_assert_int_eq(weft_file_stat("f", &file), 0);
    ck_assert_int_eq(file.st_size, 7);
    atomic_store(&is_remote, false);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        atomic_store(&find_error, errors[i]);
        ck_assert_int_eq(weft_file_stat("f", &file), 0);
        ck_assert_int_eq(file.st_size, 7);
    }
    atomic_store(&find_error, 0);
}

TEST(what_is_not_known_of_a_file_is_asked_for)
{
    run_everywhere(look_elsewhere);
}

static void interrupt(void)
{
    char buf[8];
    size_t done;
    int fd = weft_file_open("f", O_RDWR | O_CREAT, 0600);
    break_call(0, EINTR);
    atomic_store(&most, 2);
    ck_assert_int_eq(weft_pwrite_all(fd, "content", 7, 0, &done), 0);
    ck_assert_uint_eq(done, 7);
    ck_assert_int_eq(weft_pread_all(fd, buf, 7, 0, NULL), 0);
    ck_assert_int_eq(memcmp(buf, "content", 7), 0);
    ck_assert_int_eq(weft_fsync(fd), 0);
    ck_assert_int_eq(weft_ftruncate(fd, 3), 0);
    ck_assert_str_eq(read_file("f"), "con");
    atomic_store(&most, 0);
    break_call(0, 0);
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(interrupted_calls_are_repeated_and_short_ones_go_on)
{
    run_everywhere(interrupt);
}

static void run_out_of_room(void)
{
    size_t done;
    int fd = weft_file_open("f", O_RDWR | O_CREAT, 0600);
    atomic_store(&most, 2);
    break_call(3, ENOSPC);
    ck_assert_int_eq(weft_pwrite_all(fd, "content", 7, 0, &done), -ENOSPC);
    ck_assert_uint_eq(done, 4);
    atomic_store(&most, 0);
    break_call(0, 0);
    ck_assert_str_eq(read_file("f"), "cont");
    ck_assert_int_eq(weft_close(fd), 0);
}

TEST(a_full_disk_says_how_far_it_came)
{
    run_everywhere(run_out_of_room);
}

/* Whichever call fails: the old file or the new one, and nothing else. */

static void expect_one_of(const char *path, bool replaced)
{
    break_call(0, 0);
    ck_assert_str_eq(read_file(path), replaced ? "fresh" : "old");
    ck_assert_int_eq(entries_of(".") - 2, 2);
}

static void fail_saving(void)
{
    int rc = -1, failures = 0;
    write_file("g", "");
    for (int number = 1; rc; number++) {
        bool replaced;
        write_file("f", "old");
        break_call(number, number % 2 ? EIO : ENOSPC);
        rc = weft_file_save(AT_FDCWD, "f", "fresh", 5, 0600, &replaced);
        ck_assert_int_eq(rc, rc ? (number % 2 ? -EIO : -ENOSPC) : 0);
        failures += rc != 0;
        expect_one_of("f", replaced);
        ck_assert(rc || replaced);
    }
    ck_assert_int_eq(failures, 4); /* to write, to synchronize twice, to rename */
}

TEST(saving_that_fails_leaves_one_or_the_other)
{
    run_everywhere(fail_saving);
}

static void fail_copying(void)
{
    static const int ways[] = { 0, EXDEV, EOPNOTSUPP, -1 };
    static const int hole_errors[] = { 0, EINVAL, EOPNOTSUPP, EINVAL };
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        weft_copy_attr attr = { .flags = WEFT_COPY_SYNC };
        int rc = -1;
        atomic_store(&copying, ways[way]);
        atomic_store(&no_holes, hole_errors[way]);
        write_file("g", "fresh");
        for (int number = 1; rc; number++) {
            write_file("f", "old");
            break_call(number, EIO);
            rc = weft_file_copy(AT_FDCWD, "g", AT_FDCWD, "f", &attr);
            ck_assert_int_eq(rc, rc ? -EIO : 0);
            expect_one_of("f", strcmp(read_file("f"), "fresh") == 0);
        }
        ck_assert_str_eq(read_file("f"), "fresh");
    }
    write_file("f", "old");
    atomic_store(&copying, ENOSPC);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "g", AT_FDCWD, "f", NULL), -ENOSPC);
    expect_one_of("f", false);
    atomic_store(&copying, 0);
    atomic_store(&no_holes, 0);
}

TEST(copying_that_fails_leaves_one_or_the_other)
{
    run_everywhere(fail_copying);
}

static void copy_in_small_pieces(void)
{
    static const int ways[] = { 0, EXDEV };
    for (size_t way = 0; way < 2; way++) {
        atomic_store(&copying, ways[way]);
        write_file("g", "some more than a piece");
        atomic_store(&most, 5);
        ck_assert_int_eq(weft_file_copy(AT_FDCWD, "g", AT_FDCWD, "f", NULL), 0);
        atomic_store(&most, 0);
        ck_assert_str_eq(read_file("f"), "some more than a piece");
    }
    atomic_store(&copying, 0);
}

TEST(a_copy_is_whole_however_little_moves_at_a_time)
{
    run_everywhere(copy_in_small_pieces);
}

/* File systems that know less. */

static void copy_exclusively(void)
{
    weft_copy_attr attr = { .flags = WEFT_COPY_EXCLUSIVE };
    write_file("g", "fresh");
    atomic_store(&rename_error, EINVAL);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "g", AT_FDCWD, "f", &attr), 0);
    expect_one_of("f", true);
    ck_assert_int_eq(weft_file_copy(AT_FDCWD, "g", AT_FDCWD, "f", &attr), -EEXIST);
    expect_one_of("f", true);
    atomic_store(&rename_error, 0);
}

TEST(a_place_is_taken_only_if_it_is_free)
{
    run_everywhere(copy_exclusively);
}

static void walk_without_types(void)
{
    weft_walk *walk;
    weft_walk_entry entry;
    int found = 0, rc;
    ck_assert_int_eq(mkdir("d", 0700), 0);
    write_file("d/f", "");
    ck_assert_int_eq(symlink("d", "l"), 0);
    atomic_store(&no_types, true);
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, ".", NULL, &walk), 0);
    while ((rc = weft_walk_next(walk, &entry)) > 0) {
        const char *name = entry.name;
        ck_assert_int_eq(entry.type, *name == 'f' ? DT_REG : *name == 'l' ? DT_LNK : DT_DIR);
        found++;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(found, 4);
    weft_walk_close(walk);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "d"), 0);
    atomic_store(&no_types, false);
    ck_assert(!exists("d"));
}

TEST(types_are_found_out_where_the_folder_does_not_tell)
{
    run_everywhere(walk_without_types);
}

static void walk_long_names(void)
{
    static const int lengths[] = { 256, 765, 1100, 5000 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        weft_walk *walk;
        weft_walk_entry entry;
        int longest = 0, rc;
        atomic_store(&long_name, lengths[i]);
        ck_assert_int_eq(weft_walk_open(AT_FDCWD, ".", NULL, &walk), 0);
        while ((rc = weft_walk_next(walk, &entry)) > 0) {
            int length = (int)strlen(entry.name);
            longest = length > longest ? length : longest;
        }
        ck_assert_int_eq(rc, 0);
        ck_assert_int_eq(longest, lengths[i]);
        weft_walk_close(walk);
    }
}

TEST(names_may_be_longer_than_most_file_systems_allow)
{
    run_everywhere(walk_long_names);
}

static void walk_unreadable(void)
{
    weft_walk *walk;
    weft_walk_entry entry;
    ck_assert_int_eq(mkdir("d", 0700), 0);
    write_file("d/f", "");
    atomic_store(&entries_left, 0);
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "d", NULL, &walk), 0);
    ck_assert_int_eq(weft_walk_next(walk, &entry), 1);
    ck_assert_int_eq(weft_walk_next(walk, &entry), 1);
    ck_assert_int_eq(entry.what, WEFT_WALK_FAILED);
    ck_assert_int_eq(entry.error, -EIO);
    ck_assert_str_eq(entry.path, "d");
    ck_assert_int_eq(weft_walk_next(walk, &entry), 0);
    weft_walk_close(walk);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "d"), -EIO);
    atomic_store(&entries_left, INT32_MAX);
    ck_assert(exists("d/f"));
}

TEST(a_folder_that_cannot_be_read_is_told_and_left)
{
    run_everywhere(walk_unreadable);
}

static void fail_in_the_middle(void)
{
    weft_dir *dir;
    weft_dir_entry entry;
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, ".", &dir), 0);
    write_file("f", "");
    atomic_store(&entries_left, 1);
    ck_assert_int_eq(weft_dir_next(dir, &entry), 1);
    ck_assert_str_eq(entry.name, "f");
    ck_assert_int_eq(weft_dir_next(dir, &entry), -EIO);
    atomic_store(&entries_left, INT32_MAX);
    ck_assert_int_eq(weft_dir_next(dir, &entry), 0);
    ck_assert_int_eq(weft_dir_next(dir, &entry), 0);
    weft_dir_close(dir);
}

TEST(entries_before_an_error_are_told)
{
    run_everywhere(fail_in_the_middle);
}
