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

/* 0: it has come; 1: woken for nothing (CANCEL-3); or -errno. */
static int park(struct weft__turn *turn, int64_t deadline)
{
    weft_scope scope;
    weft_scope_enter(&scope, deadline);
    weft__outside(1);
    struct weft__ended ended = weft__scope_park(turn->waiter, WEFT_NEVER);
    weft__outside(-1);
    int rc = 0;
    if (ended.reason != WEFT__EVENT) {
        rc = weft__scope_error(turn->waiter, ended);
        rc = rc ? rc : 1;
    }
    if (weft_scope_leave(&scope) && rc == -ETIMEDOUT)
        rc = -EAGAIN;
    return rc;
}

/* Queues up, the first time, and is ready to wait. True: it has the turn. */
static bool begin(struct weft__turn *turn, bool queued, const char *what)
{
    uint64_t ticket = weft__wait_begin(turn->waiter, what, (uint64_t)turn->fd);
    struct bucket *bucket = lock_bucket(turn->fd);
    turn->ticket = ticket;
    if (!queued)
        weft__list_append(&bucket->turns, &turn->link);
    bool first = first_of(bucket, turn->fd) == turn;
    weft__lock_release(&bucket->lock);
    return first;
}

int weft__turn_take(struct weft__turn *turn, int fd, int64_t deadline, const char *what)
{
    struct weft__hook_wait wait;
    int rc = 1;
    weft__hook_begin(&wait); /* to begin a wait may suspend: STAY-2 */
    turn->fd = fd;
    turn->waiter = weft__waiter_self();
    for (bool queued = false; rc == 1; queued = true) {
        if (begin(turn, queued, what)) {
            weft__wait_drop(turn->waiter, turn->ticket);
            rc = 0;
        } else {
            rc = park(turn, deadline);
        }
    }
    if (rc)
        weft__turn_leave(turn);
    weft__hook_end(&wait);
    return rc;
}
