/* respond.c - the head of a response, and whole small responses. */
#include "respond.h"

#include <http_parser.h>
#include <stdatomic.h>
#include <string.h>

#include "server.h"

/* The Date header's text; made anew once in a second for each exchange. */
static const char *date(struct exchange *exchange)
{
    time_t now = time(NULL);
    struct tm utc;

    if (now != exchange->date_second) {
        exchange->date_second = now;
        strftime(exchange->date, sizeof exchange->date, "%a, %d %b %Y %H:%M:%S GMT",
                 gmtime_r(&now, &utc));
    }
    return exchange->date;
}

void respond_begin(struct exchange *exchange, int status, const char *type, uint64_t length)
{
    struct output *output = &exchange->output;

    if (atomic_load(&exchange->server->stopping))
        exchange->keep_alive = false;
    counter_add(exchange->counters, COUNT_REQUESTS, 1);
    if (status >= 400)
        counter_add(exchange->counters, status < 500 ? COUNT_CLIENT_ERRORS : COUNT_SERVER_ERRORS,
                    1);

    output_text(output, "HTTP/1.1 ");
    output_number(output, (uint64_t)status);
    output_text(output, " ");
    output_text(output, http_status_str((enum http_status)status));
    output_text(output, "\r\nDate: ");
    output_text(output, date(exchange));
    if (!exchange->keep_alive)
        output_text(output, "\r\nConnection: close");
    else if (exchange->request.parser.http_minor == 0)
        output_text(output, "\r\nConnection: keep-alive");
    if (type) {
        output_text(output, "\r\nContent-Type: ");
        output_text(output, type);
    }
    if (status != HTTP_STATUS_NO_CONTENT) {
        output_text(output, "\r\nContent-Length: ");
        output_number(output, length);
    }
    output_text(output, "\r\n");
}

void respond_header(struct exchange *exchange, const char *name, const char *value)
{
    output_text(&exchange->output, name);
    output_text(&exchange->output, ": ");
    output_text(&exchange->output, value);
    output_text(&exchange->output, "\r\n");
}

bool respond_end_head(struct exchange *exchange)
{
    output_text(&exchange->output, "\r\n");
    return exchange->request.parser.method != HTTP_HEAD;
}

void respond_empty(struct exchange *exchange, int status)
{
    respond_begin(exchange, status, NULL, 0);
    respond_end_head(exchange);
}

void respond_bytes(struct exchange *exchange, int status, const char *type, const void *data,
                   size_t size)
{
    respond_begin(exchange, status, type, size);
    if (respond_end_head(exchange))
        output_write(&exchange->output, data, size);
}

/* An error with one more header, or without when `name` is NULL. */
static void respond_problem(struct exchange *exchange, int status, const char *name,
                            const char *value)
{
    const char *reason = http_status_str((enum http_status)status);

    /* "404 Not Found\n" */
    respond_begin(exchange, status, "text/plain; charset=utf-8", 3 + 1 + strlen(reason) + 1);
    if (name)
        respond_header(exchange, name, value);
    if (respond_end_head(exchange)) {
        output_number(&exchange->output, (uint64_t)status);
        output_text(&exchange->output, " ");
        output_text(&exchange->output, reason);
        output_text(&exchange->output, "\n");
    }
}

void respond_error(struct exchange *exchange, int status)
{
    respond_problem(exchange, status, NULL, NULL);
}

void respond_not_allowed(struct exchange *exchange, const char *allowed)
{
    respond_problem(exchange, HTTP_STATUS_METHOD_NOT_ALLOWED, "Allow", allowed);
}
