/* Who makes a call on a file. The ring is left out: here a call waits for a thread of the pool,
 * for the only one that there may be, and somebody else has that. */
#include "suite.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "blocking.h"
#include "exec/jobs.h"
#include "files.h"

__attribute__((constructor)) static void without_ring(void)
{
    setenv("WEFT_FILES", "pool", 1);
    weft__files_kind.limit = 1;
}

static struct gate gate;
static weft_task *holder;

static int hold(void *unused)
{
    weft_blocking_attr attr = { .kind = weft_blocking_files() };
    (void)unused;
    return weft_blocking_with(&attr, pass_gate, &gate, NULL);
}

static void take_thread(void)
{
    gate = (struct gate){ 0 };
    SPAWN(hold, NULL, &holder);
    await_count(&gate.begun, 1);
}

static void give_thread_back(void)
{
    atomic_store(&gate.open, true);
    JOIN(holder, 0);
}

static int read_from_cache(void *unused)
{
    char buf[8];
    struct iovec iov[] = { { buf, 3 }, { buf + 3, 5 } };
    (void)unused;
    int fd = open("f", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "content", 7), 7);
    struct iovec one = { buf, 8 };
    if (preadv2(fd, &one, 1, 0, RWF_NOWAIT) < 0)
        test_skip("the file system cannot tell what is in the cache");
    take_thread();
    ck_assert_int_eq(weft_pread(fd, buf, 8, 0), 7);
    ck_assert_int_eq(weft_preadv(fd, iov, 2, 0), 7);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(weft_read(fd, buf, 8), 7);
    ck_assert_int_eq(weft_read(fd, buf, 8), 0);
    give_thread_back();
    close(fd);
    return 0;
}

TEST(what_is_in_the_cache_needs_no_thread)
{
    enter_folder();
    ck_assert_int_eq(run_tasks(1, read_from_cache, NULL), 0);
    leave_folder();
}

/* Whoever mounts something anywhere may be in the way of a look at what is known: then it waits for
 * a thread, and another one may get through. */
static void expect_known(int folder, const char *path, int flags, mode_t type, off_t size)
{
    struct stat file;
    int rc = -ETIMEDOUT;
    for (int tries = 0; tries < 100 && rc == -ETIMEDOUT; tries++) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_after(WEFT_MS(20)));
        rc = weft_file_stat_at(folder, path, &file, flags);
        weft_scope_leave(&scope);
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(file.st_mode & S_IFMT, type);
    ck_assert_int_eq(file.st_size, size);
}

static int look_in_cache(void *unused)
{
    struct {
        uint64_t flags, mode, resolve;
    } cached = { .flags = O_PATH, .resolve = 0x20 };
    struct stat file;
    (void)unused;
    write_file("f", "content");
    ck_assert_int_eq(symlink("f", "l"), 0);
    block_for(WEFT_MS(20)); /* following it for the first time is noted, which is to be done */
    ck_assert_int_eq(stat("l", &file), 0);
    int fd = open("f", O_RDONLY);
    ck_assert_int_eq(fstat(fd, &file), 0);
    int found = (int)syscall(SYS_openat2, AT_FDCWD, "f", &cached, sizeof cached);
    if (major(file.st_dev) == 0 || found < 0)
        test_skip("the file system may ask others, or the kernel cannot tell what it knows");
    close(found);
    int fds = entries_of("/proc/self/fd");
    take_thread();
    expect_known(AT_FDCWD, "l", 0, S_IFREG, 7);
    expect_known(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, S_IFLNK, 1);
    expect_known(fd, "", AT_EMPTY_PATH, S_IFREG, 7);
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
    give_thread_back();
    close(fd);
    return 0;
}

TEST(what_is_known_of_a_file_needs_no_thread)
{
    enter_folder();
    ck_assert_int_eq(run_tasks(1, look_in_cache, NULL), 0);
    leave_folder();
}

static int write_late(void *fd)
{
    return (int)weft_pwrite((int)(intptr_t)fd, "new", 3, 0);
}

static int write_along_late(void *fd)
{
    return (int)weft_write((int)(intptr_t)fd, "new", 3);
}

static int (*late)(void *fd);

