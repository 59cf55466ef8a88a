/* The older calls that hold signals, and alternative stacks. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "say.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static atomic_int handled;
static stack_t alternative;
static bool was_on, said_so;

static void count(int number)
{
    (void)number;
    handled++;
}

static void holding(void)
{
    SAY_NUMBER(sigset(SIGUSR1, count) == SIG_DFL);
    SAY_NUMBER(sighold(SIGUSR1));
    raise(SIGUSR1);
    SAY_NUMBER(handled);
    SAY_NUMBER(sigset(SIGUSR1, count) == SIG_HOLD); /* and lets it go */
    SAY_NUMBER(handled);
    SAY_NUMBER(sigset(SIGUSR1, SIG_HOLD) == count);
    kill(getpid(), SIGUSR1);
    SAY_NUMBER(handled);
    SAY_NUMBER(sigrelse(SIGUSR1));
    SAY_NUMBER(handled);
    SAY_NUMBER(sigignore(SIGUSR1));
    raise(SIGUSR1);
    SAY_NUMBER(handled);
    SAY_ERRNO(sighold(1000));
    SAY_ERRNO(sigrelse(-1));
    SAY_ERRNO(sigignore(SIGKILL));
    SAY_NUMBER(sigset(SIGKILL, count) == SIG_ERR);
}

static void pausing(void)
{
    signal(SIGUSR1, count);
    sighold(SIGUSR1);
    raise(SIGUSR1);
    SAY_ERRNO(sigpause(SIGUSR1));
    SAY_NUMBER(handled);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    SAY_NUMBER(sigismember(&now, SIGUSR1));
    sigrelse(SIGUSR1);
}

static void masks(void)
{
    int bit = 1 << (SIGUSR2 - 1);
    SAY_NUMBER(sigblock(bit));
    SAY_NUMBER(sigblock(0) == bit);
    SAY_NUMBER(sigsetmask(0) == bit);
    SAY_NUMBER(sigblock(0));
}

static bool is_on_it(const void *here)
{
    const char *low = alternative.ss_sp;
    return (const char *)here >= low && (const char *)here < low + alternative.ss_size;
}

static void look(int number)
{
    stack_t now, other = { .ss_flags = SS_DISABLE };
    int here;
    (void)number;
    was_on = is_on_it(&here);
    sigaltstack(NULL, &now);
    said_so = now.ss_flags & SS_ONSTACK;
    if (was_on) {
        SAY_ERRNO(sigaltstack(&other, NULL));
        usleep(1000); /* waiting there is fine */
        raise(SIGUSR2);
    }
    handled++;
}

static void say_where(void)
{
    SAY_NUMBER(was_on);
    SAY_NUMBER(said_so);
    SAY_NUMBER(handled);
}

static sigjmp_buf back;
static int *volatile nowhere;

static void leave(int number)
{
    int here;
    (void)number;
    was_on = is_on_it(&here);
    siglongjmp(back, 1);
}

static void *alternating(void *unused)
{
    struct sigaction action = { .sa_handler = look, .sa_flags = SA_ONSTACK };
    stack_t wrong = alternative, now;
    handled = 0;
    sigrelse(SIGUSR1);
    SAY_ERRNO(sigaltstack(NULL, &now));
    SAY_NUMBER(now.ss_flags == SS_DISABLE);
    wrong.ss_size = 10;
    SAY_ERRNO(sigaltstack(&wrong, NULL));
    wrong = alternative;
    wrong.ss_flags = 1000;
    SAY_ERRNO(sigaltstack(&wrong, NULL));
    SAY_ERRNO(sigaltstack(&alternative, NULL));
    signal(SIGUSR2, count);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    say_where();
    kill(getpid(), SIGUSR1);
    while (handled < 4)
        usleep(1000);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    say_where();
    action.sa_handler = leave;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGSEGV, &action, NULL);
    if (sigsetjmp(back, 1) == 0)
        *nowhere = 1;
    SAY_NUMBER(was_on);
    return unused;
}

int main(void)
{
    pthread_t thread;
    holding();
    pausing();
    masks();
    alternative.ss_size = 64 << 10;
    alternative.ss_sp = malloc(alternative.ss_size);
    sighold(SIGUSR1); /* only the thread takes it */
    pthread_create(&thread, NULL, alternating, NULL);
    pthread_join(thread, NULL);
    return 0;
}
