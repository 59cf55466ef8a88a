/* Files read and written whole. */
#include "suite.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "file/replacement.h"
#include "files.h"

#define LARGE ((size_t)300 << 10)

static int count_entries(void)
{
    return entries_of(".") - 2;
}

static void load_it(void)
{
    void *data = NULL;
    size_t size = 99;
    write_file("f", "content");
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "f", 100, &data, &size), 0);
    ck_assert_uint_eq(size, 7);
    ck_assert_str_eq((char *)data, "content"); /* a zero follows */
    free(data);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "f", 7, &data, NULL), 0);
    ck_assert_str_eq((char *)data, "content");
    free(data);
    data = NULL;
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "f", 6, &data, &size), -EFBIG);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "none", 6, &data, &size), -ENOENT);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, ".", 1 << 20, &data, &size), -EISDIR);
    ck_assert_ptr_null(data);
    write_file("empty", "");
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "empty", 0, &data, &size), 0);
    ck_assert_uint_eq(size, 0);
    ck_assert_str_eq((char *)data, "");
    free(data);
}

TEST(a_file_is_read_whole_or_not_at_all)
{
    run_everywhere(load_it);
}

static void load_unsized(void)
{
    void *data;
    size_t size, again;
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/self/maps", SIZE_MAX - 1, &data, &size), 0);
    ck_assert_uint_gt(size, 100);
    ck_assert_uint_eq(strlen(data), size);
    free(data);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/version", 1 << 16, &data, &size), 0);
    free(data);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/version", size, &data, &again), 0);
    ck_assert_uint_eq(again, size);
    free(data);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/version", size - 1, &data, &again), -EFBIG);
}

TEST(so_is_one_that_does_not_tell_its_size)
{
    run_everywhere(load_unsized);
}

/* Its handler answers at the beginning only, however little it is asked for. */
static void load_setting(void)
{
    void *data;
    size_t size, again;
    write_file("expected", "");
    ck_assert_int_eq(system("cat /proc/sys/kernel/pid_max > expected"), 0);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/sys/kernel/pid_max", 100, &data, &size), 0);
    ck_assert_uint_gt(size, 1);
    ck_assert_str_eq((char *)data, read_file("expected"));
    free(data);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/sys/kernel/pid_max", size, &data, &again), 0);
    ck_assert_uint_eq(again, size);
    free(data);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "/proc/sys/kernel/pid_max", size - 1, &data, &again),
                     -EFBIG);
}

TEST(so_is_one_that_answers_once)
{
    run_everywhere(load_setting);
}

static void save_it(void)
{
    unsigned char *pattern = make_pattern(LARGE);
    void *data;
    size_t size;
    bool replaced;
    struct stat file;
    mode_t mask = umask(022);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "f", "first", 5, 0666, &replaced), 0);
    ck_assert(replaced);
    ck_assert_str_eq(read_file("f"), "first");
    ck_assert_int_eq(stat("f", &file), 0);
    ck_assert_int_eq(file.st_mode & 07777, 0644);
    ck_assert_int_eq(mkdir("d", 0700), 0);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "./d/f", pattern, LARGE, 0600, NULL), 0);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "d/f", LARGE, &data, &size), 0);
    ck_assert_uint_eq(size, LARGE);
    ck_assert_int_eq(memcmp(data, pattern, LARGE), 0);
    free(data);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "d/f", "", 0, 0600, NULL), 0);
    ck_assert_str_eq(read_file("d/f"), "");
    ck_assert_int_eq(symlink("f", "l"), 0);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "l", "second", 6, 0600, NULL), 0);
    ck_assert_str_eq(read_file("f"), "first");
    ck_assert_str_eq(read_file("l"), "second");
    ck_assert_int_eq(count_entries(), 3);
    umask(mask);
    free(pattern);
}

TEST(a_file_is_written_whole_in_the_place_of_another)
{
    run_everywhere(save_it);
}

