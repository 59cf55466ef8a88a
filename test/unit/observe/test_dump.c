#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "blocking.h"
#include "sched/task.h"

static int fds[2];
static atomic_bool stop;

static char *dump_to_text(int *ret_count)
{
    static char text[1 << 16];
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    *ret_count = weft_dump(fileno(file));
    rewind(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    fclose(file);
    return text;
}

/* The line that has `part`, or a failure. */
static char *line_with(const char *text, const char *part)
{
    static char line[512];
    const char *at = strstr(text, part);
    if (!at)
        ck_abort_msg("no \"%s\" in:\n%s", part, text);
    while (at > text && at[-1] != '\n')
        at--;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void expect_in(const char *line, const char *part)
{
    if (!strstr(line, part))
        ck_abort_msg("no \"%s\" in \"%s\"", part, line);
}

static int sleeper(void *unused)
{
    (void)unused;
    return weft_sleep((int64_t)(WEFT_MS(200) * test_seconds(1)));
}

static int reader(void *unused)
{
    char byte;
    (void)unused;
    return (int)weft_read(fds[0], &byte, 1);
}

static int joiner(void *task)
{
    return weft_join(task, NULL);
}

static int yielder(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        weft_yield();
    return 0;
}

static int done(void *unused)
{
    (void)unused;
    return 0;
}

static bool all_are_there(const char *text)
{
    return strstr(text, "waits: sleep") && strstr(text, "waits: read") &&
           strstr(text, "waits: join") && strstr(text, "ended, not joined");
}

static int look(void *unused)
{
    weft_task *tasks[5];
    char part[64];
    int count;
    (void)unused;
    weft_set_name("looker");
    SPAWN(sleeper, NULL, &tasks[0]);
    SPAWN(reader, NULL, &tasks[1]);
    SPAWN(joiner, tasks[0], &tasks[2]);
    SPAWN(yielder, NULL, &tasks[3]);
    SPAWN(done, NULL, &tasks[4]);
    char *text;
    do {
        weft_sleep(WEFT_MS(5));
        text = dump_to_text(&count);
    } while (!all_are_there(text));
    ck_assert_int_eq(count, 6);
    expect_in(line_with(text, "'looker'"), "runs");
    char *line = line_with(text, "'sleeper'");
    expect_in(line, "waits: sleep for ");
    expect_in(line, "since ");
    expect_in(line, "spawned at ");
    expect_in(line, "test_dump.c:");
    snprintf(part, sizeof part, "waits: read fd %d", fds[0]);
    expect_in(line_with(text, "'reader'"), part);
    line = line_with(text, "'joiner'");
    snprintf(part, sizeof part, "waits: join task %llu",
             (unsigned long long)weft_task_id(tasks[0]));
    expect_in(line, part);
    expect_in(line_with(text, "'yielder'"), "run"); /* runs or runnable */
    expect_in(line_with(text, "'done'"), "ended, not joined");
    expect_in(line_with(text, "worker 0"), "switches ");
    expect_in(line_with(text, "worker 1"), "a"); /* awake or asleep */

    atomic_store(&stop, true);
    ck_assert_int_eq(weft_write(fds[1], "x", 1), 1);
    JOIN(tasks[2], 0);
    JOIN(tasks[1], 1);
    JOIN(tasks[3], 0);
    JOIN(tasks[4], 0);
    text = dump_to_text(&count);
    ck_assert_int_eq(count, 1);
    ck_assert_ptr_null(strstr(text, "'sleeper'"));
    return 0;
}

TEST(a_dump_shows_every_task_and_worker)
{
    ck_assert_int_eq(pipe(fds), 0);
    int count;
    dump_to_text(&count);
    ck_assert_int_eq(count, -EPERM);
    ck_assert_int_eq(run_tasks(2, look, NULL), 0);
}

static int look_at_groups(void *unused)
{
    weft_group group;
    weft_scope scope;
    char part[64];
    int count;
    (void)unused;
    weft_scope_enter(&scope, weft_after(WEFT_S(1000)));
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_group_spawn(&group, sleeper, NULL), 0);
    ck_assert_int_eq(weft_group_spawn(&group, yielder, NULL), 0);
    char *line = line_with(dump_to_text(&count), "'sleeper'");
    snprintf(part, sizeof part, ", in a group of task %llu, deadline in 9",
             (unsigned long long)weft_task_id(NULL));
    expect_in(line, part);
    weft_group_cancel(&group);
    expect_in(line_with(dump_to_text(&count), "'yielder'"), ", cancelled");
    ck_assert_int_eq(weft_group_leave(&group), 0);
    weft_scope_leave(&scope);
    return 0;
}

TEST(a_dump_shows_whose_groups_tasks_are_in)
{
    if (test_is_under("qemu"))
        test_skip("qemu has no process_vm_readv()");
    ck_assert_int_eq(run_in_turn(look_at_groups, NULL), 0);
}

static int look_at_strand(void *strand)
{
    char part[64];
    int count;
    snprintf(part, sizeof part, ", strand %p", strand);
    expect_in(line_with(dump_to_text(&count), "'look_at_strand'"), part);
    return 0;
}

static int look_from_strand(void *unused)
{
    weft_strand *strand;
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    ck_assert_int_eq(weft_strand_spawn(strand, look_at_strand, strand, &task), 0);
    JOIN(task, 0);
    return weft_strand_destroy(strand);
}

TEST(a_dump_shows_which_strand_a_task_is_of)
{
    ck_assert_int_eq(run_tasks(2, look_from_strand, NULL), 0);
}

static atomic_int dumps;
static int null_fd;

static void on_alarm(int number)
{
    (void)number;
    int saved = errno;
    if (weft_dump(null_fd) >= 0)
        atomic_fetch_add(&dumps, 1);
    errno = saved;
}

static int churn(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        weft_task *task;
        SPAWN(done, NULL, &task);
        SPAWN(done, NULL, NULL);
        weft_set_name("churn");
        JOIN(task, 0);
    }
    return 0;
}

