#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "sync.h"

static weft_channel *left, *right;

static void make_channels(size_t capacity)
{
    ck_assert_int_eq(weft_channel_create(sizeof(int64_t), capacity, &left), 0);
    ck_assert_int_eq(weft_channel_create(sizeof(int64_t), capacity, &right), 0);
}

static void drop_channels(void)
{
    weft_channel_destroy(left);
    weft_channel_destroy(right);
}

static int each_kind_at_once(void *unused)
{
    int64_t in = 3, out = 0;
    int fds[2];
    weft_event event = WEFT_EVENT_INIT;
    (void)unused;
    make_channels(1);
    ck_assert_int_eq(pipe(fds), 0);
    weft_case unknown;
    weft_case cases[] = {
        weft_case_receive(left, &out), weft_case_send(right, &in),
        weft_case_event(&event),       weft_case_timer(weft_now() + WEFT_S(3600)),
        weft_case_readable(fds[0]),    weft_case_receive(NULL, &out),
        weft_case_timer(WEFT_NEVER),
    };
    ck_assert_int_eq(weft_select_try(cases, 7), 1);
    ck_assert_int_eq(cases[1].result, 0);
    ck_assert_int_eq(weft_select_try(cases, 7), -EAGAIN); /* the default */
    ck_assert_int_eq(weft_channel_send(left, &in), 0);
    ck_assert_int_eq(weft_select(cases, 7), 0);
    ck_assert_int_eq(out, 3);
    weft_event_set(&event);
    ck_assert_int_eq(weft_select(cases, 7), 2);
    weft_event_clear(&event);
    ck_assert_int_eq(weft_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(weft_select(cases, 7), 4);
    ck_assert_int_eq(weft_read(fds[0], &out, 1), 1);
    cases[3] = weft_case_timer(weft_now() - 1);
    ck_assert_int_eq(weft_select(cases, 7), 3);
    weft_channel_close(left);
    cases[3] = weft_case_timer(WEFT_NEVER);
    ck_assert_int_eq(weft_select(cases, 7), 0);
    ck_assert_int_eq(cases[0].result, -EPIPE);
    ck_assert_int_eq(weft_select(cases, 0), -EINVAL);
    memset(&unknown, 0xa5, sizeof unknown);
    ck_assert_int_eq(weft_select(&unknown, 1), -EINVAL);
    ck_assert_int_eq(weft_select_try(&unknown, 1), -EINVAL);
    weft_close(fds[0]);
    weft_close(fds[1]);
    drop_channels();
    return 0;
}

TEST(what_can_go_on_does)
{
    run_mixed(each_kind_at_once);
}

/* Somebody else makes one case after the other possible. */
struct helper {
    weft_event event;
    atomic_int turn; /* what is to be done; 0: nothing */
    int fds[2];
};

static int help(void *arg)
{
    struct helper *helper = arg;
    int64_t n = 41;
    for (int turn = 1; turn <= 5; turn++) {
        while (atomic_load(&helper->turn) < turn)
            weft_sleep(WEFT_US(50));
        if (turn % 2)
            weft_sleep(WEFT_MS(2)); /* so that the other mostly waits by now */
        if (turn == 1)
            ck_assert_int_eq(weft_channel_send(left, &n), 0);
        else if (turn == 2)
            ck_assert_int_eq(weft_channel_receive(right, &n), 0);
        else if (turn == 3)
            weft_event_set(&helper->event);
        else if (turn == 4)
            ck_assert_int_eq(weft_write(helper->fds[1], "x", 1), 1);
    }
    return 6; /* and ends */
}

static int each_kind_waited_for(void *unused)
{
    struct helper helper = { .event = WEFT_EVENT_INIT };
    int64_t in = 9, out = 0;
    weft_task *task;
    (void)unused;
    make_channels(0);
    ck_assert_int_eq(pipe(helper.fds), 0);
    SPAWN(help, &helper, &task);
    weft_case cases[] = {
        weft_case_receive(left, &out),  weft_case_send(right, &in),
        weft_case_event(&helper.event), weft_case_readable(helper.fds[0]),
        weft_case_task(task),           weft_case_timer(weft_now() + WEFT_S(3600)),
    };
    for (int turn = 1; turn <= 5; turn++) {
        atomic_store(&helper.turn, turn);
        ck_assert_int_eq(weft_select(cases, 6), turn - 1);
        ck_assert_int_eq(cases[turn - 1].result, 0);
        if (turn == 3)
            weft_event_clear(&helper.event);
        if (turn == 4)
            ck_assert_int_eq(weft_read(helper.fds[0], &in, 1), 1);
    }
    ck_assert_int_eq(out, 41);
    JOIN(task, 6);
    weft_close(helper.fds[0]);
    weft_close(helper.fds[1]);
    drop_channels();
    return 0;
}

TEST(each_kind_is_waited_for)
{
    run_mixed(each_kind_waited_for);
}

static int wait_for_event(void *event)
{
    return weft_event_wait(event);
}

static int twice(void *unused)
{
    weft_event event = WEFT_EVENT_INIT;
    weft_task *task;
    SPAWN(wait_for_event, &event, &task);
    weft_case cases[] = { weft_case_task(task), weft_case_task(task) };
    ck_assert_int_eq(weft_select(cases, 2), -EINVAL);
    weft_event_set(&event);
    ck_assert_int_eq(weft_select(cases, 1), 0);
    JOIN(task, 0);
    (void)unused;
    return 0;
}

TEST(a_task_may_be_there_once)
{
    run_mixed(twice);
}

static int endings(void *unused)
{
    int64_t out, start = weft_now();
    weft_scope scope;
    (void)unused;
    make_channels(0);
    weft_case cases[] = { weft_case_receive(left, &out), weft_case_timer(start + WEFT_MS(2)),
                          weft_case_send(left, &start) /* not to itself */ };
    ck_assert_int_eq(weft_select(cases, 3), 1);
    ck_assert_int_ge(weft_now(), start + WEFT_MS(2));
    cases[1] = weft_case_timer(start + WEFT_S(3600));
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_select(cases, 3), -ETIMEDOUT);
    ck_assert_int_eq(weft_select(cases, 3), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_eq(weft_channel_try_send(left, &start), -EAGAIN); /* nobody is left there */
    ck_assert_int_eq(weft_channel_try_receive(left, &out), -EAGAIN);
    drop_channels();
    return 0;
}

TEST(a_timer_is_a_case_and_a_deadline_an_error)
{
    run_mixed(endings);
}

static int closed_descriptor(void *fd)
{
    weft_sleep(WEFT_MS(2));
    ck_assert_int_eq(weft_close(*(int *)fd), 0);
    return 0;
}

static int select_on_closed(void *unused)
{
    int fds[2];
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(pipe(fds), 0);
    weft_case cases[] = { weft_case_readable(fds[0]) };
    SPAWN(closed_descriptor, &fds[0], &task);
    ck_assert_int_eq(weft_select(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, -EBADF);
    JOIN(task, 0);
    weft_close(fds[1]);
    return 0;
}

TEST(a_descriptor_that_is_closed_is_chosen)
{
    run_mixed(select_on_closed);
}

struct reuse {
    int fd, other;
};

static int close_and_reuse(void *arg)
{
    struct reuse *reuse = arg;
    weft_sleep(WEFT_MS(2));
    ck_assert_int_eq(weft_close(reuse->fd), 0);
    ck_assert_int_eq(dup2(reuse->other, reuse->fd), reuse->fd);
    return 0;
}

static int select_on_reused(void *unused)
{
    int fds[2], others[2];
    weft_task *task;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(pipe(others), 0);
    struct reuse reuse = { fds[0], others[0] };
    weft_case cases[] = { weft_case_readable(fds[0]) };
    SPAWN(close_and_reuse, &reuse, &task);
    ck_assert_int_eq(weft_select(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, -EBADF);
    JOIN(task, 0);
    weft_scope_enter(&scope, weft_after(WEFT_MS(5))); /* the next call is about the new file */
    ck_assert_int_eq(weft_select(cases, 1), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_select_try(cases, 1), -EAGAIN);
    ck_assert_int_eq(write(others[1], "x", 1), 1);
    ck_assert_int_eq(weft_select(cases, 1), 0);
    ck_assert_int_eq(cases[0].result, 0);
    for (int i = 0; i < 2; i++) {
        weft_close(fds[i]);
        weft_close(others[i]);
    }
    return 0;
}

TEST(the_file_behind_a_number_that_is_given_out_again_is_another)
{
    run_mixed(select_on_reused);
}

/* Each of several that are always ready has its turn. */
static int fair(void *unused)
{
    int64_t out;
    int chosen[3] = { 0 };
    weft_event event = WEFT_EVENT_INIT;
    (void)unused;
    make_channels(1);
    weft_channel_close(left);
    weft_channel_close(right);
    weft_event_set(&event);
    weft_case cases[] = { weft_case_receive(left, &out), weft_case_event(&event),
                          weft_case_receive(right, &out) };
    for (int i = 0; i < 3000; i++)
        chosen[weft_select(cases, 3)]++;
    for (int i = 0; i < 3; i++)
        ck_assert_int_gt(chosen[i], 500);
    drop_channels();
    return 0;
}

TEST(chance_decides_and_starves_nobody)
{
    run_mixed(fair);
}

/* Selectors meet selectors: each sends on one channel or receives on the other. */
static atomic_llong sent, received;

static int trade(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        int64_t in = 1, out = 0;
        weft_case cases[] = {
            weft_case_send(left, &in),
            weft_case_send(right, &in),
            weft_case_receive(left, &out),
            weft_case_receive(right, &out),
            weft_case_timer(weft_now() + WEFT_MS(1)),
        };
        int chosen = weft_select(cases, 5);
        ck_assert_int_ge(chosen, 0);
        if (chosen < 2)
            atomic_fetch_add(&sent, 1);
        else if (chosen < 4)
            atomic_fetch_add(&received, out);
    }
    return 0;
}

static int trade_all(void *unused)
{
    struct crowd crowd;
    (void)unused;
    make_channels(0);
    atomic_store(&sent, 0);
    atomic_store(&received, 0);
    crowd_start(&crowd, trade, NULL);
    crowd_join(&crowd);
    ck_assert_int_eq(atomic_load(&sent), atomic_load(&received));
    ck_assert_int_gt(atomic_load(&sent), 0);
    drop_channels();
    return 0;
}

TEST(selectors_meet_selectors)
{
    run_mixed(trade_all);
}
