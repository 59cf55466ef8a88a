#include "hook/lot.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/futex.h"

#ifndef BUCKETS      /* fewer in the model */
#define BUCKETS 1024 /* a power of two */
#endif

static struct weft__bucket buckets[BUCKETS];

__attribute__((constructor(101))) static void init_buckets(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        weft__list_init(&buckets[i].nodes);
}

static bool is_used(const struct weft__bucket *bucket)
{
    return weft__load(&bucket->lock.state, relaxed) || weft__load(&bucket->waiting, relaxed) ||
           weft__load(&bucket->outside, relaxed);
}

/* The others are left alone: each page that a child writes to is copied. */
void weft__lot_forget(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        if (!is_used(&buckets[i]))
            continue;
        memset(&buckets[i], 0, sizeof buckets[i]);
        weft__list_init(&buckets[i].nodes);
    }
}

struct weft__bucket *weft__lot_bucket(const void *address)
{
    uint64_t hash = ((uintptr_t)address >> 2) * 0x9e3779b97f4a7c15u;
    return &buckets[hash >> 32 & (BUCKETS - 1)];
}

void weft__lot_begin(struct weft__lot_node *node, struct weft__waiter *waiter, const void *address,
                     const char *what)
{
    *node = (struct weft__lot_node){ .address = address, .waiter = waiter, .bits = WEFT__LOT_ANY };
    node->ticket = weft__wait_begin(waiter, what, (uintptr_t)address);
}

void weft__lot_enter(struct weft__bucket *bucket)
{
    weft__lock_acquire(&bucket->lock);
    weft__add(&bucket->waiting, 1, seq_cst); /* LOT-2: before the look at the word */
}

void weft__lot_enlist(struct weft__bucket *bucket, struct weft__lot_node *node)
{
    weft__list_append(&bucket->nodes, &node->link);
    node->listed = true;
    weft__lock_release(&bucket->lock);
}

/* Only a signal can have fired it, or a canceller. */
void weft__lot_abandon(struct weft__bucket *bucket, struct weft__lot_node *node)
{
    weft__bump(&bucket->waiting, (uint32_t)-1);
    weft__lock_release(&bucket->lock);
    weft__wait_drop(node->waiter, node->ticket);
}

/* Under the lock. */
static void delist(struct weft__bucket *bucket, struct weft__lot_node *node)
{
    weft__list_remove(&node->link);
    node->listed = false;
    weft__bump(&bucket->waiting, (uint32_t)-1);
}

void (*weft__lot_interrupted)(void);

/* Nobody has taken the node: others may wait. A canceller's wake (CANCEL-3) is one
 * without a cause: what is waited for here has no way to fail. */
static bool wake_without_cause(struct weft__lot_node *node, bool interrupted)
{
    node->handed = false;
    node->more = true;
    node->interrupted = interrupted;
    if (interrupted)
        weft__lot_interrupted();
    return true;
}

bool weft__lot_ended(struct weft__bucket *bucket, struct weft__lot_node *node,
                     enum weft__wait_state reason)
{
    weft__lock_acquire(&bucket->lock);
    if (node->listed) /* else a taker has tried to claim it: LOT-3 */
        delist(bucket, node);
    weft__lock_release(&bucket->lock);
    return reason != WEFT__DEADLINE && wake_without_cause(node, reason == WEFT__INTERRUPTED);
}

bool weft__lot_park(struct weft__bucket *bucket, struct weft__lot_node *node, int64_t deadline)
{
    enum weft__wait_state reason = weft__wait_park(node->waiter, deadline);
    return reason == WEFT__EVENT || weft__lot_ended(bucket, node, reason);
}

void weft__lot_cancel(struct weft__bucket *bucket, struct weft__lot_node *node)
{
    weft__lock_acquire(&bucket->lock);
    if (node->listed)
        delist(bucket, node);
    weft__lock_release(&bucket->lock);
    weft__wait_drop(node->waiter, node->ticket);
}

