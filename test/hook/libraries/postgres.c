/* libpq: a connection for each thread.
 *
 *     postgres CONNINFO                 what has to be right
 *     postgres CONNINFO COUNT QUERIES   load: so many queries on each connection */
#include <libpq-fe.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

#define SLEEPERS 10
#define SESSIONS 60
#define TRANSFERS 10
#define ACCOUNTS 5 /* of 1000 each: servers.py */

static const char *conninfo;
static atomic_uint good;
static int queries;

static PGconn *session(void)
{
    PGconn *connection = PQconnectdb(conninfo);
    MUST(PQstatus(connection) == CONNECTION_OK, PQerrorMessage(connection));
    return connection;
}

/* A statement that must succeed; its first value, if it has one, as a number. */
static long ask(PGconn *connection, const char *statement)
{
    PGresult *result = PQexec(connection, statement);
    ExecStatusType status = PQresultStatus(result);
    MUST(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, PQerrorMessage(connection));
    long value = PQntuples(result) > 0 ? atol(PQgetvalue(result, 0, 0)) : 0;
    PQclear(result);
    return value;
}

static bool sleep_a_second(void)
{
    PGconn *connection = session();
    ask(connection, "select pg_sleep(1)");
    PQfinish(connection);
    return true;
}

/* The last of them sees to it that all others wait at the same time. Each of those
 * adds to the counter in two steps, which only the lock keeps together. */
static PGconn *holder;

static void hold_lock(size_t number)
{
    PGconn *connection = session();
    if (number == SESSIONS) {
        while (ask(connection, "select count(*) from pg_locks "
                               "where locktype = 'advisory' and not granted") < SESSIONS)
            usleep(5000);
        crowd_count(SESSIONS);
        ask(holder, "select pg_advisory_unlock(1)");
    } else {
        char statement[64];
        ask(connection, "select pg_advisory_lock(1)");
        long value = ask(connection, "select value from counter");
        snprintf(statement, sizeof statement, "update counter set value = %ld", value + 1);
        ask(connection, statement);
        ask(connection, "select pg_advisory_unlock(1)");
    }
    PQfinish(connection);
}

static void locks(void)
{
    holder = session();
    ask(holder, "update counter set value = 0");
    ask(holder, "select pg_advisory_lock(1)");
    crowd_run(SESSIONS + 1, hold_lock);
    printf("locks: %d waited at once, %ld counted\n", SESSIONS,
           ask(holder, "select value from counter"));
    PQfinish(holder);
}

/* Moves one from an account to another. False: it was chosen to resolve a deadlock. */
static bool transfer(PGconn *connection, int from, int to)
{
    char statement[160];
    snprintf(statement, sizeof statement,
             "begin; update accounts set balance = balance - 1 where id = %d; "
             "update accounts set balance = balance + 1 where id = %d; commit",
             from, to);
    PGresult *result = PQexec(connection, statement);
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    MUST(done || (state && strcmp(state, "40P01") == 0), PQerrorMessage(connection));
    PQclear(result);
    if (!done)
        ask(connection, "rollback");
    return done;
}

static void make_transfers(size_t number)
{
    PGconn *connection = session();
    for (int i = 0; i < TRANSFERS; i++) {
        int low = (int)(number + (size_t)i) % (ACCOUNTS - 1), high = low + 1;
        bool other_way = i == TRANSFERS / 2; /* which is what deadlocks are made of */
        while (!transfer(connection, other_way ? high : low, other_way ? low : high))
            ;
        good++;
    }
    PQfinish(connection);
}

static void transfers(void)
{
    good = 0;
    crowd_run(SESSIONS, make_transfers);
    PGconn *connection = session();
    printf("transfers: %u, the sum is %ld\n", good,
           ask(connection, "select sum(balance) from accounts"));
    PQfinish(connection);
}

/* As libpq's manual has it: wait for the socket, then ask. */
static void await_notification(PGconn *connection)
{
    PGnotify *notification;
    while (!(notification = PQnotifies(connection))) {
        struct pollfd readable = { .fd = PQsocket(connection), .events = POLLIN };
        MUST(poll(&readable, 1, -1) == 1, "poll");
        MUST(PQconsumeInput(connection), PQerrorMessage(connection));
    }
    good += strcmp(notification->extra, "it weaves") == 0;
    PQfreemem(notification);
}

static atomic_uint listening;

static void listen_or_notify(size_t number)
{
    PGconn *connection = session();
    if (number < SESSIONS) {
        ask(connection, "listen news");
        listening++;
        await_notification(connection);
    } else {
        while (listening < SESSIONS)
            usleep(5000);
        ask(connection, "notify news, 'it weaves'");
    }
    PQfinish(connection);
}

static void notifications(void)
{
    good = listening = 0;
    crowd_run(SESSIONS + 1, listen_or_notify);
    printf("notifications: %u of %d\n", good, SESSIONS);
}

/* What fails must fail as it does natively, and leave the connection usable. */
static void fail(size_t number)
{
    (void)number;
    PGconn *connection = session();
    ask(connection, "set statement_timeout = 100");
    PGresult *result = PQexec(connection, "select pg_sleep(60)");
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    MUST(state && strcmp(state, "57014") == 0, PQerrorMessage(connection));
    PQclear(result);
    MUST(ask(connection, "select 7") == 7, "unusable after an error");
    result = PQexec(connection, "select pg_terminate_backend(pg_backend_pid())");
    MUST(PQstatus(connection) == CONNECTION_BAD, "alive without its server");
    PQclear(result);
    PQreset(connection);
    good += ask(connection, "select 1") == 1;
    PQfinish(connection);
}

static void failures(void)
{
    good = 0;
    crowd_run(SLEEPERS, fail);
    PGconn *nobody = PQconnectdb("host=127.0.0.1 port=1 connect_timeout=5");
    printf("failures: %u of %d went on, a closed port is %s\n", good, SLEEPERS,
           PQstatus(nobody) == CONNECTION_BAD ? "refused" : "open");
    PQfinish(nobody);
}

static void query(size_t number)
{
    (void)number;
    PGconn *connection = session();
    for (int i = 0; i < queries; i++)
        ask(connection, "select 1");
    PQfinish(connection);
}

int library(int argc, char **argv)
{
    conninfo = argv[1];
    if (argc > 3) {
        queries = atoi(argv[3]);
        crowd_run((size_t)atoi(argv[2]), query);
        return 0;
    }
    crowd_sleep(SLEEPERS, sleep_a_second);
    locks();
    transfers();
    notifications();
    failures();
    return 0;
}
