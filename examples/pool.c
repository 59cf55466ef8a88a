/* pool - two hundred tasks and a plain thread share four connections.
 *
 * The connections break now and then, and once the server does not answer. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define TASKS 200
#define CONNECTIONS 4

struct connection {
    int questions;
};

static struct connection connections[100];
static atomic_int dialled, open_now, most, answers;
static weft_pool *pool;

static int dial(void *server, void **ret_connection)
{
    int rc = weft_sleep(WEFT_US(200)), number = atomic_fetch_add(&dialled, 1), now;

    (void)server;
    if (rc < 0)
        return rc;
    if (number == 2)
        return -ECONNREFUSED;
    now = atomic_fetch_add(&open_now, 1) + 1;
    if (now > atomic_load(&most))
        atomic_store(&most, now);
    *ret_connection = &connections[number];
    return 0;
}

static void hang_up(void *server, void *connection)
{
    (void)server, (void)connection;
    atomic_fetch_sub(&open_now, 1);
}

/* After twenty questions a connection is worn out. */
static int ask(struct connection *connection)
{
    int rc = weft_sleep(WEFT_US(100));

    if (rc < 0)
        return rc;
    atomic_fetch_add(&answers, 1);
    return ++connection->questions == 20 ? -EPIPE : 0;
}

static int visit(void *unused)
{
    void *connection;
    int rc = weft_pool_get(pool, &connection);

    (void)unused;
    if (rc == -ECONNREFUSED)
        return visit(unused); /* this one's bad luck, and nobody else's */
    if (rc < 0)
        return rc;
    if (ask(connection) < 0)
        weft_pool_drop(pool, connection);
    else
        weft_pool_put(pool, connection);
    return 0;
}

static void *visit_from_a_thread(void *ret)
{
    *(int *)ret = visit(NULL);
    return NULL;
}

/* All of them are lent: the next one waits. */
static void run_out(void)
{
    void *lent[CONNECTIONS], *one_more;
    weft_scope scope;
    int rc = 0;

    for (int i = 0; i < CONNECTIONS; i++)
        weft_pool_get(pool, &lent[i]);
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(1)))
        rc = weft_pool_get(pool, &one_more);
    printf("one more: %s\n", strerror(-rc));
    weft_pool_close(pool);
    printf("when it is closed: %s\n", strerror(-weft_pool_get(pool, &one_more)));
    for (int i = 0; i < CONNECTIONS; i++)
        weft_pool_put(pool, lent[i]);
}

static int share(void *unused)
{
    weft_pool_attr attr = { .max = CONNECTIONS, .make = dial, .destroy = hang_up };
    weft_group group;
    weft_pool_info info;
    pthread_t thread;
    int rc = weft_pool_create(&attr, &pool), from_thread = -1;

    (void)unused;
    if (rc < 0 || pthread_create(&thread, NULL, visit_from_a_thread, &from_thread) != 0)
        return -1;
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        weft_group_spawn(&group, visit, NULL);
    rc = weft_group_leave(&group);
    pthread_join(thread, NULL);
    weft_pool_look(pool, &info);
    printf("tasks: %d, thread: %d, answers: %d\n", rc, from_thread, atomic_load(&answers));
    printf("connections: %s, refused: %d, still lent: %u\n",
           atomic_load(&most) <= CONNECTIONS ? "never too many" : "too many",
           (int)info.failed_makes, info.in_use);
    run_out();
    weft_pool_destroy(pool);
    printf("left open: %d\n", atomic_load(&open_now));
    return 0;
}

int main(void)
{
    return weft_run(NULL, share, NULL) == 0 ? 0 : 1;
}
