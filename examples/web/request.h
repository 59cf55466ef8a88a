/* request.h - one HTTP request as it arrives: the glue to the kept parser. */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "blob.h"

#define REQUEST_TARGET_MAX 2048

enum request_phase {
    REQUEST_NOTHING,  /* not a byte of it, blank lines aside */
    REQUEST_HEAD,     /* in the request line or the headers */
    REQUEST_BODY,     /* the head is complete */
    REQUEST_COMPLETE, /* ready to be answered */
    REQUEST_BAD,      /* to be refused with `status`; the connection is lost */
};

struct request {
    http_parser parser;
    enum request_phase phase;
    int status;
    size_t max_body;
    size_t body_size;      /* bytes of body seen, kept or not */
    struct blob *body;     /* a PUT's body; else NULL */
    bool keep_alive;       /* the client wants the connection to stay */
    bool has_length;       /* it said how long the body is */
    bool expects_continue; /* it waits for "100 Continue" */
    unsigned hosts;        /* Host headers seen */
    bool in_value;         /* the parser is in `value`, not in `field` */
    size_t field_size, value_size, target_size;
    char field[24]; /* the header being read: no name we look for is */
    char value[64]; /* longer, and no value we understand */
    char range[64]; /* Range, or "" */
    char target[REQUEST_TARGET_MAX + 1];
    char path[REQUEST_TARGET_MAX + 1]; /* of the target, percent-decoded */
};

/* Once, before the first request: heads of more bytes are refused with 431. */
void request_limit_head(size_t max_bytes);

/* Gets ready for a request with a body of up to `max_body` bytes. */
void request_init(struct request *request, size_t max_body);
void request_finish(struct request *request);

/* Takes bytes up to the request's end at most; `size` 0: the client sends no
 * more. Returns how many it took; what it made of them is in request->phase.
 * Never suspends. */
size_t request_feed(struct request *request, const char *data, size_t size);

#endif
