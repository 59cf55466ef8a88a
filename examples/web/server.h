/* server.h - the service as a whole: starting, accepting, stopping. */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <weft.h>

#include "counters.h"
#include "exchange.h"
#include "registry.h"
#include "settings.h"
#include "store.h"

struct server {
    struct settings settings;
    int root_fd;    /* the served folder, or -1 */
    int listen_fd;  /* -1: not listening */
    int stop_fd;    /* an eventfd, not ours: the service is to stop */
    int drained_fd; /* an eventfd: the last connection has ended while stopping */
    weft_task *acceptor;
    struct store *store;
    int64_t started;            /* weft_now() */
    uint64_t resident_at_start; /* bytes */
    atomic_bool stopping;
    atomic_uint connections; /* open, the refused ones included */
    struct exchange_cache exchanges;
    struct registry registry;
    struct counters counters;
};

/* Allocates and opens what `settings` asks for. `stop_fd` is written to when the
 * service cannot go on, and cuts the grace period of server_stop() short. Returns 0, or an error
 * after a message. server_finish() must follow in either case. */
int server_init(struct server *server, const struct settings *settings, int stop_fd);
void server_finish(struct server *server);

/* Listens and accepts. `ret_address` receives the address. Tasks only, suspends.
 * Returns 0, or an error after a message. */
int server_start(struct server *server, char *ret_address, size_t size);

/* Stops accepting, ends idle connections, lets the others finish their request
 * within the grace period; then breaks them off. Tasks only, suspends. Returns 0,
 * or the error that ended accepting before. */
int server_stop(struct server *server);

/* A connection's task is about to end. */
void server_connection_ended(struct server *server);

#endif