static struct weft__lot_node *find(struct weft__bucket *bucket, struct weft__list *after,
                                   const void *address, uint32_t bits)
{
    for (struct weft__list *at = after->next; at != &bucket->nodes; at = at->next) {
        struct weft__lot_node *node = weft__container_of(at, struct weft__lot_node, link);
        if (node->address == address && node->bits & bits)
            return node;
    }
    return NULL;
}

struct weft__waiter *weft__lot_take(struct weft__bucket *bucket, const void *address, uint32_t bits,
                                    bool handed, struct weft__lot_node **ret_node)
{
    struct weft__lot_node *node;
    while ((node = find(bucket, &bucket->nodes, address, bits))) {
        struct weft__waiter *waiter = node->waiter;
        uint64_t ticket = node->ticket;
        node->more = find(bucket, &node->link, address, WEFT__LOT_ANY) != NULL;
        node->handed = handed;
        delist(bucket, node);
        *ret_node = node;
        if (node->claimed || weft__wait_claim(waiter, ticket, WEFT__EVENT)) /* LOT-3 */
            return waiter;
    }
    return NULL;
}

struct weft__lot_node *weft__lot_first(struct weft__bucket *bucket, const void *address)
{
    return find(bucket, &bucket->nodes, address, WEFT__LOT_ANY);
}

static _Atomic(uint32_t) disturbances;

uint32_t weft__lot_disturbances(void)
{
    return weft__load(&disturbances, seq_cst); /* LOT-6 */
}

/* Under the lock. */
static struct weft__lot_node *find_plain(struct weft__bucket *bucket, uintptr_t plain)
{
    for (struct weft__list *at = bucket->nodes.next; at != &bucket->nodes; at = at->next) {
        struct weft__lot_node *node = weft__container_of(at, struct weft__lot_node, link);
        if (node->plain == plain)
            return node;
    }
    return NULL;
}

/* True: the thread was there. It takes its node out of the list itself: LOT-3. */
static bool disturb_in(struct weft__bucket *bucket, uintptr_t plain)
{
    weft__lock_acquire(&bucket->lock);
    struct weft__lot_node *node = find_plain(bucket, plain);
    struct weft__waiter *waiter = node ? node->waiter : NULL;
    uint64_t ticket = node ? node->ticket : 0;
    weft__lock_release(&bucket->lock);
    if (node)
        weft__wait_fire(waiter, ticket, WEFT__CANCELLED); /* WAIT-3, if it has gone on */
    return node != NULL;
}

void weft__lot_disturb(uintptr_t plain)
{
    weft__add(&disturbances, 1, seq_cst);
    weft__barrier_full(); /* as in weft__lot_quiet() */
    for (size_t i = 0; i < BUCKETS; i++) {
        if (weft__load(&buckets[i].waiting, relaxed) && disturb_in(&buckets[i], plain))
            return;
    }
}

void weft__lot_append_claimed(struct weft__bucket *bucket, struct weft__lot_node *node,
                              const void *address, const char *what)
{
    node->address = address;
    node->bits = WEFT__LOT_ANY;
    node->claimed = true;
    /* relaxed: who sees the ones before recalls nobody, and tries again */
    weft__store(&node->waiter->what, what, relaxed);
    weft__store(&node->waiter->object, (uintptr_t)address, relaxed);
    weft__list_append(&bucket->nodes, &node->link);
    node->listed = true;
}

static struct weft__lot_node *find_claimed(struct weft__bucket *bucket, struct weft__waiter *waiter)
{
    for (struct weft__list *at = bucket->nodes.next; at != &bucket->nodes; at = at->next) {
        struct weft__lot_node *node = weft__container_of(at, struct weft__lot_node, link);
        if (node->waiter == waiter && node->claimed)
            return node;
    }
    return NULL;
}

