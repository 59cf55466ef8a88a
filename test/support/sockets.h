/* sockets.h - connected descriptors of every kind, for tests. */
#ifndef WEFT_TEST_SOCKETS_H
#define WEFT_TEST_SOCKETS_H

#include <stdio.h>
#include <unistd.h>

#include <check.h>
#include <weft.h>

enum stream_kind { TCP4, TCP6, UNIX_PATH, UNIX_ABSTRACT, PIPE, STREAM_KINDS };

struct stream {
    int reader, writer; /* a pipe has no other direction */
    int listener;
};

static inline void stream_address(enum stream_kind kind, char *buf, size_t size)
{
    static int number;
    if (kind == TCP4 || kind == TCP6)
        snprintf(buf, size, "%s", kind == TCP4 ? "127.0.0.1:0" : "[::1]:0");
    else if (kind == UNIX_PATH)
        snprintf(buf, size, "unix:/tmp/weft-test-%d-%d", getpid(), number++);
    else
        snprintf(buf, size, "unix:@weft-test-%d-%d", getpid(), number++);
}

/* False: the machine has no such thing (IPv6). */
static inline bool stream_open(enum stream_kind kind, struct stream *stream)
{
    char address[128];
    if (kind == PIPE) {
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        *stream = (struct stream){ ends[0], ends[1], -1 };
        return true;
    }
    stream_address(kind, address, sizeof address);
    stream->listener = weft_listen(address, 0, 0);
    if (stream->listener < 0 && kind == TCP6)
        return false;
    ck_assert_int_ge(stream->listener, 0);
    ck_assert_int_gt(weft_local_address(stream->listener, address, sizeof address), 0);
    stream->writer = weft_dial(address);
    ck_assert_int_ge(stream->writer, 0);
    stream->reader = weft_accept(stream->listener, NULL, NULL);
    ck_assert_int_ge(stream->reader, 0);
    if (kind == UNIX_PATH)
        unlink(address + 5);
    return true;
}

static inline void stream_close(struct stream *stream)
{
    weft_close(stream->reader);
    weft_close(stream->writer);
    if (stream->listener >= 0)
        weft_close(stream->listener);
}

#endif
