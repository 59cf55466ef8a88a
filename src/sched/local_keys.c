#include "sched/local_keys.h"

#include "os/lock.h"

struct entry {
    _Atomic(uint64_t) key; /* 0: free */
    _Atomic(weft__local_destroy *) destroy;
};

static struct weft__lock lock; /* for who creates or deletes */
static uint64_t serial;        /* of the last key */
static struct entry entries[WEFT__LOCAL_KEYS];

static uint64_t take_entry(uint32_t index, bool inherited, weft__local_destroy *destroy)
{
    struct entry *entry = &entries[index];
    uint64_t key = ++serial << 16 | (inherited ? WEFT__LOCAL_INHERITED : 0) | index;
    /* release: who reads it finds that the key before has gone */
    weft__store(&entry->destroy, destroy, release);
    weft__store(&entry->key, key, relaxed); /* the caller tells the users */
    return key;
}

uint64_t weft__local_key_new(bool inherited, weft__local_destroy *destroy)
{
    uint64_t key = 0;
    weft__lock_acquire(&lock);
    for (uint32_t i = 0; key == 0 && i < WEFT__LOCAL_KEYS; i++) {
        if (weft__load(&entries[i].key, relaxed) == 0)
            key = take_entry(i, inherited, destroy);
    }
    weft__lock_release(&lock);
    return key;
}

static struct entry *entry_of(uint64_t key)
{
    uint32_t index = weft__local_index(key);
    return key && index < WEFT__LOCAL_KEYS ? &entries[index] : NULL;
}

bool weft__local_key_delete(uint64_t key)
{
    struct entry *entry = entry_of(key);
    uint64_t expected = key;
    /* relaxed: take_entry() orders it before the next destructor */
    return entry && weft__cas(&entry->key, &expected, 0, relaxed, relaxed);
}

bool weft__local_key_find(uint64_t key, weft__local_destroy **ret_destroy)
{
    struct entry *entry = entry_of(key);
    if (!entry)
        return false;
    /* acquire: pairs with the release in take_entry(); a later key's is seen only
     * together with the end of this one */
    *ret_destroy = weft__load(&entry->destroy, acquire);
    return weft__load(&entry->key, relaxed) == key;
}
