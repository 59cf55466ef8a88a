/* client.c - clients that keep their connection and ask as fast as they can.
 *
 * Each waits for its answer before it asks again ("closed loop"): the latencies
 * say how long an answer takes at the load that this makes, not more. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

#define VALUE_MAX 512

/* xorshift64. */
static unsigned draw(struct client *client, unsigned below)
{
    client->random ^= client->random << 13;
    client->random ^= client->random >> 7;
    client->random ^= client->random << 17;
    return (unsigned)(client->random >> 32) % below;
}

static void count(atomic_uint_fast64_t *counter)
{
    /* One writer: no need for a locked instruction. */
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static int fail(struct client *client, enum failure failure)
{
    client->failures[failure]++;
    count(&client->failed);
    return -1;
}

static int fail_reading(struct client *client, int error)
{
    if (error == -ETIMEDOUT)
        return fail(client, FAILED_TIMEOUT);
    return fail(client, error == -ENODATA ? FAILED_CLOSED : FAILED_READ);
}

/* The value of a version: its length varies, its content tells whose it is. */
static size_t make_value(const struct client *client, unsigned version, char *value)
{
    size_t size = 32 + (client->number * 31 + version * 7) % (VALUE_MAX - 32);
    int length = snprintf(value, VALUE_MAX, "client %u version %u ", client->number, version);

    memset(value + length, 'a' + (int)(version % 26), size - (size_t)length);
    return size;
}

static size_t add_get(char *to, size_t room, const char *path)
{
    return (size_t)snprintf(to, room, "GET %s HTTP/1.1\r\nHost: load\r\n\r\n", path);
}

static size_t add_get_key(const struct client *client, char *to, size_t room)
{
    char path[64];

    snprintf(path, sizeof path, "/kv/load-%u", client->number);
    return add_get(to, room, path);
}

static size_t add_put_key(struct client *client, char *to, size_t room)
{
    char value[VALUE_MAX];
    size_t size = make_value(client, ++client->version, value);
    size_t used = (size_t)snprintf(to, room,
                                   "PUT /kv/load-%u HTTP/1.1\r\nHost: load\r\n"
                                   "Content-Length: %zu\r\n\r\n",
                                   client->number, size);

    memcpy(to + used, value, size);
    return used + size;
}

/* Reads the answer to what was asked at `since`. */
static int expect(struct client *client, int64_t since, int status, const char *body, size_t size)
{
    struct reply reply = { .body = body, .body_size = size };
    int error = reply_read(&reply, &client->wire);

    if (error < 0)
        return fail_reading(client, error);
    histogram_add(&client->latencies, weft_now() - since);
    if (reply.status != status && !(status == 201 && reply.status == 204))
        return fail(client, FAILED_STATUS);
    if (!reply_is_right(&reply))
        return fail(client, FAILED_CONTENT);
    count(&client->answers);
    return reply.stays ? 0 : fail(client, FAILED_CLOSED);
}

/* A request, or a pipelined pair of them, and what comes back. */
static int ask(struct client *client)
{
    const struct load *load = client->load;
    unsigned choice = load->get_only ? 0 : client->version == 0 ? 99 : draw(client, 100);
    bool file = choice < 40;
    bool get = choice >= 40 && choice < 70;
    bool pair = choice >= 90; /* PUT, then GET, in one write */
    char request[VALUE_MAX + 1024];
    char value[VALUE_MAX];
    size_t size = 0;
    int64_t since;

    if (file)
        size += add_get(request, sizeof request, load->path);
    if (!file && !get)
        size += add_put_key(client, request, sizeof request);
    if (get || pair)
        size += add_get_key(client, request + size, sizeof request - size);

    since = weft_now();
    if (weft_write_all(client->wire.fd, request, size, NULL) < 0)
        return fail(client, FAILED_WRITE);
    if (file)
        return expect(client, since, load->reference_status, load->reference, load->reference_size);
    if (!get && expect(client, since, 201, NULL, 0) < 0)
        return -1;
    if (!get && !pair)
        return 0;
    size = make_value(client, client->version, value);
    return expect(client, since, 200, value, size);
}

/* Asks on one connection until the end, or until something fails. */
static void use_connection(struct client *client)
{
    int result = 0;

    client->wire.used = 0;
    client->wire.size = 0;
    client->version = 0; /* a failure leaves it open which value is stored */
    while (result == 0 && weft_now() < client->load->end) {
        weft_scope scope;

        weft_scope_enter(&scope, weft_now() + client->load->patience);
        result = ask(client);
        weft_scope_leave(&scope);
    }
}

int client_main(void *arg)
{
    struct client *client = arg;

    while (weft_now() < client->load->end) {
        client->wire.fd = weft_dial(client->load->address);
        if (client->wire.fd < 0) {
            fail(client, FAILED_CONNECT);
            weft_sleep(WEFT_MS(50));
            continue;
        }
        use_connection(client);
        weft_close(client->wire.fd);
    }
    return 0;
}

int load_fetch_reference(struct load *load)
{
    struct wire wire = { .fd = weft_dial(load->address) };
    struct reply reply = { .keep = load->reference, .body_size = REFERENCE_MAX };
    char request[1024];
    size_t size = add_get(request, sizeof request, load->path);
    int error = wire.fd < 0 ? wire.fd : 0;

    if (error == 0)
        error = weft_write_all(wire.fd, request, size, NULL);
    if (error == 0)
        error = reply_read(&reply, &wire);
    if (wire.fd >= 0)
        weft_close(wire.fd);
    if (error == 0 && reply.differs)
        error = -EFBIG;
    if (error < 0) {
        fprintf(stderr, "web-load: http://%s%s: %s\n", load->address, load->path, strerror(-error));
        return error;
    }
    load->reference_status = reply.status;
    load->reference_size = reply.seen;
    return 0;
}
