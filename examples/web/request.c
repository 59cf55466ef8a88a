/* request.c - one HTTP request as it arrives: the glue to the kept parser.
 *
 * The parser is incremental and keeps no bytes: it reports targets and headers
 * in pieces, which are put together here as far as the service needs them. */
#include "request.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "percent.h"

/* What callbacks return to make the parser stop. */
#define STOP (-1)

void request_limit_head(size_t max_bytes)
{
    http_parser_set_max_header_size((uint32_t)max_bytes);
}

static int refuse(struct request *request, int status)
{
    request->phase = REQUEST_BAD;
    request->status = status;
    return STOP;
}

static int on_message_begin(http_parser *parser)
{
    struct request *request = parser->data;

    request->phase = REQUEST_HEAD;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t size)
{
    struct request *request = parser->data;

    if (size > REQUEST_TARGET_MAX - request->target_size)
        return refuse(request, HTTP_STATUS_URI_TOO_LONG);
    memcpy(request->target + request->target_size, at, size);
    request->target_size += size;
    request->target[request->target_size] = '\0';
    return 0;
}

/* Appends what fits; a size of `capacity` tells that something did not. */
static void collect(char *text, size_t *text_size, size_t capacity, const char *at, size_t size)
{
    size_t room = capacity - *text_size;
    size_t part = size < room ? size : room;

    memcpy(text + *text_size, at, part);
    *text_size += part;
}

static bool field_is(const struct request *request, const char *name)
{
    return request->field_size == strlen(name) &&
           strncasecmp(request->field, name, request->field_size) == 0;
}

static bool value_is(const struct request *request, const char *value)
{
    return request->value_size == strlen(value) &&
           strncasecmp(request->value, value, request->value_size) == 0;
}

/* A header has come to its end. */
static int end_header(struct request *request)
{
    int status = 0;

    while (request->value_size > 0 &&
           isspace((unsigned char)request->value[request->value_size - 1]))
        request->value_size--;
    if (field_is(request, "Host")) {
        request->hosts++;
    } else if (field_is(request, "Expect")) {
        request->expects_continue = value_is(request, "100-continue");
        if (!request->expects_continue)
            status = HTTP_STATUS_EXPECTATION_FAILED;
    } else if (field_is(request, "Transfer-Encoding")) {
        if (!value_is(request, "chunked"))
            status = HTTP_STATUS_NOT_IMPLEMENTED;
    } else if (field_is(request, "Range") && request->value_size < sizeof request->range) {
        memcpy(request->range, request->value, request->value_size);
        request->range[request->value_size] = '\0';
    }
    request->field_size = 0;
    request->value_size = 0;
    request->in_value = false;
    return status ? refuse(request, status) : 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t size)
{
    struct request *request = parser->data;

    if (request->in_value && end_header(request) != 0)
        return STOP;
    collect(request->field, &request->field_size, sizeof request->field, at, size);
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t size)
{
    struct request *request = parser->data;

    request->in_value = true;
    collect(request->value, &request->value_size, sizeof request->value, at, size);
    return 0;
}

/* Finds the path in the target, which may be a whole URL, and decodes it. */
static int find_path(struct request *request)
{
    struct http_parser_url url;
    const char *path = "/";
    size_t size = 1;

    http_parser_url_init(&url);
    if (http_parser_parse_url(request->target, request->target_size, 0, &url) != 0)
        return -EINVAL;
    if (url.field_set & 1u << UF_PATH) {
        path = request->target + url.field_data[UF_PATH].off;
        size = url.field_data[UF_PATH].len;
    }
    return percent_decode(path, size, request->path);
}

static int on_headers_complete(http_parser *parser)
{
    struct request *request = parser->data;
    bool chunked = parser->flags & F_CHUNKED;
    bool counted = parser->flags & F_CONTENTLENGTH;

    if (request->in_value && end_header(request) != 0)
        return STOP;
    if (parser->http_major != 1)
        return refuse(request, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED);
    if (parser->method == HTTP_CONNECT)
        return refuse(request, HTTP_STATUS_NOT_IMPLEMENTED);
    if (request->hosts > 1 || (request->hosts == 0 && parser->http_minor >= 1))
        return refuse(request, HTTP_STATUS_BAD_REQUEST);
    if (find_path(request) < 0)
        return refuse(request, HTTP_STATUS_BAD_REQUEST);
    if (counted && parser->content_length > request->max_body)
        return refuse(request, HTTP_STATUS_PAYLOAD_TOO_LARGE);
    if (parser->http_minor == 0)
        request->expects_continue = false;
    request->has_length = chunked || counted;
    /* After a request to switch protocols the parser takes what follows for the
     * other one. We stay with ours, so the connection ends with the answer. */
    request->keep_alive = http_should_keep_alive(parser) && !parser->upgrade;
    if (parser->method == HTTP_PUT) {
        request->body = blob_create();
        if (!request->body)
            return refuse(request, HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    request->phase = REQUEST_BODY;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t size)
{
    struct request *request = parser->data;

    if (size > request->max_body - request->body_size)
        return refuse(request, HTTP_STATUS_PAYLOAD_TOO_LARGE);
    request->body_size += size;
    if (request->body && blob_append(request->body, at, size) < 0)
        return refuse(request, HTTP_STATUS_SERVICE_UNAVAILABLE);
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct request *request = parser->data;

    request->phase = REQUEST_COMPLETE;
    /* The next request of a pipeline waits its turn in the input buffer. */
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings callbacks = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void request_init(struct request *request, size_t max_body)
{
    /* The arrays at the end are written before they are read. */
    memset(request, 0, offsetof(struct request, field));
    request->range[0] = '\0';
    request->target[0] = '\0';
    request->max_body = max_body;
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
}

void request_finish(struct request *request)
{
    blob_unref(request->body);
    request->body = NULL;
}

/* What to answer when the parser gave up at the byte `at`. */
static int status_for(enum http_errno error, char at)
{
    switch (error) {
    case HPE_HEADER_OVERFLOW:
        return HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
    case HPE_INVALID_VERSION:
        return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    case HPE_INVALID_METHOD:
        /* A word that is no method we know, or no HTTP at all. */
        return isalpha((unsigned char)at) ? HTTP_STATUS_NOT_IMPLEMENTED : HTTP_STATUS_BAD_REQUEST;
    default:
        return HTTP_STATUS_BAD_REQUEST;
    }
}

size_t request_feed(struct request *request, const char *data, size_t size)
{
    size_t used = http_parser_execute(&request->parser, &callbacks, data, size);
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);

    if (request->phase < REQUEST_COMPLETE && error != HPE_OK)
        refuse(request, status_for(error, used < size ? data[used] : '\0'));
    return used < size ? used : size;
}
