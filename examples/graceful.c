/* graceful - a server that is asked to stop: no new connections, and a time of grace for
 * those that there are. One client never reads; the server ends all the same.
 *
 * The clock is virtual: the seconds of grace pass at once, when nobody has anything to
 * do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define GRACE WEFT_S(5)
#define CLIENTS 3
#define BLOCKS 64

static int served, cut_short; /* one worker: nobody else is at them */

/* Sends more than the kernel keeps for a client that does not read. */
WEFT_TASK(serve, int, fd)
{
    static const char block[32768];
    weft_scope shield;
    int rc = 0;

    for (int i = 0; i < BLOCKS && rc == 0; i++)
        rc = weft_write_all(fd, block, sizeof block, NULL);
    if (rc == 0) {
        served++;
    } else {
        cut_short++;
        WEFT_WITH_SHIELD (&shield, weft_after(WEFT_MS(10))) /* the last word, if it goes out */
            rc = weft_write_all(fd, "sorry", 5, NULL);
        printf("a client is cut short; a last word: %s\n", strerror(-rc));
    }
    return weft_close(fd);
}

struct server {
    int listener;
    weft_scope accepting; /* to stop the server is to cancel this */
};

/* Connections belong to a group around the accepting, and outlive it. */
static int serve_all(void *arg)
{
    struct server *server = arg;
    weft_group connections;
    int fd;

    weft_group_enter(&connections, WEFT_NEVER);
    WEFT_WITH_SCOPE (&server->accepting) {
        weft_started(0);
        while ((fd = weft_accept(server->listener, NULL, NULL)) >= 0)
            if (weft_group_spawn_args(&connections, serve, fd) < 0)
                weft_close(fd);
    }
    weft_close(server->listener);
    printf("stopping: %u connections have %d s\n", weft_group_count(&connections),
           (int)(GRACE / WEFT_S(1)));
    weft_scope_set_deadline(weft_group_scope(&connections), weft_after(GRACE));
    return weft_group_leave(&connections) == -ETIMEDOUT ? 0 : 1;
}

/* Takes its time: it is still at it when the server is told to stop. */
WEFT_TASK(client, const char *, address, int, number)
{
    char buffer[65536];
    size_t bytes = 0;
    ssize_t count;
    int fd = weft_dial(address);

    while ((count = weft_read(fd, buffer, sizeof buffer)) > 0) {
        bytes += (size_t)count;
        weft_sleep(WEFT_MS(50 + number));
    }
    printf("client %d has %zu of %d bytes\n", number, bytes, BLOCKS * 32768);
    return weft_close(fd);
}

static int run(void *unused)
{
    const char *address = "unix:@weft-graceful";
    struct server server = { .listener = weft_listen(address, 0, 0) };
    weft_group servers, clients;

    (void)unused;
    weft_group_enter(&servers, WEFT_NEVER);
    weft_group_start(&servers, serve_all, &server, NULL);
    weft_group_enter(&clients, WEFT_NEVER);
    for (int i = 0; i < CLIENTS; i++)
        weft_group_spawn_args(&clients, client, address, i);
    int silent = weft_dial(address);
    weft_sleep(WEFT_MS(100));

    int64_t asked = weft_now();
    weft_scope_cancel(&server.accepting);
    weft_group_leave(&clients);
    weft_group_leave(&servers);
    printf("stopped after %.1f s: %d served, %d cut short\n", (double)(weft_now() - asked) / 1e9,
           served, cut_short);
    return weft_close(silent);
}

int main(void)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };

    return weft_run(&config, run, NULL) == 0 ? 0 : 1;
}
