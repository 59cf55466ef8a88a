/* libpq as it is: ten queries of a second each, in ten tasks, on one worker, in a second;
 * and a deadline around a query that takes too long.
 *
 *     postgres CONNINFO       for instance 'host=127.0.0.1 dbname=postgres'
 *
 * Linked with `pkg-config --libs weft-hook`, by which what libpq waits for suspends the
 * task. Nothing else is different: no asynchronous calls, no pool of threads. */
#include <libpq-fe.h>
#include <stdio.h>
#include <weft.h>

#define QUERIES 10

static const char *conninfo;

static int fail(PGconn *connection)
{
    fprintf(stderr, "%s", PQerrorMessage(connection));
    PQfinish(connection);
    return 1;
}

static int ask(PGconn *connection, const char *query)
{
    PGresult *result = PQexec(connection, query);
    int ok = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    return ok;
}

static int sleep_a_second(void *unused)
{
    (void)unused;
    PGconn *connection = PQconnectdb(conninfo);
    if (PQstatus(connection) != CONNECTION_OK || !ask(connection, "select pg_sleep(1)"))
        return fail(connection);
    PQfinish(connection);
    return 0;
}

static int all_at_once(void)
{
    weft_task *tasks[QUERIES];
    int64_t begin = weft_now();
    int failed = 0, spawned = 0, result;
    while (spawned < QUERIES && weft_spawn(sleep_a_second, NULL, &tasks[spawned]) == 0)
        spawned++;
    for (int i = 0; i < spawned; i++) {
        weft_join(tasks[i], &result);
        failed |= result;
    }
    double seconds = (double)(weft_now() - begin) / (double)WEFT_S(1);
    fprintf(stderr, "%.3f s\n", seconds);
    printf("%d queries of a second each: %s\n", spawned,
           seconds < QUERIES - 1 ? "at once" : "one after the other");
    return failed;
}

/* libpq sees a connection that fails, and says so. As with any that did, it is reset. */
static int too_late(void)
{
    weft_scope scope;
    PGconn *connection = PQconnectdb(conninfo);
    if (PQstatus(connection) != CONNECTION_OK)
        return fail(connection);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(200));
    int answered = ask(connection, "select pg_sleep(60)");
    bool late = weft_scope_leave(&scope);
    printf("a query of a minute %s\n", answered ? "answered" : late ? "was too late" : "failed");
    PQreset(connection);
    if (PQstatus(connection) != CONNECTION_OK || !ask(connection, "select 1"))
        return fail(connection);
    puts("the connection was reset and answers");
    PQfinish(connection);
    return 0;
}

static int program(void *unused)
{
    (void)unused;
    return all_at_once() || too_late();
}

int main(int argc, char **argv)
{
    weft_config config = { .workers = 1 };
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONNINFO\n", argv[0]);
        return 2;
    }
    conninfo = argv[1];
    return weft_run(&config, program, NULL);
}
