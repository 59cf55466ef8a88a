/* What has gone wrong elsewhere when something was cancelled, as people have told it of
 * other systems, and what happens here. */
#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tasks.h"

static void socket_pair(int fds[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void close_pair(int fds[2])
{
    weft_close(fds[0]);
    weft_close(fds[1]);
}

/* The item that was lost. A consumer waits with a timeout; the item comes at the moment
 * at which the timeout does; the consumer is told "too late", and the item is gone. */

struct delivery {
    int fd;
    uint32_t items;
    weft_scope *_Atomic waiting; /* the consumer's scope, until the producer takes it */
};

/* Who takes a scope cancels it at once. */
static void cancel_consumer(struct delivery *delivery)
{
    weft_scope *scope = atomic_exchange(&delivery->waiting, NULL);
    if (scope)
        weft_scope_cancel(scope);
}

/* Item and cancellation, at once and in either order. */
static int produce(void *arg)
{
    struct delivery *delivery = arg;
    for (uint32_t i = 0; i < delivery->items; i++) {
        if (i % 2)
            cancel_consumer(delivery);
        ck_assert_int_eq(weft_write_all(delivery->fd, &i, sizeof i, NULL), 0);
        if (i % 2 == 0)
            cancel_consumer(delivery);
        if (i % 3 == 0)
            weft_yield();
    }
    return 0;
}

/* Returns what weft_read() does. A scope that has been taken is left once it has been
 * cancelled. */
static ssize_t consume_one(struct delivery *delivery, int fd, uint32_t *ret_item)
{
    weft_scope scope;
    ssize_t n = 0;
    WEFT_WITH_SCOPE (&scope) {
        atomic_store(&delivery->waiting, &scope);
        n = weft_read(fd, ret_item, sizeof *ret_item);
        if (!atomic_exchange(&delivery->waiting, NULL)) {
            while (!weft_scope_cancelled(&scope))
                sched_yield();
        }
    }
    return n;
}

static int consume(void *unused)
{
    int fds[2];
    uint32_t item, next = 0, cancelled = 0;
    weft_task *producer;
    (void)unused;
    socket_pair(fds);
    struct delivery delivery = { .fd = fds[1], .items = (uint32_t)test_work(5000) };
    SPAWN(produce, &delivery, &producer);
    while (next < delivery.items) {
        ssize_t n = consume_one(&delivery, fds[0], &item);
        if (n == -ECANCELED) {
            cancelled++;
            continue;
        }
        ck_assert_int_eq(n, sizeof item);
        ck_assert_uint_eq(item, next); /* none is missing, none comes twice */
        next++;
    }
    JOIN(producer, 0);
    ck_assert_uint_gt(cancelled, 0);
    close_pair(fds);
    return 0;
}

TEST(a_cancelled_wait_that_also_received_its_item_loses_nothing, .timeout = 300)
{
    ck_assert_int_eq(run_tasks(1, consume, NULL), 0);
    ck_assert_int_eq(run_tasks(2, consume, NULL), 0);
}

/* The cancellation that was swallowed. A task waits for something with a timeout; it is
 * cancelled at the moment at which the wait ends well, or the timeout comes; it goes on
 * as if nothing had happened, and whoever cancelled it waits for ever. */

struct hidden {
    int fd;
    atomic_bool inside;
    int way; /* what comes together with the cancellation */
};

enum { THE_RESULT, THE_TIMEOUT };

static int wait_with_timeout(void *arg)
{
    struct hidden *hidden = arg;
    weft_scope timeout;
    char byte;
    for (;;) {
        int64_t deadline =
            hidden->way == THE_TIMEOUT ? weft_after(WEFT_US(20)) : weft_after(WEFT_S(1000));
        int64_t n = 0;
        WEFT_WITH_DEADLINE (&timeout, deadline) {
            atomic_store(&hidden->inside, true);
            n = weft_read(hidden->fd, &byte, 1);
        }
        if (n == 1 || weft_scope_timed_out(&timeout))
            continue; /* nothing that looks like a cancellation has been seen */
        return (int)n;
    }
}

static int hide_cancellation(void *way)
{
    for (uint64_t i = test_work(500); i > 0; i--) {
        int fds[2], result;
        weft_task *task;
        socket_pair(fds);
        struct hidden hidden = { .fd = fds[0], .way = (int)(intptr_t)way };
        SPAWN(wait_with_timeout, &hidden, &task);
        while (!atomic_load(&hidden.inside))
            weft_yield();
        if (i % 2)
            ck_assert_int_eq(weft_write(fds[1], "x", 1), 1);
        weft_cancel(task);
        if (i % 2 == 0 && hidden.way == THE_RESULT)
            ck_assert_int_eq(weft_write(fds[1], "x", 1), 1);
        ck_assert_int_eq(weft_join(task, &result), 0); /* it does end */
        ck_assert_int_eq(result, -ECANCELED);
        close_pair(fds);
    }
    return 0;
}

TEST(a_timeout_that_ends_well_does_not_hide_an_outer_cancellation, .timeout = 300)
{
    ck_assert_int_eq(run_tasks(1, hide_cancellation, (void *)THE_RESULT), 0);
    ck_assert_int_eq(run_tasks(2, hide_cancellation, (void *)THE_RESULT), 0);
}

TEST(a_timeout_that_comes_does_not_hide_an_outer_cancellation, .timeout = 300)
{
    ck_assert_int_eq(run_tasks(1, hide_cancellation, (void *)THE_TIMEOUT), 0);
    ck_assert_int_eq(run_tasks(2, hide_cancellation, (void *)THE_TIMEOUT), 0);
}

/* The orphan. Something important is shielded from cancellation; the one who waits for
 * it is cancelled, and goes; it runs on, and nobody knows. */

static atomic_bool let_finish, finished;

static int finish_important_work(void *unused)
{
    (void)unused;
    weft_started(0);
    while (!atomic_load(&let_finish)) {
        int rc = weft_sleep(WEFT_US(50));
        if (rc)
            return rc;
    }
    atomic_store(&finished, true);
    return 0;
}

static int shield_work(void *ready)
{
    weft_scope shield;
    weft_group group;
    int rc = -1;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        weft_group_enter(&group, WEFT_NEVER);
        ck_assert_int_eq(weft_group_start(&group, finish_important_work, NULL, NULL), 0);
        atomic_store((atomic_bool *)ready, true);
        rc = weft_group_leave(&group);
    }
    ck_assert_int_eq(rc, 0);
    ck_assert(atomic_load(&finished)); /* we are still here, and know */
    return weft_checkpoint();          /* and now we may go */
}

static int cancel_shielded(void *unused)
{
    atomic_bool ready = false;
    weft_memory_stats before, after;
    weft_task *task;
    (void)unused;
    weft_memory(&before);
    SPAWN(shield_work, &ready, &task);
    while (!atomic_load(&ready))
        weft_yield();
    weft_cancel(task);
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_MS(5)));
    ck_assert_int_eq(weft_join(task, NULL), -ETIMEDOUT); /* it stays for its work */
    weft_scope_leave(&scope);
    ck_assert(!atomic_load(&finished));
    atomic_store(&let_finish, true);
    JOIN(task, -ECANCELED);
    weft_memory(&after);
    ck_assert_uint_eq(after.tasks, before.tasks); /* nobody is left behind */
    return 0;
}

