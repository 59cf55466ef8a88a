/* A program that uses weft, and has signal handlers and a child of its own: weft's children
 * and signals leave them alone, on a plain thread and, with WEFT_EXEC=1, on virtual ones. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft.h>

static int failures;
static volatile sig_atomic_t ended, used;

#define EXPECT(condition) \
    ((condition) ? (void)0 \
                 : (void)(failures++, fprintf(stderr, "line %d: %s\n", __LINE__, #condition)))

static void on_child(int number)
{
    (void)number;
    ended = 1;
}

static void on_use(int number)
{
    (void)number;
    used++;
}

static void *receive_one(void *signals)
{
    weft_signal_info info;
    EXPECT(weft_signals_receive(signals, &info) == 0);
    EXPECT(info.number == SIGUSR1 || info.number == SIGTERM);
    return NULL;
}

static pid_t fork_own(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(9);
    return pid;
}

/* Both signals reach the two who wait; what the program does with one of them is done. */
static void receive_and_run(void)
{
    static const char *const argv[] = { "sh", "-c",
                                        "cat; kill -USR1 $PPID; kill -TERM $PPID; exit 3", NULL };
    weft_process_spec spec = { .argv = argv,
                               .in = { .kind = WEFT_STDIO_PIPE },
                               .out = { .kind = WEFT_STDIO_PIPE } };
    weft_process_result result;
    weft_signals *signals;
    pthread_t threads[2];
    int status;
    pid_t own = fork_own();
    EXPECT(weft_signals_create((const int[]){ SIGUSR1, SIGTERM }, 2, &signals) == 0);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&threads[i], NULL, receive_one, signals) == 0);
    EXPECT(weft_process_run(&spec, "hello\n", 6, 1000, &result) == 0);
    EXPECT(result.status.code == 3 && strcmp(result.out.data, "hello\n") == 0);
    weft_process_result_clear(&result);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    weft_signals_destroy(signals);
    EXPECT(waitpid(-1, &status, 0) == own);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    EXPECT(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
    EXPECT(ended && used == 1);
}

static void terminate(void)
{
    static const char *const argv[] = { "sleep", "1000", NULL };
    weft_process_spec spec = { .argv = argv };
    weft_process_status status;
    weft_process *process;
    EXPECT(weft_process_spawn(&spec, &process) == 0);
    EXPECT(weft_process_terminate(process, WEFT_S(1000)) == 0);
    EXPECT(weft_process_wait(process, &status) == 0 && status.signal == SIGTERM);
    weft_process_destroy(process);
}

int main(void)
{
    signal(SIGCHLD, on_child);
    signal(SIGUSR1, on_use);
    receive_and_run();
    terminate();
    raise(SIGUSR1);
    EXPECT(used == 2); /* the handler is there again */
    return failures;
}
