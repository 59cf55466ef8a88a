/* Trees: folders that come and go, and what is put into them before anybody looks. */
#include "suite.h"

#include "watching.h"

/* In any order. */
static void expect_each_once(const char *story, const char *const *parts)
{
    size_t size = 0;
    for (; *parts; parts++) {
        const char *first = strstr(story, *parts);
        ck_assert_msg(first, "no \"%s\" in \"%s\"", *parts, story);
        size += strlen(*parts) + (parts[1] ? 2 : 0);
    }
    ck_assert_msg(strlen(story) == size, "more than that: %s", story);
}

TEST(what_was_put_into_new_folders_is_told_once)
{
    struct place place;
    place_open(&place);
    watch(&place, "", NAMES, TREE);
    make_folder(&place, "a");
    make_folder(&place, "a/b");
    make_folder(&place, "a/b/c");
    write_file(&place, "a/x");
    write_file(&place, "a/b/c/y");
    expect_each_once(story_of(&place),
                     (const char *const[]){ "created a/", "created a/b/", "created a/b/c/",
                                            "created a/x", "created a/b/c/y", NULL });
    write_file(&place, "a/b/c/z");
    make_folder(&place, "a/b/c/d");
    ck_assert_str_eq(story_of(&place), "created a/b/c/z, created a/b/c/d/");
    place_close(&place);
}

TEST(a_folder_that_is_gone_before_anybody_looks_leaves_nothing)
{
    struct place place;
    place_open(&place);
    watch(&place, "", NAMES, TREE);
    make_folder(&place, "a");
    write_file(&place, "a/x");
    remove_entry(&place, "a/x");
    remove_entry(&place, "a");
    make_folder(&place, "a");
    write_file(&place, "a/y");
    const char *story = story_of(&place);
    ck_assert_ptr_null(strstr(story, "unwatched"));
    ck_assert_ptr_null(strstr(story, "a/x"));
    ck_assert_str_eq(strrchr(story, ',') - strlen(", created a/"), ", created a/, created a/y");
    write_file(&place, "a/z");
    ck_assert_str_eq(story_of(&place), "created a/z");
    place_close(&place);
}

TEST(a_new_folder_that_was_renamed_before_anybody_looks_is_watched)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    watch(&place, "", NAMES, TREE);
    make_folder(&place, "a/x");
    write_file(&place, "a/x/y");
    move_entry(&place, "a/x", "a/z");
    move_entry(&place, "a", "b");
    make_folder(&place, "a");
    make_folder(&place, "a/x"); /* where the first one was */
    write_file(&place, "a/x/w");
    story_of(&place);
    write_file(&place, "b/z/1");
    write_file(&place, "a/x/2");
    ck_assert_str_eq(story_of(&place), "created b/z/1, created a/x/2");
    place_close(&place);
}

TEST(what_is_there_already_is_told_if_asked_for)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    write_file(&place, "a/x");
    write_file(&place, "y");
    watch(&place, "", NAMES, TREE | EXISTING);
    expect_each_once(story_of(&place),
                     (const char *const[]){ "created a/", "created a/x", "created y", NULL });
    int id = watch(&place, "a", NAMES, EXISTING);
    ck_assert_int_gt(id, 0);
    ck_assert_str_eq(story_of(&place), "created a/x");
    place_close(&place);
}

TEST(links_to_folders_are_not_followed)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "../far");
    watch(&place, "", NAMES, TREE);
    ck_assert_int_eq(symlink("../far", in(&place, "link")), 0);
    write_file(&place, "link/x");
    ck_assert_str_eq(story_of(&place), "created link");
    watch(&place, "link", NAMES, TREE); /* but for the path that is given */
    write_file(&place, "link/y");
    ck_assert_str_eq(story_of(&place), "created link/y");
    place_close(&place);
}

TEST(a_folder_that_may_not_be_read_is_said_to_be_unwatched)
{
    struct place place;
    if (geteuid() == 0)
        test_skip("root may read all");
    place_open(&place);
    make_folder(&place, "a");
    ck_assert_int_eq(chmod(in(&place, "a"), 0), 0);
    watch(&place, "", NAMES, TREE);
    ck_assert_str_eq(story_of(&place), "unwatched a/ EACCES");
    ck_assert_int_eq(chmod(in(&place, "a"), 0700), 0);
    place_close(&place);
}

static long queue_size(void)
{
    long size = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    if (file && fscanf(file, "%ld", &size) != 1)
        size = 0;
    if (file)
        fclose(file);
    return size;
}

/* More than the kernel's queue holds: each is created and removed. */
static void overflow(struct place *place)
{
    for (long i = queue_size() / 2 + 100; i > 0; i--) {
        int fd = open(in(place, "x"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        close(fd);
        remove_entry(place, "x");
    }
}

TEST(what_was_lost_is_told_and_folders_are_found_again, .timeout = 120)
{
    struct place place;
    weft_file_event event;
    if (queue_size() == 0 || queue_size() > 100000)
        test_skip("the kernel's queue has %ld", queue_size());
    place_open(&place);
    make_folder(&place, "gone");
    write_file(&place, "file");
    watch(&place, "", NAMES, TREE);
    watch(&place, "gone", NAMES, TREE);
    watch(&place, "file", WEFT_FILE_WRITTEN, 0);
    overflow(&place);
    make_folder(&place, "a"); /* of which the kernel does not tell */
    make_folder(&place, "a/b");
    remove_entry(&place, "gone");
    make_folder(&place, "gone"); /* another one */
    do {
        ck_assert_int_eq(weft_file_watcher_next(place.watcher, &event), 0);
        weft_file_event_clear(&event);
    } while (event.change != WEFT_FILE_LOST);
    ck_assert_int_eq(event.watch, 0);
    write_file(&place, "a/b/x");
    write_file(&place, "gone/y");
    write_file(&place, "file");
    ck_assert_str_eq(story_of(&place), "ended gone/ ESTALE, created a/b/x, created gone/y, "
                                       "written file");
    place_close(&place);
}
