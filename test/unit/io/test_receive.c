/* What recv(2)'s flags ask for. */
#include "suite.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"
#include "tasks.h"

/* Two sockets of datagrams; the one that receives has waited, and is registered. */
static void open_datagrams(int *ret_receiver, int *ret_sender)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    char byte;
    weft_scope scope;
    *ret_receiver = weft_socket(AF_INET, SOCK_DGRAM, 0);
    *ret_sender = weft_socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(*ret_receiver, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(*ret_receiver, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(connect(*ret_sender, (struct sockaddr *)&address, size), 0);
    weft_scope_enter(&scope, weft_after(WEFT_MS(1)));
    ck_assert_int_eq(weft_recv(*ret_receiver, &byte, 1, 0), -ETIMEDOUT);
    weft_scope_leave(&scope);
}

/* In vain, and not about what is there. */
static void look_elsewhere(int receiver, int flags)
{
    char buf[64];
    struct msghdr message = { .msg_control = buf, .msg_controllen = sizeof buf };
    int offset = 100;
    if (flags & MSG_ERRQUEUE) {
        ck_assert_int_eq(weft_recvmsg(receiver, &message, flags), -EAGAIN);
        return;
    }
    setsockopt(receiver, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
    ck_assert_int_eq(weft_recv(receiver, buf, sizeof buf, flags), -EAGAIN);
    offset = -1;
    setsockopt(receiver, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

static int look_aside(void *arg)
{
    int flags = *(const int *)arg, receiver, sender;
    char buf[64];
    weft_scope scope;
    open_datagrams(&receiver, &sender);
    ck_assert_int_eq(weft_send(sender, "hello", 5, 0), 5);
    weft_sleep(WEFT_MS(5)); /* its event has been counted */
    look_elsewhere(receiver, flags);
    weft_scope_enter(&scope, weft_after(WEFT_S(5)));
    ck_assert_int_eq(weft_recv(receiver, buf, sizeof buf, 0), 5);
    weft_scope_leave(&scope);
    weft_close(sender);
    return weft_close(receiver);
}

TEST(a_look_aside_hides_nothing_that_is_there)
{
    int error_queue = MSG_ERRQUEUE, peek = MSG_PEEK | MSG_DONTWAIT;
    if (test_is_under("qemu"))
        test_skip("it finds an empty message in an error queue without any");
    ck_assert_int_eq(weft_run(NULL, look_aside, &error_queue), 0);
    ck_assert_int_eq(weft_run(NULL, look_aside, &peek), 0);
}

static int read_nothing(void *unused)
{
    int receiver, sender;
    char buf[8];
    (void)unused;
    open_datagrams(&receiver, &sender);
    ck_assert_int_eq(weft_read(receiver, buf, 0), 0);
    ck_assert_int_eq(weft_send(sender, "abc", 3, 0), 3);
    ck_assert_int_eq(weft_read(receiver, buf, 0), 0);
    ck_assert_int_eq(weft_read(receiver, buf, sizeof buf), 3);
    weft_close(sender);
    return weft_close(receiver);
}

TEST(reading_nothing_takes_nothing, .timeout = 10)
{
    ck_assert_int_eq(weft_run(NULL, read_nothing, NULL), 0);
}

/* MSG_WAITALL */

static int send_and_reset(void *arg)
{
    int fd = *(const int *)arg;
    struct linger now = { .l_onoff = 1 };
    ck_assert_int_eq(weft_send(fd, "abcd", 4, 0), 4);
    weft_sleep(WEFT_MS(10));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    return weft_close(fd);
}

static int find_error(void *unused)
{
    struct stream stream;
    char buf[8];
    weft_task *task;
    (void)unused;
    stream_open(TCP4, &stream);
    SPAWN(send_and_reset, &stream.writer, &task);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_WAITALL), 4);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_WAITALL), -ECONNRESET);
    JOIN(task, 0);
    weft_close(stream.reader);
    return weft_close(stream.listener);
}

TEST(an_error_after_a_part_is_there_for_the_next_call)
{
    ck_assert_int_eq(weft_run(NULL, find_error, NULL), 0);
}

