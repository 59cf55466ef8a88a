/* File watchers where inotify refuses, says little at a time, or memory is out. */
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "sync.h"
#include "watching.h"

static atomic_int init_error, add_error, adds_left; /* the n-th and later fail */
static void (*after_add)(void);                     /* once; NULL: nothing */
static atomic_bool out_of_memory;                   /* may be, */
static atomic_int calls_left = -1;                  /* of malloc and the like; -1: none fails */
static atomic_int most;                             /* bytes that a read gets; 0: all */

int __wrap_inotify_init1(int flags);
int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags)
{
    errno = atomic_load(&init_error);
    return errno ? -1 : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    if (atomic_load(&add_error) && atomic_fetch_sub(&adds_left, 1) <= 0) {
        errno = atomic_load(&add_error);
        return -1;
    }
    int number = __real_inotify_add_watch(fd, path, mask);
    void (*act)(void) = after_add;
    after_add = NULL;
    if (act)
        act();
    return number;
}

static bool fails(void)
{
    return atomic_load(&out_of_memory) && atomic_load(&calls_left) >= 0 &&
           atomic_fetch_sub(&calls_left, 1) == 0;
}

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* A folder lists what was there when it was opened, or when it was begun again: "late" came
 * between the two. */
static atomic_bool lists_as_opened;
static DIR *begun_again;

void __wrap_rewinddir(DIR *dir);
void __real_rewinddir(DIR *dir);
void __wrap_rewinddir(DIR *dir)
{
    begun_again = dir;
    __real_rewinddir(dir);
}

struct dirent *__wrap_readdir64(DIR *dir);
struct dirent *__real_readdir64(DIR *dir);
struct dirent *__wrap_readdir64(DIR *dir)
{
    struct dirent *found;
    do {
        found = __real_readdir64(dir);
    } while (found && atomic_load(&lists_as_opened) && dir != begun_again &&
             strcmp(found->d_name, "late") == 0);
    return found;
}

/* Where a path is looked up. */
static atomic_int looks_here; /* by a task */

int __wrap_stat64(const char *path, struct stat64 *ret_stat);
int __real_stat64(const char *path, struct stat64 *ret_stat);
int __wrap_stat64(const char *path, struct stat64 *ret_stat)
{
    if (weft_self())
        atomic_fetch_add(&looks_here, 1);
    return __real_stat64(path, ret_stat);
}

/* Only what the watcher reads is as large. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_read && c >= 1024 && atomic_load(&most))
        c = atomic_load(&most);
    return __real_syscall(number, a, b, c, d, e, f);
}

TEST(a_watcher_that_cannot_be_made_says_why)
{
    weft_file_watcher *watcher;
    int fds = entries_of("/proc/self/fd");
    atomic_store(&init_error, EMFILE); /* also the kernel's limit of instances */
    ck_assert_int_eq(weft_file_watcher_create(&watcher), -EMFILE);
    atomic_store(&init_error, 0);
    atomic_store(&calls_left, 0);
    atomic_store(&out_of_memory, true);
    int rc = weft_file_watcher_create(&watcher);
    atomic_store(&out_of_memory, false);
    ck_assert_int_eq(rc, -ENOMEM);
    ck_assert_int_eq(entries_of("/proc/self/fd"), fds);
}

static int hit_the_limit(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    make_folder(&place, "a");
    make_folder(&place, "a/b");
    make_folder(&place, "a/c");
    atomic_store(&add_error, ENOSPC);
    for (int n = 0; n < 4; n++) {
        atomic_store(&adds_left, n);
        ck_assert_int_eq(weft_file_watcher_add(place.watcher, place.path, NAMES, TREE | EXISTING),
                         -ENOSPC);
    }
    atomic_store(&adds_left, 4);
    watch(&place, "", NAMES, TREE); /* the failed ones have left nothing */
    make_folder(&place, "a/b/d");
    ck_assert_str_eq(next_events(&place, 2), "created a/b/d/, unwatched a/b/d/ ENOSPC");
    atomic_store(&add_error, 0);
    write_file(&place, "a/c/x");
    ck_assert_str_eq(story_of(&place), "created a/c/x");
    place_close(&place);
    return 0;
}

TEST(the_limit_of_watches_is_an_error_or_an_event)
{
    run_mixed(hit_the_limit);
}

