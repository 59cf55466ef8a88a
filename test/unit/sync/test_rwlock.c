#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

static weft_rwlock rwlock = WEFT_RWLOCK_INIT;
static atomic_int readers, writers, most_readers;
static int payload[2]; /* equal, but while it is written */

static int read_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
        int now = atomic_fetch_add(&readers, 1) + 1;
        if (now > atomic_load(&most_readers))
            atomic_store(&most_readers, now);
        ck_assert_int_eq(atomic_load(&writers), 0);
        int first = payload[0];
        if (i % 8 == 0)
            weft_yield();
        ck_assert_int_eq(payload[1], first);
        atomic_fetch_sub(&readers, 1);
        ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    }
    return 0;
}

static int write_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(weft_rwlock_wrlock(&rwlock), 0);
        ck_assert_int_eq(atomic_fetch_add(&writers, 1), 0);
        ck_assert_int_eq(atomic_load(&readers), 0);
        payload[0]++;
        weft_yield();
        payload[1]++;
        atomic_fetch_sub(&writers, 1);
        ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    }
    return 0;
}

static int readers_and_writers(void *unused)
{
    struct crowd reading, writing;
    (void)unused;
    payload[0] = payload[1] = 0;
    crowd_start(&reading, read_often, NULL);
    crowd_start(&writing, write_often, NULL);
    crowd_join(&reading);
    crowd_join(&writing);
    ck_assert_int_eq(payload[1], 40 * CROWD);
    return 0;
}

TEST(many_readers_or_one_writer)
{
    run_mixed(readers_and_writers);
    ck_assert_int_gt(atomic_load(&most_readers), 1);
}

static int try_all(void *unused)
{
    weft_scope scope;
    (void)unused;
    weft_rwlock_init(&rwlock);
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), -EPERM);
    ck_assert_int_eq(weft_rwlock_tryrdlock(&rwlock), 0);
    ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(weft_rwlock_trywrlock(&rwlock), -EBUSY);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_rwlock_wrlock(&rwlock), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_rwlock_tryrdlock(&rwlock), 0); /* the writer has gone */
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    ck_assert_int_eq(weft_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(weft_rwlock_tryrdlock(&rwlock), -EBUSY);
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    return 0;
}

TEST(locks_are_tried_and_given_up)
{
    run_mixed(try_all);
}

/* A writer that waits stands before readers who come later, and gives up. */
static atomic_int outcome;

static int write_for_a_while(void *scope)
{
    weft_scope_enter(scope, WEFT_NEVER);
    atomic_store(&outcome, 1);
    int rc = weft_rwlock_wrlock(&rwlock);
    weft_scope_leave(scope);
    return rc;
}

static void expect_info(unsigned reading, bool written, unsigned waiting, uint64_t writer)
{
    weft_rwlock_info info;
    weft_rwlock_look(&rwlock, &info);
    ck_assert_uint_eq(info.readers, reading);
    ck_assert(info.written == written);
    ck_assert_uint_eq(info.waiters, waiting);
    if (info.writer || !writer) /* not without checks */
        ck_assert_uint_eq(info.writer, writer);
}

static int read_once(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
    atomic_store(&outcome, 2);
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    return 0;
}

static int writer_gives_up(void *unused)
{
    weft_scope scope;
    weft_task *writer, *reader;
    (void)unused;
    atomic_store(&outcome, 0);
    ck_assert_int_eq(weft_rwlock_rdlock(&rwlock), 0);
    SPAWN(write_for_a_while, &scope, &writer);
    int rc;
    while ((rc = weft_rwlock_tryrdlock(&rwlock)) == 0) { /* until the writer waits */
        weft_rwlock_unlock(&rwlock);
        weft_yield();
    }
    ck_assert_int_eq(rc, -EBUSY);
    weft_rwlock_info info;
    do {
        weft_rwlock_look(&rwlock, &info);
    } while (info.waiters == 0); /* it is on its way into the line */
    expect_info(1, false, 1, 0);
    SPAWN(read_once, NULL, &reader);
    for (int i = 0; i < 100; i++)
        weft_yield();
    ck_assert_int_eq(atomic_load(&outcome), 1); /* behind the writer */
    weft_scope_cancel(&scope);
    JOIN(writer, -ECANCELED);
    JOIN(reader, 0); /* though nobody has unlocked */
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    expect_info(0, false, 0, 0);
    ck_assert_int_eq(weft_rwlock_wrlock(&rwlock), 0);
    expect_info(0, true, 0, weft_self() ? weft_task_id(weft_self()) : 0);
    ck_assert_int_eq(weft_rwlock_unlock(&rwlock), 0);
    expect_info(0, false, 0, 0);
    return 0;
}

TEST(a_writer_who_gives_up_lets_readers_by)
{
    run_mixed(writer_gives_up);
}
