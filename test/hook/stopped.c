/* Stopping the world, as collectors do: who holds a mutex signals all other threads and
 * waits for their handlers, whatever they wait for, that mutex included. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "say.h"

#define THREADS 8
#define ROUNDS 50

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t threads[THREADS];
static atomic_int waiting, through, ended;
static int round_now;
static sem_t stopped;

static void on_stop(int number)
{
    int error = errno;
    (void)number;
    sem_post(&stopped);
    errno = error;
}

static void *wait_rounds(void *arg)
{
    pthread_mutex_lock(&mutex);
    for (int seen = 0; !ended; seen = round_now) {
        waiting++;
        while (round_now == seen)
            pthread_cond_wait(&changed, &mutex);
        through++;
    }
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *lock_always(void *arg)
{
    while (!ended) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void await_waiters(int count)
{
    while (waiting < count)
        usleep(100);
    waiting = 0;
}

static void stop(int count)
{
    for (int i = 0; i < count; i++)
        pthread_kill(threads[i], SIGUSR1);
}

/* How many have answered within some seconds. */
static int answers(int count)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 3000);
    for (int i = 0; i < count; i++) {
        if (sem_timedwait(&stopped, &until) != 0)
            return i;
    }
    return count;
}

static void start(int count, void *(*last)(void *))
{
    round_now = 0;
    ended = through = waiting = 0;
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, i == count - 1 ? last : wait_rounds, NULL);
}

static void end(int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(through);
}

/* They have been signalled, and the mutex is held all the time. */
static void signalled_waiters(void)
{
    start(THREADS, wait_rounds);
    await_waiters(THREADS);
    pthread_mutex_lock(&mutex);
    round_now = 1;
    ended = 1;
    pthread_cond_signal(&changed);
    pthread_cond_broadcast(&changed);
    stop(THREADS);
    SAY_NUMBER(answers(THREADS));
    stop(THREADS);
    SAY_NUMBER(answers(THREADS));
    SAY_NUMBER(through);
    pthread_mutex_unlock(&mutex);
    end(THREADS);
}

/* The mutex goes from hand to hand while they are stopped. */
static void meanwhile(void)
{
    int all = 1;
    start(THREADS, lock_always);
    for (int i = 1; i <= ROUNDS; i++) {
        await_waiters(THREADS - 1);
        pthread_mutex_lock(&mutex);
        round_now = i;
        ended = i == ROUNDS;
        pthread_cond_broadcast(&changed);
        if (i % 2)
            stop(THREADS - 1);
        pthread_mutex_unlock(&mutex);
        if (i % 2)
            all &= answers(THREADS - 1) == THREADS - 1;
    }
    SAY_NUMBER(all);
    end(THREADS);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGUSR1, on_stop);
    sem_init(&stopped, 0, 0);
    signalled_waiters();
    meanwhile();
    return 0;
}
