/* Looking a name up takes longer than anybody wants to wait. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocking.h"
#include "sched/task.h"

static atomic_int begun, ended;
static atomic_bool answer;

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, port, hints, list);
    atomic_fetch_add(&begun, 1);
    while (!atomic_load(&answer))
        block_for(WEFT_MS(1));
    int rc = __real_getaddrinfo(host, port, hints, list);
    atomic_fetch_add(&ended, 1);
    return rc;
}

/* The time is up once the look-up is under way. */
static void *end_scope(void *scope)
{
    while (!atomic_load(&begun))
        block_for(WEFT_MS(1));
    weft_scope_set_deadline(scope, weft_now());
    return NULL;
}

static int give_up(void *unused)
{
    weft_scope scope;
    pthread_t thread;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    ck_assert_int_eq(pthread_create(&thread, NULL, end_scope, &scope), 0);
    ck_assert_int_eq(weft_dial("localhost:1"), -ETIMEDOUT);
    pthread_join(thread, NULL);
    ck_assert(weft_scope_leave(&scope));
    return 7;
}

static void await_all(void)
{
    atomic_store(&answer, true);
    while (atomic_load(&ended) < atomic_load(&begun))
        block_for(WEFT_MS(1));
}

TEST(an_answer_may_come_after_the_deadline)
{
    weft_config config = { .workers = 2 };
    weft_task *task;
    int threads = threads_of_nobody();
    ck_assert_int_eq(weft_start(&config), 0);
    SPAWN(give_up, NULL, &task);
    JOIN(task, 7);
    ck_assert_int_eq(give_up(NULL), 7); /* on a plain thread */
    await_all();
    ck_assert_int_eq(weft_stop(), 0);
    expect_threads(threads);
}

TEST(an_answer_may_come_after_the_runtime_has_stopped)
{
    int threads = threads_of_nobody();
    ck_assert_int_eq(run_tasks(2, give_up, NULL), 7);
    ck_assert_int_eq(atomic_load(&begun), 1);
    await_all();
    expect_threads(threads); /* what it does with the answer */
}

static int others_go_on(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(give_up, NULL, &task);
    for (int i = 0; i < 20 || !atomic_load(&begun); i++) /* on the only worker */
        ck_assert_int_eq(weft_sleep(WEFT_US(100)), 0);
    ck_assert_int_eq(atomic_load(&begun), 1);
    JOIN(task, 7);
    return 7;
}

TEST(a_look_up_holds_nobody_else_up)
{
    int threads = threads_of_nobody();
    ck_assert_int_eq(run_tasks(1, others_go_on, NULL), 7);
    await_all();
    expect_threads(threads);
}

static void *move_and_answer(void *scope)
{
    while (!atomic_load(&begun))
        block_for(WEFT_US(100));
    for (int i = 0; i < 100; i++) { /* each wakes who waits for the answer, for nothing */
        weft_scope_set_deadline(scope, weft_after(WEFT_S(1000 - i)));
        block_for(WEFT_US(test_random() % 100));
    }
    atomic_store(&answer, true);
    return NULL;
}

static int wait_for_answer(void *unused)
{
    weft_scope scope;
    pthread_t thread;
    (void)unused;
    atomic_store(&begun, 0);
    atomic_store(&answer, false);
    weft_scope_enter(&scope, weft_after(WEFT_S(2000)));
    ck_assert_int_eq(pthread_create(&thread, NULL, move_and_answer, &scope), 0);
    int rc = weft_dial("localhost:1");
    ck_assert_int_ne(rc, -ETIMEDOUT);
    ck_assert_int_ne(rc, -EAGAIN);
    ck_assert_int_lt(rc, 0); /* nobody listens there */
    pthread_join(thread, NULL);
    ck_assert(!weft_scope_leave(&scope));
    return 7;
}

TEST(a_deadline_that_moves_does_not_end_the_wait)
{
    ck_assert_int_eq(run_tasks(2, wait_for_answer, NULL), 7);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(wait_for_answer(NULL), 7);
    ck_assert_int_eq(weft_stop(), 0);
}

/* Equal look-ups. */

#define ASKERS 5

