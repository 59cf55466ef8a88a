/* works.h - a pool of things, and the works that make them: late, not at all, broken. */
#ifndef WEFT_TEST_WORKS_H
#define WEFT_TEST_WORKS_H

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "suite.h"
#include "tasks.h"

#define THINGS 64

/* What the pools here make: the number of a thing, from 1 on. */
static struct {
    atomic_int made, alive, most, checked;
    atomic_bool there[THINGS];
    atomic_int failures;                     /* how many will fail */
    atomic_bool broken;                      /* what is checked */
    int (*on_make)(void), (*on_check)(void); /* and what they return; NULL: nothing */
} works;

static weft_pool *pool;

static inline void note_most(int now)
{
    int before = atomic_load(&works.most);
    while (now > before && !atomic_compare_exchange_weak(&works.most, &before, now))
        ;
}

static inline int make(void *arg, void **ret_thing)
{
    ck_assert_ptr_eq(arg, &works);
    int rc = works.on_make ? works.on_make() : 0;
    if (rc == 0 && atomic_load(&works.failures) > 0) {
        atomic_fetch_sub(&works.failures, 1);
        rc = -EIO;
    }
    if (rc)
        return rc;
    note_most(atomic_fetch_add(&works.alive, 1) + 1);
    int number = atomic_fetch_add(&works.made, 1) + 1;
    ck_assert_int_lt(number, THINGS);
    atomic_store(&works.there[number], true);
    *ret_thing = (void *)(intptr_t)number;
    return 0;
}

static inline void destroy(void *arg, void *thing)
{
    ck_assert_ptr_eq(arg, &works);
    ck_assert_int_eq(weft_yield(), 0); /* in a shield */
    ck_assert(atomic_exchange(&works.there[(intptr_t)thing], false));
    atomic_fetch_sub(&works.alive, 1);
}

static inline int check(void *arg, void *thing)
{
    ck_assert_ptr_eq(arg, &works);
    ck_assert(atomic_load(&works.there[(intptr_t)thing]));
    atomic_fetch_add(&works.checked, 1);
    if (works.on_check)
        return works.on_check();
    return atomic_load(&works.broken) ? -EIO : 0;
}

static const weft_pool_attr usual = { .max = 3, .make = make, .destroy = destroy, .arg = &works };

static inline void open_pool(const weft_pool_attr *attr)
{
    memset(&works, 0, sizeof works);
    ck_assert_int_eq(weft_pool_create(attr, &pool), 0);
}

/* Everything that was made is destroyed. */
static inline void close_pool(void)
{
    weft_pool_destroy(pool);
    ck_assert_int_eq(atomic_load(&works.alive), 0);
}

static inline int get(void)
{
    void *thing = NULL;
    int rc = weft_pool_get(pool, &thing);
    ck_assert(rc != 0 || atomic_load(&works.there[(intptr_t)thing]));
    ck_assert(rc == 0 || !thing);
    return rc ? rc : (int)(intptr_t)thing;
}

static inline void put(int number)
{
    ck_assert_int_eq(weft_pool_put(pool, (void *)(intptr_t)number), 0);
}

static inline void drop(int number)
{
    ck_assert_int_eq(weft_pool_drop(pool, (void *)(intptr_t)number), 0);
}

static inline weft_pool_info look(void)
{
    weft_pool_info info;
    weft_pool_look(pool, &info);
    ck_assert_uint_le(info.in_use + info.idle, info.max);
    return info;
}

static inline void expect(unsigned in_use, unsigned idle)
{
    weft_pool_info info = look();
    ck_assert_uint_eq(info.in_use, in_use);
    ck_assert_uint_eq(info.idle, idle);
    ck_assert_uint_eq(info.waiters, 0);
}

static inline void await_waiters(unsigned waiters)
{
    while (look().waiters < waiters)
        ck_assert_int_eq(weft_yield(), 0);
}

static inline int get_and_keep(void *unused)
{
    (void)unused;
    return get();
}

/* One has it, two wait. */
static inline void spawn_two_behind(weft_task **tasks)
{
    for (unsigned i = 0; i < 2; i++) {
        SPAWN(get_and_keep, NULL, &tasks[i]);
        await_waiters(i + 1);
    }
}

#endif
