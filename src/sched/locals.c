#include "sched/locals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/lock.h"

#define STEP 8   /* arrays grow by so many values */
#define ROUNDS 4 /* destructors may set values anew: as often as in POSIX */

static struct weft__lock lock;
static _Atomic(struct weft__locals *) abandoned; /* written under `lock` */

static bool is_inherited(const struct weft__local *local)
{
    return local->key & WEFT__LOCAL_INHERITED;
}

static size_t bytes_of(uint32_t size)
{
    return sizeof(struct weft__locals) + size * sizeof(struct weft__local);
}

static uint32_t size_for(uint64_t key)
{
    return weft__local_index(key) / STEP * STEP + STEP;
}

/* Another array or region has the value as well. */
static struct weft__local copy_of(const struct weft__local *local)
{
    if (local->owners)
        weft__add(local->owners, 1, relaxed); /* the caller has one */
    return *local;
}

/* LOCAL-3 */
static bool was_last(struct weft__local *local)
{
    if (!local->owners)
        return true;
    /* acq_rel: what the others did with the value comes before its destruction */
    if (weft__add(local->owners, (uint64_t)-1, acq_rel) != 1)
        return false;
    free((void *)local->owners);
    return true;
}

void weft__local_drop(struct weft__local *local)
{
    struct weft__local gone = *local;
    *local = (struct weft__local){ 0 }; /* first: the destructor may look */
    weft__local_destroy *destroy;
    if (gone.key && was_last(&gone) && weft__local_key_find(gone.key, &destroy) && destroy)
        destroy(gone.value);
}

/* Arrays. */

/* LOCAL-1. relaxed: of one that is shared the caller is an owner. */
static bool is_shared(const struct weft__locals *locals)
{
    return locals && weft__load(&((struct weft__locals *)locals)->owners, relaxed) != 0;
}

static struct weft__locals *new_array(uint32_t size)
{
    struct weft__locals *locals = malloc(bytes_of(size));
    if (!locals)
        return NULL;
    memset(locals, 0, bytes_of(size));
    locals->size = size;
    return locals;
}

static void put(struct weft__locals *locals, uint32_t index, const struct weft__local *local)
{
    locals->inherited -= is_inherited(&locals->values[index]);
    locals->inherited += is_inherited(local);
    locals->values[index] = *local;
}

/* A copy of the inherited values. */
static struct weft__locals *copy_inherited(const struct weft__locals *locals, uint32_t size)
{
    struct weft__locals *copy = new_array(size);
    for (uint32_t i = 0; copy && i < locals->size; i++) {
        if (!is_inherited(&locals->values[i]))
            continue;
        struct weft__local local = copy_of(&locals->values[i]);
        put(copy, i, &local);
    }
    return copy;
}

static void drop_all(struct weft__locals *locals)
{
    for (uint32_t i = 0; i < locals->size; i++)
        weft__local_drop(&locals->values[i]);
    free(locals);
}

/* One that shares it no longer does. Returns whether it was the last one. */
static bool leave_shared(struct weft__locals *locals)
{
    /* acq_rel: the last one sees what was done with the values */
    return weft__add(&locals->owners, (uint64_t)-1, acq_rel) == 1;
}

static void drop_shared(struct weft__locals *locals)
{
    if (leave_shared(locals))
        drop_all(locals);
}

static void drop_heir(struct weft__locals *locals)
{
    struct weft__locals *heir = locals->heir;
    locals->heir = NULL;
    if (heir)
        drop_shared(heir);
}

/* The same values with more room. */
static struct weft__locals *move(struct weft__locals *locals, uint32_t size)
{
    struct weft__locals *moved = new_array(size);
    if (!moved)
        return NULL;
    memcpy(moved, locals, bytes_of(locals->size));
    moved->size = size;
    free(locals);
    return moved;
}

/* LOCAL-1: the array at `*place` becomes the task's own, with room for `key`. */
static int make_own(struct weft__locals **place, uint64_t key)
{
    struct weft__locals *locals = *place, *own;
    uint32_t size = size_for(key);
    if (locals && size < locals->size)
        size = locals->size;
    bool shared = is_shared(locals); /* then one of them is ours */
    if (!locals)
        own = new_array(size);
    else
        own = shared ? copy_inherited(locals, size) : move(locals, size);
    if (!own)
        return -ENOMEM;
    *place = own;
    if (shared)
        drop_shared(locals); /* destroys nothing: the copy has it all */
    return 0;
}

