/* Deadlines and cancellation around libpq: a call fails in time, and the connection can
 * be reset or closed, as its manual says of one that has failed.
 *
 *     deadline_postgres CONNINFO SILENT_PORT */
#include <libpq-fe.h>
#include <stdatomic.h>
#include <string.h>
#include <weft.h>

#include "crowd.h"

#define SESSIONS 20
#define PATIENCE 60 /* seconds; what is cut short would take longer, or for ever */

static const char *conninfo;
static char silent[64];
static atomic_uint good;

static PGconn *session(void)
{
    PGconn *connection = PQconnectdb(conninfo);
    MUST(PQstatus(connection) == CONNECTION_OK, PQerrorMessage(connection));
    return connection;
}

/* The first value as a number; negative: there is no answer. */
static long ask(PGconn *connection, const char *query)
{
    PGresult *result = PQexec(connection, query);
    long value = PQresultStatus(result) == PGRES_TUPLES_OK ? atol(PQgetvalue(result, 0, 0)) : -1;
    PQclear(result);
    return value;
}

static void reset_and_use(PGconn *connection)
{
    PQreset(connection);
    MUST(PQstatus(connection) == CONNECTION_OK, PQerrorMessage(connection));
    good += ask(connection, "select 1") == 1;
    PQfinish(connection);
}

/* Half of the time the deadline has passed already when the call begins. */
static void exec_late(size_t number)
{
    weft_scope scope;
    PGconn *connection = session();
    double begin = crowd_clock();
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(number % 2 * 200)))
        MUST(ask(connection, "select pg_sleep(600)") < 0, "it has answered");
    MUST(weft_scope_timed_out(&scope), PQerrorMessage(connection));
    MUST(crowd_clock() - begin < PATIENCE, "late");
    reset_and_use(connection);
}

/* Another thread cancels while all queries are known to wait. The server does not learn
 * of it, as with any client that goes away: its sessions are ended by hand. */
#define WAITING "from pg_stat_activity where query = 'select pg_sleep(601)'"

static weft_scope scopes[SESSIONS];
static atomic_uint left;

static void cancel_all(void)
{
    PGconn *connection = session();
    while (ask(connection, "select count(*) " WAITING " and wait_event = 'PgSleep'") < SESSIONS)
        weft_sleep(WEFT_MS(5));
    for (size_t i = 0; i < SESSIONS; i++)
        weft_scope_cancel(&scopes[i]);
    while (left < SESSIONS)
        weft_sleep(WEFT_MS(5));
    MUST(ask(connection, "select count(pg_terminate_backend(pid)) " WAITING) >= 0, "not ended");
    PQfinish(connection);
}

static void exec_cancelled(size_t number)
{
    if (number == SESSIONS) {
        cancel_all();
        return;
    }
    PGconn *connection = session();
    WEFT_WITH_SCOPE (&scopes[number])
        MUST(ask(connection, "select pg_sleep(601)") < 0, "it has answered");
    MUST(weft_scope_cancelled(&scopes[number]), PQerrorMessage(connection));
    left++;
    reset_and_use(connection);
}

/* A server that never speaks. */
static void connect_late(size_t number)
{
    weft_scope scope;
    PGconn *connection = NULL;
    double begin = crowd_clock();
    (void)number;
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(200)))
        connection = PQconnectdb(silent);
    MUST(PQstatus(connection) == CONNECTION_BAD && weft_scope_timed_out(&scope), "connected");
    MUST(crowd_clock() - begin < PATIENCE, "late");
    good++;
    PQfinish(connection);
}

static void check(const char *what, size_t count, void (*fn)(size_t number))
{
    good = 0;
    crowd_run(count, fn);
    printf("%s: %u of %d\n", what, good, SESSIONS);
}

int library(int argc, char **argv)
{
    (void)argc;
    conninfo = argv[1];
    snprintf(silent, sizeof silent, "host=127.0.0.1 port=%s sslmode=disable", argv[2]);
    check("queries in time", SESSIONS, exec_late);
    check("queries cancelled", SESSIONS + 1, exec_cancelled);
    check("connections in time", SESSIONS, connect_late);
    return 0;
}
