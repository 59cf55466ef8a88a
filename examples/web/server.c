/* server.c - the service as a whole: starting, accepting, stopping. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "sys.h"

/* So many above the limit get an answer; the rest of a flood is dropped. */
#define REFUSALS_MAX 256

static int complain(const char *what, const char *which, int error)
{
    fprintf(stderr, "web: %s '%s': %s\n", what, which, strerror(-error));
    return error;
}

int server_init(struct server *server, const struct settings *settings, int stop_fd)
{
    memset(server, 0, sizeof *server);
    server->settings = *settings;
    server->root_fd = -1;
    server->listen_fd = -1;
    server->stop_fd = stop_fd;
    exchange_cache_init(&server->exchanges);
    registry_init(&server->registry);
    request_limit_head(settings->max_head);
    server->drained_fd = sys_eventfd();
    if (server->drained_fd < 0)
        return complain("cannot create", "eventfd", server->drained_fd);
    server->store = store_create(settings->max_store);
    if (!server->store)
        return complain("cannot create", "store", -ENOMEM);
    if (settings->root) {
        server->root_fd = sys_open_folder(settings->root);
        if (server->root_fd < 0)
            return complain("cannot open folder", settings->root, server->root_fd);
    }
    return 0;
}

void server_finish(struct server *server)
{
    if (server->root_fd >= 0)
        sys_close(server->root_fd);
    if (server->drained_fd >= 0)
        sys_close(server->drained_fd);
    store_destroy(server->store);
    registry_finish(&server->registry);
    exchange_cache_finish(&server->exchanges);
}

void server_connection_ended(struct server *server)
{
    uint64_t one = 1;

    if (atomic_fetch_sub(&server->connections, 1) == 1 && atomic_load(&server->stopping))
        weft_write(server->drained_fd, &one, sizeof one);
}

static void serve(struct server *server, int fd)
{
    unsigned open = atomic_fetch_add(&server->connections, 1) + 1;
    unsigned limit = server->settings.max_connections;
    bool refuse = open > limit;
    struct counter_shard *counters = &server->counters.shards[fd & (COUNTER_SHARDS - 1)];

    counter_add(counters, refuse ? COUNT_REFUSED : COUNT_CONNECTIONS, 1);
    if (open > limit + REFUSALS_MAX || connection_spawn(server, fd, refuse) < 0) {
        weft_close(fd);
        server_connection_ended(server);
    }
}

/* Ends when server_stop() shuts the listening socket down. */
static int accept_connections(void *arg)
{
    struct server *server = arg;
    uint64_t one = 1;
    int fd;

    while ((fd = weft_accept(server->listen_fd, NULL, NULL)) >= 0)
        serve(server, fd);
    if (atomic_load(&server->stopping))
        return 0;
    weft_write(server->stop_fd, &one, sizeof one);
    return complain("cannot accept on", server->settings.address, fd);
}

int server_start(struct server *server, char *ret_address, size_t size)
{
    static const weft_attr attr = { .name = "acceptor" };
    const char *address = server->settings.address;
    int error;

    server->listen_fd = weft_listen(address, 0, 0);
    if (server->listen_fd < 0)
        return complain("cannot listen on", address, server->listen_fd);
    error = weft_local_address(server->listen_fd, ret_address, size);
    if (error < 0)
        return complain("cannot tell the address of", address, error);
    /* Accepted connections inherit it. A unix socket has no such thing. */
    error = sys_set_nodelay(server->listen_fd);
    if (error < 0 && error != -EOPNOTSUPP)
        return complain("cannot set TCP_NODELAY on", address, error);
    server->started = weft_now();
    server->resident_at_start = sys_resident_bytes();
    error = weft_spawn_with(&attr, accept_connections, server, &server->acceptor);
    return error < 0 ? complain("cannot spawn a task for", address, error) : 0;
}

/* Waits until no connection is left, `deadline` passes or, if `may_hurry`, the
 * service is told to stop once more. */
static void wait_drained(struct server *server, int64_t deadline, bool may_hurry)
{
    struct pollfd events[2] = {
        { .fd = server->drained_fd, .events = POLLIN },
        { .fd = server->stop_fd, .events = POLLIN },
    };
    weft_scope scope;
    uint64_t count;

    weft_scope_enter(&scope, deadline);
    while (atomic_load(&server->connections) > 0) {
        if (weft_poll(events, may_hurry ? 2 : 1) < 0 || events[1].revents)
            break;
        /* Possibly from a moment when the acceptor still let some in. */
        weft_read(server->drained_fd, &count, sizeof count);
    }
    weft_scope_leave(&scope);
}

int server_stop(struct server *server)
{
    unsigned left;
    int result = 0;

    atomic_store(&server->stopping, true);
    if (server->acceptor) {
        weft_shutdown(server->listen_fd, SHUT_RD);
        weft_join(server->acceptor, &result);
    }
    if (server->listen_fd >= 0)
        weft_close(server->listen_fd);
    registry_end_idle(&server->registry);
    wait_drained(server, weft_now() + server->settings.grace, true);

    left = atomic_load(&server->connections);
    if (left > 0) {
        fprintf(stderr, "web: breaking off %u connections\n", left);
        registry_break_all(&server->registry);
        wait_drained(server, WEFT_NEVER, false);
    }
    return result;
}