static bool has_room(const struct weft__locals *locals, uint64_t key)
{
    return locals && !is_shared(locals) && weft__local_index(key) < locals->size;
}

static int new_local(uint64_t key, void *value, struct weft__local *ret_local)
{
    weft__local_destroy *destroy;
    *ret_local = (struct weft__local){ 0 };
    if (!weft__local_key_find(key, &destroy))
        return -EINVAL;
    if (!value)
        return 0;
    *ret_local = (struct weft__local){ .key = key, .value = value };
    if (!is_inherited(ret_local) || !destroy)
        return 0;
    ret_local->owners = malloc(sizeof *ret_local->owners);
    if (!ret_local->owners)
        return -ENOMEM;
    weft__store(ret_local->owners, 1, relaxed); /* published with the array */
    return 0;
}

void weft__locals_exchange(struct weft__locals *locals, uint64_t key,
                           const struct weft__local *local, struct weft__local *ret_before)
{
    *ret_before = locals->values[weft__local_index(key)];
    put(locals, weft__local_index(key), local);
    if (key & WEFT__LOCAL_INHERITED)
        drop_heir(locals); /* LOCAL-2; its values live on in `*ret_before` or here */
}

int weft__locals_swap(struct weft__locals **place, uint64_t key, void *value,
                      struct weft__local *ret_before)
{
    struct weft__local local;
    int rc = new_local(key, value, &local);
    if (rc == 0 && !has_room(*place, key))
        rc = make_own(place, key);
    if (rc == 0)
        weft__locals_exchange(*place, key, &local, ret_before);
    else
        free((void *)local.owners);
    return rc;
}

int weft__locals_inherit(struct weft__locals *locals, struct weft__locals **ret_child)
{
    *ret_child = NULL;
    if (locals->inherited == 0)
        return 0;
    struct weft__locals *child = locals;
    if (!is_shared(locals)) {
        if (!locals->heir) {
            locals->heir = copy_inherited(locals, locals->size);
            if (!locals->heir)
                return -ENOMEM;
            weft__store(&locals->heir->owners, 1, relaxed); /* the child is published */
        }
        child = locals->heir;
    }
    weft__add(&child->owners, 1, relaxed); /* it cannot end: we have it */
    *ret_child = child;
    return 0;
}

/* The end. */

/* Returns whether there was a value. A destructor may set one, and so move the array. */
static bool destroy_round(struct weft__locals **place)
{
    bool some = false;
    const struct weft__local none = { 0 };
    drop_heir(*place);
    for (uint32_t i = 0; i < (*place)->size; i++) {
        struct weft__local local = (*place)->values[i];
        put(*place, i, &none);
        some |= local.key != 0;
        weft__local_drop(&local);
    }
    return some;
}

static void free_own(struct weft__locals *locals)
{
    drop_heir(locals);
    for (uint32_t i = 0; i < locals->size; i++)
        was_last(&locals->values[i]); /* after too many rounds */
    free(locals);
}

void weft__locals_end(struct weft__locals **place)
{
    weft__locals_drain();
    if (!is_shared(*place) || leave_shared(*place)) { /* the last one has it for its own */
        for (int round = 0; round < ROUNDS && destroy_round(place); round++) {
        }
        free_own(*place);
    }
    *place = NULL;
}

void weft__locals_abandon(struct weft__locals *locals)
{
    if (!leave_shared(locals)) /* it never ran, so it has set nothing */
        return;
    weft__lock_acquire(&lock);
    locals->next = weft__load(&abandoned, relaxed);
    weft__store(&abandoned, locals, relaxed); /* under the lock */
    weft__lock_release(&lock);
}

bool weft__locals_drain(void)
{
    if (weft__likely(!weft__load(&abandoned, relaxed))) /* another drain comes */
        return false;
    weft__lock_acquire(&lock);
    struct weft__locals *locals = weft__load(&abandoned, relaxed), *next;
    weft__store(&abandoned, NULL, relaxed); /* under the lock */
    weft__lock_release(&lock);
    for (; locals; locals = next) {
        next = locals->next;
        drop_all(locals);
    }
    return true;
}
