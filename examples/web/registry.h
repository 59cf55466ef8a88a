/* registry.h - the open connections, so that stopping finds them. */
#ifndef WEB_REGISTRY_H
#define WEB_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Lives on the stack of the connection's task. */
struct connection {
    struct connection *previous;
    struct connection *next;
    int fd;
    atomic_bool idle; /* it waits for a request to begin */
};

struct registry {
    pthread_mutex_t lock;
    struct connection *first;
};

void registry_init(struct registry *registry);
void registry_finish(struct registry *registry);

void registry_add(struct registry *registry, struct connection *connection);

/* Before the connection's descriptor is closed, and its number used again. */
void registry_remove(struct registry *registry, struct connection *connection);

/* Shuts connections down: the idle ones so that they see the end of their
 * input, or all of them altogether. */
void registry_end_idle(struct registry *registry);
void registry_break_all(struct registry *registry);

#endif
