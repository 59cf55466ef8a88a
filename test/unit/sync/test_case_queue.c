#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "sync.h"

WEFT_QUEUE(numbers, int64_t);
WEFT_MAILBOX(letters, int64_t);

static numbers *work, *done;
static letters *box;
static weft_sem sem;

static void make(void)
{
    ck_assert_int_eq(numbers_create(1, NULL, &work), 0);
    ck_assert_int_eq(numbers_create(1, NULL, &done), 0);
    ck_assert_int_eq(letters_create(4, &box), 0);
    ck_assert_int_eq(weft_sem_init(&sem, 0), 0);
}

static void drop(void)
{
    numbers_destroy(work);
    numbers_destroy(done);
    letters_destroy(box);
}

static int at_once(void *unused)
{
    int64_t in = 3, out = 0;
    (void)unused;
    make();
    weft_case cases[] = {
        weft_case_get(numbers_untyped(work), &out),
        weft_case_put(numbers_untyped(done), &in),
        weft_case_mailbox(letters_untyped(box), &out),
        weft_case_semaphore(&sem),
        weft_case_get(NULL, &out),
        weft_case_mailbox(NULL, &out),
        weft_case_semaphore(NULL),
    };
    ck_assert_int_eq(weft_select_try(cases, 7), 1);
    ck_assert_int_eq(weft_select_try(cases, 7), -EAGAIN);
    ck_assert_int_eq(numbers_put(work, 4), 0);
    ck_assert_int_eq(weft_select(cases, 7), 0);
    ck_assert_int_eq(out, 4);
    ck_assert_int_eq(numbers_task_done(work), 0); /* it was got */
    ck_assert_int_eq(numbers_task_done(work), -EINVAL);
    ck_assert_int_eq(letters_send(box, 5), 0);
    ck_assert_int_eq(weft_select(cases, 7), 2);
    ck_assert_int_eq(out, 5);
    ck_assert_int_eq(weft_sem_post(&sem), 0);
    ck_assert_int_eq(weft_select(cases, 7), 3);
    ck_assert_uint_eq(weft_sem_value(&sem), 0);
    letters_close(box);
    ck_assert_int_eq(weft_select(cases, 7), 2);
    ck_assert_int_eq(cases[2].result, -EPIPE);
    numbers_shutdown(work, false);
    ck_assert_int_eq(weft_select(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, -EPIPE);
    drop();
    return 0;
}

TEST(what_can_go_on_does)
{
    run_mixed(at_once);
}

/* Makes one case after the other possible, when the other side waits or soon will. */
static atomic_int turn;

static int help(void *unused)
{
    (void)unused;
    for (int now = 0; now < 6; now++) {
        int64_t n = -1;
        while (atomic_load(&turn) < now)
            weft_sleep(WEFT_US(50));
        if (test_random() % 2)
            weft_sleep(WEFT_US(500));
        if (now == 0)
            ck_assert_int_eq(numbers_put(work, 40), 0);
        else if (now == 1)
            ck_assert_int_eq(numbers_get(done, &n), 0);
        else if (now == 2)
            ck_assert_int_eq(letters_send(box, 42), 0);
        else if (now == 3)
            ck_assert_int_eq(weft_sem_post(&sem), 0);
        else if (now == 4)
            ck_assert_int_eq(letters_close(box), 0);
        else
            ck_assert_int_eq(numbers_shutdown(work, true), 0);
    }
    return 0;
}

static int waited_for(void *unused)
{
    static const struct {
        int chosen, result;
        int64_t out;
    } expected[] = { { 0, 0, 40 }, { 1, 0, 40 },      { 2, 0, 42 },
                     { 3, 0, 42 }, { 2, -EPIPE, 42 }, { 0, -EPIPE, 42 } };
    int64_t in = 9, out = 0;
    weft_task *task;
    (void)unused;
    make();
    atomic_store(&turn, -1);
    ck_assert_int_eq(numbers_put(done, 8), 0);
    SPAWN(help, NULL, &task);
    weft_case cases[] = {
        weft_case_get(numbers_untyped(work), &out),
        weft_case_put(numbers_untyped(done), &in),
        weft_case_mailbox(letters_untyped(box), &out),
        weft_case_semaphore(&sem),
    };
    for (int i = 0; i < 6; i++) {
        atomic_store(&turn, i);
        int rc = weft_select(cases, 4);
        ck_assert_int_eq(rc, expected[i].chosen);
        ck_assert_int_eq(cases[rc].result, expected[i].result);
        ck_assert_int_eq(out, expected[i].out);
        if (i == 4)
            cases[2] = weft_case_mailbox(NULL, NULL);
    }
    JOIN(task, 0);
    ck_assert_int_eq(numbers_get(done, &out), 0);
    ck_assert_int_eq(out, 9);
    drop();
    return 0;
}

TEST(what_somebody_waits_for_comes)
{
    run_mixed(waited_for);
}

static int give_up(void *unused)
{
    int64_t in = 1, out = 7;
    weft_scope scope;
    (void)unused;
    make();
    ck_assert_int_eq(numbers_put(done, 8), 0);
    weft_case cases[] = {
        weft_case_get(numbers_untyped(work), &out),
        weft_case_put(numbers_untyped(done), &in),
        weft_case_mailbox(letters_untyped(box), &out),
        weft_case_semaphore(&sem),
    };
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_select(cases, 4), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(out, 7);
    ck_assert_uint_eq(numbers_count(done), 1);
    ck_assert_int_eq(numbers_put(work, 2), 0); /* nobody takes it */
    ck_assert_int_eq(weft_sem_post(&sem), 0);
    ck_assert_int_eq(weft_sem_trywait(&sem), 0);
    ck_assert_int_eq(letters_send(box, 3), 0);
    ck_assert_int_eq(letters_try_receive(box, &out), 0); /* nobody receives any more */
    drop();
    return 0;
}

TEST(who_gives_up_leaves_everything_where_it_was)
{
    run_mixed(give_up);
}

static int select_letter(void *unused)
{
    int64_t out = 0;
    weft_case item = weft_case_mailbox(letters_untyped(box), &out);
    (void)unused;
    ck_assert_int_eq(weft_select(&item, 1), 0);
    return (int)out;
}

static int one_receiver(void *unused)
{
    int64_t out;
    int rc;
    weft_task *task;
    (void)unused;
    make();
    weft_case cases[] = { weft_case_mailbox(letters_untyped(box), &out),
                          weft_case_mailbox(letters_untyped(box), &out) };
    ck_assert_int_eq(weft_select(cases, 2), -EBUSY);
    SPAWN(select_letter, NULL, &task);
    while ((rc = letters_try_receive(box, &out)) == -EAGAIN)
        weft_yield();
    ck_assert_int_eq(rc, -EBUSY); /* it waits */
    ck_assert_int_eq(weft_select_try(cases, 1), -EBUSY);
    ck_assert_int_eq(weft_select(cases, 1), -EBUSY);
    ck_assert_int_eq(letters_send(box, 6), 0);
    JOIN(task, 6);
    drop();
    return 0;
}

TEST(MAIL_5_one_receives_from_a_mailbox)
{
    run_mixed(one_receiver);
}
