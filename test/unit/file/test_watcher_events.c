/* Renames, of which the kernel tells in two halves. */
#include "suite.h"

#include "watching.h"

TEST(a_rename_is_one_event_where_both_names_are_watched)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "b");
    write_file(&place, "a/x");
    watch(&place, "", NAMES, TREE);
    move_entry(&place, "a/x", "b/y");
    move_entry(&place, "a", "b/c");
    write_file(&place, "b/c/z"); /* under its new name */
    ck_assert_str_eq(story_of(&place), "renamed a/x b/y, renamed a b/c/, created b/c/z");
    place_close(&place);
}

TEST(what_goes_elsewhere_is_removed_and_what_comes_is_created)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "a/b");
    make_folder(&place, "../c");
    write_file(&place, "../c/x");
    make_folder(&place, "../c/d");
    write_file(&place, "../c/d/y");
    watch(&place, "", NAMES, TREE);
    move_entry(&place, "a", "../a");
    write_file(&place, "../a/not"); /* nobody hears of it any more */
    write_file(&place, "../a/b/not");
    move_entry(&place, "../c", "c");
    write_file(&place, "c/d/z");
    const char *story = story_of(&place);
    ck_assert_int_eq(strncmp(story, "removed a/, created c/, created c/", 34), 0);
    ck_assert_ptr_nonnull(strstr(story, "created c/x"));
    ck_assert_ptr_nonnull(strstr(story, "created c/d/y"));
    ck_assert_ptr_nonnull(strstr(story, "created c/d/z"));
    ck_assert_ptr_null(strstr(story, "not"));
    ck_assert_uint_eq(strlen(story), strlen("removed a/, created c/, created c/x, created c/d/, "
                                            "created c/d/y, created c/d/z"));
    place_close(&place);
}

/* With nothing behind it in the queue. */
TEST(one_half_of_a_rename_is_told_at_once)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    write_file(&place, "b");
    watch(&place, "", NAMES, 0);
    move_entry(&place, "a", "../a");
    ck_assert_str_eq(next_events(&place, 1), "removed a/");
    move_entry(&place, "b", "../b");
    ck_assert_str_eq(next_events(&place, 1), "removed b");
    move_entry(&place, "../b", "c");
    ck_assert_str_eq(next_events(&place, 1), "created c");
    place_close(&place);
}

TEST(a_rename_from_one_watch_to_another_is_a_removal_and_a_creation)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "b");
    make_folder(&place, "a/x");
    write_file(&place, "a/x/y");
    watch(&place, "a", NAMES, TREE);
    watch(&place, "b", NAMES, TREE);
    move_entry(&place, "a/x", "b/x");
    ck_assert_str_eq(next_events(&place, 3), "removed a/x/, created b/x/, created b/x/y");
    write_file(&place, "b/x/z");
    ck_assert_str_eq(next_events(&place, 1), "created b/x/z");
    place_close(&place);
}

/* Of what the first events tell a watch has seen something else already, since it began later:
 * the name in `t/p` was there, and what it was renamed from is below it. */
TEST(a_rename_is_told_by_a_watch_that_began_after_it)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "p");
    make_folder(&place, "q");
    make_folder(&place, "q/x");
    write_file(&place, "q/x/y");
    watch(&place, "q", NAMES, 0);
    watch(&place, "p", NAMES, 0);
    move_entry(&place, "q/x", "p/b");
    move_entry(&place, "q", "p/b/q");
    make_folder(&place, "p/b/q/x");
    watch(&place, "p", NAMES, TREE | EXISTING);
    const char *story = next_events(&place, 9);
    ck_assert_msg(!strstr(story, "renamed"), "%s", story);
    write_file(&place, "p/b/q/x/z");
    ck_assert_str_eq(next_events(&place, 1), "created p/b/q/x/z");
    place_close(&place);
}

/* Who hears of a removed folder knows that all below it is gone. */
TEST(a_rename_that_was_not_asked_for_creates_what_is_below)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    write_file(&place, "a/f");
    write_file(&place, "g");
    watch(&place, "", WEFT_FILE_CREATED | WEFT_FILE_REMOVED, TREE);
    move_entry(&place, "a", "b");
    write_file(&place, "b/h");
    move_entry(&place, "g", "b/g");
    const char *story = story_of(&place);
    const char *whole = "removed a/, created b/, created b/f, created b/h, removed g, created b/g";
    ck_assert_int_eq(strncmp(story, "removed a/, created b/, created b/", 34), 0);
    ck_assert_ptr_nonnull(strstr(story, "created b/f"));
    ck_assert_ptr_nonnull(strstr(story, "created b/h"));
    ck_assert_ptr_nonnull(strstr(story, "created b/g"));
    ck_assert_uint_eq(strlen(story), strlen(whole));
    place_close(&place);
}

TEST(a_file_that_is_written_beside_and_renamed_is_the_new_one)
{
    struct place place;
    place_open(&place);
    write_file(&place, "settings");
    watch(&place, "", NAMES | WEFT_FILE_WRITTEN, 0);
    write_file(&place, "settings.new");
    move_entry(&place, "settings.new", "settings");
    write_file(&place, "settings");
    ck_assert_str_eq(story_of(&place), "created settings.new, written settings.new, "
                                       "renamed settings.new settings, written settings");
    place_close(&place);
}

