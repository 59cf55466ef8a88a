#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem/pool.h"
#include "os/memory.h"

#define SIZE 96

struct object {
    uint64_t head[2]; /* stays while the object is free */
    char rest[SIZE - 16];
};

static struct weft__pool pool;

TEST(objects_come_zeroed_and_do_not_overlap)
{
    struct weft__magazine magazine = { 0 };
    static struct object *objects[3000];
    weft__pool_init(&pool, SIZE);
    for (int i = 0; i < 3000; i++) {
        static const char zero[SIZE - 32];
        objects[i] = weft__pool_take(&pool, &magazine);
        ck_assert_ptr_nonnull(objects[i]);
        /* Bytes 16 to 31 held the link. */
        if (objects[i]->head[0] || memcmp(objects[i]->rest + 16, zero, sizeof zero) != 0)
            ck_abort_msg("object %d was not zeroed", i);
        memset(objects[i], i % 251, SIZE);
    }
    for (int i = 0; i < 3000; i++) {
        for (int at = 0; at < SIZE; at++) {
            if (((unsigned char *)objects[i])[at] != i % 251)
                ck_abort_msg("object %d was written by another", i);
        }
    }
    weft__pool_finish(&pool);
}

TEST(a_free_object_keeps_its_first_16_bytes)
{
    struct weft__magazine magazine = { 0 };
    weft__pool_init(&pool, SIZE);
    struct object *objects[200];
    for (uint64_t i = 0; i < 200; i++) {
        objects[i] = weft__pool_take(&pool, &magazine);
        objects[i]->head[0] = i;
        objects[i]->head[1] = ~i;
    }
    for (int i = 0; i < 200; i++)
        weft__pool_give(&pool, i % 2 ? &magazine : NULL, objects[i]);
    for (uint64_t i = 0; i < 200; i++) {
        ck_assert_uint_eq(objects[i]->head[0], i);
        ck_assert_uint_eq(objects[i]->head[1], ~i);
    }
    weft__pool_finish(&pool);
}

TEST(an_address_stays_an_objects_for_ever)
{
    struct weft__magazine magazine = { 0 };
    static char *seen[6000];
    weft__pool_init(&pool, SIZE);
    int count = 6000;
    for (int i = 0; i < count; i++)
        seen[i] = weft__pool_take(&pool, &magazine);
    for (int i = 0; i < count; i++)
        weft__pool_give(&pool, &magazine, seen[i]);
    size_t bytes = weft__load(&pool.bytes, relaxed);
    for (int i = 0; i < count; i++) {
        char *object = weft__pool_take(&pool, &magazine);
        size_t offset = (size_t)(object - seen[0]) % SIZE;
        bool same_chunk = ((uintptr_t)object ^ (uintptr_t)seen[0]) >> 21 == 0;
        if (same_chunk && offset != 0)
            ck_abort_msg("an object begins inside of another");
    }
    ck_assert_uint_eq(weft__load(&pool.bytes, relaxed), bytes);
    weft__pool_finish(&pool);
}

static void mark(void *object, void *arg)
{
    ((struct object *)object)->head[1] = 1;
    ++*(unsigned *)arg;
}

TEST(a_walk_visits_every_object_that_was_taken)
{
    struct weft__magazine magazine = { 0 };
    static struct object *objects[30000]; /* more than a chunk */
    unsigned visited = 0;
    weft__pool_init(&pool, SIZE);
    weft__pool_walk(&pool, mark, &visited);
    ck_assert_uint_eq(visited, 0);
    for (int i = 0; i < 30000; i++)
        objects[i] = weft__pool_take(&pool, i % 2 ? &magazine : NULL);
    for (int i = 0; i < 30000; i += 3)
        weft__pool_give(&pool, &magazine, objects[i]);
    weft__pool_walk(&pool, mark, &visited);
    ck_assert_uint_ge(visited, 30000);
    ck_assert_uint_lt(visited, 30000 + 3 * WEFT__PILE);
    for (int i = 0; i < 30000; i++) {
        if (objects[i]->head[1] != 1)
            ck_abort_msg("object %d was missed", i);
    }
    weft__pool_finish(&pool);
}

TEST(no_page_is_touched_before_its_first_object_is_taken)
{
    enum { COUNT = 5000, BYTES = COUNT * 256 };
    struct weft__magazine magazine = { 0 };
    static unsigned char pages[(2 << 20) / 4096];
    weft__pool_init(&pool, 256);
    char *first = weft__pool_take(&pool, &magazine);
    for (int i = 1; i < COUNT; i++)
        weft__pool_take(&pool, &magazine);
    char *chunk = (char *)((uintptr_t)first & ~(((uintptr_t)2 << 20) - 1));
    size_t page = weft__memory_page(), touched = 0;
    if (mincore(chunk, (size_t)2 << 20, pages) != 0)
        test_skip("mincore() is missing");
    for (size_t i = 0; i < ((size_t)2 << 20) / page; i++)
        touched += pages[i] & 1;
    if (touched * page == (size_t)2 << 20)
        test_skip("the system gives huge pages to everybody");
    ck_assert_uint_eq(touched, ((size_t)(first - chunk) + BYTES + page - 1) / page);
    weft__pool_finish(&pool);
}

TEST(flushing_a_magazine_makes_its_objects_common)
{
    struct weft__magazine magazine = { 0 };
    static void *objects[150];
    weft__pool_init(&pool, SIZE);
    for (int i = 0; i < 150; i++)
        objects[i] = weft__pool_take(&pool, &magazine);
    for (int i = 0; i < 150; i++)
        weft__pool_give(&pool, &magazine, objects[i]);
    weft__pool_flush(&pool, &magazine);
    ck_assert_ptr_null(magazine.pile);
    ck_assert_ptr_null(magazine.spare);
    for (int i = 0; i < 150; i++) { /* through the other door, and no new ones */
        void *object = weft__pool_take(&pool, NULL);
        bool known = false;
        for (int k = 0; k < 150; k++)
            known |= objects[k] == object;
        ck_assert(known);
    }
    weft__pool_finish(&pool);
}

#define THREADS 4
#define HELD 200

static void *take_and_give(void *arg)
{
    struct weft__magazine own = { 0 };
    struct weft__magazine *magazine = arg ? &own : NULL;
    struct object *held[HELD] = { NULL };
    for (uint64_t n = test_work(50000); n > 0; n--) {
        unsigned at = (unsigned)(test_random() % HELD);
        if (held[at]) {
            if (held[at]->head[0] != (uintptr_t)&held[at])
                ck_abort_msg("two threads hold one object");
            weft__pool_give(&pool, magazine, held[at]);
            held[at] = NULL;
        } else {
            held[at] = weft__pool_take(&pool, magazine);
            held[at]->head[0] = (uintptr_t)&held[at];
        }
    }
    return NULL;
}

TEST(threads_share_a_pool_with_and_without_magazines)
{
    pthread_t threads[THREADS];
    weft__pool_init(&pool, SIZE);
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_and_give, (void *)(i % 2));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    weft__pool_finish(&pool);
}
