/* pingpong - two tasks pass a number to and fro over a socket pair. */
#include <stdio.h>
#include <sys/socket.h>
#include <weft.h>

#define ROUNDS 10000

/* Adds one to each number that comes, and sends it back. */
WEFT_TASK(pong, int, fd)
{
    long number;

    while (weft_read_all(fd, &number, sizeof number, NULL) == 0) {
        number++;
        if (weft_write_all(fd, &number, sizeof number, NULL) < 0)
            break;
    }
    return weft_close(fd);
}

static int run(void *arg)
{
    const int *pair = arg;
    weft_task *task;
    long number = 0;
    int rounds = 0;

    if (weft_spawn_args(&task, pong, pair[1]) < 0)
        return 1;
    while (rounds < ROUNDS && weft_write_all(pair[0], &number, sizeof number, NULL) == 0 &&
           weft_read_all(pair[0], &number, sizeof number, NULL) == 0)
        rounds++;
    weft_close(pair[0]); /* the other side reads the end */
    weft_join(task, NULL);
    printf("%d rounds made %ld\n", rounds, number);
    return 0;
}

int main(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        perror("socketpair");
        return 1;
    }
    return weft_run(NULL, run, pair) == 0 ? 0 : 1;
}
