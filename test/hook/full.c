/* A unix datagram socket that is not connected, and a receiver whose queue is full:
 * nothing tells when it is not, so an OS thread waits in the kernel. */
#include "fds.h"

static int fds[2];

static void *read_later(void *unused)
{
    char buf[16];
    usleep(A_WHILE);
    while (recv(fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    return unused;
}

int main(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t size = sizeof(sa_family_t);
    fds[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
    fds[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(fds[0], (struct sockaddr *)&address, size); /* a name of the kernel's choice */
    size = sizeof address;
    getsockname(fds[0], (struct sockaddr *)&address, &size);
    while (sendto(fds[1], "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, size) == 1)
        ;
    start(read_later, NULL);
    SAY_CALL(sendto(fds[1], "x", 1, 0, (struct sockaddr *)&address, size));
    finish();
    return 0;
}
