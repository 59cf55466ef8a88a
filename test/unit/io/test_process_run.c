#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "processes.h"

#define LARGE 300000 /* more than pipes hold */

static char *large_text(void)
{
    char *text = malloc(LARGE);
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < LARGE; i++)
        text[i] = (char)('a' + i % 23);
    return text;
}

static void expect_output(const weft_process_output *output, const char *text, size_t size)
{
    ck_assert_uint_eq(output->size, size);
    ck_assert(memcmp(output->data, text, size) == 0);
    ck_assert_int_eq(output->data[size], 0);
}

/* All three pipes are full at some time. */
static int copy_large(void *unused)
{
    weft_process_result result;
    char *text = large_text();
    (void)unused;
    weft_process_spec spec =
        SHELL("exec tee /proc/self/fd/2", .in = PIPE_, .out = PIPE_, .err = PIPE_);
    ck_assert_int_eq(weft_process_run(&spec, text, LARGE, ALL_OF_IT, &result), 0);
    expect_output(&result.out, text, LARGE);
    expect_output(&result.err, text, LARGE);
    ck_assert(!result.out.truncated && !result.err.truncated);
    weft_process_result_clear(&result);
    ck_assert_ptr_null(result.out.data);
    weft_process_result_clear(&result);
    free(text);
    return 0;
}

TEST(full_pipes_do_not_hold_each_other_up)
{
    everywhere(copy_large);
}

#define MANY 12

static int copy_many(void *unused)
{
    weft_task *tasks[MANY];
    (void)unused;
    for (int i = 0; i < MANY; i++)
        SPAWN(copy_large, NULL, &tasks[i]);
    for (int i = 0; i < MANY; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(many_at_the_same_time)
{
    run_tasks(1, copy_many, NULL);
    run_tasks(2, copy_many, NULL);
    run_tasks(8, copy_many, NULL);
    ck_assert(!has_children());
}

static void expect_limited(size_t limit, size_t size, bool truncated)
{
    weft_process_result result;
    weft_process_spec spec =
        SHELL("head -c 300000 /dev/zero; echo short >&2; exit 9", .out = PIPE_, .err = PIPE_);
    ck_assert_int_eq(weft_process_run(&spec, NULL, 0, limit, &result), 0);
    ck_assert_int_eq(result.status.code, 9);
    ck_assert_uint_eq(result.out.size, size);
    ck_assert(result.out.truncated == truncated);
    if (limit >= 6)
        ck_assert_str_eq(result.err.data, "short\n");
    ck_assert(result.err.truncated == (limit < 6));
    weft_process_result_clear(&result);
}

static int limits(void *unused)
{
    (void)unused;
    expect_limited(0, 0, true);
    expect_limited(5, 5, true);
    expect_limited(10000, 10000, true);
    expect_limited(LARGE - 1, LARGE - 1, true);
    expect_limited(LARGE, LARGE, false);
    expect_limited(SIZE_MAX, LARGE, false);
    return 0;
}

TEST(output_beyond_the_limit_is_dropped)
{
    everywhere(limits);
}

static int unread_input(void *unused)
{
    weft_process_result result;
    char *text = large_text();
    (void)unused;
    weft_process_spec spec = SHELL("exec <&-; exit 2", .in = PIPE_, .out = PIPE_);
    ck_assert_int_eq(weft_process_run(&spec, text, LARGE, ALL_OF_IT, &result), 0);
    ck_assert_int_eq(result.status.code, 2);
    ck_assert_ptr_null(result.out.data);
    weft_process_result_clear(&result);
    free(text);
    return 0;
}

/* Nor does SIGPIPE end the process of a plain thread. */
TEST(input_that_nobody_reads_is_no_error)
{
    everywhere(unread_input);
}

static int wrong_calls(void *unused)
{
    weft_process_result result = { .out = { .size = 1 } };
    weft_process_spec spec = SHELL("true", .out = PIPE_);
    (void)unused;
    ck_assert_int_eq(weft_process_run(&spec, "x", 1, ALL_OF_IT, &result), -EINVAL);
    ck_assert_uint_eq(result.out.size, 0);
    spec = SHELL("true", .cwd = "/no/such/folder");
    ck_assert_int_eq(weft_process_run(&spec, NULL, 0, 0, &result), -ENOENT);
    weft_process_result_clear(&result);
    return 0;
}

TEST(errors_come_before_anything_runs)
{
    everywhere(wrong_calls);
}

/* Cancelled while it runs. The program says by another pipe how far it is. */

struct story {
    weft_process_spec spec;
    int ready[2];
    weft_scope scope;
    int rc;
    weft_process_result result;
};

static int cancel_when_ready(void *arg)
{
    struct story *story = arg;
    expect_line(story->ready[0], "ready\n");
    weft_scope_cancel(&story->scope);
    return 0;
}

static void *cancel_thread(void *arg)
{
    cancel_when_ready(arg);
    return NULL;
}

static void run_story(struct story *story, const char *script, int64_t grace, unsigned flags)
{
    pthread_t thread;
    ck_assert_int_eq(pipe2(story->ready, O_CLOEXEC), 0);
    story->spec = SHELL(script, .in = { .kind = WEFT_STDIO_NULL }, .out = PIPE_,
                        .err = { WEFT_STDIO_FD, story->ready[1] }, .flags = flags, .grace = grace);
    weft_scope_enter(&story->scope, WEFT_NEVER);
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_thread, story), 0);
    story->rc = weft_process_run(&story->spec, NULL, 0, ALL_OF_IT, &story->result);
    pthread_join(thread, NULL);
    weft_scope_leave(&story->scope);
    weft_close(story->ready[0]);
    weft_close(story->ready[1]);
    ck_assert_int_eq(story->rc, -ECANCELED);
}

