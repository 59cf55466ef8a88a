/* weft-echo-server: a task per connection, in plain blocking style.
 *
 *     weft-echo-server WORKERS
 *
 * Prints the port and serves until it is killed. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft.h>

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

static int run(void *arg)
{
    (void)arg;
    char address[64];
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    if (listener < 0)
        return listener;
    int rc = weft_local_address(listener, address, sizeof address);
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

int main(int argc, char **argv)
{
    unsigned long workers = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (workers < 1 || workers > 1024) {
        fprintf(stderr, "usage: weft-echo-server WORKERS\n");
        return 2;
    }
    weft_config config = { .workers = (unsigned)workers };
    int rc = weft_run(&config, run, NULL);
    fprintf(stderr, "weft-echo-server: %s\n", strerror(-rc));
    return 1;
}
