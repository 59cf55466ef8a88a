/* Waiting for children while other threads try to become programs, and are cancelled in
 * system(). */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define CHILDREN 300

extern char **environ;

static atomic_bool stop;
static char *nothing[] = { (char[]){ "x" }, NULL };

static void *try_to_execute(void *unused)
{
    while (!stop) {
        execve("/no/such/program", nothing, environ);
        sched_yield();
    }
    return unused;
}

static void *try_to_spawn(void *unused)
{
    pid_t pid;
    while (!stop) {
        posix_spawn(&pid, "/no/such/program", NULL, NULL, nothing, environ);
        sched_yield();
    }
    return unused;
}

/* The one that waits may not be told again. */
static void wait_beside(void *(*fn)(void *))
{
    pthread_t other;
    int reaped = 0, status;
    stop = false;
    pthread_create(&other, NULL, fn, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(3);
        reaped += waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3;
    }
    stop = true;
    pthread_join(other, NULL);
    SAY_NUMBER(reaped);
}

static void *run_shell(void *unused)
{
    system("exec sleep 10"); /* no child of the shell that outlives it */
    return unused;
}

static void cancel_shell(void)
{
    struct timespec begin = after_ms(CLOCK_MONOTONIC, 0);
    struct sigaction interrupt, quit;
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, run_shell, NULL);
    usleep(100000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    sigaction(SIGINT, NULL, &interrupt);
    sigaction(SIGQUIT, NULL, &quit);
    SAY_NUMBER(result == PTHREAD_CANCELED);
    SAY_NUMBER(took_ms(begin, 100));
    SAY_NUMBER(interrupt.sa_handler == SIG_DFL && quit.sa_handler == SIG_DFL);
    SAY_ERRNO(waitpid(-1, NULL, WNOHANG));
}

int main(void)
{
    wait_beside(try_to_execute);
    wait_beside(try_to_spawn);
    cancel_shell();
    return 0;
}
