/* Many signals to many threads in whatever they do: each is handled, once, in the
 * thread it was sent to. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "say.h"

#define THREADS 12
#define ROUNDS 400

static pthread_t threads[THREADS];
static atomic_int handled[THREADS], elsewhere, to_process, done;

static sem_t sem, started;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, idle = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void on_directed(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    int error = errno;
    elsewhere += !pthread_equal(threads[info->si_value.sival_int], pthread_self());
    handled[info->si_value.sival_int]++;
    sem_post(&started);
    errno = error;
}

static void on_process(int number)
{
    (void)number;
    to_process++;
}

static void work(int how)
{
    struct timespec soon = after_ms(CLOCK_REALTIME, 2);
    sigset_t set, before;
    switch (how) {
    case 0:
        usleep(300);
        break;
    case 1:
        sem_timedwait(&sem, &soon);
        break;
    case 2:
        pthread_mutex_lock(&mutex);
        sched_yield();
        pthread_mutex_unlock(&mutex);
        break;
    case 3:
        pthread_mutex_lock(&idle);
        pthread_cond_timedwait(&cond, &idle, &soon);
        pthread_mutex_unlock(&idle);
        break;
    case 4:
        sigfillset(&set);
        pthread_sigmask(SIG_SETMASK, &set, &before);
        sched_yield();
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        break;
    default:
        for (volatile int i = 0; i < 20000; i++)
            ;
        sched_yield();
    }
}

static void *run(void *arg)
{
    long own = (long)arg;
    while (handled[own] < ROUNDS || !done)
        work((int)(own % 6));
    return arg;
}

static void send(long thread)
{
    while (
        pthread_sigqueue(threads[thread], SIGRTMIN + 1, (union sigval){ .sival_int = (int)thread }))
        usleep(100); /* too many are pending */
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_directed, .sa_flags = SA_SIGINFO };
    sigset_t set;
    long sum = 0, posted = 0;
    sem_init(&sem, 0, 0);
    sem_init(&started, 0, 0);
    sigaction(SIGRTMIN + 1, &action, NULL);
    signal(SIGRTMIN + 2, on_process);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    for (int round = 0; round < ROUNDS; round++) {
        for (long i = 0; i < THREADS; i++)
            send(i);
        if (round % 4 == 0)
            sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ .sival_int = 0 });
        if (round % 16 == 0)
            usleep(500);
    }
    sigemptyset(&set);
    while (posted < (long)THREADS * ROUNDS) {
        posted += sem_wait(&started) == 0;
        errno = 0;
    }
    done = 1;
    for (long i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += handled[i];
    }
    SAY_NUMBER(sum);
    SAY_NUMBER(elsewhere);
    SAY_NUMBER(to_process);
    return 0;
}
