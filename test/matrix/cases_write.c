/* Writing, into a socket that is full. The event is that the other side empties it. */
#include "bytes.h"

#include <sys/socket.h>
#include <unistd.h>

#define FILLER "f"
#define OURS "x"

static void open_small(struct stage *stage)
{
    int smallest = 1;
    open_pair(stage);
    ck_assert_int_eq(setsockopt(stage->fd, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest), 0);
}

static void fill(struct stage *stage)
{
    atomic_store(&stage->count, 0);
    while (send(stage->fd, FILLER, 1, MSG_DONTWAIT) == 1)
        ;
}

/* Counts what is ours. */
static void drain(struct stage *stage)
{
    char bytes[64];
    ssize_t count;
    while ((count = recv(stage->peer, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        for (ssize_t i = 0; i < count; i++)
            atomic_fetch_add(&stage->count, bytes[i] == *OURS);
}

static void settle(struct stage *stage, long rc)
{
    drain(stage);
    int arrived = atomic_load(&stage->count);
    EXPECT(stage, arrived == (rc >= 0), "it returned %ld, and %d bytes came", rc, arrived);
}

static long call_write(struct stage *stage)
{
    return weft_write(stage->fd, OURS, 1);
}

static long call_writev(struct stage *stage)
{
    struct iovec iov = { (char[]){ OURS }, 1 };
    return weft_writev(stage->fd, &iov, 1);
}

static long call_send(struct stage *stage)
{
    return weft_send(stage->fd, OURS, 1, 0);
}

static long call_sendto(struct stage *stage)
{
    return weft_sendto(stage->fd, OURS, 1, 0, NULL, 0);
}

static long call_sendmsg(struct stage *stage)
{
    struct iovec iov = { (char[]){ OURS }, 1 };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    return weft_sendmsg(stage->fd, &message, 0);
}

static long call_write_all(struct stage *stage)
{
    size_t done = 9;
    int rc = weft_write_all(stage->fd, OURS, 1, &done);
    EXPECT(stage, done == (rc == 0), "%d, and %zu bytes", rc, done);
    return rc;
}

static long call_writev_all(struct stage *stage)
{
    struct iovec iov = { (char[]){ OURS }, 1 };
    size_t done = 9;
    int rc = weft_writev_all(stage->fd, &iov, 1, &done);
    EXPECT(stage, done == (rc == 0), "%d, and %zu bytes", rc, done);
    return rc;
}

#define WRITING(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_small, \
                                               .arm = fill, \
                                               .call = call_, \
                                               .event = drain, \
                                               .settle = settle, \
                                               .close = close_pair }

WRITING(weft_write, call_write);
WRITING(weft_writev, call_writev);
WRITING(weft_send, call_send);
WRITING(weft_sendto, call_sendto);
WRITING(weft_sendmsg, call_sendmsg);
WRITING(weft_write_all, call_write_all);
WRITING(weft_writev_all, call_writev_all);