static void save_long_name(void)
{
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    ck_assert_int_eq(weft_file_save(AT_FDCWD, name, "a", 1, 0600, NULL), 0);
    ck_assert_str_eq(read_file(name), "a");
    ck_assert_int_eq(count_entries(), 1);
}

TEST(names_may_be_as_long_as_names_can_be)
{
    run_everywhere(save_long_name);
}

static void save_foreign_name(void)
{
    struct weft__replacement new;
    char name[256] = "n";
    for (int i = 0; i < 127; i++)
        strcat(name, "\xc3\xa9");
    ck_assert_int_eq(weft__replacement_begin(&new, AT_FDCWD, name, 0600), 0);
    size_t kept = strlen(new.own) - strlen(".0123456789abcdef.new");
    weft__replacement_finish(&new);
    ck_assert_uint_gt(kept, 150);
    ck_assert_int_eq((unsigned char)new.own[kept - 1], 0xa9);
    ck_assert_int_eq(count_entries(), 0);
}

TEST(no_character_of_a_name_is_cut)
{
    run_everywhere(save_foreign_name);
}

static void refuse(void)
{
    struct rlimit before, small;
    bool replaced = true;
    ck_assert_int_eq(mkdir("d", 0700), 0);
    write_file("f", "old");
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "d", "a", 1, 0600, &replaced), -EISDIR);
    ck_assert(!replaced);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "d/", "a", 1, 0600, NULL), -EISDIR);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "..", "a", 1, 0600, NULL), -EISDIR);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "", "a", 1, 0600, NULL), -ENOENT);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "none/f", "a", 1, 0600, NULL), -ENOENT);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "f/g", "a", 1, 0600, NULL), -ENOTDIR);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){ 3, before.rlim_max };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "f", "abcdef", 6, 0600, &replaced), -EFBIG);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(!replaced);
    ck_assert_str_eq(read_file("f"), "old");
    ck_assert_int_eq(count_entries(), 2);
}

TEST(what_cannot_be_written_leaves_the_old_one_and_nothing_else)
{
    signal(SIGXFSZ, SIG_IGN);
    run_everywhere(refuse);
}

static void cancelled(void)
{
    weft_scope scope;
    void *data;
    write_file("f", "old");
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    ck_assert_int_eq(weft_file_save(AT_FDCWD, "f", "new", 3, 0600, NULL), -ECANCELED);
    ck_assert_int_eq(weft_file_load(AT_FDCWD, "f", 10, &data, NULL), -ECANCELED);
    weft_scope_leave(&scope);
    ck_assert_str_eq(read_file("f"), "old");
    ck_assert_int_eq(count_entries(), 1);
}

static void save_unlisted(void)
{
    weft_copy_attr synchronized = { .flags = WEFT_COPY_SYNC };
    bool replaced = false;
    ck_assert_int_eq(mkdir("drop", 0300), 0);
    write_file("from", "from");
    int rc = weft_file_copy(AT_FDCWD, "from", AT_FDCWD, "drop/copy", NULL);
    int synchronizing = weft_file_copy(AT_FDCWD, "from", AT_FDCWD, "drop/copy", &synchronized);
    int saved = weft_file_save(AT_FDCWD, "drop/new", "new", 3, 0600, &replaced);
    ck_assert_int_eq(chmod("drop", 0700), 0);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(synchronizing, -EACCES);
    ck_assert_int_eq(saved, -EACCES);
    ck_assert(replaced);
    ck_assert_str_eq(read_file("drop/copy"), "from");
    ck_assert_str_eq(read_file("drop/new"), "new");
    ck_assert_int_eq(remove("drop/copy") | remove("drop/new") | remove("drop"), 0);
}

TEST(a_folder_that_may_not_be_listed_takes_them)
{
    become_nobody();
    run_everywhere(save_unlisted);
}

TEST(cancelled_means_that_the_old_one_is_there)
{
    run_everywhere(cancelled);
}
