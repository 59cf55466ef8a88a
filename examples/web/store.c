/* store.c - the key-value store: keys to blobs, in memory, in shards.
 *
 * The locks are plain pthread mutexes. That is right for a task as long as no
 * weft_ function that suspends is called while one is held: the task might go
 * on in another thread, and a pthread mutex must be unlocked by the thread that
 * locked it. The critical sections below look something up and change a
 * pointer; values are created before and released after. */
#include "store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16 /* a power of two */
#define FIRST_BUCKETS 64

struct entry {
    struct entry *next;
    struct blob *value;
    uint64_t hash;
    size_t key_size;
    char key[];
};

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t entry_count;
};

struct store {
    uint64_t max_bytes;
    atomic_uint_fast64_t bytes;
    struct shard shards[SHARDS];
};

/* FNV-1a, then a final mix. Enough for an example; a service that faces hostile
 * keys takes a keyed hash (SipHash). */
static uint64_t hash_key(const char *key, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static struct shard *shard_of(struct store *store, uint64_t hash)
{
    return &store->shards[hash >> 8 & (SHARDS - 1)];
}

/* The place that points at the entry, or the NULL at the end of its chain. */
static struct entry **find(struct shard *shard, uint64_t hash, const char *key, size_t size)
{
    struct entry **place = &shard->buckets[hash >> 12 & (shard->bucket_count - 1)];

    while (*place && ((*place)->hash != hash || (*place)->key_size != size ||
                      memcmp((*place)->key, key, size) != 0))
        place = &(*place)->next;
    return place;
}

/* Doubles the buckets when chains get long. A failure only leaves them long. */
static void grow(struct shard *shard)
{
    size_t count = shard->bucket_count * 2;
    struct entry **buckets;

    if (shard->entry_count < count)
        return;
    buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i < shard->bucket_count; i++) {
        for (struct entry *entry = shard->buckets[i], *next; entry; entry = next) {
            struct entry **place = &buckets[entry->hash >> 12 & (count - 1)];

            next = entry->next;
            entry->next = *place;
            *place = entry;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
}

struct store *store_create(uint64_t max_bytes)
{
    /* aligned_alloc() as the shards are cache lines; the size is a multiple. */
    struct store *store = aligned_alloc(_Alignof(struct store), sizeof *store);

    if (!store)
        return NULL;
    memset(store, 0, sizeof *store);
    store->max_bytes = max_bytes;
    atomic_init(&store->bytes, 0);
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &store->shards[i];

        shard->buckets = calloc(FIRST_BUCKETS, sizeof *shard->buckets);
        if (!shard->buckets) {
            store_destroy(store);
            return NULL;
        }
        shard->bucket_count = FIRST_BUCKETS;
        pthread_mutex_init(&shard->lock, NULL);
    }
    return store;
}

void store_destroy(struct store *store)
{
    if (!store)
        return;
    for (unsigned i = 0; i < SHARDS && store->shards[i].buckets; i++) {
        struct shard *shard = &store->shards[i];

        for (size_t b = 0; b < shard->bucket_count; b++) {
            for (struct entry *entry = shard->buckets[b], *next; entry; entry = next) {
                next = entry->next;
                blob_unref(entry->value);
                free(entry);
            }
        }
        free(shard->buckets);
        pthread_mutex_destroy(&shard->lock);
    }
    free(store);
}

struct blob *store_get(struct store *store, const char *key, size_t key_size)
{
    uint64_t hash = hash_key(key, key_size);
    struct shard *shard = shard_of(store, hash);
    struct blob *value = NULL;
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    entry = *find(shard, hash, key, key_size);
    if (entry)
        value = blob_ref(entry->value);
    pthread_mutex_unlock(&shard->lock);
    return value;
}

/* Takes `size` bytes of the budget. */
static int reserve(struct store *store, uint64_t size)
{
    if (atomic_fetch_add(&store->bytes, size) + size <= store->max_bytes)
        return 0;
    atomic_fetch_sub(&store->bytes, size);
    return -ENOSPC;
}

int store_put(struct store *store, const char *key, size_t key_size, struct blob *value)
{
    uint64_t hash = hash_key(key, key_size);
    struct shard *shard = shard_of(store, hash);
    struct entry *fresh;
    struct entry **place;
    struct blob *old = NULL;

    if (reserve(store, key_size + value->size) < 0)
        return -ENOSPC;
    fresh = malloc(sizeof *fresh + key_size);
    if (!fresh) {
        atomic_fetch_sub(&store->bytes, key_size + value->size);
        return -ENOMEM;
    }
    fresh->next = NULL;
    fresh->value = blob_ref(value);
    fresh->hash = hash;
    fresh->key_size = key_size;
    memcpy(fresh->key, key, key_size);

    pthread_mutex_lock(&shard->lock);
    place = find(shard, hash, key, key_size);
    if (*place) {
        old = (*place)->value;
        (*place)->value = fresh->value;
    } else {
        *place = fresh;
        shard->entry_count++;
        grow(shard);
    }
    pthread_mutex_unlock(&shard->lock);

    if (!old)
        return 1;
    atomic_fetch_sub(&store->bytes, key_size + old->size);
    blob_unref(old);
    free(fresh);
    return 0;
}

int store_delete(struct store *store, const char *key, size_t key_size)
{
    uint64_t hash = hash_key(key, key_size);
    struct shard *shard = shard_of(store, hash);
    struct entry **place;
    struct entry *entry;

    pthread_mutex_lock(&shard->lock);
    place = find(shard, hash, key, key_size);
    entry = *place;
    if (entry) {
        *place = entry->next;
        shard->entry_count--;
    }
    pthread_mutex_unlock(&shard->lock);

    if (!entry)
        return -ENOENT;
    atomic_fetch_sub(&store->bytes, key_size + entry->value->size);
    blob_unref(entry->value);
    free(entry);
    return 0;
}

int store_each(struct store *store, int (*visit)(const char *key, size_t key_size, void *arg),
               void *arg)
{
    int result = 0;

    for (unsigned i = 0; i < SHARDS && result == 0; i++) {
        struct shard *shard = &store->shards[i];

        pthread_mutex_lock(&shard->lock);
        for (size_t b = 0; b < shard->bucket_count && result == 0; b++) {
            for (struct entry *entry = shard->buckets[b]; entry && result == 0; entry = entry->next)
                result = visit(entry->key, entry->key_size, arg);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return result;
}

struct store_counts store_count(struct store *store)
{
    struct store_counts counts = { .bytes = atomic_load(&store->bytes) };

    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &store->shards[i];

        pthread_mutex_lock(&shard->lock);
        counts.keys += shard->entry_count;
        pthread_mutex_unlock(&shard->lock);
    }
    return counts;
}
