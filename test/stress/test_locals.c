/* Trees of tasks that set, hand down, replace and leave task-locals at random: what
 * was there is there, and each value is destroyed once. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tasks.h"

#define KEYS 12
#define ALIVE 0x600dda7a

struct value {
    unsigned state; /* ALIVE until it is destroyed */
    unsigned key;
};

static weft_local keys[KEYS]; /* the odd ones are inherited */
static atomic_uint_least64_t made, destroyed;

static void destroy(void *arg)
{
    struct value *value = arg;
    if (value->state != ALIVE)
        ck_abort_msg("destroyed twice");
    value->state = 0;
    free(value);
    atomic_fetch_add(&destroyed, 1);
    if (test_random() % 4 == 0)
        weft_yield();
}

static struct value *new_value(unsigned key)
{
    struct value *value = malloc(sizeof *value);
    *value = (struct value){ ALIVE, key };
    atomic_fetch_add(&made, 1);
    return value;
}

/* Of the test's own view of what is set. */
struct view {
    struct value *values[KEYS];
};

static void expect(const struct view *view)
{
    for (unsigned i = 0; i < KEYS; i++) {
        struct value *value = weft_local_get(keys[i]);
        if (value != view->values[i])
            ck_abort_msg("key %u has another value", i);
        if (value && (value->state != ALIVE || value->key != i))
            ck_abort_msg("key %u has a value that is destroyed", i);
    }
}

struct branch {
    struct view view;
    unsigned depth;
};

static int grow(void *arg);

static void spawn_branch(const struct branch *from, bool detached)
{
    struct branch branch = { .depth = from->depth - 1 };
    weft_task *task;
    for (unsigned i = 1; i < KEYS; i += 2)
        branch.view.values[i] = from->view.values[i];
    ck_assert_int_eq(
        weft_spawn_copy("grow", NULL, grow, &branch, sizeof branch, detached ? NULL : &task), 0);
    if (!detached)
        ck_assert_int_eq(weft_join(task, NULL), 0);
}

static void set_some(struct branch *branch)
{
    unsigned i = (unsigned)test_random() % KEYS;
    branch->view.values[i] = test_random() % 4 ? new_value(i) : NULL;
    ck_assert_int_eq(weft_local_set(keys[i], branch->view.values[i]), 0);
}

static void act(struct branch *branch);

static void act_in_region(struct branch *branch)
{
    unsigned i = (unsigned)test_random() % KEYS;
    struct value *before = branch->view.values[i];
    int rc;
    branch->view.values[i] = new_value(i);
    WEFT_WITH_LOCAL (rc, keys[i], branch->view.values[i]) {
        act(branch);
        if (branch->depth && test_random() % 64 == 0)
            weft_exit(0);
    }
    ck_assert_int_eq(rc, 0);
    branch->view.values[i] = before;
}

static void act(struct branch *branch)
{
    expect(&branch->view);
    switch (test_random() % 6) {
    case 0:
    case 1:
        set_some(branch);
        break;
    case 2:
        act_in_region(branch);
        break;
    case 3:
        weft_yield();
        break;
    default:
        if (branch->depth)
            spawn_branch(branch, test_random() % 2);
    }
    expect(&branch->view);
}

static int grow(void *arg)
{
    struct branch branch = *(struct branch *)arg;
    for (int i = 0; i < 6; i++)
        act(&branch);
    return 0;
}

static void *grow_on_thread(void *unused)
{
    struct branch branch = { .depth = 0 }; /* weft_exit() is not for threads */
    for (int i = 0; i < 20; i++) {
        set_some(&branch);
        branch.depth = 4;
        spawn_branch(&branch, false);
        branch.depth = 0;
        act(&branch);
    }
    return unused;
}

static int grow_trees(void *unused)
{
    for (uint64_t n = test_work(50); n > 0; n--) {
        struct branch branch = { .depth = 5 };
        spawn_branch(&branch, n % 2);
    }
    return (int)(intptr_t)unused;
}

static void run_mix(unsigned workers)
{
    pthread_t threads[2];
    weft_task *trees;
    weft_config config = { .workers = workers };
    for (unsigned i = 0; i < KEYS; i++)
        ck_assert_int_eq(weft_local_create(&keys[i], destroy, i % 2 ? WEFT_LOCAL_INHERITED : 0), 0);
    ck_assert_int_eq(weft_start(&config), 0);
    SPAWN(grow_trees, NULL, &trees);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, grow_on_thread, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    JOIN(trees, 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_uint_gt(atomic_load(&made), 0);
    ck_assert_uint_eq(atomic_load(&destroyed), atomic_load(&made));
}

TEST(each_value_is_destroyed_once_with_one_worker)
{
    run_mix(1);
}

TEST(each_value_is_destroyed_once_with_two_workers)
{
    run_mix(2);
}

TEST(each_value_is_destroyed_once_with_eight_workers)
{
    run_mix(8);
}
