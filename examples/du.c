/* du - sums up a tree of folders, with a task for each, and once more by a walk.
 *
 *     du            a small tree of its own
 *     du FOLDER     what it is told
 *
 * A task for each folder, so that many are looked at at the same time; but only so many are open
 * at a time. A walk goes through all of them in one task, and says what it could not read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft.h>

#define OPEN_AT_A_TIME 32

struct sum {
    _Atomic(int64_t) bytes;
    atomic_int files, folders;
};

static struct sum sum;
static weft_sem room = WEFT_SEM_INIT(OPEN_AT_A_TIME);
static weft_group group;

static int look_into(void *path);

static int look_at(weft_dir *dir, const char *path, const weft_dir_entry *entry)
{
    struct stat file;
    char *below;
    int rc = weft_file_stat_at(weft_dir_fd(dir), entry->name, &file, AT_SYMLINK_NOFOLLOW);

    if (rc)
        return rc == -ENOENT ? 0 : rc; /* it has gone */
    if (!S_ISDIR(file.st_mode)) {
        atomic_fetch_add(&sum.bytes, file.st_size);
        atomic_fetch_add(&sum.files, 1);
        return 0;
    }
    if (asprintf(&below, "%s/%s", path, entry->name) < 0)
        return -ENOMEM;
    rc = weft_group_spawn(&group, look_into, below);
    if (rc)
        free(below);
    return rc;
}

/* The path is the task's, which frees it. */
static int look_into(void *path)
{
    weft_dir *dir = NULL;
    weft_dir_entry entry;
    int rc = weft_sem_wait(&room);

    if (rc == 0) {
        rc = weft_dir_open(AT_FDCWD, path, &dir);
        while (rc == 0 && (rc = weft_dir_next(dir, &entry)) > 0)
            rc = look_at(dir, path, &entry);
        weft_dir_close(dir);
        weft_sem_post(&room);
        atomic_fetch_add(&sum.folders, 1);
    }
    free(path);
    return rc;
}

static int sum_by_tasks(const char *path)
{
    weft_group_enter(&group, WEFT_NEVER);
    char *first = strdup(path);
    if (first && weft_group_spawn(&group, look_into, first))
        free(first);
    int rc = weft_group_leave(&group);
    printf("tasks: %d folders, %d files, %lld bytes\n", atomic_load(&sum.folders),
           atomic_load(&sum.files), (long long)atomic_load(&sum.bytes));
    return rc;
}

static int sum_by_walk(const char *path)
{
    int64_t bytes = 0;
    int files = 0, folders = 0, rc;
    struct stat file;
    weft_walk *walk;
    weft_walk_entry entry;

    if ((rc = weft_walk_open(AT_FDCWD, path, NULL, &walk)))
        return rc;
    while ((rc = weft_walk_next(walk, &entry)) > 0) {
        if (entry.what == WEFT_WALK_FAILED)
            printf("%s: %s\n", entry.path, strerror(-entry.error));
        else if (entry.type == DT_DIR)
            folders++;
        else if (weft_file_stat_at(entry.folder, entry.name, &file, AT_SYMLINK_NOFOLLOW) == 0) {
            files++;
            bytes += file.st_size;
        }
    }
    weft_walk_close(walk);
    printf("a walk: %d folders, %d files, %lld bytes\n", folders, files, (long long)bytes);
    return rc;
}

/* Five folders with three in each, and a file of some bytes in each of those. */
static int plant(const char *root)
{
    char path[64], text[100] = "";
    int rc = 0;

    for (int i = 0; i < 15 && rc == 0; i++) {
        snprintf(path, sizeof path, "%s/%d/%d", root, i / 3, i % 3);
        rc = weft_dir_make_all(AT_FDCWD, path, 0700);
        strcat(path, "/file");
        if (rc == 0)
            rc = weft_file_save(AT_FDCWD, path, text, (size_t)i, 0600, NULL);
    }
    return rc;
}

static int run(void *path)
{
    char own[] = "/tmp/weft-du-XXXXXX";
    int rc;

    if (path)
        return (rc = sum_by_tasks(path)) ? rc : sum_by_walk(path);
    if (!mkdtemp(own))
        return -errno;
    rc = plant(own);
    if (rc == 0)
        rc = sum_by_tasks(own);
    if (rc == 0)
        rc = sum_by_walk(own);
    weft_dir_remove_all(AT_FDCWD, own);
    return rc;
}

int main(int argc, char **argv)
{
    return weft_run(NULL, run, argc > 1 ? argv[1] : NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
