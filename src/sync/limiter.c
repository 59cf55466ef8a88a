/* Limiters. All under one lock.
 *
 * Who has a token stands in a table, an open one whose size is a power of two. Room is
 * made before it is needed, while a failure can still be told: there is always a free
 * place for each waiter (LIMIT-1), since whoever gives a token to one cannot fail. It is
 * made outside of the lock, since an allocator that somebody has preloaded may suspend: who
 * has found none tries again. */
#include <errno.h>
#include <stdlib.h>

#include "sync/mutex.h"
#include "task/scope.h"
#include "weft/limiter.h"

#define PLACES_AT_FIRST 16 /* a power of two */

struct weft_limiter {
    struct weft__latch lock;
    uint32_t capacity, borrowed;
    size_t places;
    uint64_t *table; /* 0: a free place */
    struct weft__wait_list waiters;
};

struct node {
    struct weft__wait_node wait;
    uint64_t borrower;
    int result; /* of the try; then the lender's message: 0 or -EALREADY */
};

int weft_limiter_create(unsigned capacity, weft_limiter **ret_limiter)
{
    weft_limiter *limiter = calloc(1, sizeof *limiter);
    uint64_t *table = calloc(PLACES_AT_FIRST, sizeof *table);
    if (!limiter || !table) {
        free(limiter);
        free(table);
        return -ENOMEM;
    }
    limiter->capacity = capacity;
    limiter->places = PLACES_AT_FIRST;
    limiter->table = table;
    *ret_limiter = limiter;
    return 0;
}

void weft_limiter_destroy(weft_limiter *limiter)
{
    if (!limiter)
        return;
    free(limiter->table);
    free(limiter);
}

/* A task's number is none of an address: numbers are odd here. */
static uint64_t name_of(const void *borrower)
{
    return borrower ? (uint64_t)(uintptr_t)borrower << 1 : weft__mutex_self() << 1 | 1;
}

/* Where the borrower stands, or the free place where it would. */
static size_t place_of(const uint64_t *table, size_t places, uint64_t borrower)
{
    size_t at = (size_t)(borrower * 0x9e3779b97f4a7c15u >> 32) & (places - 1);
    while (table[at] && table[at] != borrower)
        at = (at + 1) & (places - 1);
    return at;
}

static bool has_token(const weft_limiter *limiter, uint64_t borrower)
{
    return limiter->table[place_of(limiter->table, limiter->places, borrower)] == borrower;
}

/* LIMIT-1, for one waiter more; half of the places stay free. */
static bool has_room(const weft_limiter *limiter)
{
    size_t waiters = weft__load(&limiter->waiters.count, relaxed);
    return 2 * (limiter->borrowed + waiters + 1) <= limiter->places;
}

/* Under the lock: into `*table`, which is the old one after. */
static void move_to(weft_limiter *limiter, uint64_t **table, size_t places)
{
    uint64_t *before = limiter->table;
    for (size_t i = 0; i < limiter->places; i++) {
        if (before[i])
            (*table)[place_of(*table, places, before[i])] = before[i];
    }
    limiter->table = *table;
    limiter->places = places;
    *table = before;
}

static size_t places_of(weft_limiter *limiter)
{
    weft__latch_acquire(&limiter->lock);
    size_t places = limiter->places;
    weft__latch_release(&limiter->lock);
    return places;
}

/* Without the lock: -EAGAIN (there may be room now) or -ENOMEM. */
static int make_room(weft_limiter *limiter)
{
    size_t places = 2 * places_of(limiter);
    uint64_t *table = calloc(places, sizeof *table);
    if (!table)
        return -ENOMEM;
    weft__latch_acquire(&limiter->lock);
    if (2 * limiter->places == places)
        move_to(limiter, &table, places);
    weft__latch_release(&limiter->lock);
    free(table);
    return -EAGAIN;
}

static void lend(weft_limiter *limiter, uint64_t borrower)
{
    limiter->table[place_of(limiter->table, limiter->places, borrower)] = borrower;
    limiter->borrowed++;
}

