#include "io/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "io/fd.h"
#include "task/scope.h"

/* A look-up under way; its waiter may give up before it ends, and be gone with
 * the runtime: whoever moves `state` away from ASKED decides, and a thread that
 * has decided to wake is waited for. A waiter whose wait has ended otherwise has
 * PAUSED, until it has another ticket (CANCEL-3) or for ever. */
enum { ASKED, PAUSED, ANSWERED, WAKING, WOKEN };

struct query {
    struct weft__address_text parts;
    struct addrinfo hints;
    struct addrinfo *list;
    int rc;
    struct weft__waiter *waiter;
    uint64_t ticket;
    _Atomic(int) state;
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
    int state = ASKED;
    /* acq_rel: the waiter sees the answer, and we its ticket */
    while (!weft__cas(&query->state, &state, state == ASKED ? WAKING : ANSWERED, acq_rel, acquire))
        ;
    if (state == ASKED) {
        weft__wait_fire(query->waiter, query->ticket, WEFT__EVENT);
        weft__store(&query->state, WOKEN, release); /* pairs with the acquire in leave() */
    }
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

/* Makes the thread leave the waiter alone. False: it has woken it, and is done with
 * that. */
static bool pause_query(struct query *query)
{
    int asked = ASKED;
    if (weft__cas(&query->state, &asked, PAUSED, acq_rel, acquire))
        return true;
    while (weft__load(&query->state, acquire) != WOKEN)
        sched_yield();
    return false;
}

/* Waits once: 0 when the answer is there; -EAGAIN. */
static int park(struct query *query, struct weft__waiter *waiter)
{
    weft__outside(1);
    struct weft__ended ended = weft__scope_park(waiter, INT64_MAX);
    weft__outside(-1);
    if (!pause_query(query))
        return 0;
    int rc = weft__scope_error(waiter, ended);
    return rc ? rc : -EAGAIN;
}

/* With a new ticket. False: the answer has come meanwhile. */
static bool ask_again(struct query *query, struct weft__waiter *waiter)
{
    int paused = PAUSED;
    query->ticket = weft__wait_begin(waiter, "resolve", 0);
    if (weft__cas(&query->state, &paused, ASKED, acq_rel, acquire))
        return true;
    weft__wait_drop(waiter, query->ticket);
    return false;
}

static int await(struct query *query, struct weft__waiter *waiter)
{
    query->waiter = waiter;
    query->ticket = weft__wait_begin(waiter, "resolve", 0);
    weft__store(&query->owners, 2, relaxed); /* the thread does not run yet */
    int rc = start(query);
    if (rc) {
        weft__wait_drop(waiter, query->ticket);
        drop(query); /* the thread's share */
        return rc;
    }
    do {
        rc = park(query, waiter);
    } while (rc == -EAGAIN && ask_again(query, waiter));
    return rc && rc != -EAGAIN ? rc : query->rc;
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
