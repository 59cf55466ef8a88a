/* Signals that come while a thread is anywhere in a call, system calls and copies inside
 * it included, and whose handlers make such calls themselves. */
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "say.h"

#define THREADS 6
#define ROUNDS 200
#define BIG_STACK ((size_t)8 << 20)

static pthread_t threads[THREADS];
static atomic_int handled[THREADS], elsewhere;
static atomic_int ends[THREADS][2]; /* the descriptors that a thread has just now */
static atomic_bool done;
static sem_t answers, ticks;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, handlers = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

/* What waits in none of its calls. */
static void on_directed(int number, siginfo_t *info, void *context)
{
    int error = errno, self = info->si_value.sival_int;
    (void)number;
    (void)context;
    elsewhere += !pthread_equal(threads[self], pthread_self());
    if (ends[self][0] >= 0) {
        send(ends[self][0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        dup2(ends[self][1], ends[self][0]);
    }
    if (pthread_mutex_trylock(&handlers) == 0) {
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&handlers);
    }
    handled[self]++;
    sem_post(&answers);
    errno = error;
}

static void on_tick(int number)
{
    (void)number;
    sem_post(&ticks);
}

static void use_descriptors(int self)
{
    struct timespec moment = { 0, 10000 };
    int pair[2];
    char byte;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        abort();
    struct pollfd wait = { .fd = pair[0], .events = POLLIN };
    if (write(pair[0], "x", 1) != 1 || read(pair[1], &byte, 1) != 1)
        abort();
    ppoll(&wait, 1, &moment, NULL);
    ends[self][1] = pair[1];
    ends[self][0] = pair[0];
    dup2(pair[1], pair[0]);
    ends[self][0] = -1;
    close(pair[0]);
    close(pair[1]);
}

static void use_actions(int self)
{
    struct sigaction action = { .sa_handler = on_tick }, before;
    (void)self;
    sigaction(SIGUSR1, &action, &before);
    sigaction(SIGUSR2, &action, &before);
    signal(SIGUSR1, SIG_IGN);
}

static void use_locks(int self)
{
    pthread_mutex_lock(&mutex);
    if (self % 2)
        sched_yield();
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&handlers);
    pthread_mutex_unlock(&handlers);
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
    pthread_rwlock_wrlock(&rwlock);
    pthread_cond_broadcast(&cond);
    pthread_rwlock_unlock(&rwlock);
    while (sem_trywait(&ticks) == 0)
        ;
}

static void *touch(void *unused)
{
    volatile char big[4096];
    big[0] = 1;
    (void)big;
    return unused;
}

static void use_stacks(int self)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    (void)self;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, BIG_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* the new one is to take no ticks */
    int rc = pthread_create(&thread, &attr, touch, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        pthread_join(thread, NULL);
}

static void (*const uses[])(int self) = { use_descriptors, use_actions, use_locks,
                                          use_locks,       use_stacks,  use_descriptors };

static void *run(void *arg)
{
    int self = (int)(long)arg;
    while (!done)
        uses[self](self);
    return arg;
}

static void await_answers(int count)
{
    while (count > 0)
        count -= sem_wait(&answers) == 0;
}

static void set_up(void)
{
    struct sigaction action = { .sa_sigaction = on_directed, .sa_flags = SA_SIGINFO | SA_RESTART },
                     tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
    sigset_t alarms;
    sem_init(&answers, 0, 0);
    sem_init(&ticks, 0, 0);
    sigaction(SIGRTMIN + 1, &action, NULL);
    sigaction(SIGALRM, &tick, NULL);
    for (int i = 0; i < THREADS; i++)
        ends[i][0] = -1;
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL); /* they are the others' */
}

int main(void)
{
    struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
    long sum = 0, failed = 0;
    set_up();
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++)
            failed += pthread_sigqueue(threads[i], SIGRTMIN + 1, (union sigval){ i }) != 0;
        await_answers(THREADS);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    done = true;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += handled[i];
    }
    SAY_NUMBER(failed);
    SAY_NUMBER(sum);
    SAY_NUMBER(elsewhere);
    return 0;
}
