#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exec/crew.h"
#include "holder.h"
#include "system_calls.h"

int files_folder, files_fd;
char files_text[64];
atomic_int files_synced;

static char path[64];
static unsigned limit;

/* There is no ring here, nothing is in the cache, and what is synchronized is counted. */

__attribute__((constructor)) static void without_ring(void)
{
    setenv("WEFT_FILES", "pool", 1);
}

static long answer_syscall(long number, const long a[6])
{
    if (number != SYS_preadv2 && number != SYS_statx && number != SYS_openat2)
        return real_syscall(number, a);
    return fail_with(EAGAIN);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    atomic_fetch_add(&files_synced, 1);
    return 0;
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return __wrap_fsync(fd);
}

static unsigned set_limit(unsigned threads)
{
    weft__latch_acquire(&weft__crew.lock);
    unsigned before = weft__files_kind.limit;
    weft__files_kind.limit = threads;
    weft__crew_unlock();
    return before;
}

void files_open(struct stage *stage)
{
    (void)stage;
    limit = set_limit(1);
    strcpy(path, "/tmp/weft-matrix-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    files_folder = open(path, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(files_folder, 0);
    ck_assert_int_eq(symlinkat("nowhere", files_folder, "l"), 0);
}

static void clean_up(void)
{
    unlinkat(files_folder, "f", 0);
    unlinkat(files_folder, "new", 0);
    unlinkat(files_folder, "new", AT_REMOVEDIR);
}

void files_arm(struct stage *stage)
{
    struct timespec ago[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    (void)stage;
    clean_up();
    files_fd = openat(files_folder, "f", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(files_fd, OLD, strlen(OLD)), strlen(OLD));
    ck_assert_int_eq(futimens(files_fd, ago), 0);
    memset(files_text, 0, sizeof files_text);
    atomic_store(&files_synced, 0);
    holder_start(weft_blocking_files());
}

void files_release(struct stage *stage)
{
    (void)stage;
    holder_let_go();
}

void files_settle(struct stage *stage, long rc, bool happened)
{
    holder_let_go();
    holder_join();
    close(files_fd);
    EXPECT(stage, happened == (rc >= 0), "it returned %ld", rc);
}

void files_close(struct stage *stage)
{
    (void)stage;
    clean_up();
    unlinkat(files_folder, "l", 0);
    close(files_folder);
    ck_assert_int_eq(rmdir(path), 0); /* nothing else was left there */
    set_limit(limit);
}

bool files_exist(const char *name)
{
    return faccessat(files_folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool files_say(const char *name, const char *text)
{
    char content[64] = "";
    int fd = openat(files_folder, name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, content, sizeof content - 1);
    if (fd >= 0)
        close(fd);
    return n >= 0 && strcmp(content, text) == 0;
}
