/* store.h - the key-value store: keys to blobs, in memory, in shards. */
#ifndef WEB_STORE_H
#define WEB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "blob.h"

#define STORE_KEY_MAX 250

struct store;

/* An empty store that holds at most `max_bytes` of keys and values; NULL when
 * there is no memory. */
struct store *store_create(uint64_t max_bytes);
void store_destroy(struct store *store);

/* The value of `key`, with a reference for the caller, or NULL. */
struct blob *store_get(struct store *store, const char *key, size_t key_size);

/* Sets `key` to `value`, of which the store takes a reference of its own.
 * Returns 1 when the key is new, 0 when it was replaced, -ENOSPC when the store
 * is full, or -ENOMEM. */
int store_put(struct store *store, const char *key, size_t key_size, struct blob *value);

/* Removes `key`. Returns 0 or -ENOENT. */
int store_delete(struct store *store, const char *key, size_t key_size);

/* Calls visit(key) for every key, in no order, with a shard's lock held: visit
 * must not suspend. Stops at the first result that is not 0 and returns it. */
int store_each(struct store *store, int (*visit)(const char *key, size_t key_size, void *arg),
               void *arg);

struct store_counts {
    uint64_t keys;
    uint64_t bytes;
};

struct store_counts store_count(struct store *store);

#endif
