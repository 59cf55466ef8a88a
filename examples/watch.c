/* Who follows a folder of settings: a task receives what changes in it and below, while another
 * works there. The names come with the events; a file that is written beside and renamed over
 * the old one is seen as what it is. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft.h>

static char folder[] = "/tmp/weft-watch-XXXXXX";
static weft_file_watcher *watcher;

static const char *below(const char *path)
{
    return path + strlen(folder) + 1;
}

static void show(const weft_file_event *event)
{
    const char *slash = event->folder ? "/" : "";
    if (event->change == WEFT_FILE_CREATED)
        printf("%s%s is new\n", below(event->path), slash);
    else if (event->change == WEFT_FILE_REMOVED)
        printf("%s%s is gone\n", below(event->path), slash);
    else if (event->change == WEFT_FILE_RENAMED)
        printf("%s%s is %s%s now\n", below(event->from), slash, below(event->path), slash);
    else if (event->change == WEFT_FILE_LOST)
        printf("something was lost: read it all again\n");
    else if (event->change == WEFT_FILE_UNWATCHED)
        printf("%s is not watched: %s\n", below(event->path), strerror(-event->error));
}

/* Ends when the watcher is closed, or the folder is no longer there. */
static int follow(void *unused)
{
    weft_file_event event;
    bool over = false;
    int rc = 0;
    (void)unused;
    while (!over && (rc = weft_file_watcher_next(watcher, &event)) == 0) {
        show(&event);
        over = event.change == WEFT_FILE_ENDED;
        weft_file_event_clear(&event);
    }
    printf(over ? "the folder is gone\n" : "closed: %d\n", rc);
    return 0;
}

/* Somebody who knows nothing of the other. */

static char *in(const char *name, char path[static 128])
{
    snprintf(path, 128, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name)
{
    char path[128];
    int fd = open(in(name, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1)
        abort();
    close(fd);
}

static int work(void *unused)
{
    char from[128], to[128];
    (void)unused;
    write_file("hosts/one");
    write_file("settings.new");
    rename(in("settings.new", from), in("settings", to));
    rename(in("hosts", from), in("nodes", to));
    unlink(in("nodes/one", from));
    rmdir(in("nodes", from));
    unlink(in("settings", from));
    return rmdir(folder);
}

static int first(void *unused)
{
    weft_group group;
    char path[128];
    (void)unused;
    mkdir(in("hosts", path), 0700);
    int rc = weft_file_watcher_add(watcher, folder,
                                   WEFT_FILE_CREATED | WEFT_FILE_REMOVED | WEFT_FILE_RENAMED,
                                   WEFT_FILE_WATCH_TREE);
    if (rc < 0)
        return rc;
    weft_group_enter(&group, WEFT_NEVER);
    weft_group_spawn(&group, follow, NULL);
    weft_group_spawn(&group, work, NULL);
    return weft_group_leave(&group);
}

int main(void)
{
    if (!mkdtemp(folder) || weft_file_watcher_create(&watcher) < 0)
        return 1;
    int rc = weft_run(NULL, first, NULL);
    weft_file_watcher_destroy(watcher);
    return rc ? 1 : 0;
}
