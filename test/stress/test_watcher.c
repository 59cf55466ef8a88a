/* A tree in which tasks and threads make, rename and remove files and folders at random, also
 * to and from elsewhere. What the watcher tells, step by step, of a tree that it has never
 * listed for its receiver: nothing is created that is there, or below what is not, nothing is
 * removed or renamed that is not there, and in the end it is the tree. */
#include "suite.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sync.h"
#include "watching.h"

#define MAKERS 3 /* tasks, and as many threads */

static struct place place;
static atomic_int steps_left;
static bool replaces; /* renames do: of what comes from elsewhere that is not told */
static unsigned wanted;

#define PATH 128

/* Names collide often. */
static void random_path(char path[static PATH])
{
    uint64_t random = test_random();
    int size = snprintf(path, PATH, "%s%s", place.path, random % 5 ? "" : "/../out");
    for (int depth = (int)(random >> 8 & 3); depth >= 0; depth--) {
        random /= 16;
        size += snprintf(path + size, PATH - (size_t)size, "/%c", 'a' + (char)(random >> 16 & 3));
    }
}

/* Whatever is in the way. */
static void step(void)
{
    char from[PATH], to[PATH];
    int fd;
    random_path(from);
    random_path(to);
    switch (test_random() % 8) {
    case 0:
    case 1:
    case 2:
        mkdir(from, 0700);
        break;
    case 3:
        fd = open(from, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0)
            close(fd);
        break;
    case 4:
        if (remove(from) < 0 && test_random() % 4 == 0)
            (void)!symlink("a", from);
        break;
    default:
        (void)!renameat2(AT_FDCWD, from, AT_FDCWD, to, replaces ? 0 : RENAME_NOREPLACE);
    }
}

static int make(void *unused)
{
    (void)unused;
    while (atomic_fetch_sub(&steps_left, 1) > 0) {
        step();
        if (test_random() % 16 == 0)
            weft_sleep((int64_t)(test_random() % WEFT_US(200)));
    }
    return 0;
}

static void *make_there(void *unused)
{
    make(NULL);
    return unused;
}

/* What has been told. */
#define MOST 4096

static char *view[MOST];
static size_t view_size;

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == 0 || path[size] == '/');
}

static bool has(const char *path)
{
    for (size_t i = 0; i < view_size; i++) {
        if (strcmp(view[i], path) == 0)
            return true;
    }
    return false;
}

static void put(char *path)
{
    ck_assert_uint_lt(view_size, MOST);
    view[view_size++] = path;
}

static void drop(const char *path)
{
    for (size_t i = view_size; i-- > 0;) {
        if (is_below(view[i], path)) {
            free(view[i]);
            view[i] = view[--view_size];
        }
    }
}

static void move_all(const char *from, const char *to)
{
    char path[256];
    drop(to);
    for (size_t i = 0; i < view_size; i++) {
        if (is_below(view[i], from)) {
            snprintf(path, sizeof path, "%s%s", to, view[i] + strlen(from));
            free(view[i]);
            view[i] = strdup(path);
        }
    }
}

static void expect(bool right, const weft_file_event *event)
{
    if (!right)
        ck_abort_msg("%s %s > %s: %d", word_of(event->change), event->from ? event->from : "",
                     event->path ? event->path : "", event->error);
}

static void see(const weft_file_event *event)
{
    char folder[256];
    switch (event->change) {
    case WEFT_FILE_CREATED:
        snprintf(folder, sizeof folder, "%s", event->path);
        *strrchr(folder, '/') = 0;
        expect((replaces || !has(event->path)) && (has(folder) || strcmp(folder, place.path) == 0),
               event);
        drop(event->path);
        put(strdup(event->path));
        break;
    case WEFT_FILE_REMOVED:
        expect(has(event->path), event);
        drop(event->path);
        break;
    case WEFT_FILE_RENAMED:
        expect(has(event->from), event);
        move_all(event->from, event->path);
        break;
    default:
        expect(false, event);
    }
}

static int receive(void *unused)
{
    bool last = false;
    (void)unused;
    while (!last) {
        weft_file_event event;
        weft_scope scope;
        weft_scope_enter(&scope, weft_after((int64_t)(test_random() % WEFT_MS(2))));
        int rc = weft_file_watcher_next(place.watcher, &event);
        weft_scope_leave(&scope);
        if (rc == -ETIMEDOUT)
            continue;
        ck_assert_int_eq(rc, 0);
        see(&event);
        last = strcmp(short_path(&place, event.path), "end") == 0;
        weft_file_event_clear(&event);
    }
    return 0;
}

/* How many there are below, all of which have been told of. */
static size_t compare(const char *path)
{
    size_t count = 0;
    struct dirent *found;
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while ((found = readdir(dir))) {
        char below[512];
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        snprintf(below, sizeof below, "%s/%s", path, found->d_name);
        ck_assert_msg(has(below), "nothing was told of %s", below);
        count += 1 + (found->d_type == DT_DIR ? compare(below) : 0);
    }
    closedir(dir);
    return count;
}

static int play(void *unused)
{
    weft_task *receiver, *makers[MAKERS];
    pthread_t threads[MAKERS];
    (void)unused;
    place_open(&place);
    make_folder(&place, "../out");
    watch(&place, "", wanted, TREE | EXISTING);
    SPAWN(receive, NULL, &receiver);
    atomic_store(&steps_left, 1500); /* the kernel's queue holds more */
    for (int i = 0; i < MAKERS; i++) {
        SPAWN(make, NULL, &makers[i]);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_there, NULL), 0);
    }
    for (int i = 0; i < MAKERS; i++) {
        JOIN(makers[i], 0);
        pthread_join(threads[i], NULL);
    }
    write_file(&place, "end");
    JOIN(receiver, 0);
    size_t count = compare(place.path);
    ck_assert_msg(count == view_size, "%zu were told of, %zu are there", view_size, count);
    drop(place.path);
    place_close(&place);
    return 0;
}

TEST(what_is_told_is_the_tree, .timeout = 300)
{
    for (uint64_t rounds = test_work(10); rounds > 0; rounds--) {
        replaces = rounds % 2;
        wanted = rounds % 4 < 2 ? NAMES : NAMES & ~WEFT_FILE_RENAMED;
        ck_assert_int_eq(run_tasks(0, play, NULL), 0);
    }
}
