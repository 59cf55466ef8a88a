/* connection.c - one task per connection: read, answer, read, ... in plain order. */
#include "connection.h"

#include <errno.h>
#include <string.h>
#include <weft.h>

#include "exchange.h"
#include "registry.h"
#include "respond.h"
#include "route.h"
#include "server.h"

/* What is read while idle. Most requests fit; the rest follows into the
 * exchange's buffer. Small, as it stands on the stack of every idle task. */
#define FIRST_SIZE 512

/* How long a client may take to notice that we said our last word. */
#define LINGER_PATIENCE WEFT_S(1)
#define LINGER_BYTES (4u << 20)

/* The client is gone; nobody is left to answer. */
#define GONE (-1)

/* Reads more into the exchange. Returns as weft_recv(). */
static ssize_t read_more(struct exchange *exchange)
{
    ssize_t count;
    int error;

    /* Whoever sends half a request may wait for earlier ones' answers. */
    error = output_flush(&exchange->output);
    if (error < 0)
        return error;
    count = weft_recv(exchange->fd, exchange->input, INPUT_SIZE, 0);
    exchange->input_used = 0;
    exchange->input_size = count > 0 ? (size_t)count : 0;
    return count;
}

/* Goes on until the request is in `phase` or a later one, for `patience` at
 * most. Returns 0; a status to refuse it with; or GONE. */
static int read_until(struct exchange *exchange, enum request_phase phase, int64_t patience,
                      enum counter timeouts)
{
    struct request *request = &exchange->request;
    ssize_t count = 0;
    weft_scope scope;

    weft_scope_enter(&scope, weft_now() + patience);
    while (request->phase < phase) {
        if (exchange->input_used == exchange->input_size) {
            if (request->phase == REQUEST_NOTHING)
                break;
            count = read_more(exchange);
            if (count < 0)
                break;
        }
        exchange->input_used += request_feed(request, exchange->input + exchange->input_used,
                                             exchange->input_size - exchange->input_used);
    }
    weft_scope_leave(&scope);

    if (count == -ETIMEDOUT && exchange->output.error == 0) {
        counter_add(exchange->counters, timeouts, 1);
        return HTTP_STATUS_REQUEST_TIMEOUT;
    }
    if (count < 0)
        return GONE;
    return request->phase == REQUEST_BAD ? request->status : 0;
}

/* Reads one request, whose first bytes are there. Returns as read_until(). */
static int read_request(struct exchange *exchange)
{
    const struct settings *settings = &exchange->server->settings;
    struct request *request = &exchange->request;
    int status = read_until(exchange, REQUEST_BODY, settings->head_patience, COUNT_HEAD_TIMEOUTS);

    if (status != 0 || request->phase != REQUEST_BODY)
        return status;
    if (request->expects_continue && request->body_size == 0)
        output_text(&exchange->output, "HTTP/1.1 100 Continue\r\n\r\n");
    return read_until(exchange, REQUEST_COMPLETE, settings->body_patience, COUNT_BODY_TIMEOUTS);
}

/* Answers the request that has begun in the input, and all that follow it
 * there. Returns true when the connection may wait for more. */
static bool answer_input(struct exchange *exchange)
{
    int status;

    do {
        request_init(&exchange->request, exchange->server->settings.max_body);
        status = read_request(exchange);
        exchange->keep_alive = status == 0 && exchange->request.keep_alive;
        if (status > 0)
            respond_error(exchange, status);
        else if (exchange->request.phase == REQUEST_COMPLETE)
            route(exchange);
        else
            exchange->keep_alive = status != GONE; /* blank lines only */
        request_finish(&exchange->request);
    } while (exchange->keep_alive && exchange->output.error == 0 &&
             exchange->input_used < exchange->input_size);
    if (status != GONE && output_flush(&exchange->output) == -ETIMEDOUT)
        counter_add(exchange->counters, COUNT_WRITE_TIMEOUTS, 1);
    return exchange->keep_alive && exchange->output.error == 0;
}

/* Working memory for what begins with the `size` bytes at `first`, or NULL. */
static struct exchange *begin_exchange(struct server *server, int fd, const char *first,
                                       size_t size)
{
    struct exchange *exchange = exchange_take(&server->exchanges);

    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->counters = &server->counters.shards[fd & (COUNTER_SHARDS - 1)];
    exchange->fd = fd;
    exchange->keep_alive = false;
    memcpy(exchange->input, first, size);
    exchange->input_used = 0;
    exchange->input_size = size;
    output_init(&exchange->output, fd, server->settings.write_patience);
    return exchange;
}

static void end_exchange(struct exchange *exchange)
{
    counter_add(exchange->counters, COUNT_BYTES_SENT, exchange->output.sent);
    exchange_give(&exchange->server->exchanges, exchange);
}

/* Waits for a request to begin. Returns as weft_recv(); 0 when stopping. */
static ssize_t wait_for_request(struct server *server, struct connection *connection, char *first)
{
    weft_scope scope;
    ssize_t count = 0;

    /* Both are sequentially consistent: either we see that the service stops, or
     * who stops it sees that we are idle and ends our input. */
    atomic_store(&connection->idle, true);
    if (!atomic_load(&server->stopping)) {
        weft_scope_enter(&scope, weft_now() + server->settings.idle_patience);
        count = weft_recv(connection->fd, first, FIRST_SIZE, 0);
        if (weft_scope_leave(&scope))
            counter_add(&server->counters.shards[0], COUNT_IDLE_TIMEOUTS, 1);
    }
    atomic_store(&connection->idle, false);
    return count;
}

/* Lets the client read our last answer: closing a socket that holds unread bytes
 * would reset the connection, and the answer might be lost with it. */
static void linger(int fd, char *buffer)
{
    weft_scope scope;
    size_t total = 0;
    ssize_t count;

    if (weft_shutdown(fd, SHUT_WR) < 0)
        return;
    weft_scope_enter(&scope, weft_now() + LINGER_PATIENCE);
    do {
        count = weft_recv(fd, buffer, FIRST_SIZE, 0);
        total += count > 0 ? (size_t)count : 0;
    } while (count > 0 && total < LINGER_BYTES);
    weft_scope_leave(&scope);
}

static void refuse_connection(struct server *server, int fd)
{
    struct exchange *exchange = begin_exchange(server, fd, "", 0);

    if (!exchange)
        return;
    request_init(&exchange->request, 0);
    respond_error(exchange, HTTP_STATUS_SERVICE_UNAVAILABLE);
    output_flush(&exchange->output);
    end_exchange(exchange);
}

WEFT_TASK(connection_main, struct server *, server, int, fd, bool, refuse)
{
    struct connection connection = { .fd = fd };
    bool open = true;
    char first[FIRST_SIZE];

    registry_add(&server->registry, &connection);
    if (refuse) {
        refuse_connection(server, fd);
        open = false;
    }
    while (open) {
        ssize_t count = wait_for_request(server, &connection, first);
        struct exchange *exchange;

        if (count <= 0)
            break;
        exchange = begin_exchange(server, fd, first, (size_t)count);
        if (!exchange)
            break;
        open = answer_input(exchange);
        end_exchange(exchange);
    }
    if (!open)
        linger(fd, first);
    registry_remove(&server->registry, &connection);
    weft_close(fd);
    server_connection_ended(server);
    return 0;
}

int connection_spawn(struct server *server, int fd, bool refuse)
{
    static const weft_attr attr = { .name = "connection" };

    return weft_spawn_args_with(&attr, NULL, connection_main, server, fd, refuse);
}
