/* Children that handlers make go on where the handlers were called: with the masks that are
 * restored there, and without the signals that were pending. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

static volatile pid_t made;
static volatile int handled;

static void fork_here(int unused)
{
    (void)unused;
    made = fork();
}

static void count(int unused)
{
    (void)unused;
    handled++;
}

static void leave_handler(void)
{
    sigset_t mask;
    if (made != 0) {
        int status = -1;
        waitpid(made, &status, 0);
        printf("status %x\n", (unsigned)status);
        return;
    }
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    int blocked = 0;
    for (int number = 1; number < SIGRTMIN; number++)
        blocked += sigismember(&mask, number) > 0;
    _exit(blocked + 100 * handled);
}

int main(void)
{
    struct sigaction action = { .sa_handler = fork_here };
    setvbuf(stdout, NULL, _IONBF, 0);
    struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGUSR2, count);
    raise(SIGUSR1);
    leave_handler();
    kill(getpid(), SIGUSR1);
    leave_handler();
    made = -1;
    setitimer(ITIMER_REAL, &soon, NULL);
    while (made < 0)
        ;
    leave_handler();
    made = -1;
    setitimer(ITIMER_REAL, &soon, NULL);
    while (made < 0)
        pause();
    leave_handler();
    sigset_t both, before; /* the second stays the parent's */
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    sigprocmask(SIG_BLOCK, &both, &before);
    raise(SIGUSR1);
    raise(SIGUSR2);
    sigprocmask(SIG_SETMASK, &before, NULL);
    leave_handler();
    SAY_NUMBER(handled);
    return 0;
}
