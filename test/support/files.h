/* files.h - what tests of files have in common. */
#ifndef WEFT_TEST_FILES_H
#define WEFT_TEST_FILES_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "tasks.h"

/* Makes a folder of the test's own, and makes it the working one. */
static inline void enter_folder(void)
{
    char path[] = "/tmp/weft-files-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(chdir(path), 0);
}

/* Removes the working folder and what it holds; it stays the working one. */
static inline void leave_folder(void)
{
    char *path = getcwd(NULL, 0);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, path), 0);
    free(path);
}

/* Root may read and remove everything. Before there are other threads. */
static inline void become_nobody(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
}

static inline void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

/* Its content, of up to some hundred bytes, until the next call; "": there is none. */
static inline const char *read_file(const char *path)
{
    static char text[512];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    return text;
}

static inline bool exists(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline unsigned char pattern_at(size_t at)
{
    return (unsigned char)(at * 31 + (at >> 9));
}

static inline unsigned char *make_pattern(size_t size)
{
    unsigned char *data = (unsigned char *)malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = pattern_at(i);
    return data;
}

/* Each time in a folder of its own: as a task, as a virtual thread, on a plain thread, in a scope
 * there, and without a runtime. */
static inline int run_in_folder(void *test)
{
    enter_folder();
    ((void (*)(void))(uintptr_t)test)();
    leave_folder();
    return 0;
}

static inline int run_on_virtual_thread(void *test)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    if (weft_virtual_thread_refusal())
        return 0;
    ck_assert_int_eq(weft_spawn_with(&attr, run_in_folder, test, &task), 0);
    JOIN(task, 0);
    return 0;
}

static inline void run_everywhere(void (*fn)(void))
{
    void *test = (void *)(uintptr_t)fn;
    weft_scope scope;
    ck_assert_int_eq(run_tasks(0, run_in_folder, test), 0);
    ck_assert_int_eq(run_tasks(0, run_on_virtual_thread, test), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    run_in_folder(test);
    weft_scope_enter(&scope, WEFT_NEVER);
    run_in_folder(test);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_stop(), 0);
    run_in_folder(test);
}

#endif