bool weft__lot_recall(struct weft__waiter *waiter)
{
    uintptr_t object = (uintptr_t)weft__load(&waiter->object, relaxed);
    struct weft__bucket *bucket = weft__lot_bucket((const void *)object);
    weft__lock_acquire(&bucket->lock);
    struct weft__lot_node *node = find_claimed(bucket, waiter);
    if (node) {
        delist(bucket, node);
        node->handed = false;
        node->more = true; /* it may be the only one who knows of those behind it */
    }
    weft__lock_release(&bucket->lock);
    if (node)
        weft__wait_wake(waiter);
    return node;
}

struct weft__bucket *weft__lot_line_up(struct weft__lot_node *node, _Atomic(uint32_t) *word,
                                       uint32_t value, uint32_t bits, const char *what)
{
    struct weft__bucket *bucket = weft__lot_bucket((const void *)word);
    weft__lot_begin(node, weft__waiter_self(), (const void *)word, what);
    node->bits = bits;
    weft__lot_enter(bucket);
    if (weft__load(word, seq_cst) != value) {
        weft__lot_abandon(bucket, node);
        return NULL;
    }
    weft__lot_enlist(bucket, node);
    return bucket;
}

/* A plain thread for whose waiter memory is out sleeps in the kernel: LOT-5. */
static int wait_outside(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    weft__lot_outside_enter((const void *)word);
    bool woken = weft__futex_wait(word, value, deadline);
    weft__lot_outside_leave((const void *)word);
    return woken ? 0 : ETIMEDOUT; /* it may be a wake without a cause */
}

int weft__lot_wait(_Atomic(uint32_t) *word, uint32_t value, uint32_t bits, int64_t deadline,
                   const char *what)
{
    struct weft__lot_node node;
    if (weft__unlikely(!weft__waiter_self()))
        return wait_outside(word, value, deadline); /* what threads wait for has no bits */
    struct weft__bucket *bucket = weft__lot_line_up(&node, word, value, bits, what);
    if (!bucket)
        return EAGAIN;
    return weft__lot_park(bucket, &node, deadline) ? 0 : ETIMEDOUT;
}

static struct weft__waiter *take_one(struct weft__bucket *bucket, const void *address,
                                     uint32_t bits)
{
    struct weft__lot_node *node;
    weft__lock_acquire(&bucket->lock);
    struct weft__waiter *waiter = weft__lot_take(bucket, address, bits, false, &node);
    weft__lock_release(&bucket->lock);
    return waiter;
}

static unsigned wake_outside(_Atomic(uint32_t) *word, unsigned count, uint32_t bits)
{
    long woken = syscall(SYS_futex, word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG,
                         count > INT_MAX ? INT_MAX : (int)count, NULL, NULL, bits);
    return woken > 0 ? (unsigned)woken : 0;
}

unsigned weft__lot_wake(_Atomic(uint32_t) *word, unsigned count, uint32_t bits)
{
    struct weft__bucket *bucket = weft__lot_bucket((const void *)word);
    unsigned woken = 0;
    if (!weft__lot_quiet(bucket)) {
        /* Not those who come back to wait while we wake. */
        unsigned there = weft__load(&bucket->waiting, relaxed);
        struct weft__waiter *waiter;
        while (woken < count && there-- && (waiter = take_one(bucket, (const void *)word, bits))) {
            weft__wait_wake(waiter);
            woken++;
        }
    }
    if (woken < count && weft__load(&bucket->outside, relaxed)) /* the fence was quiet()'s */
        woken += wake_outside(word, count - woken, bits);
    return woken;
}

void weft__lot_outside_enter(const void *address)
{
    weft__add(&weft__lot_bucket(address)->outside, 1, seq_cst);
}

void weft__lot_outside_leave(const void *address)
{
    weft__add(&weft__lot_bucket(address)->outside, (uint32_t)-1, seq_cst);
}