TEST(a_signal_handler_may_dump_while_tasks_run)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
    FILE *null = fopen("/dev/null", "w");
    null_fd = fileno(null);
    ck_assert_int_eq(weft_start(NULL), 0);
    for (int i = 0; i < 4; i++)
        SPAWN(churn, NULL, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    weft_sleep(WEFT_MS(100));
    while (atomic_load(&dumps) < 20)
        weft_sleep(WEFT_MS(1));
    setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&stop, true);
    ck_assert_int_eq(weft_stop(), 0);
}

static weft_mutex held = WEFT_MUTEX_INIT_CHECKED;

static int lock_and_leave(void *unused)
{
    (void)unused;
    ck_assert_int_eq(weft_mutex_lock(&held), 0);
    return weft_mutex_unlock(&held);
}

static int hold_and_dump(void *unused)
{
    weft_task *task;
    weft_mutex_info info;
    char expected[64];
    int count;
    (void)unused;
    ck_assert_int_eq(weft_mutex_lock(&held), 0);
    SPAWN(lock_and_leave, NULL, &task);
    do {
        weft_yield();
        weft_mutex_look(&held, &info);
    } while (info.waiters == 0);
    snprintf(expected, sizeof expected, "held by task %llu",
             (unsigned long long)weft_task_id(NULL));
    expect_in(line_with(dump_to_text(&count), "'lock_and_leave'"), expected);
    ck_assert_int_eq(weft_mutex_unlock(&held), 0);
    JOIN(task, 0);
    return 0;
}

TEST(who_holds_a_mutex_is_named)
{
    if (test_is_under("qemu"))
        test_skip("qemu has no process_vm_readv()");
    ck_assert_int_eq(weft_run(NULL, hold_and_dump, NULL), 0);
}

static int wait_for_gate(void *gate)
{
    return weft_blocking(pass_gate, gate, NULL);
}

static int wait_for_future(void *future)
{
    return weft_future_wait(future, NULL);
}

static int look_at_calls(void *unused)
{
    struct gate gate = { 0 };
    weft_future *future;
    weft_task *tasks[2];
    int count;
    (void)unused;
    ck_assert_int_eq(weft_blocking_submit(pass_gate, &gate, &future), 0);
    SPAWN(wait_for_gate, &gate, &tasks[0]);
    SPAWN(wait_for_future, future, &tasks[1]);
    await_count(&gate.begun, 2);
    while (weft__wait_state(&tasks[1]->waiter) != WEFT__WAITING)
        weft_yield();
    expect_in(line_with(dump_to_text(&count), "'wait_for_gate'"), "waits: blocking call ");
    expect_in(line_with(dump_to_text(&count), "'wait_for_gate'"), " pass_gate, since ");
    expect_in(line_with(dump_to_text(&count), "'wait_for_future'"), " pass_gate, since ");
    atomic_store(&gate.open, true);
    JOIN(tasks[0], 0);
    JOIN(tasks[1], 0);
    weft_future_release(future);
    return 0;
}

TEST(a_dump_shows_which_blocking_call_a_task_waits_for)
{
    ck_assert_int_eq(run_in_turn(look_at_calls, NULL), 0);
}
