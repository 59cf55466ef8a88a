/* reply.h - reading responses from a connection, one after the other. */
#ifndef LOAD_REPLY_H
#define LOAD_REPLY_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply {
    http_parser parser;
    int status; /* 0 until the head is there */
    bool complete;
    bool stays;       /* the server keeps the connection open */
    bool differs;     /* the body is not what was expected */
    const char *body; /* what is expected, or NULL: anything */
    char *keep;       /* where to keep the body, or NULL */
    size_t body_size; /* of the body expected, or the room to keep it */
    size_t seen;      /* bytes of body so far */
};

/* A connection, and the bytes that came with an earlier reply. */
struct wire {
    int fd;
    size_t used;
    size_t size;
    uint64_t received;
    char data[4096];
};

/* Reads one response; `reply` says what to do with the body, and is otherwise
 * zero. Suspends. Returns 0; -ENODATA when the connection ended before it was
 * complete, -EPROTO when it is no HTTP; or weft_recv()'s error. */
int reply_read(struct reply *reply, struct wire *wire);

/* The body is all there and as expected. */
bool reply_is_right(const struct reply *reply);

#endif
