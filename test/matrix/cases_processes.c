/* Child processes, where the event is that they end; and signals. */
#include "bytes.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weft.h>

static weft_process *process;

static void spawn_cat(struct stage *stage)
{
    static const char *const argv[] = { "cat", NULL };
    weft_process_spec spec = { .argv = argv, .in = { .kind = WEFT_STDIO_PIPE } };
    (void)stage;
    ck_assert_int_eq(weft_process_spawn(&spec, &process), 0);
}

static weft_process_status end_of_process(void)
{
    weft_process_status status;
    weft_scope shield;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        ck_assert_int_eq(weft_process_wait(process, &status), 0);
    weft_process_destroy(process);
    return status;
}

/* Who waits for one that ends by itself. */

static void end_input(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_process_close(process, 0), 0);
}

static long call_wait(struct stage *stage)
{
    weft_process_status status = { .code = 77 };
    int rc = weft_process_wait(process, &status);
    EXPECT(stage, status.code == (rc == 0 ? 0 : 77), "%d, and the code is %d", rc, status.code);
    return rc;
}

static void settle_wait(struct stage *stage, long rc)
{
    weft_process_status status = end_of_process();
    EXPECT(stage, status.code == 0, "after %ld it was ended by %d", rc, status.signal);
}

const struct operation case_weft_process_wait = { .name = "weft_process_wait",
                                                  .arm = spawn_cat,
                                                  .call = call_wait,
                                                  .event = end_input,
                                                  .settle = settle_wait };

/* Terminating one that is stopped, and so has a time of grace. */

static void spawn_stopped(struct stage *stage)
{
    siginfo_t info;
    spawn_cat(stage);
    ck_assert_int_eq(weft_process_signal(process, SIGSTOP), 0);
    ck_assert_int_eq(waitid(P_PID, (id_t)weft_process_pid(process), &info, WSTOPPED), 0);
}

static void let_go_on(struct stage *stage)
{
    (void)stage;
    weft_process_signal(process, SIGCONT); /* it may have been killed */
}

static long call_terminate(struct stage *stage)
{
    (void)stage;
    return weft_process_terminate(process, WEFT_S(1000));
}

static void settle_terminated(struct stage *stage, long rc)
{
    weft_process_status status = end_of_process();
    EXPECT(stage, status.signal == SIGTERM || (rc < 0 && status.signal == SIGKILL),
           "after %ld it was ended by %d", rc, status.signal);
}

const struct operation case_weft_process_terminate = { .name = "weft_process_terminate",
                                                       .arm = spawn_stopped,
                                                       .call = call_terminate,
                                                       .event = let_go_on,
                                                       .settle = settle_terminated };

/* A program that copies one byte. */

static weft_process_result result;

static long call_run(struct stage *stage)
{
    static const char *const argv[] = { "head", "-c", "1", NULL };
    weft_process_spec spec = { .argv = argv,
                               .in = { WEFT_STDIO_FD, stage->fd },
                               .out = { .kind = WEFT_STDIO_PIPE } };
    weft_process_result fresh;
    int rc = weft_process_run(&spec, NULL, 0, 10, &fresh);
    if (rc == 0)
        result = fresh;
    else
        weft_process_result_clear(&fresh);
    return rc;
}

static void settle_run(struct stage *stage, long rc)
{
    bool left = take_byte(stage), copied = result.out.size == 1;
    siginfo_t info;
    EXPECT(stage, rc < 0 || (copied && !left && result.status.code == 0),
           "it returned %ld, %zu bytes copied, %d left", rc, result.out.size, left);
    EXPECT(stage, waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD,
           "after %ld there is a child", rc);
    weft_process_result_clear(&result);
}

const struct operation case_weft_process_run = { .name = "weft_process_run",
                                                 .open = open_pair,
                                                 .call = call_run,
                                                 .event = send_byte,
                                                 .settle = settle_run,
                                                 .close = close_pair };

/* A signal, which one of the program's threads takes when it gets round to it. */

static weft_signals *signals;

static void subscribe(struct stage *stage)
{
    static const int number = SIGUSR1;
    (void)stage;
    ck_assert_int_eq(weft_signals_create(&number, 1, &signals), 0);
}

static void send_signal(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
}

static long call_receive(struct stage *stage)
{
    weft_signal_info info = { .number = 77 };
    int rc = weft_signals_receive(signals, &info);
    EXPECT(stage, info.number == (rc == 0 ? SIGUSR1 : 77), "%d, and the number is %d", rc,
           info.number);
    return rc;
}

/* It was received, or is to come. */
static void settle_signal(struct stage *stage, long rc)
{
    weft_signal_info info;
    weft_scope shield;
    if (rc < 0) {
        WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
            ck_assert_int_eq(weft_signals_receive(signals, &info), 0);
    }
    EXPECT(stage, weft_signals_try_receive(signals, &info) == -EAGAIN, "after %ld there is another",
           rc);
}

static void unsubscribe(struct stage *stage)
{
    (void)stage;
    weft_signals_destroy(signals);
}

const struct operation case_weft_signals_receive = { .name = "weft_signals_receive",
                                                     .open = subscribe,
                                                     .call = call_receive,
                                                     .event = send_signal,
                                                     .settle = settle_signal,
                                                     .close = unsubscribe };
