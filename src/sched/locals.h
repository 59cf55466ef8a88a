/* locals.h - the task-locals of one task or plain thread.
 *
 * An array of values, allocated at the first set, looked up by index.
 *
 * LOCAL-1  An array is either its task's own, or shared by any number of tasks. Nobody
 *          writes to a shared one: whoever sets a value first makes a copy of its own.
 *          So reading takes no lock and no atomic operation.
 * LOCAL-2  What a child inherits is always a shared array: its spawner's, if that is
 *          shared itself, else a copy of the inherited values in it (its heir), made
 *          for the first child and kept until one of them changes. A spawn that passes
 *          on values costs one count, and one that has none a branch.
 * LOCAL-3  An inherited value with a destructor counts the arrays that have it, and the
 *          regions that will put it back. Who takes the last one away destroys it: each
 *          value is destroyed once, whoever ends last.
 * LOCAL-4  Destructors are the user's code, and may suspend: they run on the task
 *          that ends, or that sets a value, never inside the scheduler. The values of
 *          a task that never ran wait for the next task that ends with values, for
 *          its joiner, or for weft_stop(). */
#ifndef WEFT_SCHED_LOCALS_H
#define WEFT_SCHED_LOCALS_H

#include <stddef.h>

#include "base/atomic.h"
#include "sched/local_keys.h"

/* A value and its key; key 0: none. */
struct weft__local {
    uint64_t key;
    void *value;
    _Atomic(uint64_t) *owners; /* LOCAL-3; NULL: this is the only one */
};

struct weft__locals {
    _Atomic(uint64_t) owners; /* of a shared array; 0: it is its task's own */
    uint32_t size;
    uint32_t inherited; /* how many of its values are */
    union {
        struct weft__locals *heir; /* of an own array: LOCAL-2; NULL: not made */
        struct weft__locals *next; /* of an abandoned one: LOCAL-4 */
    };
    struct weft__local values[];
};

static inline void *weft__locals_get(const struct weft__locals *locals, uint64_t key)
{
    uint32_t index = weft__local_index(key);
    if (locals == NULL || index >= locals->size || locals->values[index].key != key)
        return NULL;
    return locals->values[index].value;
}

/* Puts a value into the array at `*place`, and the one before into `*ret_before`, which
 * the caller owns now. NULL: no value. Returns 0, -EINVAL (no such key) or -ENOMEM. */
int weft__locals_swap(struct weft__locals **place, uint64_t key, void *value,
                      struct weft__local *ret_before);

/* The same for a value that is there already, such as one that weft__locals_swap() gave
 * out, in the own array that it left. */
void weft__locals_exchange(struct weft__locals *locals, uint64_t key,
                           const struct weft__local *local, struct weft__local *ret_before);

/* Lets go of a value; may run its destructor. */
void weft__local_drop(struct weft__local *local);

/* What a child of a task with `locals` has: an array, or NULL. 0 or -ENOMEM. */
int weft__locals_inherit(struct weft__locals *locals, struct weft__locals **ret_child);

/* A task or thread ends: runs its destructors and leaves NULL at `*place`. */
void weft__locals_end(struct weft__locals **place);

/* A task ends without having run: LOCAL-4. Runs nothing. */
void weft__locals_abandon(struct weft__locals *locals);

/* Destroys what such tasks have left. Returns whether there was something. */
bool weft__locals_drain(void);

#endif