/* Frees a place; who stands behind it, and would not be found any more, moves up. */
static void take_back(weft_limiter *limiter, size_t at)
{
    size_t mask = limiter->places - 1;
    limiter->table[at] = 0;
    limiter->borrowed--;
    for (size_t next = (at + 1) & mask; limiter->table[next]; next = (next + 1) & mask) {
        uint64_t borrower = limiter->table[next];
        limiter->table[next] = 0;
        limiter->table[place_of(limiter->table, limiter->places, borrower)] = borrower;
    }
}

/* 0, -EBUSY, -EALREADY, or -ENOBUFS: room has to be made. */
static int try_borrow(weft_limiter *limiter, uint64_t borrower)
{
    if (has_token(limiter, borrower))
        return -EALREADY;
    if (!has_room(limiter))
        return -ENOBUFS;
    if (limiter->borrowed >= limiter->capacity || !weft__wait_list_empty(&limiter->waiters))
        return -EBUSY;
    lend(limiter, borrower);
    return 0;
}

/* To those who wait, as long as there are tokens. */
static void lend_to_waiters(weft_limiter *limiter, struct weft__wakes *wakes)
{
    struct weft__wait_node *wait;
    while (limiter->borrowed < limiter->capacity &&
           (wait = weft__wait_list_take(&limiter->waiters))) {
        struct node *node = weft__container_of(wait, struct node, wait);
        node->result = has_token(limiter, node->borrower) ? -EALREADY : 0; /* waited twice */
        if (node->result == 0)
            lend(limiter, node->borrower);
        weft__wakes_add(wakes, wait->waiter);
    }
}

/* 0, -EAGAIN or an error. */
static int wait_once(weft_limiter *limiter, struct weft__waiter *waiter, struct node *node)
{
    weft__wait_node_begin(&node->wait, waiter, "limiter", limiter);
    weft__latch_acquire(&limiter->lock);
    node->result = try_borrow(limiter, node->borrower);
    int rc = weft__wait_node_wait(&limiter->lock, &limiter->waiters, &node->wait,
                                  node->result == -EBUSY);
    rc = rc ? rc : node->result;
    return rc == -ENOBUFS ? make_room(limiter) : rc;
}

/* As try_borrow(), with room made. */
static int borrow_now(weft_limiter *limiter, const void *borrower)
{
    uint64_t name = name_of(borrower);
    int rc;
    do {
        weft__latch_acquire(&limiter->lock);
        rc = try_borrow(limiter, name);
        weft__latch_release(&limiter->lock);
        if (rc == -ENOBUFS)
            rc = make_room(limiter);
    } while (rc == -EAGAIN);
    return rc;
}

int weft_limiter_borrow(weft_limiter *limiter, const void *borrower)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    rc = borrow_now(limiter, borrower);
    if (rc != -EBUSY)
        return rc;
    struct node node = { .borrower = name_of(borrower) };
    do {
        rc = wait_once(limiter, waiter, &node);
    } while (rc == -EAGAIN);
    return rc;
}

int weft_limiter_try_borrow(weft_limiter *limiter, const void *borrower)
{
    int rc = borrow_now(limiter, borrower);
    return rc == -EBUSY ? -EAGAIN : rc;
}

int weft_limiter_give_back(weft_limiter *limiter, const void *borrower)
{
    struct weft__wakes wakes;
    uint64_t name = name_of(borrower);
    weft__wakes_init(&wakes);
    weft__latch_acquire(&limiter->lock);
    bool had = has_token(limiter, name);
    if (had) {
        take_back(limiter, place_of(limiter->table, limiter->places, name));
        lend_to_waiters(limiter, &wakes);
    }
    weft__latch_release(&limiter->lock);
    weft__wakes_carry_out(&wakes);
    return had ? 0 : -EPERM;
}

void weft_limiter_set_capacity(weft_limiter *limiter, unsigned capacity)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&limiter->lock);
    limiter->capacity = capacity;
    lend_to_waiters(limiter, &wakes);
    weft__latch_release(&limiter->lock);
    weft__wakes_carry_out(&wakes);
}

void weft_limiter_look(weft_limiter *limiter, weft_limiter_info *ret_info)
{
    weft__latch_acquire(&limiter->lock);
    ret_info->capacity = limiter->capacity;
    ret_info->borrowed = limiter->borrowed;
    ret_info->waiters = weft__load(&limiter->waiters.count, relaxed);
    weft__latch_release(&limiter->lock);
}
