#include "hook/turn.h"

#include "hook/park.h"
#include "io/fd.h"
#include "os/lock.h"
#include "task/scope.h"

#define BUCKETS 64

static struct bucket {
    struct weft__lock lock;
    struct weft__list turns; /* zeroes: not initialised */
} buckets[BUCKETS];

static struct bucket *lock_bucket(int fd)
{
    struct bucket *bucket = &buckets[(unsigned)fd % BUCKETS];
    weft__lock_acquire(&bucket->lock);
    if (!bucket->turns.next)
        weft__list_init(&bucket->turns);
    return bucket;
}

/* TURN-1. */
static struct weft__turn *first_of(struct bucket *bucket, int fd)
{
    struct weft__list *link;
    for (link = bucket->turns.next; link != &bucket->turns; link = link->next) {
        struct weft__turn *turn = weft__container_of(link, struct weft__turn, link);
        if (turn->fd == fd)
            return turn;
    }
    return NULL;
}

void weft__turn_leave(struct weft__turn *turn)
{
    struct weft__waiter *waiter = NULL;
    uint64_t ticket = 0;
    struct bucket *bucket = lock_bucket(turn->fd);
    bool first = first_of(bucket, turn->fd) == turn;
    weft__list_remove(&turn->link);
    struct weft__turn *next = first ? first_of(bucket, turn->fd) : NULL;
    if (next) {
        waiter = next->waiter;
        ticket = next->ticket;
    }
    weft__lock_release(&bucket->lock);
    /* Outside: the list's lock is not to be held with a seat. WAIT-3, if it has gone. */
    if (waiter)
        weft__wait_fire(waiter, ticket, WEFT__EVENT); /* TURN-2 */
}

static int park(struct weft__turn *turn, int64_t deadline)
{
    struct weft__hook_wait wait;
    weft_scope scope;
    weft__hook_begin(&wait);
    weft_scope_enter(&scope, deadline);
    weft__outside(1);
    enum weft__wait_state reason =
        weft__wait_park(turn->waiter, weft__scope_deadline(turn->waiter));
    weft__outside(-1);
    int rc = reason == WEFT__EVENT ? 0 : weft__scope_error(turn->waiter, reason);
    if (weft_scope_leave(&scope) && rc == -ETIMEDOUT)
        rc = -EAGAIN;
    weft__hook_end(&wait);
    if (rc)
        weft__turn_leave(turn);
    return rc;
}

int weft__turn_take(struct weft__turn *turn, int fd, int64_t deadline, const char *what)
{
    turn->fd = fd;
    turn->waiter = weft__waiter_self();
    turn->ticket = weft__wait_begin(turn->waiter, what, (uint64_t)fd);
    struct bucket *bucket = lock_bucket(fd);
    bool first = !first_of(bucket, fd);
    weft__list_append(&bucket->turns, &turn->link);
    weft__lock_release(&bucket->lock);
    if (!first)
        return park(turn, deadline);
    weft__wait_drop(turn->waiter, turn->ticket); /* only a signal can have fired it: SIG-3 */
    return 0;
}