TEST(a_folder_renamed_over_an_empty_one_takes_its_place)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "a/b");
    make_folder(&place, "c");
    watch(&place, "", NAMES, TREE);
    move_entry(&place, "a", "c");
    write_file(&place, "c/b/x");
    make_folder(&place, "a");
    write_file(&place, "a/y");
    ck_assert_str_eq(story_of(&place), "renamed a c/, created c/b/x, created a/, created a/y");
    place_close(&place);
}

/* Of the second the kernel tells with the first's words, next to each other. */
TEST(a_folder_from_elsewhere_replaces_one_that_was_just_renamed)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "../c");
    write_file(&place, "../c/x");
    watch(&place, "", NAMES, TREE);
    move_entry(&place, "a", "b");
    move_entry(&place, "../c", "b");
    ck_assert_str_eq(story_of(&place), "renamed a b/, created b/, created b/x");
    write_file(&place, "b/y");
    ck_assert_str_eq(story_of(&place), "created b/y");
    place_close(&place);
}

static void exchange(const struct place *place, const char *one, const char *other)
{
    int rc = renameat2(AT_FDCWD, in(place, one), AT_FDCWD, in(place, other), RENAME_EXCHANGE);
    if (rc != 0 && (errno == EINVAL || errno == ENOSYS))
        test_skip("no RENAME_EXCHANGE here: %s", strerror(errno));
    ck_assert_int_eq(rc, 0);
}

TEST(folders_that_change_places_are_both_watched_on)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "a/in_a");
    make_folder(&place, "b");
    watch(&place, "", NAMES, TREE);
    exchange(&place, "a", "b");
    ck_assert_str_eq(story_of(&place), "lost");
    write_file(&place, "a/x");
    write_file(&place, "b/y");
    write_file(&place, "b/in_a/z");
    ck_assert_str_eq(story_of(&place), "created a/x, created b/y, created b/in_a/z");
    exchange(&place, "a", "b");
    exchange(&place, "a", "b/x"); /* one of them is no folder */
    ck_assert_str_eq(story_of(&place), "lost, lost");
    write_file(&place, "b/x/in_a/w");
    ck_assert_str_eq(story_of(&place), "created b/x/in_a/w");
    place_close(&place);
}

TEST(a_folder_that_changes_places_with_a_file_is_watched_on)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    write_file(&place, "b");
    watch(&place, "", NAMES, TREE);
    exchange(&place, "a", "b");
    ck_assert_str_eq(story_of(&place), "lost");
    write_file(&place, "b/x");
    ck_assert_str_eq(story_of(&place), "created b/x");
    exchange(&place, "a", "b");
    ck_assert_str_eq(story_of(&place), "lost");
    write_file(&place, "a/y");
    ck_assert_str_eq(story_of(&place), "created a/y");
    place_close(&place);
}

TEST(a_folder_that_is_renamed_there_and_back_is_watched_on)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    watch(&place, "", NAMES, TREE);
    move_entry(&place, "a", "b");
    move_entry(&place, "b", "a");
    write_file(&place, "a/x");
    ck_assert_str_eq(story_of(&place), "renamed a b/, renamed b a/, created a/x");
    place_close(&place);
}

/* The kernel tells of its end when it is closed. */
TEST(a_folder_that_is_replaced_and_still_open_has_not_changed_places)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "b");
    watch(&place, "", NAMES, TREE);
    int fd = open(in(&place, "b"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    move_entry(&place, "a", "b");
    move_entry(&place, "b", "a");
    make_folder(&place, "b");
    write_file(&place, "a/x");
    write_file(&place, "b/y");
    ck_assert_str_eq(story_of(&place), "renamed a b/, renamed b a/, created b/, created b/y, "
                                       "created a/x");
    close(fd);
    ck_assert_str_eq(story_of(&place), "");
    place_close(&place);
}

TEST(a_folder_that_has_changed_places_with_what_is_gone_is_watched_on)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "b");
    watch(&place, "", NAMES, TREE);
    exchange(&place, "a", "b");
    remove_entry(&place, "b");
    ck_assert_str_eq(story_of(&place), "lost, removed b/");
    write_file(&place, "a/x");
    ck_assert_str_eq(story_of(&place), "created a/x");
    place_close(&place);
}

TEST(files_that_change_places_are_renamed)
{
    struct place place;
    place_open(&place);
    write_file(&place, "a");
    write_file(&place, "b");
    watch(&place, "", NAMES, TREE);
    exchange(&place, "a", "b");
    ck_assert_str_eq(story_of(&place), "renamed a b, renamed b a");
    place_close(&place);
}

/* More of them than a buffer holds, and none has a second half. */
TEST(many_files_go_elsewhere)
{
    struct place place;
    weft_file_event event;
    char name[32], to[40];
    place_open(&place);
    watch(&place, "", NAMES, 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%d", i);
        snprintf(to, sizeof to, "../%d", i);
        write_file(&place, name);
        move_entry(&place, name, to);
    }
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(weft_file_watcher_next(place.watcher, &event), 0);
        if (event.change != (i % 2 ? WEFT_FILE_REMOVED : WEFT_FILE_CREATED))
            ck_abort_msg("event %d is %s", i, word_of(event.change));
        weft_file_event_clear(&event);
    }
    place_close(&place);
}
