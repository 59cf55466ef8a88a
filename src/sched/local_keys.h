/* local_keys.h - the keys of task-locals.
 *
 * A key is a number that is never used twice: the counter of all keys made, a flag,
 * and an index that is used again after the key has been deleted. Values are stored
 * with their key, so a look-up compares one word and asks nobody, and a value of a
 * deleted key is never taken for one of the key that has its index now.
 *
 *     key = serial << 16 | INHERITED << 15 | index */
#ifndef WEFT_SCHED_LOCAL_KEYS_H
#define WEFT_SCHED_LOCAL_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#define WEFT__LOCAL_KEYS 1024 /* WEFT_LOCALS_MAX */
#define WEFT__LOCAL_INHERITED 0x8000u

typedef void weft__local_destroy(void *value);

static inline uint32_t weft__local_index(uint64_t key)
{
    return (uint32_t)key & (WEFT__LOCAL_INHERITED - 1);
}

/* Returns a new key, 0: there are too many. `destroy` may be NULL. */
uint64_t weft__local_key_new(bool inherited, weft__local_destroy *destroy);

/* False: there is no such key. */
bool weft__local_key_delete(uint64_t key);

/* Whether the key exists; and what destroys its values, or NULL. */
bool weft__local_key_find(uint64_t key, weft__local_destroy **ret_destroy);

#endif
