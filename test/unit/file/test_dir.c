/* The entries of a folder. */
#include "suite.h"

#include "files.h"

#define MANY 1500 /* more than a buffer full */

static void list_many(void)
{
    static unsigned char seen[MANY];
    char name[64];
    weft_dir *dir;
    weft_dir_entry entry;
    int rc, count = 0, number;
    memset(seen, 0, sizeof seen);
    ck_assert_int_eq(mkdir("d", 0700), 0);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "d/a-name-that-is-not-so-very-short-%d", i);
        ck_assert_int_eq(mknod(name, S_IFREG | 0600, 0), 0);
    }
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, "d", &dir), 0);
    while ((rc = weft_dir_next(dir, &entry)) > 0) {
        if (sscanf(entry.name, "a-name-that-is-not-so-very-short-%d", &number) != 1)
            ck_abort_msg("%s", entry.name);
        if (seen[number]++ || entry.type != DT_REG)
            ck_abort_msg("%s comes twice, or is of type %d", entry.name, entry.type);
        count++;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(weft_dir_next(dir, &entry), 0);
    ck_assert_int_eq(count, MANY);
    ck_assert_int_eq(faccessat(weft_dir_fd(dir), name + 2, F_OK, 0), 0);
    weft_dir_close(dir);
}

TEST(each_entry_of_a_large_folder_comes_once, .timeout = 120)
{
    run_everywhere(list_many);
}

static void tell_types(void)
{
    weft_dir *dir;
    weft_dir_entry entry;
    struct stat file;
    int found = 0;
    write_file("f", "");
    ck_assert_int_eq(mkdir("d", 0700), 0);
    ck_assert_int_eq(symlink("f", "l"), 0);
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, ".", &dir), 0);
    while (weft_dir_next(dir, &entry) > 0) {
        ck_assert_int_eq(lstat(entry.name, &file), 0);
        ck_assert_uint_eq(entry.inode, file.st_ino);
        ck_assert(entry.type == DT_UNKNOWN || entry.type == IFTODT(file.st_mode));
        found++;
    }
    weft_dir_close(dir);
    ck_assert_int_eq(found, 3);
}

TEST(entries_tell_what_they_are)
{
    run_everywhere(tell_types);
}

static void refuse(void)
{
    weft_dir *dir = NULL;
    weft_dir_entry entry;
    write_file("f", "");
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, "none", &dir), -ENOENT);
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, "f", &dir), -ENOTDIR);
    ck_assert_ptr_null(dir);
    weft_dir_close(NULL);
    ck_assert_int_eq(mkdir("d", 0700), 0);
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, "d", &dir), 0);
    ck_assert_int_eq(rmdir("d"), 0);
    ck_assert_int_eq(weft_dir_next(dir, &entry), 0); /* it has gone, and is empty */
    weft_dir_close(dir);
}

TEST(folders_that_are_none)
{
    run_everywhere(refuse);
}

static void cancel_and_go_on(void)
{
    weft_dir *dir;
    weft_dir_entry entry;
    weft_scope scope;
    int count = 0;
    write_file("a", "");
    write_file("b", "");
    ck_assert_int_eq(weft_dir_open(AT_FDCWD, ".", &dir), 0);
    for (int i = 0; i < 3; i++) {
        weft_scope_enter(&scope, WEFT_NEVER);
        weft_scope_cancel(&scope);
        ck_assert_int_eq(weft_dir_next(dir, &entry), -ECANCELED);
        weft_scope_leave(&scope);
        count += weft_dir_next(dir, &entry);
    }
    ck_assert_int_eq(count, 2);
    weft_dir_close(dir);
}

TEST(cancelling_skips_nothing)
{
    run_everywhere(cancel_and_go_on);
}
