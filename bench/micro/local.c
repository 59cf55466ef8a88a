/* local.c - looking at task-locals, and handing them down. */
#include <pthread.h>

#include <weft.h>

#include "bench.h"

/* Keys that exist; the last one is looked at. */
#define KEYS 8

static int value;
static void *array[KEYS];
static volatile unsigned at = KEYS - 1; /* not known when this is compiled */

static void use(const void *found)
{
    check(found == &value, "another value");
}

/* A function as the others are: the call is part of what is compared. */
__attribute__((noinline)) static void *index_array(unsigned index)
{
    __asm__ volatile("" ::: "memory");
    return array[index];
}

struct sample array_index(const struct load *load)
{
    size_t n = load_count(load, 20000000);
    unsigned index = at;
    array[index] = &value;
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        use(index_array(index));
    return meter_ns_per_op(&meter, n);
}

static weft_local make_locals(unsigned flags)
{
    weft_local locals[KEYS];
    for (int i = 0; i < KEYS; i++)
        must(weft_local_create(&locals[i], NULL, flags));
    must(weft_local_set(locals[at], &value));
    return locals[at];
}

struct sample local_get(const struct load *load)
{
    size_t n = load_count(load, 20000000);
    weft_local local = make_locals(0);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        use(weft_local_get(local));
    return meter_ns_per_op(&meter, n);
}

struct sample specific_get(const struct load *load)
{
    size_t n = load_count(load, 20000000);
    pthread_key_t keys[KEYS];
    for (int i = 0; i < KEYS; i++)
        check(pthread_key_create(&keys[i], NULL) == 0, "no key");
    check(pthread_setspecific(keys[at], &value) == 0, "no memory");
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        use(pthread_getspecific(keys[at]));
    return meter_ns_per_op(&meter, n);
}

struct sample local_set(const struct load *load)
{
    size_t n = load_count(load, 10000000);
    weft_local local = make_locals(0);
    struct meter meter = meter_start();
    for (size_t i = 0; i < n; i++)
        must(weft_local_set(local, i % 2 ? (void *)&value : (void *)array));
    return meter_ns_per_op(&meter, n);
}

struct sample spawn_join_one_inheriting(const struct load *load)
{
    make_locals(WEFT_LOCAL_INHERITED);
    return spawn_join_one(load);
}
