/* Looking a name up takes longer than anybody wants to wait. */
#include "suite.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

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

static int give_up(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_now() + (int64_t)(WEFT_MS(50) * test_seconds(1)));
    ck_assert_int_eq(weft_dial("localhost:1"), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    return 7;
}

static void await_all(void)
{
    atomic_store(&answer, true);
    while (atomic_load(&ended) < atomic_load(&begun))
        block_for(WEFT_MS(1));
    block_for(WEFT_MS(20)); /* what it does with the answer */
}

TEST(an_answer_may_come_after_the_deadline)
{
    weft_config config = { .workers = 2 };
    weft_task *task;
    ck_assert_int_eq(weft_start(&config), 0);
    SPAWN(give_up, NULL, &task);
    JOIN(task, 7);
    ck_assert_int_eq(give_up(NULL), 7); /* on a plain thread */
    await_all();
    ck_assert_int_eq(weft_stop(), 0);
}

TEST(an_answer_may_come_after_the_runtime_has_stopped)
{
    ck_assert_int_eq(run_tasks(2, give_up, NULL), 7);
    ck_assert_int_eq(atomic_load(&begun), 1);
    await_all();
}

static int others_go_on(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(give_up, NULL, &task);
    for (int i = 0; i < 20; i++) /* on the only worker */
        ck_assert_int_eq(weft_sleep(WEFT_US(100)), 0);
    ck_assert_int_eq(atomic_load(&begun), 1);
    JOIN(task, 7);
    return 7;
}

TEST(a_look_up_holds_nobody_else_up)
{
    ck_assert_int_eq(run_tasks(1, others_go_on, NULL), 7);
    await_all();
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