TEST(a_shield_leaves_no_orphan)
{
    ck_assert_int_eq(weft_run(NULL, cancel_shielded, NULL), 0);
}

/* The clean-up that hung. Cancellation was an event: once it had been caught, the next
 * wait, in the code that cleans up, had nothing to end it. */

static int clean_up_carelessly(void *unused)
{
    (void)unused;
    weft_started(0);
    int rc = weft_sleep(WEFT_S(1000));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weft_sleep(WEFT_S(1000)), rc);
    return rc;
}

static int cancel_careless(void *unused)
{
    weft_group group;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_start(&group, clean_up_carelessly, NULL, NULL), 0);
    weft_group_cancel(&group);
    return weft_group_leave(&group);
}

TEST(a_clean_up_that_waits_ends_too)
{
    ck_assert_int_eq(weft_run(NULL, cancel_careless, NULL), 0);
}

/* The shutdown that never ended. A server says good-bye to each client before it goes,
 * and one of them never reads. */

#define CLIENTS 5
#define SILENT 2 /* the one who does not read */

static const char good_bye[] = "good-bye";

struct client {
    int served, fd;             /* the server's end, and its own */
    int64_t patience;           /* how long the server tries to say good-bye */
    char tail[sizeof good_bye]; /* the last that it has read */
};

/* Until it is cancelled; then it tries to say so, for a while. */
static int serve(void *arg)
{
    static const char stream[4096];
    struct client *client = arg;
    weft_scope shield;
    ssize_t n;
    weft_started(0);
    do {
        n = weft_write_all(client->served, stream, sizeof stream, NULL);
    } while (n == 0);
    WEFT_WITH_SHIELD (&shield, weft_after(client->patience))
        weft_write_all(client->served, good_bye, sizeof good_bye, NULL);
    weft_close(client->served);
    return (int)n;
}

static int read_all(void *arg)
{
    struct client *client = arg;
    char buf[1000 + sizeof good_bye];
    size_t kept = 0;
    ssize_t n;
    while ((n = weft_read(client->fd, buf + kept, 1000)) > 0) {
        size_t length = kept + (size_t)n;
        kept = length < sizeof good_bye ? length : sizeof good_bye;
        memmove(buf, buf + length - kept, kept);
    }
    memcpy(client->tail, buf, sizeof good_bye);
    return (int)n;
}

static int shut_down(void *unused)
{
    weft_group server, readers;
    struct client clients[CLIENTS];
    int fds[2];
    (void)unused;
    weft_group_enter(&readers, WEFT_NEVER);
    weft_group_enter(&server, WEFT_NEVER);
    for (int i = 0; i < CLIENTS; i++) {
        socket_pair(fds);
        clients[i] = (struct client){
            .served = fds[0],
            .fd = fds[1],
            .patience = i == SILENT ? WEFT_MS(20) : WEFT_S(100), /* in vain, or not needed */
        };
        ck_assert_int_eq(weft_group_start(&server, serve, &clients[i], NULL), 0);
        if (i != SILENT)
            ck_assert_int_eq(weft_group_spawn(&readers, read_all, &clients[i]), 0);
    }
    weft_sleep(WEFT_MS(5));
    weft_group_cancel(&server);
    ck_assert_int_eq(weft_group_leave(&server), 0); /* it ends */
    ck_assert_int_eq(weft_group_leave(&readers), 0);
    for (int i = 0; i < CLIENTS; i++) {
        if (i != SILENT)
            ck_assert_str_eq(clients[i].tail, good_bye);
        weft_close(clients[i].fd);
    }
    return 0;
}

TEST(a_shutdown_ends_though_one_client_never_reads)
{
    ck_assert_int_eq(weft_run(NULL, shut_down, NULL), 0);
}
