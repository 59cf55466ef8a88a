/* A writer that waits for room when another thread shuts the connection down. */
#include "fds.h"

static int fds[2];

static void *shut_later(void *unused)
{
    usleep(A_WHILE);
    shutdown(fds[1], SHUT_WR);
    return unused;
}

static void fill(int type)
{
    char bulk[1 << 12] = "";
    socketpair(AF_UNIX, type, 0, fds);
    while (send(fds[1], bulk, sizeof bulk, MSG_DONTWAIT) > 0)
        ;
    start(shut_later, NULL);
    SAY_CALL(send(fds[1], bulk, sizeof bulk, MSG_NOSIGNAL));
    finish();
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    fill(SOCK_STREAM);
    fill(SOCK_SEQPACKET);
    return 0;
}