WEFT_TASK(send_slowly, int, fd)
{
    for (const char *at = "abcdefgh"; *at; at++) {
        ck_assert_int_eq(weft_send(fd, at, 1, 0), 1);
        weft_sleep(WEFT_MS(1));
    }
    return weft_shutdown(fd, SHUT_WR);
}

static int receive_message(void *unused)
{
    char a[2], b[3], buf[8];
    struct iovec iov[] = { { a, sizeof a }, { NULL, 0 }, { b, sizeof b } };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
    weft_task *task;
    (void)unused;
    for (enum stream_kind kind = TCP4; kind <= UNIX_ABSTRACT; kind++) {
        struct stream stream;
        if (!stream_open(kind, &stream))
            continue;
        ck_assert_int_eq(weft_spawn_args(&task, send_slowly, stream.writer), 0);
        if (kind == TCP4) { /* the kernel waits on TCP only */
            ck_assert_int_eq(weft_recv(stream.reader, buf, 6, MSG_WAITALL | MSG_PEEK), 6);
            ck_assert_mem_eq(buf, "abcdef", 6);
        }
        ck_assert_int_eq(weft_recvmsg(stream.reader, &message, MSG_WAITALL), 5);
        ck_assert_mem_eq(a, "ab", 2);
        ck_assert_mem_eq(b, "cde", 3);
        if (kind == TCP4)
            ck_assert_int_eq(weft_recv(stream.reader, buf, 6, MSG_WAITALL | MSG_PEEK), 3);
        ck_assert_int_eq(weft_recvmsg(stream.reader, &message, MSG_WAITALL), 3); /* the end */
        ck_assert_mem_eq(b, "h", 1);
        JOIN(task, 0);
        stream_close(&stream);
    }
    return 0;
}

TEST(a_message_is_waited_for_as_a_whole_too)
{
    ck_assert_int_eq(run_tasks(2, receive_message, NULL), 0);
}

/* Descriptors that come in a message. */

static ssize_t pass_on(int through, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } ancillary = { .header = { .cmsg_len = CMSG_LEN(sizeof fd),
                                .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS } };
    struct iovec iov = { "x", 1 };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = ancillary.room,
                              .msg_controllen = sizeof ancillary.room };
    memcpy(CMSG_DATA(&ancillary.header), &fd, sizeof fd);
    return weft_sendmsg(through, &message, 0);
}

static int take_over(int from)
{
    char byte, room[CMSG_SPACE(sizeof(int))];
    int fd;
    struct iovec iov = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
    };
    ck_assert_int_eq(weft_recvmsg(from, &message, MSG_CMSG_CLOEXEC), 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static int wait_a_while_for(int fd)
{
    char byte;
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_MS(20)));
    int rc = (int)weft_read(fd, &byte, 1);
    weft_scope_leave(&scope);
    return rc;
}

WEFT_TASK(write_one, int, fd)
{
    weft_sleep(WEFT_MS(200));
    return (int)weft_write(fd, "x", 1);
}

static int receive_under_an_old_number(void *unused)
{
    int pair[2], old[2], new[2];
    char byte;
    weft_task *task;
    weft_scope scope;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(pipe(old), 0);
    ck_assert_int_eq(pipe(new), 0);
    ck_assert_int_eq(wait_a_while_for(old[0]), -ETIMEDOUT);
    ck_assert_int_eq(pass_on(pair[0], new[0]), 1);
    close(old[0]); /* behind weft's back */
    ck_assert_int_eq(take_over(pair[1]), old[0]);
    ck_assert_int_eq(weft_spawn_args(&task, write_one, new[1]), 0);
    ck_assert_int_eq(wait_a_while_for(old[0]), -ETIMEDOUT);
    weft_scope_enter(&scope, weft_after(WEFT_S(5)));
    ck_assert_int_eq(weft_read(old[0], &byte, 1), 1);
    weft_scope_leave(&scope);
    JOIN(task, 1);
    (void)unused;
    return 0;
}

TEST(a_descriptor_that_comes_is_not_taken_for_an_earlier_one)
{
    ck_assert_int_eq(run_tasks(2, receive_under_an_old_number, NULL), 0);
}