static void await_resolving(weft_task *task)
{
    const char *what = NULL;
    while (!what || strcmp(what, "resolve") != 0) {
        weft_sleep(WEFT_US(50));
        if (weft__wait_state(&task->waiter) == WEFT__WAITING)
            what = weft__load(&task->waiter.what, relaxed);
    }
}

static int ask(void *ret_list)
{
    return weft_getaddrinfo("localhost", "5", NULL, ret_list);
}

static int ask_together(void *unused)
{
    weft_task *tasks[ASKERS];
    struct addrinfo *lists[ASKERS];
    int result;
    (void)unused;
    atomic_store(&begun, 0);
    atomic_store(&ended, 0);
    atomic_store(&answer, false);
    for (int i = 0; i < ASKERS; i++) {
        SPAWN(ask, &lists[i], &tasks[i]);
        await_resolving(tasks[i]);
    }
    weft_cancel(tasks[0]);
    JOIN(tasks[0], -ECANCELED);
    weft_cancel(tasks[3]);
    JOIN(tasks[3], -ECANCELED);
    atomic_store(&answer, true);
    for (int i = 1; i < ASKERS; i++) {
        if (i == 3)
            continue;
        ck_assert_int_eq(weft_join(tasks[i], &result), 0);
        ck_assert_int_eq(result, 0);
        ck_assert_ptr_nonnull(lists[i]->ai_addr);
        ck_assert(i == 1 || lists[i] != lists[1]); /* each has its own */
    }
    for (int i = 1; i < ASKERS; i++) {
        if (i != 3)
            weft_freeaddrinfo(lists[i]);
    }
    ck_assert_int_eq(atomic_load(&begun), 1);
    return 0;
}

TEST(equal_look_ups_are_one_and_who_gives_up_does_not_harm_the_others)
{
    ck_assert_int_eq(run_tasks(1, ask_together, NULL), 0);
    ck_assert_int_eq(run_tasks(2, ask_together, NULL), 0); /* nothing was kept */
}

/* Files and names. */

#define NAMES 6

static int dial_slow_name(void *number)
{
    char name[32];
    snprintf(name, sizeof name, "localhost:%d", (int)(intptr_t)number + 1);
    return weft_dial(name);
}

/* By the pool, where the ring is not: what is in the cache needs neither, but opening does. */
static void use_files(void)
{
    char buf[4], path[] = "/tmp/weft-names-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 50; i++) {
        int again = weft_file_open(path, O_RDWR, 0);
        ck_assert_int_ge(again, 0);
        ck_assert_int_eq(weft_pwrite(again, "here", 4, 0), 4);
        ck_assert_int_eq(weft_pread(again, buf, 4, 0), 4);
        ck_assert_int_eq(weft_close(again), 0);
    }
    close(fd);
    unlink(path);
}

static int hang_and_read(void *unused)
{
    weft_task *tasks[NAMES];
    (void)unused;
    for (intptr_t i = 0; i < NAMES; i++)
        SPAWN(dial_slow_name, (void *)i, &tasks[i]);
    await_waiting_calls(weft_blocking_dns(), NAMES - 2);
    await_count(&begun, 2);
    use_files();
    for (int i = 0; i < NAMES; i++) {
        weft_cancel(tasks[i]);
        JOIN(tasks[i], -ECANCELED);
    }
    await_waiting_calls(weft_blocking_dns(), 0);
    ck_assert_int_eq(atomic_load(&begun), 2); /* the others have not begun, and never will */
    return 0;
}

static void hang_by(const char *way)
{
    setenv("WEFT_FILES", way, 1);
    weft_config config = { .workers = 1, .blocking_dns_threads = 2 };
    int threads = threads_of_nobody();
    ck_assert_int_eq(weft_run(&config, hang_and_read, NULL), 0);
    await_all();
    ck_assert_int_eq(atomic_load(&begun), 2);
    if (strcmp(way, "pool") == 0) /* the kernel keeps its own for a while */
        expect_threads(threads);
}

TEST(names_that_hang_hold_up_no_files_of_the_pool)
{
    hang_by("pool");
}

TEST(names_that_hang_hold_up_no_files_of_the_ring)
{
    hang_by("ring");
}
