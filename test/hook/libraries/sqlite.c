/* SQLite: many connections to one file, and one connection that many share.
 *
 *     sqlite FOLDER                       what has to be right
 *     sqlite FOLDER COUNT TRANSACTIONS    load: so many in each thread */
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

#define CROWD 50
#define WRITERS 12 /* SQLite looks again every 100 ms in the end: many take long */
#define INCREMENTS 5
#define PATIENCE 60000 /* milliseconds */

static char path[4096];
static const char *journal;
static sqlite3 *shared;
static atomic_uint good, waiting;
static int transactions;

static void tell(sqlite3 *database, const char *statement)
{
    MUST(sqlite3_exec(database, statement, NULL, NULL, NULL) == SQLITE_OK,
         sqlite3_errmsg(database));
}

static long ask(sqlite3 *database, const char *query)
{
    sqlite3_stmt *statement;
    MUST(sqlite3_prepare_v2(database, query, -1, &statement, NULL) == SQLITE_OK,
         sqlite3_errmsg(database));
    MUST(sqlite3_step(statement) == SQLITE_ROW, sqlite3_errmsg(database));
    long value = (long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* How long SQLite's own handler would wait; and who does is known. */
static int busy(void *unused, int times)
{
    (void)unused;
    if (times == 0)
        waiting++;
    sqlite3_sleep(1 + times % 10);
    return times < PATIENCE;
}

static sqlite3 *session(void)
{
    sqlite3 *database;
    MUST(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
             SQLITE_OK,
         "cannot open it");
    sqlite3_busy_timeout(database, PATIENCE);
    return database;
}

static void increment(sqlite3 *database)
{
    char statement[64];
    tell(database, "begin immediate");
    long value = ask(database, "select value from counter");
    snprintf(statement, sizeof statement, "update counter set value = %ld", value + 1);
    tell(database, statement);
    tell(database, "commit");
}

static void write_counter(size_t number)
{
    (void)number;
    sqlite3 *database = session();
    for (int i = 0; i < INCREMENTS; i++)
        increment(database);
    sqlite3_close(database);
}

static void create(const char *mode)
{
    char statement[64];
    unlink(path);
    journal = mode;
    sqlite3 *database = session();
    snprintf(statement, sizeof statement, "pragma journal_mode = %s", journal);
    tell(database, statement);
    tell(database, "pragma synchronous = off; create table counter (value integer);"
                   "insert into counter values (0)");
    sqlite3_close(database);
}

static void report(void)
{
    sqlite3 *database = session();
    printf("%s: counted to %ld\n", journal, ask(database, "select value from counter"));
    sqlite3_close(database);
}

static void writers(const char *mode)
{
    create(mode);
    crowd_run(WRITERS, write_counter);
    report();
}

/* The last one keeps the file's lock until all others wait for it. */
static sqlite3 *holder;

static void wait_for_lock(size_t number)
{
    if (number == CROWD) {
        while (waiting < CROWD)
            usleep(5000);
        crowd_count(CROWD);
        tell(holder, "commit");
        return;
    }
    sqlite3 *database = session();
    sqlite3_busy_handler(database, busy, NULL);
    increment(database);
    sqlite3_close(database);
}

static void waits(void)
{
    create("delete");
    waiting = 0;
    holder = session();
    tell(holder, "begin immediate");
    crowd_run(CROWD + 1, wait_for_lock);
    sqlite3_close(holder);
    report();
}

/* The connection's mutex is recursive, and held for a statement's time. */
static void share(size_t number)
{
    char statement[64];
    snprintf(statement, sizeof statement, "insert into numbers values (%zu)", number);
    for (int i = 0; i < INCREMENTS; i++)
        tell(shared, statement);
}

static void sharing(void)
{
    create("delete");
    MUST(sqlite3_open_v2(path, &shared, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL) ==
             SQLITE_OK,
         "cannot open it");
    tell(shared, "pragma synchronous = off; create table numbers (number integer)");
    crowd_run(CROWD, share);
    printf("one connection: the sum is %ld\n", ask(shared, "select sum(number) from numbers"));
    sqlite3_close(shared);
}

static void give_up(size_t number)
{
    (void)number;
    sqlite3 *database = session();
    sqlite3_busy_timeout(database, 100);
    int rc = sqlite3_exec(database, "begin immediate", NULL, NULL, NULL);
    MUST(rc == SQLITE_BUSY, sqlite3_errmsg(database));
    good += ask(database, "select count(*) from counter") == 1;
    sqlite3_close(database);
}

static void timeouts(void)
{
    create("wal"); /* readers do not wait for writers */
    good = 0;
    holder = session();
    tell(holder, "begin immediate");
    crowd_run(CROWD, give_up);
    tell(holder, "commit");
    sqlite3_close(holder);
    printf("timeouts: %u of %d\n", good, CROWD);
}

static void load(size_t number)
{
    (void)number;
    sqlite3 *database = session();
    for (int i = 0; i < transactions; i++)
        increment(database);
    sqlite3_close(database);
}

int library(int argc, char **argv)
{
    snprintf(path, sizeof path, "%s/database", argv[1]);
    if (argc > 3) {
        transactions = atoi(argv[3]);
        create("wal");
        crowd_run((size_t)atoi(argv[2]), load);
        return 0;
    }
    writers("delete");
    writers("wal");
    waits();
    sharing();
    timeouts();
    return 0;
}
