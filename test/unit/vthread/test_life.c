/* A virtual thread, from its first instruction to its last destructor. */
#include "vthread/life.h"

#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <resolv.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "vthreads.h"

static _Thread_local int initialised = 42, zeroed;

static void run(int (*fn)(void *))
{
    need_virtual_threads();
    ck_assert_int_eq(run_tasks(1, fn, NULL), 0);
}

/* Recycling */

static pthread_key_t keys[100];

static int find_fresh_and_soil(void *unused)
{
    (void)unused;
    ck_assert_int_eq(initialised, 42);
    ck_assert_int_eq(zeroed, 0);
    ck_assert_int_eq(errno, 0);
    ck_assert_int_eq(*module_word(), 7);
    ck_assert_int_eq(module_word()[4000], 0);
    ck_assert_ptr_null(dlerror());
    ck_assert_ptr_eq(uselocale(0), LC_GLOBAL_LOCALE);
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
    ck_assert_ptr_eq(&_res, weft__block_self(own_block()) + weft__layout.resolver);
    ck_assert_int_eq(_res.nscount, 0);
    ck_assert_int_eq(_res.retrans, 0);
    res_init();
    _res.retrans = 77;
    for (int i = 0; i < 100; i++) {
        ck_assert_ptr_null(pthread_getspecific(keys[i]));
        pthread_setspecific(keys[i], &keys[i]);
    }
    initialised = zeroed = 5;
    module_word()[0] = module_word()[4000] = 6;
    uselocale(newlocale(LC_ALL_MASK, "C", NULL));
    dlopen("/no/such/library", RTLD_NOW);
    errno = ENOTBLK;
    return 0;
}

static int recycle(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        pthread_key_create(&keys[i], NULL);
    for (int i = 0; i < 100; i++)
        on_virtual_thread(find_fresh_and_soil, NULL);
    ck_assert_uint_lt(weft__blocks_count(), 5); /* else nothing was recycled */
    return 0;
}

TEST(the_next_thread_on_a_block_finds_nothing_of_the_last)
{
    run(recycle);
}

/* Ends */

static atomic_int destroyed, order[8];
static pthread_key_t key, other_key;

static void note(void *number)
{
    order[atomic_fetch_add(&destroyed, 1)] = (int)(intptr_t)number;
}

static void note_and_set_again(void *number)
{
    note(number);
    if ((intptr_t)number < 3)
        pthread_setspecific(key, (void *)((intptr_t)number + 1));
}

static void set_for_ever(void *value)
{
    note(value);
    weft_yield(); /* a destructor may suspend */
    pthread_setspecific(other_key, value);
}

static int leave_values(void *unused)
{
    (void)unused;
    pthread_setspecific(key, (void *)1);
    at_thread_exit(note, (void *)100);
    at_thread_exit(note, (void *)101);
    return 3;
}

static int leave_for_ever(void *unused)
{
    (void)unused;
    pthread_setspecific(other_key, (void *)9);
    return 0;
}

static int expect_no_value(void *unused)
{
    (void)unused;
    ck_assert_ptr_null(pthread_getspecific(other_key));
    return 0;
}

