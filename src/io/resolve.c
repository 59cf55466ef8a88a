/* Looking names up, in the pool's kind for that.
 *
 * RESOLVE-1  Look-ups of the same with the same hints that are under way at the same time are
 *            one: it is in the list until it has its answer, so an answer is for those who
 *            came before it, and is not kept.
 * RESOLVE-2  It belongs to who waits for it and to its job, counted under the lock; the last
 *            one frees it. Who gives up leaves it to the others; who was the last to wait
 *            takes it back, under the lock, so that nobody joins what will never run. If it
 *            runs already it goes on by itself, and others may join it. */
#include "io/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "exec/jobs.h"
#include "os/error.h"
#include "sync/event.h"
#include "task/scope.h"
#include "weft/net.h"

struct look_up {
    struct weft__job job;
    struct weft__list link;
    unsigned owners; /* RESOLVE-2 */
    weft_event done;
    struct addrinfo hints;
    struct addrinfo *list; /* the answer: libc's */
    int rc;
    const char *host, *service; /* NULL: none */
    char room[];
};

static struct {
    struct weft__latch lock;
    struct weft__list under_way;
} all = { .under_way = WEFT__LIST_INIT(all.under_way) };

static int to_errno(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SERVICE:
    case EAI_BADFLAGS:
    case EAI_FAMILY:
    case EAI_SOCKTYPE:
        return -EINVAL;
    case EAI_SYSTEM:
        return weft__error() ? -weft__error() : -EIO;
    default:
        return -EIO;
    }
}

/* Of libc's list, which is freed. */
static int copy_and_free(struct addrinfo *list, struct addrinfo **ret_list)
{
    *ret_list = weft__addresses_copy(list);
    freeaddrinfo(list);
    return *ret_list ? 0 : -ENOMEM;
}

/* At once, if they are numbers; -ENOENT or -EINVAL: else. */
static int take_numbers(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **ret_list)
{
    struct addrinfo numeric = *hints, *list;
    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    numeric.ai_flags &= ~AI_ADDRCONFIG; /* a number is what it is */
    int rc = to_errno(getaddrinfo(host, service, &numeric, &list));
    return rc ? rc : copy_and_free(list, ret_list);
}

/* Under the lock. */
static bool give_up_share(struct look_up *look_up)
{
    return --look_up->owners == 0;
}

static void drop(struct look_up *look_up, bool last)
{
    if (!last)
        return;
    if (look_up->list)
        freeaddrinfo(look_up->list);
    free(look_up);
}

static void run(struct weft__job *job, int error)
{
    struct look_up *look_up = weft__container_of(job, struct look_up, job);
    look_up->rc = error ? error
                        : to_errno(getaddrinfo(look_up->host, look_up->service, &look_up->hints,
                                               &look_up->list));
    weft__job_ended(job);
    weft__latch_acquire(&all.lock);
    weft__list_remove(&look_up->link); /* RESOLVE-1 */
    weft__latch_release(&all.lock);
    weft_event_set(&look_up->done);
    weft__latch_acquire(&all.lock);
    bool last = give_up_share(look_up);
    weft__latch_release(&all.lock);
    drop(look_up, last);
}

/* Who waited has his answer, or gives up: RESOLVE-2. */
static void leave(struct look_up *look_up)
{
    weft__latch_acquire(&all.lock);
    bool last = give_up_share(look_up);
    if (look_up->owners == 1 && weft__job_take_back(&look_up->job)) {
        weft__list_remove(&look_up->link);
        last = give_up_share(look_up);
    }
    weft__latch_release(&all.lock);
    drop(look_up, last);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const struct look_up *a, const struct look_up *b)
{
    return same_text(a->host, b->host) && same_text(a->service, b->service) &&
           a->hints.ai_flags == b->hints.ai_flags && a->hints.ai_family == b->hints.ai_family &&
           a->hints.ai_socktype == b->hints.ai_socktype &&
           a->hints.ai_protocol == b->hints.ai_protocol;
}

static char *copy_text(char **room, const char *text)
{
    char *copy = *room;
    if (!text)
        return NULL;
    *room += strlen(text) + 1;
    return strcpy(copy, text);
}

static struct look_up *create(const char *host, const char *service, const struct addrinfo *hints)
{
    size_t size = (host ? strlen(host) + 1 : 0) + (service ? strlen(service) + 1 : 0);
    struct look_up *look_up = calloc(1, sizeof *look_up + size);
    if (!look_up)
        return NULL;
    char *room = look_up->room;
    look_up->host = copy_text(&room, host);
    look_up->service = copy_text(&room, service);
    look_up->hints.ai_flags = hints->ai_flags;
    look_up->hints.ai_family = hints->ai_family;
    look_up->hints.ai_socktype = hints->ai_socktype;
    look_up->hints.ai_protocol = hints->ai_protocol;
    look_up->job = (struct weft__job){ .run = run, .kind = &weft__dns_kind };
    weft_event_init(&look_up->done);
    look_up->owners = 2;
    return look_up;
}

/* Under the lock; NULL: there is none. */
static struct look_up *find(const struct look_up *wanted)
{
    for (struct weft__list *at = all.under_way.next; at != &all.under_way; at = at->next) {
        struct look_up *found = weft__container_of(at, struct look_up, link);
        if (same(found, wanted))
            return found;
    }
    return NULL;
}

/* Joins one that is under way, or begins this one. */
static struct look_up *begin(struct look_up *own)
{
    weft__latch_acquire(&all.lock);
    struct look_up *found = find(own);
    if (found)
        found->owners++;
    else
        weft__list_append(&all.under_way, &own->link);
    weft__latch_release(&all.lock);
    if (found)
        free(own);
    else
        weft__job_submit(&own->job);
    return found ? found : own;
}

static int ask(struct weft__waiter *waiter, const char *host, const char *service,
               const struct addrinfo *hints, struct addrinfo **ret_list)
{
    struct look_up *look_up = create(host, service, hints);
    if (!look_up)
        return -ENOMEM;
    look_up = begin(look_up);
    int rc = weft__event_wait(weft__event_of(&look_up->done), waiter, "resolve", 0);
    if (rc == 0)
        rc = look_up->rc;
    if (rc == 0) {
        *ret_list = weft__addresses_copy(look_up->list);
        rc = *ret_list ? 0 : -ENOMEM;
    }
    leave(look_up);
    return rc;
}

int weft_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                     struct addrinfo **ret_list)
{
    static const struct addrinfo none = { .ai_flags = AI_V4MAPPED | AI_ADDRCONFIG };
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    hints = hints ? hints : &none; /* what libc takes then */
    if (rc == 0)
        rc = take_numbers(host, service, hints, ret_list);
    if (rc == -ENOENT || rc == -EINVAL)
        rc = ask(waiter, host, service, hints, ret_list);
    return rc;
}

int weft__resolve(const struct weft__address_text *parts, bool passive, struct addrinfo **ret_list)
{
    const char *host = *parts->host ? parts->host : NULL;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    hints.ai_flags = (passive ? AI_PASSIVE : 0) | (host ? AI_ADDRCONFIG : 0);
    return weft_getaddrinfo(host, parts->port, &hints, ret_list);
}

/* A forked child has no threads that look anything up. */
static void forget(void)
{
    all.lock = (struct weft__latch){ 0 };
    weft__list_init(&all.under_way);
}

__attribute__((constructor)) static void set_up(void)
{
    pthread_atfork(NULL, NULL, forget);
}
