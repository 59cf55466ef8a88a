/* Messages with boundaries: UDP, unix datagrams and SOCK_SEQPACKET, many at once,
 * descriptors in messages. */
#include <sys/uio.h>

#include "fds.h"

static int fds[2];

static void *send_later(void *text)
{
    usleep(A_WHILE);
    if (send(fds[1], text, strlen(text), 0) < 0)
        abort();
    return NULL;
}

static void *send_three_later(void *unused)
{
    for (int i = 0; i < 3; i++) {
        usleep(A_WHILE);
        if (send(fds[1], "three", (size_t)i + 1, 0) < 0)
            abort();
    }
    return unused;
}

static void *send_three_slowly(void *unused)
{
    for (int i = 0; i < 3; i++) {
        usleep(150000);
        if (send(fds[1], "three", (size_t)i + 1, 0) < 0)
            abort();
    }
    return unused;
}

static void *read_later(void *unused)
{
    static char buf[100000];
    usleep(A_WHILE);
    while (recv(fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    return unused;
}

static void make_udp(void)
{
    struct sockaddr_in address[2];
    for (int i = 0; i < 2; i++) {
        socklen_t size = sizeof address[i];
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        address[i] = (struct sockaddr_in){ .sin_family = AF_INET,
                                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        if (bind(fds[i], (struct sockaddr *)&address[i], size) < 0)
            abort();
        getsockname(fds[i], (struct sockaddr *)&address[i], &size);
    }
    for (int i = 0; i < 2; i++)
        SAY_CALL(connect(fds[i], (struct sockaddr *)&address[1 - i], sizeof address[0]));
}

static void single(void)
{
    char buf[16] = "";
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    start(send_later, "message");
    SAY_CALL(recvfrom(fds[0], buf, sizeof buf, 0, (struct sockaddr *)&from, &size));
    puts(buf);
    finish();
    start(send_later, "truncated");
    SAY_CALL(recv(fds[0], buf, 4, MSG_TRUNC));
    finish();
    start(send_later, "peeked");
    SAY_CALL(recv(fds[0], buf, 4, MSG_PEEK));
    SAY_CALL(recv(fds[0], buf, sizeof buf, MSG_WAITALL));
    finish();
    start(send_later, "");
    SAY_CALL(read(fds[0], buf, 0));
    SAY_CALL(read(fds[0], buf, 16));
    finish();
    start(send_later, "read");
    SAY_CALL(read(fds[0], buf, 2));
    SAY_CALL(recv(fds[0], buf, 2, MSG_DONTWAIT));
    finish();
    SAY_CALL(write(fds[1], buf, 0));
    SAY_CALL(recv(fds[0], buf, 2, MSG_DONTWAIT));
    SAY_CALL(accept(fds[0], NULL, NULL));
}

/* SO_RCVTIMEO is for each message. */
static void in_time(void)
{
    char buf[3][8];
    struct iovec iov[3];
    struct mmsghdr messages[3];
    struct timeval limit = { 0, 400000 }, none = { 0, 0 };
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 3; i++) {
        iov[i] = (struct iovec){ buf[i], 8 };
        messages[i].msg_hdr.msg_iov = &iov[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    start(send_three_slowly, NULL);
    SAY_CALL(recvmmsg(fds[0], messages, 3, 0, NULL));
    finish();
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
}

static void many(void)
{
    char buf[8][16];
    struct iovec iov[8];
    struct mmsghdr messages[8];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 8; i++) {
        iov[i] = (struct iovec){ buf[i], i + 1 };
        messages[i].msg_hdr.msg_iov = &iov[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    SAY_CALL(sendmmsg(fds[1], messages, 5, 0));
    SAY_NUMBER(messages[4].msg_len);
    SAY_CALL(recvmmsg(fds[0], messages, 5, 0, NULL));
    start(send_three_later, NULL);
    SAY_CALL(recvmmsg(fds[0], messages, 3, 0, NULL));
    finish();
    start(send_three_later, NULL);
    SAY_CALL(recvmmsg(fds[0], messages, 3, MSG_WAITFORONE, NULL));
    finish();
    SAY_CALL(recvmmsg(fds[0], messages, 8, MSG_WAITFORONE, NULL));
    start(send_three_later, NULL);
    struct timespec timeout = { 0, 1000000 }; /* over when the first has come */
    SAY_CALL(recvmmsg(fds[0], messages, 8, 0, &timeout));
    finish();
    SAY_CALL(recvmmsg(fds[0], messages, 8, MSG_DONTWAIT, NULL));
    SAY_CALL(recvmmsg(fds[0], messages, 8, MSG_DONTWAIT, NULL));
}

/* The other end's queue is full; an event tells only those who are connected to it. */
static void full(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t size = sizeof(sa_family_t);
    char buf[100] = "";
    fds[0] = socket(AF_UNIX, SOCK_DGRAM, 0);
    fds[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
    bind(fds[0], (struct sockaddr *)&address, size); /* a name of the kernel's choice */
    size = sizeof address;
    getsockname(fds[0], (struct sockaddr *)&address, &size);
    SAY_CALL(connect(fds[1], (struct sockaddr *)&address, size));
    while (send(fds[1], buf, 1, MSG_DONTWAIT) == 1)
        ;
    start(read_later, NULL);
    SAY_CALL(send(fds[1], buf, 1, 0));
    finish();
    close(fds[0]);
    close(fds[1]);
}

static void *pass_later(void *fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = { "fd", 2 };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(head), fd, sizeof(int));
    usleep(A_WHILE);
    NOTE_CALL(sendmsg(fds[1], &message, 0));
    return NULL;
}

static void passing(void)
{
    char buf[8] = "", room[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { buf, sizeof buf };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
    };
    int ends[2], passed;
    pipe(ends);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    start(pass_later, &ends[1]);
    SAY_CALL(recvmsg(fds[0], &message, 0));
    finish();
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
    SAY_CALL(write(passed, "through", 7));
    SAY_CALL(read(ends[0], buf, 8));
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    puts("-- udp");
    make_udp();
    single();
    many();
    close(fds[0]);
    close(fds[1]);
    puts("-- unix");
    socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
    single();
    many();
    close(fds[0]);
    close(fds[1]);
    puts("-- seqpacket");
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds);
    start(send_later, "message");
    char buf[16];
    struct iovec none = { buf, 0 };
    SAY_CALL(recv(fds[0], buf, 16, 0));
    finish();
    SAY_CALL(writev(fds[1], &none, 1));
    SAY_CALL(recv(fds[0], buf, 16, MSG_DONTWAIT));
    many();
    in_time();
    close(fds[1]);
    SAY_CALL(read(fds[0], buf, 16));
    full();
    passing();
    return 0;
}
