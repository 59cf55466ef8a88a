/* processes - programs as functions: a pipeline, many at a time, one that takes too long,
 * one that is not there; and a signal as something to wait for. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

#define SHELL(script) ((const char *[]){ "sh", "-c", script, NULL })

/* Two programs, and a pipe between them. Neither is to find it in non-blocking mode, as
 * those are that weft reads from or writes to, so it is a plain one. */
static int pipeline(void)
{
    weft_process *first;
    weft_process_result result;
    int ends[2], rc = pipe2(ends, O_CLOEXEC);
    weft_process_spec print = { .argv = SHELL("echo pear; echo apple; echo plum"),
                                .out = { WEFT_STDIO_FD, ends[1] } };
    weft_process_spec sort = { .argv = (const char *[]){ "sort", "-r", NULL },
                               .in = { WEFT_STDIO_FD, ends[0] },
                               .out = { .kind = WEFT_STDIO_PIPE } };

    rc = rc ? -errno : weft_process_spawn(&print, &first);
    if (rc)
        return rc;
    close(ends[1]);
    rc = weft_process_run(&sort, NULL, 0, 1000, &result);
    close(ends[0]);
    weft_process_destroy(first);
    if (rc == 0)
        printf("sorted:\n%s", result.out.data);
    weft_process_result_clear(&result);
    return rc;
}

/* Text goes in, and text comes out. */
WEFT_TASK(square, int, number, int *, ret_square)
{
    weft_process_spec spec = { .argv = SHELL("read n; echo $((n * n))"),
                               .in = { .kind = WEFT_STDIO_PIPE },
                               .out = { .kind = WEFT_STDIO_PIPE } };
    weft_process_result result;
    char text[16];
    int size = snprintf(text, sizeof text, "%d\n", number);
    int rc = weft_process_run(&spec, text, (size_t)size, 100, &result);

    if (rc == 0)
        sscanf(result.out.data, "%d", ret_square);
    weft_process_result_clear(&result);
    return rc;
}

static int squares(void)
{
    weft_group group;
    int found[8], sum = 0;

    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < 8; i++)
        weft_group_spawn_args(&group, square, i, &found[i]);
    int rc = weft_group_leave(&group);
    for (int i = 0; rc == 0 && i < 8; i++)
        sum += found[i];
    printf("the squares of 0 to 7 are %d together\n", sum);
    return rc;
}

static void run_for(int64_t time, const char *const *argv)
{
    weft_process_spec spec = { .argv = argv, .flags = WEFT_PROCESS_GROUP };
    weft_process_result result;
    weft_scope scope;
    int rc;

    WEFT_WITH_DEADLINE (&scope, weft_after(time))
        rc = weft_process_run(&spec, NULL, 0, 0, &result);
    printf("%s: %s", argv[0], strerror(-rc));
    if (result.status.signal)
        printf(" (%s)", strsignal(result.status.signal));
    printf("\n");
}

static int run(void *unused)
{
    weft_signals *signals;
    weft_signal_info info;

    (void)unused;
    int rc = pipeline();
    if (rc == 0)
        rc = squares();
    run_for(WEFT_MS(100), (const char *[]){ "sleep", "1000", NULL });
    run_for(WEFT_S(1000), (const char *[]){ "weft-no-such-program", NULL });

    if (rc == 0)
        rc = weft_signals_create((const int[]){ SIGTERM }, 1, &signals);
    if (rc)
        return rc;
    run_for(WEFT_S(1000), SHELL("kill -TERM $PPID"));
    rc = weft_signals_receive(signals, &info);
    printf("told to stop: %s\n", strsignal(info.number));
    weft_signals_destroy(signals);
    return rc;
}

int main(void)
{
    return weft_run(NULL, run, NULL) == 0 ? 0 : 1;
}
