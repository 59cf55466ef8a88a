#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "processes.h"

/* What the standard descriptors are. */

static int pipes_and_null(void *unused)
{
    (void)unused;
    weft_process_spec spec = SHELL("cat; echo out; echo err >&2", .in = { .kind = WEFT_STDIO_NULL },
                                   .out = PIPE_, .err = PIPE_);
    weft_process *process = spawn_process(&spec);
    ck_assert_int_eq(weft_process_fd(process, 0), -EBADF);
    ck_assert_int_eq(weft_process_fd(process, 3), -EBADF);
    expect_line(weft_process_fd(process, 2), "err\n");
    expect_end(weft_process_fd(process, 2));
    expect_line(weft_process_fd(process, 1), "out\n");
    ck_assert_int_eq(weft_process_close(process, 1), 0);
    ck_assert_int_eq(weft_process_close(process, 1), -EBADF);
    ck_assert_int_eq(weft_process_wait(process, NULL), 0);
    weft_process_destroy(process);
    return 0;
}

TEST(pipes_and_dev_null)
{
    everywhere(pipes_and_null);
}

static int echo_line(void *unused)
{
    (void)unused;
    weft_process_spec spec = SHELL("read line; echo \"<$line>\"", .in = PIPE_, .out = PIPE_);
    weft_process *process = spawn_process(&spec);
    ck_assert_int_eq(weft_write_all(weft_process_fd(process, 0), "hello\n", 6, NULL), 0);
    expect_line(weft_process_fd(process, 1), "<hello>\n");
    weft_process_destroy(process);
    return 0;
}

TEST(a_conversation_through_pipes)
{
    everywhere(echo_line);
}

TEST(errors_go_where_output_goes)
{
    weft_process_spec spec =
        SHELL("echo a; echo b >&2", .out = PIPE_, .err = { .kind = WEFT_STDIO_OUT });
    expect_says(&spec, "a\nb\n");
}

static void open_pair(int pair[2])
{
    ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
}

TEST(a_given_descriptor)
{
    int pair[2];
    open_pair(pair);
    weft_process_spec spec = SHELL("echo given", .out = { WEFT_STDIO_FD, pair[1] });
    expect_says(&spec, "");
    expect_line(pair[0], "given\n");
}

/* Each is what another one is to become. */
TEST(given_descriptors_change_places)
{
    int from[2], to[2];
    open_pair(from);
    open_pair(to);
    ck_assert_int_eq(dup2(from[0], 1), 1);
    ck_assert_int_eq(dup2(to[1], 0), 0);
    weft_process_spec spec = SHELL("cat", .in = { WEFT_STDIO_FD, 1 }, .out = { WEFT_STDIO_FD, 0 },
                                   .err = { WEFT_STDIO_FD, 2 });
    weft_process *process = spawn_process(&spec);
    ck_assert_int_eq(write(from[1], "turned\n", 7), 7);
    expect_line(to[0], "turned\n");
    close(from[1]);
    ck_assert_int_eq(weft_process_wait(process, NULL), 0);
    weft_process_destroy(process);
}

TEST(inherited_descriptors)
{
    int pair[2];
    open_pair(pair);
    ck_assert_int_eq(dup2(pair[1], 1), 1);
    weft_process_spec spec = SHELL("echo inherited");
    expect_says(&spec, "");
    expect_line(pair[0], "inherited\n");
}

TEST(pipes_where_the_parent_has_no_standard_descriptors)
{
    weft_process_spec spec = SHELL("cat; echo done >&2", .in = PIPE_, .out = PIPE_, .err = PIPE_);
    weft_process_result result;
    int kept = dup(2); /* Check's, at the end */
    for (int i = 0; i < 3; i++)
        close(i);
    int rc = weft_process_run(&spec, "text", 4, ALL_OF_IT, &result);
    for (int i = 0; i < 3; i++)
        dup2(kept, i);
    ck_assert_int_eq(rc, 0);
    ck_assert_str_eq(result.out.data, "text");
    ck_assert_str_eq(result.err.data, "done\n");
    weft_process_result_clear(&result);
}

/* Other descriptors. */

TEST(named_descriptors_are_passed_on)
{
    int pair[2], others[2];
    char script[128];
    open_pair(pair);
    open_pair(others);
    snprintf(script, sizeof script, "echo on >/proc/self/fd/%d; [ ! -e /proc/self/fd/%d ]", pair[1],
             others[1]);
    weft_process_spec spec = SHELL(script, .fds = &pair[1], .fd_count = 1);
    expect_says(&spec, "");
    expect_line(pair[0], "on\n");
    ck_assert_int_eq(fcntl(pair[1], F_GETFD), FD_CLOEXEC); /* ours is as it was */
}

TEST(others_are_closed_if_that_is_wanted)
{
    int pair[2], others[2];
    char script[128];
    weft_process *process;
    ck_assert_int_eq(pipe(others), 0);
    open_pair(pair);
    snprintf(script, sizeof script, "[ -e /proc/self/fd/%d ] && [ ! -e /proc/self/fd/%d ]", pair[1],
             others[1]);
    weft_process_spec spec =
        SHELL(script, .fds = &pair[1], .fd_count = 1, .flags = WEFT_PROCESS_CLOSE_FDS);
    int rc = weft_process_spawn(&spec, &process);
    if (rc == -ENOSYS || rc == -EINVAL)
        test_skip("close_range() cannot do it here");
    ck_assert_int_eq(rc, 0);
    weft_process_destroy(process);
    expect_says(&spec, "");
}

