/* thread_key.h - a value of each thread with a destructor, for who may find none free.
 *
 * A process has some thousand pthread keys, which its libraries share. This one is made
 * when a thread first sets a value; where there was none to be had the next one asks
 * again. */
#ifndef WEFT_OS_THREAD_KEY_H
#define WEFT_OS_THREAD_KEY_H

#include <pthread.h>

#include "os/lock.h"

/* Static, zero but for `destroy`, which runs when a thread ends that has set a value. */
struct weft__thread_key {
    void (*destroy)(void *value);
    struct weft__lock lock; /* for what follows */
    bool made;
    pthread_key_t key;
};

/* Sets the calling thread's value. False: there is no key, or no memory. */
bool weft__thread_key_set(struct weft__thread_key *key, void *value);

#endif
