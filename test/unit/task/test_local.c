#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "keys.h"
#include "tasks.h"
#include "vthreads.h"

static weft_local plain, handed_down;
static atomic_int destroyed;   /* how many values, */
static atomic_int destroy_sum; /* and their sum */

static void count_destroyed(void *value)
{
    atomic_fetch_add(&destroyed, 1);
    atomic_fetch_add(&destroy_sum, (int)(intptr_t)value);
}

static void *number(intptr_t n)
{
    return (void *)n;
}

#define SET(local, n) ck_assert_int_eq(weft_local_set(local, number(n)), 0)
#define HAS(local, n) ck_assert_ptr_eq(weft_local_get(local), number(n))
#define DESTROYED(n) ck_assert_int_eq(atomic_load(&destroyed), n)

static void make_keys(void)
{
    ck_assert_int_eq(weft_local_create(&plain, count_destroyed, 0), 0);
    ck_assert_int_eq(weft_local_create(&handed_down, count_destroyed, WEFT_LOCAL_INHERITED), 0);
}

static int as_virtual_thread(void *fn)
{
    return weft_virtual_thread_refusal() ? 0 : on_virtual_thread((int (*)(void *))fn, NULL);
}

static void *on_thread(void *fn)
{
    ck_assert_int_eq(((int (*)(void *))fn)(NULL), 0);
    return NULL;
}

/* As a task, as a virtual thread, and on a plain thread: each destroys so many. */
static void run_everywhere(int (*fn)(void *), int destroys)
{
    make_keys();
    ck_assert_int_eq(weft_run(NULL, fn, NULL), 0);
    DESTROYED(destroys);
    atomic_store(&destroyed, 0);
    ck_assert_int_eq(weft_run(NULL, as_virtual_thread, (void *)fn), 0);
    DESTROYED(weft_virtual_thread_refusal() ? 0 : destroys);
    atomic_store(&destroyed, 0);
    pthread_t thread;
    ck_assert_int_eq(weft_start(NULL), 0);
    pthread_create(&thread, NULL, on_thread, (void *)fn);
    pthread_join(thread, NULL);
    ck_assert_int_eq(weft_stop(), 0);
    DESTROYED(destroys);
}

static int set_and_look(void *unused)
{
    (void)unused;
    HAS(plain, 0);
    SET(plain, 1);
    SET(handed_down, 2);
    weft_yield();
    HAS(plain, 1);
    HAS(handed_down, 2);
    return 0;
}

TEST(values_are_found_again_and_destroyed_at_the_end)
{
    run_everywhere(set_and_look, 2);
}

static int replace(void *unused)
{
    (void)unused;
    SET(plain, 1);
    SET(plain, 1); /* the same: it stays */
    int before = atomic_load(&destroyed);
    SET(plain, 2);
    ck_assert_int_eq(atomic_load(&destroyed), before + 1);
    SET(plain, 0);
    HAS(plain, 0);
    ck_assert_int_eq(atomic_load(&destroyed), before + 2);
    SET(plain, 0);
    return 0;
}

TEST(a_value_that_is_replaced_is_destroyed)
{
    run_everywhere(replace, 2);
}

static int grandchild(void *unused)
{
    (void)unused;
    HAS(handed_down, 7);
    HAS(plain, 0);
    return 0;
}

static int child(void *other)
{
    weft_task *task;
    HAS(handed_down, 7);
    HAS(plain, 0);
    SPAWN(grandchild, NULL, &task);
    JOIN(task, 0);
    if (other)
        SET(handed_down, 8);
    return 0;
}

static int hand_down(void *unused)
{
    weft_task *tasks[2];
    (void)unused;
    SET(plain, 1);
    SET(handed_down, 7);
    int before = atomic_load(&destroyed);
    SPAWN(child, NULL, &tasks[0]);
    SPAWN(child, number(1), &tasks[1]);
    JOIN(tasks[0], 0);
    JOIN(tasks[1], 0);
    HAS(handed_down, 7);
    ck_assert_int_eq(atomic_load(&destroyed), before + 1); /* the child's 8 */
    return 0;
}

TEST(children_begin_with_what_their_spawner_hands_down)
{
    run_everywhere(hand_down, 3);
}

static pthread_key_t specific;

static void look_at_specific(void *value)
{
    ck_assert_ptr_eq(pthread_getspecific(specific), value);
    atomic_fetch_add(&destroyed, 1);
}

static int set_both(void *local)
{
    ck_assert_int_eq(pthread_setspecific(specific, local), 0);
    ck_assert_int_eq(weft_local_set(*(weft_local *)local, local), 0);
    return 0;
}