/* Folder, environment, signals, groups. */

TEST(folder_and_environment)
{
    static const char *const variables[] = { "WEFT_A=b c", NULL };
    weft_process_spec spec = SHELL("pwd", .cwd = "/", .out = PIPE_);
    expect_says(&spec, "/\n");
    spec = SHELL("echo \"$WEFT_A.$WEFT_B\"", .envp = variables, .out = PIPE_);
    expect_says(&spec, "b c.\n");
    setenv("WEFT_B", "inherited", 1);
    expect_says(&spec, "b c.\n");
    spec.envp = NULL;
    expect_says(&spec, ".inherited\n");
}

TEST(the_program_need_not_be_what_it_is_called)
{
    weft_process_spec spec = { .argv = (const char *[]){ "name", "-c", "echo $0", NULL },
                               .file = "sh",
                               .out = PIPE_ };
    expect_says(&spec, "name\n");
}

static void handle(int number)
{
    (void)number;
}

TEST(no_signal_is_blocked_or_ignored_in_the_child)
{
    sigset_t all;
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, handle);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    weft_process_spec spec = SHELL("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", .out = PIPE_);
    expect_says(&spec, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGUSR1)); /* ours is as it was */
    struct sigaction action;
    sigaction(SIGUSR2, NULL, &action);
    ck_assert(action.sa_handler == handle);
}

static void expect_group(unsigned flags, bool group, bool session)
{
    weft_process_spec spec =
        SHELL("exec cut -d ' ' -f 5,6 /proc/self/stat", .out = PIPE_, .flags = flags);
    weft_process *process = spawn_process(&spec);
    char line[64];
    pid_t pid = weft_process_pid(process);
    snprintf(line, sizeof line, "%d %d\n", group ? pid : getpgrp(), session ? pid : getsid(0));
    expect_line(weft_process_fd(process, 1), line);
    weft_process_destroy(process);
}

TEST(groups_and_sessions)
{
    expect_group(0, false, false);
    expect_group(WEFT_PROCESS_GROUP, true, false);
    expect_group(WEFT_PROCESS_SESSION, true, true);
    expect_group(WEFT_PROCESS_SESSION | WEFT_PROCESS_GROUP, true, true);
}

/* What fails in the child is the parent's error. */

static void expect_error(const weft_process_spec *spec, int error)
{
    weft_process *process;
    ck_assert_int_eq(weft_process_spawn(spec, &process), error);
}

static void run_file(const char *file, int error)
{
    weft_process_spec spec = { .argv = (const char *[]){ file, NULL }, .out = PIPE_, .err = PIPE_ };
    expect_error(&spec, error);
}

static int errors(void *unused)
{
    static const int bad_fd = 1000;
    (void)unused;
    run_file("/no/such/program", -ENOENT);
    run_file("weft-no-such-program", -ENOENT);
    run_file("/etc/passwd", -EACCES);
    run_file("/etc/passwd/none", -ENOTDIR);
    weft_process_spec spec = SHELL("true", .cwd = "/no/such/folder");
    expect_error(&spec, -ENOENT);
    spec = SHELL("true", .in = { WEFT_STDIO_FD, bad_fd });
    expect_error(&spec, -EBADF);
    spec = SHELL("true", .fds = &bad_fd, .fd_count = 1);
    expect_error(&spec, -EBADF);
    return 0;
}

TEST(errors_of_the_child_are_reported)
{
    everywhere(errors);
}

TEST(specs_that_make_no_sense)
{
    static const int standard = 2;
    weft_process_spec spec = { 0 };
    expect_error(&spec, -EINVAL);
    spec = (weft_process_spec){ .argv = (const char *[]){ NULL } };
    expect_error(&spec, -EINVAL);
    spec = SHELL("true", .out = { .kind = WEFT_STDIO_OUT });
    expect_error(&spec, -EINVAL);
    spec = SHELL("true", .out = { .kind = 17 });
    expect_error(&spec, -EINVAL);
    spec = SHELL("true", .in = { WEFT_STDIO_FD, -1 });
    expect_error(&spec, -EBADF);
    spec = SHELL("true", .flags = 0x1000);
    expect_error(&spec, -EINVAL);
    spec = SHELL("true", .fds = &standard, .fd_count = 1);
    expect_error(&spec, -EINVAL);
    spec = SHELL("true", .reserved = { [0] = 1 });
    expect_error(&spec, -EINVAL);
    ck_assert(!has_children());
}

TEST(a_script_without_a_first_line_is_the_shell_s)
{
    char path[] = "/tmp/weft-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "echo script $1\n", 15), 15);
    fchmod(fd, 0700);
    close(fd);
    weft_process_spec spec = { .argv = (const char *[]){ path, "of mine", NULL }, .out = PIPE_ };
    expect_says(&spec, "script of mine\n");
    unlink(path);
}

TEST(very_many_arguments)
{
    enum { COUNT = 20000 };
    static const char *argv[COUNT + 5] = { "sh", "-c", "echo $#", "sh" };
    for (int i = 0; i < COUNT; i++)
        argv[4 + i] = "x";
    weft_process_spec spec = { .argv = argv, .out = PIPE_ };
    expect_says(&spec, "20000\n");
}
