/* fork() while other threads are in the middle of calls: the child has their locks' memory,
 * but not them. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define CHILDREN 150
#define LIMIT 5 /* seconds that a child may take */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static atomic_bool done;

static void *disturb(void *arg)
{
    while (!done) {
        if (pthread_rwlock_tryrdlock(&rwlock) == 0)
            pthread_rwlock_unlock(&rwlock);
        pthread_rwlock_rdlock(&rwlock);
        pthread_rwlock_unlock(&rwlock);
        pthread_barrier_wait(&barrier);
        pthread_cond_signal(&cond);
    }
    return arg;
}

static void use_all(void)
{
    alarm(LIMIT);
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
    pthread_barrier_wait(&barrier);
    pthread_cond_broadcast(&cond);
}

/* How many were there until they had done all that. */
static int fork_many(int children)
{
    int through = 0;
    for (int i = 0; i < children; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            use_all();
            _exit(0);
        }
        waitpid(child, &status, 0);
        through += status == 0;
        if (through < i - 1)
            break; /* enough have hung */
    }
    return through;
}

static int beside_another_thread(int children)
{
    pthread_t thread;
    done = false;
    pthread_create(&thread, NULL, disturb, NULL);
    int through = fork_many(children);
    done = true;
    pthread_join(thread, NULL);
    return through;
}

static void in_child_too(void)
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(beside_another_thread(CHILDREN) == CHILDREN ? 0 : 1);
    waitpid(child, &status, 0);
    SAY_NUMBER(status);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled = number;
}

static pid_t start_sender(void)
{
    pid_t sender = fork();
    if (sender == 0) {
        alarm(10 * LIMIT);
        for (;;) {
            kill(0, SIGUSR1);
            kill(0, SIGUSR2);
        }
    }
    return sender;
}

/* Two signals that are blocked come all the time, to whomever there is: one would end a
 * child, the other has a handler. How many children had neither. */
static int beside_signals(int children)
{
    int spared = 0;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGUSR2, handle);
    if (setpgid(0, 0) != 0)
        abort();
    pid_t sender = start_sender();
    for (int i = 0; i < children; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0)
            _exit(handled);
        waitpid(child, &status, 0);
        spared += status == 0;
    }
    kill(sender, SIGKILL);
    waitpid(sender, NULL, 0);
    return spared;
}

int main(void)
{
    pthread_barrier_init(&barrier, NULL, 1);
    SAY_NUMBER(beside_another_thread(CHILDREN));
    in_child_too();
    SAY_NUMBER(beside_signals(CHILDREN));
    return 0;
}
