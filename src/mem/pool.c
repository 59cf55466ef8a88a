#include "mem/pool.h"

#include <string.h>

#include "base/assert.h"
#include "os/memory.h"

#define CHUNK_SIZE ((size_t)2 << 20)

/* At the start of each chunk. */
struct weft__pool_chunk {
    struct weft__pool_chunk *next;
    _Atomic(size_t) carved; /* bytes handed out, this header included */
};

/* Free objects keep their link behind the first 16 bytes, which belong to the
 * object for good: stale pointers may be looked at (a generation, a state). */
#define LINK_OFFSET 16

static struct weft__free *link_of(void *object)
{
    return (struct weft__free *)((char *)object + LINK_OFFSET);
}

void weft__pool_init(struct weft__pool *pool, size_t object_size)
{
    WEFT_CHECK(object_size % 16 == 0 && object_size >= LINK_OFFSET + sizeof(struct weft__free));
    memset(pool, 0, sizeof *pool);
    pool->object_size = object_size;
}

void weft__pool_finish(struct weft__pool *pool)
{
    struct weft__pool_chunk *chunk = weft__load(&pool->chunks, relaxed); /* nobody else is left */
    while (chunk) {
        struct weft__pool_chunk *next = chunk->next;
        weft__memory_unmap(chunk, CHUNK_SIZE);
        chunk = next;
    }
    weft__pool_init(pool, pool->object_size);
}

static size_t header_size(const struct weft__pool *pool)
{
    size_t size = pool->object_size; /* keeps power-of-two objects aligned to their size */
    while (size < sizeof(struct weft__pool_chunk))
        size += pool->object_size;
    return size;
}

static struct weft__pool_chunk *chunk_with_room(struct weft__pool *pool)
{
    struct weft__pool_chunk *chunk = weft__load(&pool->chunks, relaxed); /* we hold the lock */
    if (chunk && weft__load(&chunk->carved, relaxed) + pool->object_size <= CHUNK_SIZE)
        return chunk;
    struct weft__pool_chunk *fresh = weft__memory_map(CHUNK_SIZE, CHUNK_SIZE, false);
    if (!fresh)
        return NULL;
    if (chunk) /* the first stays in small pages: most programs have few tasks */
        weft__memory_huge(fresh, CHUNK_SIZE);
    fresh->next = chunk;
    weft__store(&fresh->carved, header_size(pool), relaxed);
    /* release: pairs with the acquire in weft__pool_walk() */
    weft__store(&pool->chunks, fresh, release);
    weft__add(&pool->bytes, CHUNK_SIZE, relaxed);
    return fresh;
}

/* Those that end in the page of the first one: the next page stays untouched
 * until its time has come. */
static size_t carve_count(const struct weft__pool *pool, size_t carved)
{
    size_t page = weft__memory_page();
    size_t count = (page - carved % page) / pool->object_size;
    if (count > WEFT__PILE)
        return WEFT__PILE;
    return count > 0 ? count : 1;
}

/* Makes a pile of objects, at most WEFT__PILE. */
static struct weft__free *carve(struct weft__pool *pool, unsigned *ret_count)
{
    struct weft__pool_chunk *chunk = chunk_with_room(pool);
    if (!chunk)
        return NULL;
    size_t carved = weft__load(&chunk->carved, relaxed);
    size_t count = carve_count(pool, carved);
    struct weft__free *pile = NULL;
    for (size_t i = count; i-- > 0;) { /* the lowest address comes first */
        struct weft__free *link = link_of((char *)chunk + carved + i * pool->object_size);
        link->next = pile;
        pile = link;
    }
    /* release: pairs with the acquire in weft__pool_walk() */
    weft__store(&chunk->carved, carved + count * pool->object_size, release);
    *ret_count = (unsigned)count;
    return pile;
}

static void *object_of(struct weft__free *link)
{
    return (char *)link - LINK_OFFSET;
}

/* For an empty magazine; under the lock. */
static struct weft__free *take_fresh(struct weft__pool *pool, struct weft__magazine *magazine)
{
    struct weft__free *link = carve(pool, &magazine->count);
    if (link) {
        magazine->pile = link->next;
        magazine->count--;
    }
    return link;
}

/* Nobody's magazine, or an empty one. */
static WEFT_COLD void *take_shared(struct weft__pool *pool, struct weft__magazine *magazine)
{
    struct weft__free *link = NULL;
    weft__lock_acquire(&pool->lock);
    if (!magazine)
        link = weft__magazine_take(magazine = &pool->shared, &pool->depot);
    if (!link)
        link = take_fresh(pool, magazine);
    weft__lock_release(&pool->lock);
    return link ? object_of(link) : NULL;
}

void *weft__pool_take(struct weft__pool *pool, struct weft__magazine *magazine)
{
    struct weft__free *link = magazine ? weft__magazine_take(magazine, &pool->depot) : NULL;
    return weft__likely(link != NULL) ? object_of(link) : take_shared(pool, magazine);
}

static WEFT_COLD void give_shared(struct weft__pool *pool, struct weft__free *link)
{
    weft__lock_acquire(&pool->lock);
    weft__magazine_give(&pool->shared, &pool->depot, link);
    weft__lock_release(&pool->lock);
}

void weft__pool_give(struct weft__pool *pool, struct weft__magazine *magazine, void *object)
{
    if (weft__likely(magazine != NULL))
        weft__magazine_give(magazine, &pool->depot, link_of(object));
    else
        give_shared(pool, link_of(object));
}

void weft__pool_flush(struct weft__pool *pool, struct weft__magazine *magazine)
{
    struct weft__free *link;
    if (magazine->spare)
        weft__depot_push(&pool->depot, magazine->spare);
    magazine->spare = NULL;
    while ((link = magazine->pile)) {
        magazine->pile = link->next;
        give_shared(pool, link);
    }
    magazine->count = 0;
}

void weft__pool_walk(struct weft__pool *pool, void (*visit)(void *object, void *arg), void *arg)
{
    /* acquire: pairs with the release in chunk_with_room() */
    struct weft__pool_chunk *chunk = weft__load(&pool->chunks, acquire);
    for (; chunk; chunk = chunk->next) {
        /* acquire: pairs with the release in carve() */
        size_t carved = weft__load(&chunk->carved, acquire);
        for (size_t at = header_size(pool); at < carved; at += pool->object_size)
            visit((char *)chunk + at, arg);
    }
}