TEST(what_may_not_be_watched_below_is_told)
{
    struct place place;
    place_open(&place);
    make_folder(&place, "a");
    atomic_store(&add_error, EACCES);
    atomic_store(&adds_left, 1);
    watch(&place, "", NAMES, TREE);
    ck_assert_str_eq(story_of(&place), "unwatched a/ EACCES");
    atomic_store(&add_error, 0);
    place_close(&place);
}

/* inotify_add_watch() fails only for what is not watched yet. */
static int replace_file(void *error)
{
    struct place place;
    place_open(&place);
    write_file(&place, "a");
    write_file(&place, "b");
    int fd = open(in(&place, "a"), O_RDONLY | O_CLOEXEC);
    watch(&place, "a", WEFT_FILE_WRITTEN, 0);
    watch(&place, "", WEFT_FILE_REMOVED | WEFT_FILE_CREATED, 0);
    atomic_store(&add_error, *(int *)error);
    atomic_store(&adds_left, 0);
    atomic_store(&looks_here, 0);
    move_entry(&place, "b", "a");
    ck_assert_str_eq(story_of(&place), "removed b, created a, ended a ENOENT");
    atomic_store(&add_error, 0);
    ck_assert_int_eq(atomic_load(&looks_here), 0);
    close(fd);
    place_close(&place);
    return 0;
}

TEST(a_file_is_gone_when_another_one_in_its_place_cannot_be_watched)
{
    int errors[] = { ENOSPC, EACCES };
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(run_tasks(1, replace_file, &errors[i]), 0);
}

static int touch_file(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    write_file(&place, "a");
    watch(&place, "a", WEFT_FILE_ATTRIBUTES, 0);
    ck_assert_int_eq(chmod(in(&place, "a"), 0400), 0);
    atomic_store(&looks_here, 0);
    ck_assert_str_eq(next_events(&place, 1), "attributes a");
    ck_assert_int_eq(atomic_load(&looks_here), 0);
    place_close(&place);
    return 0;
}

TEST(a_path_is_not_looked_up_by_the_task_that_receives)
{
    ck_assert_int_eq(run_tasks(1, touch_file, NULL), 0);
}

/* Its name goes before it is watched. */
static struct place leaving;

static void remove_file(void)
{
    remove_entry(&leaving, "a");
}

TEST(a_file_that_is_gone_when_its_watch_stands_is_not_there)
{
    place_open(&leaving);
    write_file(&leaving, "a");
    int fd = open(in(&leaving, "a"), O_RDONLY | O_CLOEXEC);
    after_add = remove_file;
    ck_assert_int_eq(weft_file_watcher_add(leaving.watcher, in(&leaving, "a"), NAMES, 0), -ENOENT);
    close(fd);
    place_close(&leaving);
}

/* A new folder changes after its watch stands, and before it is looked at: the kernel tells of
 * that, and the look sees it. */
static struct place busy;

static void change_folder(void)
{
    write_file(&busy, "a/new");
    remove_entry(&busy, "a/old");
    move_entry(&busy, "a/one", "a/two");
    make_folder(&busy, "a/b");
    write_file(&busy, "a/b/x");
}

static int look_late(void *unused)
{
    (void)unused;
    place_open(&busy);
    watch(&busy, "", NAMES, TREE);
    make_folder(&busy, "a");
    write_file(&busy, "a/old");
    write_file(&busy, "a/one");
    after_add = change_folder;
    const char *story = story_of(&busy);
    ck_assert_uint_eq(strlen(story), strlen("created a/, created a/new, created a/two, "
                                            "created a/b/, created a/b/x"));
    ck_assert_ptr_nonnull(strstr(story, "created a/new"));
    ck_assert_ptr_nonnull(strstr(story, "created a/two"));
    ck_assert_ptr_nonnull(strstr(story, "created a/b/"));
    ck_assert_ptr_nonnull(strstr(story, "created a/b/x"));
    ck_assert_str_eq(story_of(&busy), ""); /* what the kernel tells comes later */
    write_file(&busy, "a/b/y");
    ck_assert_str_eq(story_of(&busy), "created a/b/y");
    place_close(&busy);
    return 0;
}

TEST(what_the_kernel_tells_and_a_look_sees_is_told_once)
{
    run_mixed(look_late);
}

