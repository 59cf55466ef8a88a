/* Reading, and what waits as readers do. The event is one byte. */
#include "bytes.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The byte went to the call, or is still there. */
static void settle_byte(struct stage *stage, long rc)
{
    bool left = take_byte(stage);
    EXPECT(stage, (rc >= 0) == !left, "it returned %ld, and a byte is %s", rc,
           left ? "left" : "gone");
}

static long call_read(struct stage *stage)
{
    char byte;
    return weft_read(stage->fd, &byte, 1);
}

static long call_readv(struct stage *stage)
{
    char byte;
    struct iovec iov = { &byte, 1 };
    return weft_readv(stage->fd, &iov, 1);
}

static long call_recv(struct stage *stage)
{
    char byte;
    return weft_recv(stage->fd, &byte, 1, 0);
}

static long call_recvfrom(struct stage *stage)
{
    char byte;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    return weft_recvfrom(stage->fd, &byte, 1, 0, (struct sockaddr *)&address, &size);
}

static long call_recvmsg(struct stage *stage)
{
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    return weft_recvmsg(stage->fd, &message, 0);
}

/* Of one byte: nothing is moved when it fails. */
static long call_read_all(struct stage *stage)
{
    char byte;
    size_t done = 9;
    int rc = weft_read_all(stage->fd, &byte, 1, &done);
    EXPECT(stage, done == (rc == 0), "%d, and %zu bytes", rc, done);
    return rc;
}

#define READING(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_pair, \
                                               .call = call_, \
                                               .event = send_byte, \
                                               .settle = settle_byte, \
                                               .close = close_pair }

READING(weft_read, call_read);
READING(weft_readv, call_readv);
READING(weft_recv, call_recv);
READING(weft_recvfrom, call_recvfrom);
READING(weft_recvmsg, call_recvmsg);
READING(weft_read_all, call_read_all);

static long call_poll(struct stage *stage)
{
    struct pollfd fds[2] = { { .fd = stage->fd, .events = POLLIN }, { .fd = -1 } };
    int rc = weft_poll(fds, 2);
    EXPECT(stage, rc < 0 || (rc == 1 && fds[0].revents == POLLIN), "%d, and %#x", rc,
           (unsigned)fds[0].revents);
    return rc;
}

/* Who polls takes nothing. */
static void settle_poll(struct stage *stage, long rc)
{
    EXPECT(stage, take_byte(stage), "the byte is gone, after %ld", rc);
}

const struct operation case_weft_poll = { .name = "weft_poll",
                                          .open = open_pair,
                                          .call = call_poll,
                                          .event = send_byte,
                                          .settle = settle_poll,
                                          .close = close_pair };
