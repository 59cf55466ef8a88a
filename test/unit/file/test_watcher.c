#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "os/error.h"
#include "sync.h"
#include "vthreads.h"
#include "watching.h"

/* As tasks, on plain threads, and without a runtime. */
static void everywhere(int (*fn)(void *unused))
{
    int fds = entries_of("/proc/self/fd");
    run_mixed(fn);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
}

static int tell_all_kinds(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    watch(&place, "", 0x3f, 0);
    write_file(&place, "a");
    ck_assert_int_eq(chmod(in(&place, "a"), 0400), 0);
    move_entry(&place, "a", "b");
    remove_entry(&place, "b");
    make_folder(&place, "c");
    ck_assert_str_eq(story_of(&place), "created a, modified a, written a, attributes a, "
                                       "renamed a b, removed b, created c/");
    place_close(&place);
    return 0;
}

TEST(each_change_is_an_event)
{
    everywhere(tell_all_kinds);
}

static int tell_of_names_only(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    write_file(&place, "a");
    watch(&place, "", WEFT_FILE_CREATED, 0);
    write_file(&place, "a");
    move_entry(&place, "a", "b"); /* who does not ask for renames */
    remove_entry(&place, "b");
    ck_assert_str_eq(story_of(&place), "created b");
    place_close(&place);
    return 0;
}

TEST(only_what_was_asked_for_is_told)
{
    everywhere(tell_of_names_only);
}

TEST(a_file_is_watched_until_it_is_gone)
{
    struct place place;
    place_open(&place);
    write_file(&place, "a");
    int id = watch(&place, "a", WEFT_FILE_MODIFIED | WEFT_FILE_WRITTEN, 0);
    write_file(&place, "a");
    ck_assert_str_eq(next_events(&place, 2), "modified a, written a");
    remove_entry(&place, "a");
    ck_assert_str_eq(next_events(&place, 1), "ended a ENOENT");
    ck_assert_int_eq(weft_file_watcher_remove(place.watcher, id), -ENOENT);
    place_close(&place);
}

TEST(a_folder_that_is_gone_or_renamed_is_not_watched_any_more)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "b");
    watch(&place, "a/", NAMES, 0);
    watch(&place, "b//", NAMES, TREE);
    write_file(&place, "b/x");
    move_entry(&place, "b", "c");
    write_file(&place, "c/y");
    remove_entry(&place, "a");
    ck_assert_str_eq(next_events(&place, 3), "created b/x, ended b/ ESTALE, ended a/ ENOENT");
    watch(&place, "", NAMES, 0);
    ck_assert_str_eq(story_of(&place), "");
    place_close(&place);
}

TEST(what_is_watched_twice_is_told_twice)
{
    struct place place;
    weft_file_event event;
    place_open(&place);
    int ids[] = { watch(&place, "", NAMES, 0), watch(&place, "", WEFT_FILE_CREATED, TREE) };
    write_file(&place, "a");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(weft_file_watcher_next(place.watcher, &event), 0);
        ck_assert_int_eq(event.watch, ids[i]);
        weft_file_event_clear(&event);
    }
    ck_assert_int_eq(weft_file_watcher_remove(place.watcher, ids[0]), 0);
    remove_entry(&place, "a");
    make_folder(&place, "b");
    ck_assert_str_eq(story_of(&place), "created b/");
    place_close(&place);
}

TEST(nothing_is_told_of_a_watch_that_was_removed)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "a/b");
    int id = watch(&place, "a", NAMES, TREE | EXISTING); /* has told already */
    write_file(&place, "a/b/c");
    ck_assert_int_eq(weft_file_watcher_remove(place.watcher, id), 0);
    ck_assert_int_eq(weft_file_watcher_remove(place.watcher, id), -ENOENT);
    watch(&place, "", NAMES, 0);
    ck_assert_str_eq(story_of(&place), "");
    place_close(&place);
}