static int expect_destructors(void *unused)
{
    static const int expected[] = { 101, 100, 1, 2, 3 };
    (void)unused;
    pthread_key_create(&key, note_and_set_again);
    pthread_key_create(&other_key, set_for_ever);
    ck_assert_int_eq(on_virtual_thread(leave_values, NULL), 3);
    ck_assert_int_eq(atomic_load(&destroyed), 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(order[i], expected[i]);
    atomic_store(&destroyed, 0);
    on_virtual_thread(leave_for_ever, NULL);
    ck_assert_int_eq(atomic_load(&destroyed), 4); /* PTHREAD_DESTRUCTOR_ITERATIONS */
    on_virtual_thread(expect_no_value, NULL);
    return 0;
}

TEST(destructors_run_in_the_order_of_posix)
{
    run(expect_destructors);
}

static void note_at_exit(void *number)
{
    note(number);
    at_thread_exit(note, (void *)((intptr_t)number + 100));
}

static int leave_one_value(void *unused)
{
    (void)unused;
    pthread_setspecific(key, (void *)1);
    return 0;
}

static int expect_none_left(void *unused)
{
    (void)unused;
    pthread_key_create(&key, note_at_exit);
    on_virtual_thread(leave_one_value, NULL);
    ck_assert_int_eq(atomic_load(&destroyed), 2);
    ck_assert_int_eq(order[1], 101);
    on_virtual_thread(expect_no_value, NULL);
    ck_assert_uint_lt(weft__blocks_count(), 3);
    ck_assert_int_eq(atomic_load(&destroyed), 2);
    return 0;
}

/* The C library's list of them is its thread-local, and goes to the next thread. */
TEST(what_a_key_s_destructor_leaves_for_the_end_is_its_own_thread_s)
{
    run(expect_none_left);
}

static atomic_int deepest = 20;

static int exit_deep(int depth)
{
    if (depth > deepest)
        return 0;
    if (depth == deepest)
        pthread_exit(NULL);
    return exit_deep(depth + 1) + 1;
}

static int exit_from_inside(void *unused)
{
    (void)unused;
    pthread_setspecific(key, (void *)3);
    pthread_cleanup_push(note, (void *)50);
    pthread_cleanup_push(note, (void *)51);
    weft_yield();
    exit_deep(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return 5;
}

static int expect_exit(void *unused)
{
    (void)unused;
    pthread_key_create(&key, note_and_set_again);
    for (int round = 0; round < 3; round++) {
        atomic_store(&destroyed, 0);
        ck_assert_int_eq(on_virtual_thread(exit_from_inside, NULL), 0);
        ck_assert_int_eq(atomic_load(&destroyed), 3);
        ck_assert_int_eq(order[0], 51);
        ck_assert_int_eq(order[1], 50);
        ck_assert_int_eq(order[2], 3);
    }
    return 0;
}

TEST(pthread_exit_ends_it_by_way_of_the_cleanup_handlers)
{
    run(expect_exit);
}

static pthread_mutex_t robust;

static int die_with_lock(void *unused)
{
    (void)unused;
    ck_assert_int_eq(pthread_mutex_lock(&robust), 0);
    return 0;
}

static int expect_owner_dead(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        on_virtual_thread(die_with_lock, NULL);
        ck_assert_int_eq(pthread_mutex_lock(&robust), EOWNERDEAD);
        pthread_mutex_consistent(&robust);
        ck_assert_int_eq(pthread_mutex_unlock(&robust), 0);
    }
    return 0;
}

TEST(a_robust_mutex_tells_that_its_owner_died)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    run(expect_owner_dead);
}

/* What it is to libc and to the kernel */

static int look_at_stack(void *unused)
{
    void *low = NULL;
    size_t size = 0;
    (void)unused;
    ck_assert_int_eq(virtual_thread_stack(&low, &size), 0);
    ck_assert((char *)&low > (char *)low && (char *)&low < (char *)low + size);
    ck_assert_uint_gt(size, 200 << 10);
    *(volatile char *)low = 1; /* the guard is below */
    ck_assert_int_ge(sched_getcpu(), 0);
    return 0;
}

static int look_from_one(void *unused)
{
    return on_virtual_thread(look_at_stack, unused);
}

TEST(libc_knows_its_stack_and_asks_the_kernel_for_the_cpu)
{
    run(look_from_one);
}

static int change_ids(void *unused)
{
    (void)unused;
    ck_assert_int_eq(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1), 0);
    ck_assert_int_eq(raise(SIGURG), 0); /* blocked on carriers: stays there */
    return 0;
}

