/* A number becomes another file's while threads wait for it (with slow_dup2.c, so that they
 * look at the old file again before): who uses the new file misses nothing of it. */
#include <dirent.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "fds.h"

static int old_ends[2], new_ends[2];
static volatile int number;

/* It may be told of the old file's end, or of nothing before the new one's bytes. */
static void *poller(void *unused)
{
    struct pollfd pfd = { .fd = number, .events = POLLIN };
    poll(&pfd, 1, 300);
    return unused;
}

static void *reader(void *unused)
{
    char byte = '-';
    NOTE_CALL(read(number, &byte, 1));
    NOTE_CALL(byte);
    return unused;
}

static void make(int sockets, int ret_ends[2])
{
    if (sockets)
        tcp_pair(ret_ends);
    else if (pipe(ret_ends) < 0)
        abort();
}

static void replace(int old_sockets, int new_sockets)
{
    pthread_t thread;
    printf("-- %d %d\n", old_sockets, new_sockets);
    make(old_sockets, old_ends);
    make(new_sockets, new_ends);
    number = old_ends[0];
    int kept = dup(number); /* so the old file is not closed */
    pthread_create(&thread, NULL, poller, NULL);
    usleep(A_WHILE);
    SAY_NUMBER(dup2(new_ends[0], number) == number);
    usleep(A_WHILE);
    start(reader, NULL);
    usleep(A_WHILE);
    SAY_CALL(write(new_ends[1], "n", 1));
    finish();
    SAY_CALL(write(old_ends[1], "o", 1)); /* for poll(), natively */
    pthread_join(thread, NULL);
    close(kept);
    for (int i = 0; i < 2; i++) {
        close(old_ends[i]);
        close(new_ends[i]);
    }
}

/* What fails ends no wait. */
static void refused(void)
{
    make(1, old_ends);
    number = old_ends[0];
    start(reader, NULL);
    usleep(A_WHILE);
    SAY_CALL(dup2(999, number));
    SAY_CALL(dup2(-1, number));
    SAY_CALL(dup3(999, number, 0));
    SAY_CALL(dup3(old_ends[1], number, O_APPEND));
    SAY_CALL(dup3(number, number, 0));
    usleep(A_WHILE);
    SAY_CALL(write(old_ends[1], "r", 1));
    finish();
}

/* Nor does it make a sender that waits forget that it sends the whole. */
static void *sender(void *unused)
{
    static char bulk[1 << 20];
    struct iovec iov = { bulk, sizeof bulk };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    NOTE_CALL(sendmsg(old_ends[0], &message, 0));
    shutdown(old_ends[0], SHUT_WR);
    return unused;
}

static void refused_beside_a_sender(void)
{
    static char buf[1 << 16];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, old_ends) < 0)
        abort();
    start(sender, NULL);
    usleep(A_WHILE);
    SAY_CALL(dup2(-1, old_ends[0]));
    while (read(old_ends[1], buf, sizeof buf) > 0)
        ;
    finish();
}

static void nothing(void)
{
    DIR *volatile none = NULL;
    SAY_CALL(closedir(none));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 0; i < 4; i++)
        replace(i / 2, i % 2);
    refused();
    refused_beside_a_sender();
    nothing();
    return 0;
}
