/* weft-echo-server: a task per connection, in plain blocking style.
 *
 *     weft-echo-server WORKERS [spin|sleep HOGS]
 *
 * Prints the port and serves until it is killed, beside so many tasks that hold a worker
 * again and again: by computing, or in a system call that weft does not know of. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft.h>

#define HELD_US 50000
#define FREE_US 5000

WEFT_TASK(serve, int, fd)
{
    char buf[16 * 1024];
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (;;) {
        ssize_t n = weft_read(fd, buf, sizeof buf);
        if (n <= 0 || weft_write_all(fd, buf, (size_t)n, NULL) < 0)
            break;
    }
    /* A client that goes away ends its own connection only. */
    weft_close(fd);
    return 0;
}

static void hold_by_spinning(void)
{
    int64_t end = weft_now() + WEFT_US(HELD_US);
    while (weft_now() < end)
        continue;
}

static void hold_by_sleeping(void)
{
    usleep(HELD_US);
}

static int hog(void *arg)
{
    void (**hold)(void) = arg;
    int rc;
    do {
        (*hold)();
        rc = weft_sleep(WEFT_US(FREE_US));
    } while (rc == 0);
    return rc;
}

struct hogs {
    unsigned long count;
    void (*hold)(void);
};

static int spawn_hogs(struct hogs *hogs)
{
    int rc = 0;
    for (unsigned long i = 0; i < hogs->count && rc == 0; i++)
        rc = weft_spawn(hog, &hogs->hold, NULL);
    return rc;
}

static int run(void *hogs)
{
    char address[64];
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    if (listener < 0)
        return listener;
    int rc = weft_local_address(listener, address, sizeof address);
    if (rc >= 0)
        rc = spawn_hogs(hogs);
    if (rc < 0)
        return rc;
    puts(strrchr(address, ':') + 1);
    fflush(stdout);
    for (;;) {
        int fd = weft_accept(listener, NULL, NULL);
        if (fd < 0)
            return fd;
        rc = weft_spawn_args(NULL, serve, fd);
        if (rc < 0)
            return rc;
    }
}

static bool read_hogs(char **words, struct hogs *ret_hogs)
{
    bool spins = strcmp(words[0], "spin") == 0;
    ret_hogs->hold = spins ? hold_by_spinning : hold_by_sleeping;
    ret_hogs->count = strtoul(words[1], NULL, 10);
    return (spins || strcmp(words[0], "sleep") == 0) && ret_hogs->count <= 1024;
}

int main(int argc, char **argv)
{
    unsigned long workers = argc == 2 || argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    struct hogs hogs = { 0 };
    if (workers < 1 || workers > 1024 || (argc == 4 && !read_hogs(argv + 2, &hogs))) {
        fprintf(stderr, "usage: weft-echo-server WORKERS [spin|sleep HOGS]\n");
        return 2;
    }
    weft_config config = { .workers = (unsigned)workers };
    int rc = weft_run(&config, run, &hogs);
    fprintf(stderr, "weft-echo-server: %s\n", strerror(-rc));
    return 1;
}