static int wait_for_thread(void *unused)
{
    weft_task *writer;
    (void)unused;
    write_file("f", "old");
    int fd = open("f", O_WRONLY);
    take_thread();
    SPAWN(late, (void *)(intptr_t)fd, &writer);
    await_waiting_calls(weft_blocking_files(), 1); /* and this goes on, on the only worker */
    weft_cancel(writer);
    JOIN(writer, -ECANCELED);
    ck_assert_str_eq(read_file("f"), "old");
    SPAWN(late, (void *)(intptr_t)fd, &writer);
    await_waiting_calls(weft_blocking_files(), 1);
    give_thread_back();
    JOIN(writer, 3);
    ck_assert_str_eq(read_file("f"), "new");
    close(fd);
    return 0;
}

TEST(a_write_that_has_not_begun_is_cancelled)
{
    enter_folder();
    late = write_late;
    ck_assert_int_eq(run_in_turn(wait_for_thread, NULL), 0);
    late = write_along_late;
    ck_assert_int_eq(run_in_turn(wait_for_thread, NULL), 0);
    leave_folder();
}

/* A FIFO is opened when it has been opened at its other end. */

static int open_late(void *ret_fd)
{
    int fd = weft_file_open("p", O_RDONLY, 0);
    *(int *)ret_fd = fd;
    return fd < 0 ? fd : 0;
}

static int cancel_begun(void *unused)
{
    weft_task *opener;
    weft_blocking_info info = { 0 };
    int fd, other;
    (void)unused;
    ck_assert_int_eq(mkfifo("p", 0600), 0);
    SPAWN(open_late, &fd, &opener);
    do {
        weft_sleep(WEFT_US(50));
        weft_blocking_look(weft_blocking_files(), &info);
    } while (info.running == 0);
    while ((other = open("p", O_WRONLY | O_NONBLOCK)) < 0) /* until it is in the system call */
        weft_sleep(WEFT_US(50));
    weft_cancel(opener);
    JOIN(opener, 0); /* it did happen */
    ck_assert_int_eq(weft_close(fd), 0);
    close(other);
    return 0;
}

TEST(one_that_has_begun_returns_its_own_result)
{
    enter_folder();
    ck_assert_int_eq(run_tasks(2, cancel_begun, NULL), 0);
    leave_folder();
}

static void *use_plain_thread(void *unused)
{
    weft_scope scope;
    write_file("f", "old");
    int fd = open("f", O_WRONLY);
    ck_assert_int_eq(weft_pwrite(fd, "new", 3, 0), 3); /* by itself */
    ck_assert_str_eq(read_file("f"), "new");
    weft_scope_enter(&scope, weft_after(WEFT_MS(2)));
    ck_assert_int_eq(weft_pwrite(fd, "odd", 3, 0), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_str_eq(read_file("f"), "new");
    close(fd);
    return unused;
}

static int block_plain_thread(void *unused)
{
    pthread_t thread;
    take_thread();
    ck_assert_int_eq(pthread_create(&thread, NULL, use_plain_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, unused), 0);
    give_thread_back();
    return 0;
}

TEST(a_plain_thread_does_it_itself_unless_somebody_may_cancel)
{
    enter_folder();
    ck_assert_int_eq(run_tasks(2, block_plain_thread, NULL), 0);
    leave_folder();
}

static int save(void *unused)
{
    (void)unused;
    return weft_file_save(AT_FDCWD, "f", "content", 7, 0600, NULL);
}

static int save_in_pool(void *unused)
{
    weft_blocking_attr attr = { .kind = weft_blocking_files() };
    int rc = -1;
    (void)unused;
    ck_assert_int_eq(weft_blocking_with(&attr, save, NULL, &rc), 0);
    return rc;
}

TEST(a_thread_of_the_pool_needs_no_other)
{
    enter_folder();
    ck_assert_int_eq(run_tasks(2, save_in_pool, NULL), 0);
    ck_assert_str_eq(read_file("f"), "content");
    leave_folder();
}

/* Who reads what is there gives way now and then. */

static int set_flag(void *flag)
{
    atomic_store((atomic_int *)flag, 1);
    return 0;
}

static int read_all_the_time(void *unused)
{
    char buf[4];
    atomic_int flag = 0;
    weft_task *task;
    (void)unused;
    int fd = open("/proc/self/exe", O_RDONLY);
    SPAWN(set_flag, &flag, &task);
    while (!atomic_load(&flag))
        ck_assert_int_eq(weft_pread(fd, buf, 4, 0), 4);
    JOIN(task, 0);
    close(fd);
    return 0;
}

TEST(reading_from_the_cache_lets_others_run)
{
    ck_assert_int_eq(run_in_turn(read_all_the_time, NULL), 0);
}