TEST(what_makes_no_sense_is_refused)
{
    struct place place;
    char *long_name = malloc(5000);
    ck_assert_ptr_nonnull(long_name);
    memset(long_name, 'x', 4999);
    long_name[4999] = 0;
    place_open(&place);
    write_file(&place, "file");
    ck_assert_int_eq(symlink("loop", in(&place, "loop")), 0);
    weft_file_watcher *watcher = place.watcher;
    ck_assert_int_eq(weft_file_watcher_add(watcher, place.path, 0, 0), -EINVAL);
    ck_assert_int_eq(weft_file_watcher_add(watcher, place.path, 0x40, 0), -EINVAL);
    ck_assert_int_eq(weft_file_watcher_add(watcher, place.path, NAMES, 4), -EINVAL);
    ck_assert_int_eq(weft_file_watcher_add(watcher, "", NAMES, 0), -ENOENT);
    ck_assert_int_eq(weft_file_watcher_add(watcher, in(&place, "no"), NAMES, 0), -ENOENT);
    ck_assert_int_eq(weft_file_watcher_add(watcher, in(&place, "no"), NAMES, TREE), -ENOENT);
    ck_assert_int_eq(weft_file_watcher_add(watcher, in(&place, "file/x"), NAMES, 0), -ENOTDIR);
    ck_assert_int_eq(weft_file_watcher_add(watcher, in(&place, "loop"), NAMES, TREE), -ELOOP);
    ck_assert_int_eq(weft_file_watcher_add(watcher, long_name, NAMES, 0), -ENAMETOOLONG);
    ck_assert_int_eq(weft_file_watcher_remove(watcher, 1), -ENOENT);
    watch(&place, "", NAMES, 0);
    ck_assert_str_eq(story_of(&place), "");
    place_close(&place);
    free(long_name);
}

TEST(the_root_of_all_can_be_watched)
{
    struct place place;
    weft_file_event event;
    place_open(&place);
    ck_assert_int_gt(weft_file_watcher_add(place.watcher, "/", WEFT_FILE_CREATED, EXISTING), 0);
    bool found = false;
    while (!found) {
        ck_assert_int_eq(weft_file_watcher_next(place.watcher, &event), 0);
        found = strcmp(event.path, "/proc") == 0;
        weft_file_event_clear(&event);
    }
    place_close(&place);
}

/* Waiting. */

static int receive_one(void *arg)
{
    struct place *place = arg;
    weft_file_event event;
    int rc = weft_file_watcher_next(place->watcher, &event);
    if (rc == 0)
        weft_file_event_clear(&event);
    return rc;
}

static int receive_until_closed(void *arg)
{
    int rc;
    while ((rc = receive_one(arg)) == 0)
        ;
    ck_assert_int_eq(rc, -EPIPE);
    return 0;
}

static int close_while_a_crowd_waits(void *unused)
{
    struct place place;
    struct crowd crowd;
    (void)unused;
    place_open(&place);
    watch(&place, "", NAMES, TREE);
    crowd_start(&crowd, receive_until_closed, &place);
    write_file(&place, "a");
    make_folder(&place, "b");
    weft_sleep(WEFT_MS(2));
    weft_file_watcher_close(place.watcher);
    weft_file_watcher_close(place.watcher);
    crowd_join(&crowd);
    ck_assert_int_eq(receive_one(&place), -EPIPE);
    ck_assert_int_eq(weft_file_watcher_add(place.watcher, place.path, NAMES, 0), -EPIPE);
    place_close(&place);
    return 0;
}

TEST(closing_wakes_all_who_wait)
{
    run_mixed(close_while_a_crowd_waits);
}

/* Each gets one of the events, and no event is for two. */
static atomic_int seen;

static int receive_some(void *arg)
{
    int rc;
    while ((rc = receive_one(arg)) == 0)
        atomic_fetch_add(&seen, 1);
    return rc == -EPIPE ? 0 : rc;
}

static int share_the_events(void *unused)
{
    struct place place;
    struct crowd crowd;
    char name[16];
    (void)unused;
    atomic_store(&seen, 0);
    place_open(&place);
    watch(&place, "", WEFT_FILE_CREATED, 0);
    crowd_start(&crowd, receive_some, &place);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%d", i);
        write_file(&place, name);
    }
    while (atomic_load(&seen) < 100)
        weft_sleep(WEFT_US(100));
    weft_file_watcher_close(place.watcher);
    crowd_join(&crowd);
    ck_assert_int_eq(atomic_load(&seen), 100);
    place_close(&place);
    return 0;
}

