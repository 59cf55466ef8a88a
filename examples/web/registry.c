/* registry.c - the open connections, so that stopping finds them. */
#include "registry.h"

#include <sys/socket.h>
#include <weft.h>

void registry_init(struct registry *registry)
{
    pthread_mutex_init(&registry->lock, NULL);
    registry->first = NULL;
}

void registry_finish(struct registry *registry)
{
    pthread_mutex_destroy(&registry->lock);
}

void registry_add(struct registry *registry, struct connection *connection)
{
    /* A plain mutex: nothing suspends while it is held. */
    pthread_mutex_lock(&registry->lock);
    connection->previous = NULL;
    connection->next = registry->first;
    if (connection->next)
        connection->next->previous = connection;
    registry->first = connection;
    pthread_mutex_unlock(&registry->lock);
}

void registry_remove(struct registry *registry, struct connection *connection)
{
    pthread_mutex_lock(&registry->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        registry->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&registry->lock);
}

/* weft_shutdown() never suspends, so it may be called under the lock; and the
 * lock keeps the descriptors open meanwhile. */

void registry_end_idle(struct registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    for (struct connection *each = registry->first; each; each = each->next) {
        if (atomic_load(&each->idle))
            weft_shutdown(each->fd, SHUT_RD);
    }
    pthread_mutex_unlock(&registry->lock);
}

void registry_break_all(struct registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    for (struct connection *each = registry->first; each; each = each->next)
        weft_shutdown(each->fd, SHUT_RDWR);
    pthread_mutex_unlock(&registry->lock);
}