static int change_from_several(void *unused)
{
    weft_task *tasks[20];
    (void)unused;
    for (int i = 0; i < 20; i++)
        SPAWN_VIRTUAL(change_ids, NULL, &tasks[i]);
    for (int i = 0; i < 20; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(ids_are_changed_on_all_os_threads)
{
    need_virtual_threads();
    if (test_is_under("valgrind") || test_is_under("qemu"))
        test_skip("needs libc's own signals");
    ck_assert_int_eq(run_tasks(4, change_from_several, NULL), 0);
}

static int fork_one(void *unused)
{
    (void)unused;
    errno = ENOTBLK;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        free(malloc(100));
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        bool fine = errno == ENOTBLK && pthread_mutex_lock(&mutex) == 0 && weft_self();
        _exit(fine ? 12 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int fork_from_one(void *unused)
{
    ck_assert_int_eq(on_virtual_thread(fork_one, unused), 12);
    return 0;
}

TEST(the_child_of_its_fork_goes_on_as_that_thread)
{
    if (test_is_under("valgrind"))
        test_skip("what the child's other threads had is called a leak");
    run(fork_from_one);
}

static int overflow(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth > 1 << 20 ? 0 : overflow(depth + 1) + frame[0];
}

static int overflowing(void *unused)
{
    (void)unused;
    weft_set_name("deep");
    return overflow(0);
}

static int aborting(void *unused)
{
    (void)unused;
    weft_set_name("fatal");
    abort();
}

static int die(void *fn)
{
    return on_virtual_thread(*(int (**)(void *))fn, NULL);
}

static void run_dying(void *fn)
{
    run_tasks(1, die, fn);
}

/* To ask takes a thread, and qemu-user 7.2 fails in whoever is forked by a process that
 * has had one, and begins some of his own: he asks in a child. */
static void need_virtual_threads_in_child(void)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(weft_virtual_thread_refusal() != NULL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) == 1)
        need_virtual_threads(); /* and be told why not */
}

TEST(a_crash_names_it)
{
    need_virtual_threads_in_child();
    int (*fn)(void *) = overflowing;
    expect_death(run_dying, &fn, SIGSEGV, "'deep'");
    expect_death(run_dying, &fn, SIGSEGV, "overflowed its stack of 256 KiB");
    fn = aborting;
    expect_death(run_dying, &fn, SIGABRT, "died of SIGABRT in task ");
    expect_death(run_dying, &fn, SIGABRT, "'fatal'");
}

static int dump_itself(void *unused)
{
    FILE *file = tmpfile();
    char text[4096];
    (void)unused;
    weft_set_name("seen");
    ck_assert_int_eq(weft_dump(fileno(file)), 2);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *line = strstr(text, "'seen'");
    ck_assert_ptr_nonnull(line);
    *strchr(line, '\n') = 0;
    ck_assert_ptr_nonnull(strstr(line, ", virtual thread"));
    return 0;
}

static int dump_from_one(void *unused)
{
    return on_virtual_thread(dump_itself, unused);
}

TEST(dumps_tell_it_from_a_task)
{
    run(dump_from_one);
}

/* Shortage */

static void *allocate_nothing(void *memory)
{
    (void)memory;
    return NULL;
}

static int expect_shortage(void *unused)
{
    void *(*allocate)(void *) = weft__layout.allocate;
    weft_task *task;
    (void)unused;
    weft__layout.allocate = allocate_nothing;
    SPAWN_VIRTUAL(find_fresh_and_soil, NULL, &task);
    ck_assert_int_eq(weft_join(task, NULL), -ENOMEM);
    weft__layout.allocate = allocate;
    return recycle(NULL); /* others work */
}

TEST(without_memory_for_its_block_it_ends_without_having_run)
{
    run(expect_shortage);
}

/* Many */

static int use_everything(void *unused)
{
    (void)unused;
    void *objects[20];
    for (int i = 0; i < 20; i++)
        objects[i] = malloc(20 + (size_t)i * 10);
    pthread_setspecific(keys[0], objects[0]); /* free() destroys it */
    pthread_setspecific(keys[99], malloc(10));
    *module_word() = 1;
    (void)strerror(100000);
    weft_yield();
    for (int i = 1; i < 20; i++)
        free(objects[i]);
    return 0;
}

static int run_in_waves(uint64_t count)
{
    weft_task *tasks[50];
    for (uint64_t done = 0; done < count; done += 50) {
        for (int i = 0; i < 50; i++)
            SPAWN_VIRTUAL(use_everything, NULL, &tasks[i]);
        for (int i = 0; i < 50; i++)
            JOIN(tasks[i], 0);
    }
    return 0;
}

static int expect_bounded_memory(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        pthread_key_create(&keys[i], free);
    run_in_waves(20000); /* malloc's caches fill up */
    size_t before = mallinfo2().uordblks;
    run_in_waves(test_work(100000));
    size_t after = mallinfo2().uordblks;
    /* Each block keeps malloc's cache, 64 sizes of it at most. */
    size_t blocks = weft__blocks_count();
    if (after > before + blocks * (32 << 10))
        ck_abort_msg("%zu bytes in use before, %zu after, %zu blocks", before, after, blocks);
    ck_assert_uint_lt(blocks, 500);
    return 0;
}

TEST(a_hundred_thousand_leave_no_memory_behind, .timeout = 300)
{
    need_virtual_threads();
    if (test_is_slowed())
        test_skip("takes long, and tools keep memory");
    ck_assert_int_eq(run_tasks(2, expect_bounded_memory, NULL), 0);
}
