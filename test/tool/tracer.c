/* Traces a child from its first system call to its end, as strace does, while another
 * thread keeps the workers busy. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 200

static volatile bool done;

static void *run(void *unused)
{
    while (!done)
        usleep(100);
    return unused;
}

static void be_traced(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    for (int i = 0; i < CALLS; i++)
        getppid();
    _exit(0);
}

int main(void)
{
    pthread_t thread;
    int status, stops = 0, failed = 0;
    pid_t child = fork();
    if (child == 0)
        be_traced();
    pthread_create(&thread, NULL, run, NULL);
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        stops++;
        failed += ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0;
        if (failed)
            kill(child, SIGKILL);
    }
    done = true;
    pthread_join(thread, NULL);
    const char *weft = getenv("WEFT_EXEC"); /* as programs that it starts have it */
    printf("traced %d, WEFT_EXEC=%s\n", stops > 2 * CALLS && !failed, weft ? weft : "");
    return 0;
}