static int use_on_virtual_thread(void *unused)
{
    weft_local local;
    (void)unused;
    ck_assert_int_eq(weft_local_create(&local, look_at_specific, 0), 0);
    ck_assert_int_eq(pthread_key_create(&specific, count_destroyed), 0);
    ck_assert_int_eq(on_virtual_thread(set_both, &local), 0);
    DESTROYED(2);
    return 0;
}

TEST(a_virtual_thread_destroys_them_before_it_ends_as_a_thread)
{
    need_virtual_threads();
    ck_assert_int_eq(weft_run(NULL, use_on_virtual_thread, NULL), 0);
}

static atomic_bool go;
static weft_task *last;

static int outlive(void *unused)
{
    (void)unused;
    while (!atomic_load(&go))
        weft_yield();
    HAS(handed_down, 7);
    DESTROYED(0);
    return 0;
}

static int end_before_child(void *unused)
{
    (void)unused;
    SET(handed_down, 7);
    SPAWN(outlive, NULL, &last);
    return 0;
}

static int join_last(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(end_before_child, NULL, &task);
    JOIN(task, 0);
    DESTROYED(0);
    atomic_store(&go, true);
    JOIN(last, 0);
    DESTROYED(1); /* before whoever joins goes on */
    return 0;
}

TEST(an_inherited_value_is_destroyed_by_the_last_that_has_it)
{
    make_keys();
    ck_assert_int_eq(weft_run(NULL, join_last, NULL), 0);
    DESTROYED(1);
}

static int expect(void *value)
{
    ck_assert_ptr_eq(weft_local_get(handed_down), value);
    return 0;
}

static int change_between(void *unused)
{
    weft_task *tasks[4];
    (void)unused;
    for (intptr_t i = 0; i < 4; i++) {
        SET(handed_down, i + 1);
        SPAWN(expect, number(i + 1), &tasks[i]);
    }
    SET(handed_down, 0);
    for (int i = 0; i < 4; i++)
        JOIN(tasks[i], 0);
    SPAWN(expect, NULL, &tasks[0]);
    JOIN(tasks[0], 0);
    DESTROYED(4);
    return 0;
}

TEST(a_child_has_the_values_of_the_moment_it_was_spawned)
{
    make_keys();
    ck_assert_int_eq(weft_run(NULL, change_between, NULL), 0);
    DESTROYED(4);
}

static int regions(void *unused)
{
    weft_local_region outer, inner;
    weft_task *task;
    (void)unused;
    SET(handed_down, 1);
    int before = atomic_load(&destroyed);
    ck_assert_int_eq(weft_local_push(&outer, handed_down, number(2)), 0);
    SPAWN(expect, number(2), &task);
    ck_assert_int_eq(weft_local_push(&inner, handed_down, NULL), 0);
    HAS(handed_down, 0);
    weft_local_pop(&inner);
    HAS(handed_down, 2);
    JOIN(task, 0);
    ck_assert_int_eq(atomic_load(&destroyed), before);
    weft_local_pop(&outer);
    HAS(handed_down, 1);
    ck_assert_int_eq(atomic_load(&destroyed), before + 1);
    return 0;
}

TEST(a_region_puts_the_old_value_back)
{
    run_everywhere(regions, 2);
}

static int leave_by(int way)
{
    int rc;
    WEFT_WITH_LOCAL (rc, plain, number(way)) {
        HAS(plain, way);
        if (way == 1)
            break;
        if (way == 2)
            continue;
        if (way == 3)
            goto out;
        if (way == 4)
            return rc;
        WEFT_WITH_LOCAL (rc, plain, number(6))
            HAS(plain, 6);
        HAS(plain, way);
    }
out:
    return rc;
}

static int leave_regions(void *unused)
{
    (void)unused;
    SET(plain, 9);
    for (int way = 1; way <= 5; way++) {
        ck_assert_int_eq(leave_by(way), 0);
        HAS(plain, 9);
    }
    return 0;
}

TEST(a_region_is_left_however_its_block_is)
{
    run_everywhere(leave_regions, 7);
}

TEST(a_region_without_its_key_does_not_run)
{
    weft_local none = { 0 };
    int rc, runs = 0;
    WEFT_WITH_LOCAL (rc, none, &rc)
        runs++;
    ck_assert_int_eq(rc, -EINVAL);
    ck_assert_int_eq(runs, 0);
}

