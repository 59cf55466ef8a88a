/* happy-eyeballs - connects by staggered tries: the first wins, the rest are cancelled.
 *
 * A host may have many addresses, of which some do not answer (RFC 8305). Each try gets a
 * head start; when that is over, or it has failed, the next one begins. The clock is
 * virtual, so that waiting costs nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define HEAD_START WEFT_MS(250)
#define MAX_TRIES 8

static int try_one(void *address)
{
    return weft_dial(address);
}

/* Ends the tries that are left. One of them may have won as well, too late. */
static void drop(weft_task **tries, size_t count)
{
    weft_scope shield;
    int fd;

    for (size_t i = 0; i < count; i++)
        if (tries[i])
            weft_cancel(tries[i]);
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        while (weft_join_any(tries, count, NULL, &fd) == 0)
            if (fd >= 0)
                weft_close(fd);
}

/* Returns a connection to one of up to MAX_TRIES addresses, or the last one's error. A
 * cancellation point: nothing is left of it, then. */
static int connect_first(const char *const *addresses, size_t count)
{
    weft_task *tries[MAX_TRIES];
    weft_scope head_start;
    size_t begun = 0;
    int rc, fd = -EINVAL;

    do {
        if (begun < count) {
            rc = weft_spawn(try_one, (void *)addresses[begun], &tries[begun]);
            if (rc < 0)
                break;
            begun++;
        }
        WEFT_WITH_DEADLINE (&head_start, begun < count ? weft_after(HEAD_START) : WEFT_NEVER)
            rc = weft_join_any(tries, begun, NULL, &fd);
        if (rc == -ETIMEDOUT && weft_scope_timed_out(&head_start))
            rc = weft_checkpoint(); /* is it ours, too? */
    } while ((rc == 0 && fd < 0) || (rc == -ENOENT && begun < count));
    drop(tries, begun);
    return rc == 0 || rc == -ENOENT ? fd : rc;
}

/* What follows is to see it at work. */

/* An address with a queue of one place, which is taken: to connect is to wait. */
static int listen_busy(const char *address, int *ret_waiting)
{
    int listener = weft_listen(address, 1, 0);

    ret_waiting[0] = weft_dial(address);
    ret_waiting[1] = weft_dial(address);
    return listener;
}

static int wake_up(void *listener)
{
    weft_sleep(WEFT_MS(400));
    return weft_close(weft_accept(*(int *)listener, NULL, NULL));
}

static void report(const char *what, int64_t deadline, const char *const *addresses)
{
    int64_t begin = weft_now();
    size_t count = 0;
    weft_scope scope;
    char peer[64] = "";
    int fd = -1;

    while (addresses[count])
        count++;
    WEFT_WITH_DEADLINE (&scope, deadline)
        fd = connect_first(addresses, count);
    if (fd >= 0) {
        weft_peer_address(fd, peer, sizeof peer);
        weft_close(fd);
    }
    printf("%s: %s after %d ms\n", what, fd >= 0 ? peer : strerror(-fd),
           (int)((weft_now() - begin) / WEFT_MS(1)));
}

static int descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

#define ADDRESSES(...) \
    (const char *const[]) \
    { \
        __VA_ARGS__, NULL \
    }

static int run(void *unused)
{
    int before = descriptors(), open[8]; /* listeners, then what fills their queues */
    const char *w = "unix:@happy-working", *s = "unix:@happy-slow", *n = "unix:@happy-silent";
    char loopback[64];

    (void)unused;
    open[0] = weft_listen(w, 0, 0);
    open[1] = listen_busy(s, open + 4);
    open[2] = listen_busy(n, open + 6);
    open[3] = weft_listen("127.0.0.1:0", 0, 0);
    weft_local_address(open[3], loopback, sizeof loopback);
    report("working", WEFT_NEVER, ADDRESSES(w));
    report("refusing, working", WEFT_NEVER, ADDRESSES("unix:@happy-nobody", w));
    report("silent, working", WEFT_NEVER, ADDRESSES(n, w));
    report("silent, silent, working", WEFT_NEVER, ADDRESSES(n, n, w));
    report("slow, working", WEFT_NEVER, ADDRESSES(s, w));
    weft_spawn(wake_up, &open[1], NULL);
    report("silent, slow", WEFT_NEVER, ADDRESSES(n, s));
    report("refusing, refusing", WEFT_NEVER, ADDRESSES("unix:@happy-nobody", "unix:@happy-no"));
    report("silent, silent, one second", weft_after(WEFT_S(1)), ADDRESSES(n, n));
    int fd = connect_first(ADDRESSES("127.0.0.1:1", loopback), 2);
    printf("refusing, working, over TCP: %s\n", fd >= 0 ? "connected" : strerror(-fd));
    weft_close(fd);
    for (int i = 0; i < 8; i++)
        weft_close(open[i]);
    printf("descriptors left open: %d\n", descriptors() - before);
    return 0;
}

int main(void)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };

    return weft_run(&config, run, NULL) == 0 ? 0 : 1;
}
