/* pool.h - objects of one size whose memory never goes away.
 *
 * Memory is type-stable: once a pool has made an object, its address holds an
 * object of that kind until the pool is destroyed, free or not. Whoever keeps a
 * stale pointer may look at it, and all objects can be walked without stopping
 * anybody. Objects come zeroed the first time, and later as they were left but
 * for bytes 16 to 31, where free objects keep their link. */
#ifndef WEFT_MEM_POOL_H
#define WEFT_MEM_POOL_H

#include "mem/depot.h"

struct weft__pool_chunk;

struct weft__pool {
    size_t object_size;
    struct weft__depot depot;
    struct weft__lock lock;       /* carving, and `shared` */
    struct weft__magazine shared; /* for threads that have none of their own */
    _Atomic(struct weft__pool_chunk *) chunks;
    _Atomic(size_t) bytes; /* of address space */
};

/* `object_size` is a multiple of 16, at least 32. */
void weft__pool_init(struct weft__pool *pool, size_t object_size);

/* Unmaps everything; no object may be in use. */
void weft__pool_finish(struct weft__pool *pool);

/* Takes or makes an object; NULL when memory is out. `magazine` may be NULL:
 * for threads that have none. */
void *weft__pool_take(struct weft__pool *pool, struct weft__magazine *magazine);

/* Gives an object back. Its first 16 bytes keep their value while it is free. */
void weft__pool_give(struct weft__pool *pool, struct weft__magazine *magazine, void *object);

/* Makes the magazine's objects common. */
void weft__pool_flush(struct weft__pool *pool, struct weft__magazine *magazine);

/* Calls visit(object, arg) for each object that was ever taken. Takes no lock;
 * objects made meanwhile may be missed. Async-signal-safe if `visit` is. */
void weft__pool_walk(struct weft__pool *pool, void (*visit)(void *object, void *arg), void *arg);

#endif
