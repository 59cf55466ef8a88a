/* MariaDB's connector: a connection for each thread.
 *
 *     mariadb PORT                  what has to be right
 *     mariadb PORT COUNT QUERIES    load: so many queries on each connection */
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

#define SLEEPERS 10
#define SESSIONS 60
#define TRANSFERS 5
#define ACCOUNTS 5 /* of 1000 each: servers.py */

static unsigned port;
static atomic_uint good;
static int queries;

static MYSQL *connect_with(enum mysql_option option, const void *value)
{
    MYSQL *session = mysql_init(NULL);
    MUST(session, "no memory");
    mysql_options(session, option, value);
    MUST(mysql_real_connect(session, "127.0.0.1", "root", "", "weft", port, NULL,
                            CLIENT_MULTI_STATEMENTS),
         mysql_error(session));
    return session;
}

static MYSQL *connect_session(void)
{
    unsigned seconds = 60;
    return connect_with(MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
}

/* All results of what a query has begun; the last one's first value as a number. */
static long drain(MYSQL *session)
{
    long value = 0;
    do {
        MYSQL_RES *result = mysql_store_result(session);
        MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
        value = row && row[0] ? atol(row[0]) : 0;
        mysql_free_result(result);
    } while (mysql_next_result(session) == 0);
    return value;
}

static long ask(MYSQL *session, const char *query)
{
    MUST(mysql_query(session, query) == 0, mysql_error(session));
    long value = drain(session);
    MUST(mysql_errno(session) == 0, mysql_error(session));
    return value;
}

static bool sleep_a_second(void)
{
    MYSQL *session = connect_session();
    bool slept = ask(session, "select sleep(1)") == 0;
    mysql_close(session);
    return slept;
}

/* The last of them sees to it that all others wait at the same time. Each of those
 * adds to the counter in two steps, which only the lock keeps together. */
static MYSQL *holder;

static void hold_lock(size_t number)
{
    MYSQL *session = connect_session();
    if (number == SESSIONS) {
        while (ask(session, "select count(*) from information_schema.processlist "
                            "where state = 'User lock'") < SESSIONS)
            usleep(5000);
        crowd_count(SESSIONS);
        ask(holder, "select release_lock('weft')");
    } else {
        char statement[64];
        MUST(ask(session, "select get_lock('weft', 600)") == 1, "no lock");
        long value = ask(session, "select value from counter");
        snprintf(statement, sizeof statement, "update counter set value = %ld", value + 1);
        ask(session, statement);
        ask(session, "select release_lock('weft')");
    }
    mysql_close(session);
}

static void locks(void)
{
    holder = connect_session();
    ask(holder, "update counter set value = 0");
    ask(holder, "select get_lock('weft', 0)");
    crowd_run(SESSIONS + 1, hold_lock);
    printf("locks: %d waited at once, %ld counted\n", SESSIONS,
           ask(holder, "select value from counter"));
    mysql_close(holder);
}

/* Moves one from an account to another. False: it was chosen to resolve a deadlock. */
static bool transfer(MYSQL *session, int from, int to)
{
    char statement[160];
    snprintf(statement, sizeof statement,
             "begin; update accounts set balance = balance - 1 where id = %d; "
             "update accounts set balance = balance + 1 where id = %d; commit",
             from, to);
    if (mysql_query(session, statement) == 0)
        drain(session);
    unsigned error = mysql_errno(session);
    MUST(error == 0 || error == ER_LOCK_DEADLOCK, mysql_error(session));
    if (error)
        ask(session, "rollback");
    return error == 0;
}

static void make_transfers(size_t number)
{
    MYSQL *session = connect_session();
    for (int i = 0; i < TRANSFERS; i++) {
        int low = (int)(number + (size_t)i) % (ACCOUNTS - 1), high = low + 1;
        bool other_way = i == TRANSFERS / 2; /* which is what deadlocks are made of */
        while (!transfer(session, other_way ? high : low, other_way ? low : high))
            ;
        good++;
    }
    mysql_close(session);
}

static void transfers(void)
{
    good = 0;
    crowd_run(SESSIONS, make_transfers);
    MYSQL *session = connect_session();
    printf("transfers: %u, the sum is %ld\n", good,
           ask(session, "select sum(balance) from accounts"));
    mysql_close(session);
}

/* The connector's read timeout; the session is lost then, as its manual says. */
static void time_out(size_t number)
{
    (void)number;
    unsigned seconds = 1;
    MYSQL *session = connect_with(MYSQL_OPT_READ_TIMEOUT, &seconds);
    MUST(mysql_query(session, "select sleep(60)") != 0, "no timeout");
    MUST(mysql_errno(session) == CR_SERVER_LOST, mysql_error(session));
    mysql_close(session);
    session = connect_session();
    good += ask(session, "select 1") == 1;
    mysql_close(session);
}

static void timeouts(void)
{
    good = 0;
    crowd_run(SLEEPERS, time_out);
    printf("timeouts: %u of %d\n", good, SLEEPERS);
}

static void query(size_t number)
{
    (void)number;
    MYSQL *session = connect_session();
    for (int i = 0; i < queries; i++)
        ask(session, "select 1");
    mysql_close(session);
}

int library(int argc, char **argv)
{
    port = (unsigned)atoi(argv[1]);
    mysql_library_init(0, NULL, NULL);
    if (argc > 3) {
        queries = atoi(argv[3]);
        crowd_run((size_t)atoi(argv[2]), query);
        return 0;
    }
    crowd_sleep(SLEEPERS, sleep_a_second);
    locks();
    transfers();
    timeouts();
    mysql_library_end();
    return 0;
}
