#include "os/thread_key.h"

bool weft__thread_key_set(struct weft__thread_key *key, void *value)
{
    weft__lock_acquire(&key->lock);
    if (!key->made)
        key->made = pthread_key_create(&key->key, key->destroy) == 0;
    bool made = key->made;
    weft__lock_release(&key->lock);
    return made && pthread_setspecific(key->key, value) == 0;
}