static int cancel_running(void *unused)
{
    struct story story;
    (void)unused;
    run_story(&story, "echo first; echo ready >&2; exec sleep 1000", WEFT_S(1000), 0);
    ck_assert_int_eq(story.result.status.signal, SIGTERM);
    ck_assert_str_eq(story.result.out.data, "first\n");
    weft_process_result_clear(&story.result);
    return 0;
}

TEST(a_cancelled_program_is_terminated)
{
    everywhere(cancel_running);
}

static int cancel_talking(void *unused)
{
    struct story story;
    (void)unused;
    run_story(&story, "trap 'echo bye; exit 4' TERM; echo ready >&2; while :; do :; done",
              WEFT_S(1000), 0);
    ck_assert_int_eq(story.result.status.code, 4);
    ck_assert_str_eq(story.result.out.data, "bye\n");
    weft_process_result_clear(&story.result);
    return 0;
}

TEST(what_it_says_in_its_grace_is_heard)
{
    everywhere(cancel_talking);
}

static int cancel_stubborn(void *unused)
{
    struct story story;
    (void)unused;
    run_story(&story, "trap '' TERM; echo first; echo ready >&2; exec sleep 1000", WEFT_MS(20), 0);
    ck_assert_int_eq(story.result.status.signal, SIGKILL);
    weft_process_result_clear(&story.result);
    return 0;
}

TEST(a_stubborn_program_is_killed)
{
    everywhere(cancel_stubborn);
}

static int cancel_family(void *unused)
{
    struct story story;
    (void)unused;
    run_story(&story, "(echo ready >&2; exec sleep 1000) & wait", WEFT_S(1000), WEFT_PROCESS_GROUP);
    ck_assert_int_eq(story.result.status.signal, SIGTERM);
    weft_process_result_clear(&story.result);
    return 0;
}

TEST(its_group_is_terminated_with_it)
{
    everywhere(cancel_family);
}

static int time_out(void *unused)
{
    weft_process_spec spec = { .argv = (const char *[]){ "sleep", "1000", NULL } };
    weft_process_result result;
    weft_scope scope;
    (void)unused;
    weft_scope_enter(&scope, weft_after(WEFT_MS(5)));
    ck_assert_int_eq(weft_process_run(&spec, NULL, 0, 0, &result), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    ck_assert_int_eq(weft_process_run(&spec, NULL, 0, 0, &result), -ECANCELED);
    weft_scope_leave(&scope);
    return 0;
}

TEST(a_program_that_takes_too_long)
{
    everywhere(time_out);
}
