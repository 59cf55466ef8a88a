/* Making the way to a folder, and removing trees. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "files.h"

static void make_way(void)
{
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "a/b//c/d", 0700), 0);
    ck_assert(exists("a/b/c/d"));
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "a/b//c/d", 0700), 0);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "a/x/", 0700), 0);
    ck_assert(exists("a/x"));
    write_file("a/f", "");
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "a/f", 0700), -ENOTDIR);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "a/f/g", 0700), -ENOTDIR);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "", 0700), -ENOENT);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "/", 0700), 0);
    ck_assert_int_eq(symlink("a", "l"), 0);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "l", 0700), 0); /* it leads to one */
    int folder = open("a", O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(weft_dir_make_all(folder, "y/z", 0700), 0);
    ck_assert(exists("a/y/z"));
    close(folder);
}

TEST(the_way_to_a_folder_is_made)
{
    run_everywhere(make_way);
}

static void plant(void)
{
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "t/a/b/c", 0700), 0);
    write_file("t/f", "");
    write_file("t/a/b/g", "");
    write_file("kept", "kept");
    ck_assert_int_eq(mkdir("keep", 0700), 0);
    write_file("keep/f", "kept");
    ck_assert_int_eq(symlink("../../keep", "t/a/l"), 0);
    ck_assert_int_eq(symlink("../kept", "t/m"), 0);
}

static void remove_them(void)
{
    plant();
    ck_assert_int_eq(symlink("keep", "l"), 0);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "t"), 0);
    ck_assert(!exists("t"));
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "t"), 0); /* it is gone */
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "l"), 0);
    ck_assert(!exists("l"));
    ck_assert_str_eq(read_file("kept"), "kept");
    ck_assert_str_eq(read_file("keep/f"), "kept");
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "keep/."), -EINVAL);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, ".."), -EINVAL);
    static const char *const dots[] = { "./", "keep/./", "keep/..//", "keep/.//", "./keep/../" };
    for (size_t i = 0; i < sizeof dots / sizeof *dots; i++)
        ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, dots[i]), -EINVAL);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "keep/f/g"), -ENOTDIR);
    ck_assert_str_eq(read_file("keep/f"), "kept");
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "keep/"), 0);
    ck_assert(!exists("keep"));
}

TEST(a_tree_is_removed_and_nothing_that_it_links_to)
{
    run_everywhere(remove_them);
}

static void remove_deep(void)
{
    enum { DEEP = 60 };
    char path[2 * DEEP + 4] = "d";
    for (int i = 0; i < DEEP; i++)
        strcat(path, "/d");
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, path, 0700), 0);
    write_file("d/f", "");
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "d"), 0);
    ck_assert(!exists("d"));
}

TEST(a_deep_tree_is_removed)
{
    run_everywhere(remove_deep);
}

static void leave_some(void)
{
    plant();
    ck_assert_int_eq(chmod("t/a/b", 0500), 0);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "t"), -EACCES);
    ck_assert(exists("t/a/b/g"));
    ck_assert(!exists("t/f"));
    ck_assert(!exists("t/a/l"));
    ck_assert_int_eq(chmod("t/a/b", 0700), 0);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "t"), 0);
}

TEST(what_cannot_be_removed_is_left_and_the_rest_is_not)
{
    become_nobody();
    run_everywhere(leave_some);
}

static void leave_top(void)
{
    ck_assert_int_eq(mkdir("above", 0700), 0);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "above/t/a", 0700), 0);
    write_file("above/t/a/f", "");
    write_file("above/f", "");
    ck_assert_int_eq(chmod("above", 0500), 0);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "above/t"), -EACCES);
    ck_assert(exists("above/t"));
    ck_assert(!exists("above/t/a"));
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "above/f"), -EACCES);
    ck_assert_int_eq(chmod("above", 0700), 0);
    ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "above"), 0);
}

TEST(what_is_in_a_folder_is_removed_even_if_that_cannot_be)
{
    become_nobody();
    run_everywhere(leave_top);
}

/* Somebody swaps a folder for a link to what is not to be removed, all the time. */

static atomic_bool enough;

static void *swap(void *folder)
{
    while (!atomic_load(&enough)) {
        if (renameat2(AT_FDCWD, folder, AT_FDCWD, "trap", RENAME_EXCHANGE) != 0)
            sched_yield();
    }
    return NULL;
}

/* The one to be removed itself, whose name may say that it is a folder. */
static void remove_swapped(void)
{
    pthread_t thread;
    uint64_t rounds = test_work(300);
    ck_assert_int_eq(mkdir("keep", 0700), 0);
    write_file("keep/f", "kept");
    for (uint64_t i = 0; i < rounds; i++) {
        ck_assert_int_eq(mkdir("t", 0700), 0);
        ck_assert_int_eq(symlink("keep", "trap"), 0);
        atomic_store(&enough, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, swap, "t"), 0);
        for (int attempts = 0; attempts < 20 && exists("t"); attempts++)
            weft_dir_remove_all(AT_FDCWD, i % 2 ? "t/" : "t");
        atomic_store(&enough, true);
        pthread_join(thread, NULL);
        ck_assert_str_eq(read_file("keep/f"), "kept");
        ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "t"), 0);
        ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "trap"), 0);
    }
}

TEST(a_link_put_in_the_place_of_what_is_removed_is_not_followed, .timeout = 120)
{
    run_everywhere(remove_swapped);
}

static void remove_under_attack(void)
{
    pthread_t thread;
    uint64_t rounds = test_work(30);
    ck_assert_int_eq(mkdir("keep", 0700), 0);
    for (uint64_t i = 0; i < rounds; i++) {
        write_file("keep/f", "kept");
        ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "t/a/b", 0700), 0);
        write_file("t/a/f", "");
        ck_assert_int_eq(symlink("keep", "trap"), 0);
        atomic_store(&enough, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, swap, "t/a"), 0);
        int rc = weft_dir_remove_all(AT_FDCWD, "t");
        ck_assert(rc == 0 || rc == -ENOTDIR || rc == -ENOTEMPTY || rc == -EISDIR || rc == -ESTALE);
        atomic_store(&enough, true);
        pthread_join(thread, NULL);
        ck_assert_str_eq(read_file("keep/f"), "kept");
        ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "t"), 0);
        ck_assert_int_eq(weft_dir_remove_all(AT_FDCWD, "trap"), 0);
    }
    ck_assert_str_eq(read_file("keep/f"), "kept");
}

TEST(a_link_put_in_the_place_of_a_folder_leads_nowhere, .timeout = 120)
{
    run_everywhere(remove_under_attack);
}

/* Deadlines all over the time that it takes: in none of its moments it is removed and says no. */
static void remove_in_time(void)
{
    uint64_t rounds = test_work(1000);
    int64_t longest = WEFT_US(200);
    for (uint64_t i = 0; i < rounds; i++) {
        weft_scope scope;
        int rc = 0;
        ck_assert_int_eq(mkdir("t", 0700), 0);
        int64_t began = weft_now();
        WEFT_WITH_DEADLINE (&scope, began + (int64_t)(test_random() % (uint64_t)longest))
            rc = weft_dir_remove_all(AT_FDCWD, "t");
        ck_assert_int_eq(exists("t"), rc == -ETIMEDOUT);
        ck_assert(rc == 0 || rc == -ETIMEDOUT);
        if (rc == 0)
            longest = 2 * (weft_now() - began);
        else
            rmdir("t");
    }
}

TEST(a_tree_whose_removal_timed_out_is_still_there)
{
    run_everywhere(remove_in_time);
}
