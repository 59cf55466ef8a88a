/* inotify: reading, polling, epoll, watches that come and go. */
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "fds.h"

static char folder[] = "/tmp/weft-inotify-XXXXXX";
static int watcher, watch;

static int make(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : close(fd);
}

static int drop(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return unlink(path);
}

static void *make_later(void *name)
{
    usleep(A_WHILE);
    NOTE_CALL(make(name));
    return NULL;
}

static void *drop_later(void *name)
{
    usleep(A_WHILE);
    NOTE_CALL(drop(name));
    return NULL;
}

static void *stop_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(inotify_rm_watch(watcher, watch));
    return unused;
}

/* The events of one read(), which may hold several. */
static void say_events(void)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    errno = 0;
    ssize_t n = read(watcher, buf, sizeof buf);
    if (n < 0) {
        printf("no events: %s\n", say_error(errno));
        return;
    }
    for (char *at = buf; at < buf + n;) {
        struct inotify_event *event = (void *)at;
        printf("event: %x '%s'\n", event->mask, event->len ? event->name : "");
        at += sizeof *event + event->len;
    }
}

static void reading(void)
{
    char small[4];
    start(make_later, "one");
    say_events();
    finish();
    start(drop_later, "one");
    say_events();
    finish();
    SAY_CALL(make("two"));
    SAY_CALL(read(watcher, small, sizeof small));
    say_events();
    set_nonblocking(watcher, 1);
    say_events();
    set_nonblocking(watcher, 0);
}

static void polling(void)
{
    struct pollfd readable = { .fd = watcher, .events = POLLIN };
    SAY_CALL(poll(&readable, 1, 10));
    start(make_later, "three");
    SAY_CALL(poll(&readable, 1, -1));
    finish();
    SAY_NUMBER(readable.revents);
    say_events();
}

static void by_epoll(void)
{
    struct epoll_event event = { EPOLLIN, { .fd = watcher } };
    int set = epoll_create1(0), pending = 0;
    SAY_CALL(epoll_ctl(set, EPOLL_CTL_ADD, watcher, &event));
    SAY_CALL(epoll_wait(set, &event, 1, 10));
    start(make_later, "four");
    SAY_CALL(epoll_wait(set, &event, 1, -1));
    finish();
    SAY_CALL(ioctl(watcher, FIONREAD, &pending));
    SAY_NUMBER(pending > 0);
    say_events();
    close(set);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    SAY_NUMBER(mkdtemp(folder) != NULL);
    watcher = inotify_init1(IN_CLOEXEC);
    watch = inotify_add_watch(watcher, folder, IN_CREATE | IN_DELETE);
    SAY_NUMBER(watch);
    SAY_CALL(inotify_add_watch(watcher, "/no/such/folder", IN_CREATE));
    reading();
    polling();
    by_epoll();
    start(stop_later, NULL);
    say_events();
    finish();
    SAY_CALL(inotify_rm_watch(watcher, watch));
    drop("two");
    drop("three");
    drop("four");
    SAY_CALL(rmdir(folder));
    close(watcher);
    say_events();
    return 0;
}
