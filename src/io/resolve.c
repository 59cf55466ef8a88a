#include "io/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "io/fd.h"
#include "task/scope.h"

/* A look-up under way; its waiter may give up before it ends. */
struct query {
    struct weft__address_text parts;
    struct addrinfo hints;
    struct addrinfo *list;
    int rc;
    struct weft__waiter *waiter;
    uint64_t ticket;
    _Atomic(int) owners; /* the waiter and the thread; the last one frees */
};

static int to_errno(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case EAI_NONAME:
    case EAI_NODATA:
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SERVICE:
        return -EINVAL;
    case EAI_SYSTEM:
        return -errno;
    default:
        return -EIO;
    }
}

static int look_up(struct query *query)
{
    const char *host = query->parts.host;
    return to_errno(
        getaddrinfo(*host ? host : NULL, query->parts.port, &query->hints, &query->list));
}

static void drop(struct query *query)
{
    if (weft__add(&query->owners, -1, acq_rel) != 1)
        return;
    if (query->list)
        freeaddrinfo(query->list);
    free(query);
}

static void *run(void *arg)
{
    struct query *query = arg;
    query->rc = look_up(query);
    weft__wait_fire(query->waiter, query->ticket, WEFT__EVENT);
    drop(query);
    return NULL;
}

static int start(struct query *query)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int rc = pthread_create(&thread, &attr, run, query);
    pthread_attr_destroy(&attr);
    return -rc;
}

static int await(struct query *query, struct weft__waiter *waiter)
{
    query->waiter = waiter;
    query->ticket = weft__wait_begin(waiter, "resolve", 0);
    weft__store(&query->owners, 2, relaxed); /* the thread does not run yet */
    int rc = start(query);
    if (rc) {
        weft__wait_abandon(waiter, query->ticket);
        drop(query); /* the thread's share */
        return rc;
    }
    weft__outside(waiter, 1);
    enum weft__wait_state reason = weft__wait_park(waiter, weft__scope_deadline(waiter));
    weft__outside(waiter, -1);
    return reason == WEFT__EVENT ? query->rc : weft__scope_error(waiter, reason);
}

int weft__resolve(const struct weft__address_text *parts, bool passive, struct addrinfo **ret_list)
{
    struct weft__waiter *waiter = weft__waiter_self();
    struct query *query = waiter ? calloc(1, sizeof *query) : NULL;
    if (!query)
        return -ENOMEM;
    weft__store(&query->owners, 1, relaxed);
    query->parts = *parts;
    query->hints.ai_socktype = SOCK_STREAM;
    query->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
    int rc = weft__checkpoint(waiter);
    if (rc == 0)
        rc = look_up(query);
    if (rc == -ENOENT || rc == -EINVAL) { /* not numbers */
        query->hints.ai_flags = (passive ? AI_PASSIVE : 0) | (*parts->host ? AI_ADDRCONFIG : 0);
        rc = await(query, waiter);
    }
    if (rc == 0) {
        *ret_list = query->list;
        query->list = NULL;
    }
    drop(query);
    return rc;
}
