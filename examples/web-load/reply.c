/* reply.c - reading responses from a connection, one after the other. */
#include "reply.h"

#include <errno.h>
#include <string.h>
#include <weft.h>

static int on_headers_complete(http_parser *parser)
{
    struct reply *reply = parser->data;

    reply->status = (int)parser->status_code;
    reply->stays = http_should_keep_alive(parser);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t size)
{
    struct reply *reply = parser->data;

    if ((reply->body || reply->keep) && size > reply->body_size - reply->seen) {
        reply->differs = true;
        return 0;
    }
    if (reply->keep)
        memcpy(reply->keep + reply->seen, at, size);
    else if (reply->body && memcmp(reply->body + reply->seen, at, size) != 0)
        reply->differs = true;
    reply->seen += size;
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct reply *reply = parser->data;

    reply->complete = true;
    http_parser_pause(parser, 1); /* the next one is not ours to read */
    return 0;
}

static const http_parser_settings callbacks = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

int reply_read(struct reply *reply, struct wire *wire)
{
    http_parser_init(&reply->parser, HTTP_RESPONSE);
    reply->parser.data = reply;
    for (;;) {
        ssize_t count;

        if (wire->used < wire->size)
            wire->used += http_parser_execute(&reply->parser, &callbacks, wire->data + wire->used,
                                              wire->size - wire->used);
        if (reply->complete)
            return 0;
        if (HTTP_PARSER_ERRNO(&reply->parser) != HPE_OK)
            return -EPROTO;
        count = weft_recv(wire->fd, wire->data, sizeof wire->data, 0);
        if (count <= 0)
            return count < 0 ? (int)count : -ENODATA;
        wire->used = 0;
        wire->size = (size_t)count;
        wire->received += (uint64_t)count;
    }
}

bool reply_is_right(const struct reply *reply)
{
    return !reply->differs && (!reply->body || reply->seen == reply->body_size);
}
