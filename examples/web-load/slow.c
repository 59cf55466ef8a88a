/* slow.c - clients that send their request one byte at a time.
 *
 * This is how a few thousand connections bring a service with a thread, or a
 * place in a pool, for each of them to a halt ("slow loris"). The quicker ones
 * here get their answer; the others run into the server's limit on the time for
 * a request's head, which it tells them with 408. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

/* Waits for the time until the next byte is due, or for the answer if it comes
 * first. True: it has come, or the connection has ended. */
static bool answer_comes(int fd, int64_t delay)
{
    struct pollfd event = { .fd = fd, .events = POLLIN };
    weft_scope scope;
    int ready;

    weft_scope_enter(&scope, weft_now() + delay);
    ready = weft_poll(&event, 1);
    weft_scope_leave(&scope);
    return ready > 0;
}

static int dribble(struct slow_client *client)
{
    char request[1024];
    size_t size = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: slow\r\n\r\n",
                                   client->load->path);

    for (size_t i = 0; i < size; i++) {
        int error = weft_write_all(client->wire.fd, &request[i], 1, NULL);

        if (error < 0)
            return error;
        if (i + 1 < size && answer_comes(client->wire.fd, client->delay))
            break;
        /* Also when an enclosing deadline woke us, not the delay's. */
        if (weft_now() >= weft_deadline())
            return -ETIMEDOUT;
    }
    return 0;
}

static void judge(struct slow_client *client, const struct reply *reply, int error)
{
    if (error == -ETIMEDOUT)
        client->unfinished++;
    else if (error == -EPROTO)
        client->failures[FAILED_READ]++;
    else if (error < 0)
        client->closed++;
    else if (reply->status == 408)
        client->timed_out++;
    else if (reply->status == 503)
        client->turned_away++;
    else if (reply->status != client->load->reference_status)
        client->failures[FAILED_STATUS]++;
    else if (reply->seen != client->load->reference_size)
        client->failures[FAILED_CONTENT]++;
    else
        client->answered++;
}

static void attempt(struct slow_client *client)
{
    struct reply reply = { 0 };
    weft_scope scope;
    int error;

    client->attempts++;
    client->wire.fd = weft_dial(client->load->address);
    if (client->wire.fd < 0) {
        client->failures[FAILED_CONNECT]++;
        weft_sleep(WEFT_MS(50));
        return;
    }
    client->wire.used = 0;
    client->wire.size = 0;
    /* An attempt that has begun may last a little longer than the run. */
    weft_scope_enter(&scope, client->load->end + WEFT_S(1));
    error = dribble(client);
    if (error == 0)
        error = reply_read(&reply, &client->wire);
    weft_scope_leave(&scope);
    weft_close(client->wire.fd);
    judge(client, &reply, error);
}

int slow_client_main(void *arg)
{
    struct slow_client *client = arg;

    while (weft_now() < client->load->end)
        attempt(client);
    return 0;
}