TEST(of_several_who_wait_one_gets_each_event)
{
    run_mixed(share_the_events);
}

/* Who waits hears of what is added meanwhile. */
static int add_while_one_waits(void *unused)
{
    struct place place;
    weft_task *task;
    (void)unused;
    place_open(&place);
    make_folder(&place, "a");
    SPAWN(receive_one, &place, &task);
    weft_sleep(WEFT_MS(1));
    watch(&place, "", NAMES, EXISTING);
    JOIN(task, 0);
    place_close(&place);
    return 0;
}

TEST(what_is_there_already_wakes_who_waits)
{
    run_mixed(add_while_one_waits);
}

static int expire(void *unused)
{
    struct place place;
    weft_scope scope;
    (void)unused;
    place_open(&place);
    watch(&place, "", NAMES, TREE);
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(receive_one(&place), -ETIMEDOUT);
    write_file(&place, "a");
    ck_assert_int_eq(receive_one(&place), -ETIMEDOUT);
    ck_assert_int_eq(weft_file_watcher_add(place.watcher, place.path, NAMES, TREE), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_str_eq(story_of(&place), "created a");
    place_close(&place);
    return 0;
}

TEST(who_waits_obeys_his_scope_and_loses_nothing)
{
    everywhere(expire);
}

TEST(a_forked_child_takes_nothing_from_its_parent)
{
    struct place place;
    int status;
    place_open(&place);
    int id = watch(&place, "", NAMES, 0);
    write_file(&place, "a");
    pid_t child = fork();
    if (child == 0) {
        weft_file_watcher_close(place.watcher);
        bool right = receive_one(&place) == -EPERM &&
                     weft_file_watcher_add(place.watcher, "/", NAMES, 0) == -EPERM &&
                     weft_file_watcher_remove(place.watcher, id) == -EPERM;
        weft_file_watcher_destroy(place.watcher);
        _exit(right ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(story_of(&place), "created a");
    place_close(&place);
}

/* The kernel does not tell that it is gone before it is closed. */
static int lose_opened(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    write_file(&place, "a");
    int fd = open(in(&place, "a"), O_RDONLY | O_CLOEXEC);
    watch(&place, "a", WEFT_FILE_WRITTEN, 0);
    ck_assert_int_eq(link(in(&place, "a"), in(&place, "b")), 0);
    remove_entry(&place, "b"); /* a name less, but not this one */
    write_file(&place, "a");
    ck_assert_str_eq(next_events(&place, 1), "written a");
    remove_entry(&place, "a");
    ck_assert_str_eq(next_events(&place, 1), "ended a ENOENT");
    write_file(&place, "a");
    close(fd);
    fd = open(in(&place, "a"), O_RDONLY | O_CLOEXEC);
    watch(&place, "a", WEFT_FILE_ATTRIBUTES, 0);
    write_file(&place, "b");
    move_entry(&place, "b", "a");
    ck_assert_str_eq(next_events(&place, 2), "attributes a, ended a ENOENT");
    close(fd);
    place_close(&place);
    return 0;
}

TEST(the_end_of_a_file_that_is_open_is_told_at_once)
{
    everywhere(lose_opened);
}

/* Its name leads to something else, or nowhere. */
static int lose_name(const char *target)
{
    struct place place;
    place_open(&place);
    write_file(&place, "a");
    int fd = open(in(&place, "a"), O_RDONLY | O_CLOEXEC);
    watch(&place, "a", WEFT_FILE_WRITTEN, 0);
    watch(&place, "", WEFT_FILE_CREATED, 0);
    ck_assert_int_eq(symlink(target, in(&place, "b")), 0);
    move_entry(&place, "b", "a");
    ck_assert_str_eq(story_of(&place), "created b, created a, ended a ENOENT");
    close(fd);
    place_close(&place);
    return 0;
}

TEST(a_file_that_is_replaced_by_a_link_that_leads_nowhere_is_gone)
{
    lose_name("a");
    lose_name("no");
    lose_name("a/b");
}

/* Each path begins in `place`; then the program works elsewhere. */
static void watch_relative(struct place *place, const char *name, unsigned events, unsigned options)
{
    int before = open(".", O_PATH | O_CLOEXEC);
    ck_assert_int_eq(chdir(place->path), 0);
    ck_assert_int_gt(weft_file_watcher_add(place->watcher, name, events, options), 0);
    ck_assert_int_eq(fchdir(before), 0);
    close(before);
}

static void expect_event(struct place *place, unsigned change, const char *path)
{
    weft_file_event event;
    ck_assert_int_eq(weft_file_watcher_next(place->watcher, &event), 0);
    ck_assert_str_eq(word_of(event.change), word_of(change));
    ck_assert_str_eq(event.path, path);
    weft_file_event_clear(&event);
}

TEST(a_relative_path_goes_on_from_where_it_was_added)
{
    struct place place;
    place_open(&place);
    write_file(&place, "a");
    make_folder(&place, "b");
    watch_relative(&place, "a", WEFT_FILE_WRITTEN, 0);
    ck_assert_int_eq(chmod(in(&place, "a"), 0400), 0);
    ck_assert_int_eq(chmod(in(&place, "a"), 0600), 0);
    write_file(&place, "a");
    expect_event(&place, WEFT_FILE_WRITTEN, "a");
    watch_relative(&place, "./b", NAMES, TREE);
    make_folder(&place, "b/c");
    expect_event(&place, WEFT_FILE_CREATED, "./b/c");
    write_file(&place, "b/c/d");
    expect_event(&place, WEFT_FILE_CREATED, "./b/c/d");
    remove_entry(&place, "a");
    expect_event(&place, WEFT_FILE_ENDED, "a");
    place_close(&place);
}

TEST(a_working_directory_without_a_path_will_do)
{
    struct place place;
    int before = open(".", O_PATH | O_CLOEXEC);
    place_open(&place);
    make_folder(&place, "a");
    ck_assert_int_eq(chdir(in(&place, "a")), 0);
    remove_entry(&place, "a");
    watch(&place, "", NAMES, 0);
    ck_assert_int_gt(weft_file_watcher_add(place.watcher, "../", NAMES, 0), 0);
    ck_assert_int_eq(fchdir(before), 0);
    close(before);
    place_close(&place);
}

/* What each call has left there is what it found. */
static int keep_errno(void *unused)
{
    struct place place;
    weft_file_event event;
    weft_scope scope;
    int errors[5], rc = 0;
    (void)unused;
    place_open(&place);
    write_file(&place, "a");
    weft__error_set(77);
    int id = weft_file_watcher_add(place.watcher, in(&place, "a"), WEFT_FILE_WRITTEN, 0);
    errors[0] = weft__error();
    ck_assert_int_gt(id, 0);
    weft__error_set(77);
    ck_assert_int_gt(weft_file_watcher_add(place.watcher, place.path, NAMES, TREE), 0);
    errors[1] = weft__error();
    weft__error_set(77);
    rc = weft_file_watcher_add(place.watcher, in(&place, "b"), NAMES, 0);
    errors[2] = weft__error();
    ck_assert_int_eq(rc, -ENOENT);
    weft__error_set(77);
    ck_assert_int_eq(weft_file_watcher_remove(place.watcher, id), 0);
    errors[3] = weft__error();
    weft__error_set(77);
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(1)))
        rc = weft_file_watcher_next(place.watcher, &event);
    errors[4] = weft__error();
    ck_assert_int_eq(rc, -ETIMEDOUT);
    place_close(&place);
    for (int i = 0; i < 5; i++)
        ck_assert_msg(errors[i] == 77, "call %d: errno %d", i, errors[i]);
    return 0;
}

static int keep_on_virtual_thread(void *unused)
{
    return weft_virtual_thread_refusal() ? 0 : on_virtual_thread(keep_errno, unused);
}

/* A light task's may be another thread's afterwards. */
TEST(errno_is_left_alone)
{
    keep_errno(NULL);
    ck_assert_int_eq(run_tasks(0, keep_on_virtual_thread, NULL), 0);
}