TEST(there_are_so_many_keys_and_no_more)
{
    static weft_local keys[WEFT_LOCALS_MAX], more;
    for (int i = 0; i < WEFT_LOCALS_MAX; i++)
        ck_assert_int_eq(weft_local_create(&keys[i], NULL, i % 2 ? WEFT_LOCAL_INHERITED : 0), 0);
    ck_assert_int_eq(weft_local_create(&more, NULL, 0), -EAGAIN);
    for (int i = WEFT_LOCALS_MAX; i-- > 0;)
        SET(keys[i], i + 1);
    for (int i = 0; i < WEFT_LOCALS_MAX; i++)
        HAS(keys[i], i + 1);
    ck_assert_int_eq(weft_local_delete(keys[5]), 0);
    ck_assert_int_eq(weft_local_create(&more, NULL, 0), 0);
    HAS(more, 0);
    ck_assert_int_eq(weft_local_create(&keys[5], NULL, 2), -EINVAL);
}

static int use_deleted(void *unused)
{
    weft_local other;
    (void)unused;
    SET(plain, 1);
    ck_assert_int_eq(weft_local_delete(plain), 0);
    ck_assert_int_eq(weft_local_delete(plain), -EINVAL);
    ck_assert_int_eq(weft_local_set(plain, number(2)), -EINVAL);
    ck_assert_int_eq(weft_local_set(plain, number(1)), -EINVAL);
    ck_assert_int_eq(weft_local_create(&other, count_destroyed, 0), 0); /* in its place */
    HAS(other, 0);
    SET(other, 3);
    HAS(plain, 0);
    HAS(other, 3);
    return 0;
}

TEST(values_of_a_deleted_key_are_nobodys)
{
    make_keys();
    ck_assert_int_eq(weft_run(NULL, use_deleted, NULL), 0);
    DESTROYED(1);
    ck_assert_int_eq(atomic_load(&destroy_sum), 3);
}

static weft_local again;

static void set_again(void *value)
{
    atomic_fetch_add(&destroyed, 1);
    weft_yield();
    HAS(again, 0);
    if ((intptr_t)value < 100)
        SET(again, (intptr_t)value + 1);
}

static int set_plain(void *start)
{
    SET(again, (intptr_t)start);
    return 0;
}

TEST(what_destructors_set_is_destroyed_in_turn)
{
    ck_assert_int_eq(weft_local_create(&again, set_again, WEFT_LOCAL_INHERITED), 0);
    ck_assert_int_eq(weft_run(NULL, set_plain, number(98)), 0);
    DESTROYED(3);
    ck_assert_int_eq(weft_run(NULL, set_plain, number(1)), 0);
    DESTROYED(3 + 4); /* and then no more */
}

static int detach_children(void *unused)
{
    (void)unused;
    SET(handed_down, 1);
    for (int i = 0; i < 10; i++) {
        SPAWN(set_and_look, NULL, NULL);
        SET(handed_down, 0);
    }
    return 0;
}

TEST(detached_tasks_destroy_theirs)
{
    ck_assert_int_eq(weft_local_create(&plain, count_destroyed, 0), 0);
    ck_assert_int_eq(weft_local_create(&handed_down, count_destroyed, WEFT_LOCAL_INHERITED), 0);
    ck_assert_int_eq(weft_run(NULL, detach_children, NULL), 0);
    DESTROYED(21);
}

static int many_keys_one_by_one(void *unused)
{
    enum { MANY = 100 };
    static weft_local keys[MANY];
    weft_task *task;
    (void)unused;
    for (intptr_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(weft_local_create(&keys[i], count_destroyed, WEFT_LOCAL_INHERITED), 0);
        SET(keys[i], i + 1); /* the array grows */
        SPAWN(expect, NULL, &task);
        JOIN(task, 0);
    }
    for (intptr_t i = 0; i < MANY; i++)
        HAS(keys[i], i + 1);
    DESTROYED(0);
    return 0;
}

TEST(values_stay_when_there_are_more_of_them)
{
    ck_assert_int_eq(weft_local_create(&handed_down, NULL, WEFT_LOCAL_INHERITED), 0);
    ck_assert_int_eq(weft_run(NULL, many_keys_one_by_one, NULL), 0);
    DESTROYED(100);
    ck_assert_int_eq(atomic_load(&destroy_sum), 5050);
}

static void *try_to_set(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)weft_local_set(plain, number(1));
}

static int set_on_a_thread(void)
{
    pthread_t thread;
    void *result;
    ck_assert_int_eq(pthread_create(&thread, NULL, try_to_set, NULL), 0);
    pthread_join(thread, &result);
    return (int)(intptr_t)result;
}

TEST(a_thread_sets_values_as_soon_as_there_is_a_key)
{
    make_keys();
    pthread_key_t key = take_all_keys();
    ck_assert_int_eq(set_on_a_thread(), -ENOMEM);
    pthread_key_delete(key);
    ck_assert_int_eq(set_on_a_thread(), 0);
    DESTROYED(1);
}