/* The same of a folder that is known: it comes there and is replaced. */
static void replace_folder(void)
{
    move_entry(&busy, "known", "a/b");
    move_entry(&busy, "../c", "a/b");
}

static int look_too_late(void *unused)
{
    (void)unused;
    place_open(&busy);
    make_folder(&busy, "known");
    make_folder(&busy, "../c");
    write_file(&busy, "../c/x");
    watch(&busy, "", NAMES, TREE);
    make_folder(&busy, "a");
    after_add = replace_folder;
    ck_assert_str_eq(story_of(&busy), "created a/, created a/b/, created a/b/x");
    ck_assert_str_eq(story_of(&busy), "renamed known a/b/, created a/b/, created a/b/x");
    write_file(&busy, "a/b/y");
    ck_assert_str_eq(story_of(&busy), "created a/b/y");
    place_close(&busy);
    return 0;
}

TEST(a_folder_that_is_replaced_where_a_look_has_seen_the_other_is_forgotten)
{
    run_mixed(look_too_late);
}

static int list_as_opened(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    watch(&place, "", NAMES, TREE);
    make_folder(&place, "a");
    write_file(&place, "a/late");
    begun_again = NULL;
    atomic_store(&lists_as_opened, true);
    ck_assert_str_eq(story_of(&place), "created a/, created a/late");
    atomic_store(&lists_as_opened, false);
    place_close(&place);
    return 0;
}

TEST(what_comes_between_the_opening_of_a_folder_and_its_watch_is_seen)
{
    run_mixed(list_as_opened);
}

/* So that halves of renames are read one at a time. */
static int read_little(void *unused)
{
    struct place place;
    (void)unused;
    place_open(&place);
    make_folder(&place, "a");
    watch(&place, "", NAMES, TREE);
    atomic_store(&most, (int)(sizeof(struct inotify_event) + 16));
    write_file(&place, "a/x");
    move_entry(&place, "a/x", "y");
    move_entry(&place, "a", "b");
    move_entry(&place, "y", "../y");
    write_file(&place, "b/z");
    ck_assert_str_eq(story_of(&place), "created a/x, renamed a/x y, renamed a b/, removed y, "
                                       "created b/z");
    atomic_store(&most, 0);
    place_close(&place);
    return 0;
}

TEST(renames_are_one_event_however_little_is_read_at_once)
{
    run_mixed(read_little);
}

/* Memory is out at the n-th call, whichever that is: then an error or WEFT_FILE_LOST says so, and
 * the folders that there are are watched afterwards. False: there were fewer calls. */
static bool run_out_of_memory(int n)
{
    struct place place;
    weft_file_event event;
    bool last = false;
    place_open(&place);
    make_folder(&place, "a");
    atomic_store(&calls_left, n);
    atomic_store(&out_of_memory, true);
    int id = weft_file_watcher_add(place.watcher, place.path, NAMES, TREE);
    atomic_store(&out_of_memory, false);
    if (id < 0) {
        ck_assert_int_eq(id, -ENOMEM);
        watch(&place, "", NAMES, TREE);
    }
    make_folder(&place, "a/b");
    make_folder(&place, "c");
    move_entry(&place, "c", "d");
    write_file(&place, "mark");
    while (!last) {
        atomic_store(&out_of_memory, true);
        int rc = weft_file_watcher_next(place.watcher, &event);
        atomic_store(&out_of_memory, false);
        if (rc == -ENOMEM)
            continue;
        ck_assert_int_eq(rc, 0);
        ck_assert_uint_ne(event.change, WEFT_FILE_ENDED);
        last = event.change == WEFT_FILE_LOST || strstr(event.path, "/mark");
        weft_file_event_clear(&event);
    }
    story_of(&place);
    write_file(&place, "a/b/x");
    write_file(&place, "d/y");
    const char *story = story_of(&place);
    ck_assert_msg(strcmp(story, "created a/b/x, created d/y") == 0, "%d: %s", n, story);
    place_close(&place);
    return atomic_exchange(&calls_left, -1) < 0;
}

TEST(where_memory_is_out_something_is_lost_and_said_so)
{
    int n = 0;
    while (run_out_of_memory(n))
        n++;
    ck_assert_int_gt(n, 20);
}
