/* pthread_cond_*: signal, broadcast, clocks, timeouts, a bounded queue. */
#include <pthread.h>
#include <unistd.h>

#include "say.h"

#define THREADS 30
#define ITEMS 3000
#define ROOM 4

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, room = PTHREAD_COND_INITIALIZER;
static int waiting, released, items, ended;
static long sum;

static void *wait_release(void *arg)
{
    pthread_mutex_lock(&mutex);
    waiting++;
    while (!released)
        pthread_cond_wait(&changed, &mutex);
    waiting--;
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void broadcast(int by_signals)
{
    pthread_t threads[THREADS];
    released = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, wait_release, NULL);
    for (int ready = 0; !ready; usleep(100)) {
        pthread_mutex_lock(&mutex);
        ready = waiting == THREADS;
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_lock(&mutex);
    released = 1;
    if (by_signals) { /* some inside the mutex, some outside */
        for (int i = 0; i < THREADS / 2; i++)
            pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
        for (int i = THREADS / 2; i < THREADS; i++)
            pthread_cond_signal(&changed);
    } else {
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(waiting);
}

static void *consume(void *arg)
{
    pthread_mutex_lock(&mutex);
    for (;;) {
        while (items == 0 && !ended)
            pthread_cond_wait(&changed, &mutex);
        if (items == 0)
            break;
        items--;
        sum++;
        pthread_cond_signal(&room);
    }
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *produce(void *arg)
{
    for (int i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&mutex);
        while (items == ROOM)
            pthread_cond_wait(&room, &mutex);
        items++;
        pthread_mutex_unlock(&mutex);
        pthread_cond_signal(&changed);
    }
    return arg;
}

static void queue(void)
{
    pthread_t producers[5], consumers[5];
    for (int i = 0; i < 5; i++) {
        pthread_create(&producers[i], NULL, produce, NULL);
        pthread_create(&consumers[i], NULL, consume, NULL);
    }
    for (int i = 0; i < 5; i++)
        pthread_join(producers[i], NULL);
    pthread_mutex_lock(&mutex);
    ended = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 5; i++)
        pthread_join(consumers[i], NULL);
    SAY_NUMBER(sum);
    SAY_NUMBER(items);
}

static void timeouts(clockid_t clock)
{
    pthread_cond_t cond;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    SAY(pthread_condattr_setclock(&attr, clock));
    SAY(pthread_cond_init(&cond, &attr));
    struct timespec begin, until = after_ms(clock, 30);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    errno = 99;
    pthread_mutex_lock(&mutex);
    SAY(pthread_cond_timedwait(&cond, &mutex, &until));
    SAY_NUMBER(took_ms(begin, 30));
    SAY(pthread_mutex_trylock(&mutex));
    SAY(pthread_cond_timedwait(&cond, &mutex, &until));
    until.tv_nsec = -1;
    SAY(pthread_cond_timedwait(&cond, &mutex, &until));
    until = after_ms(CLOCK_MONOTONIC, 10);
    SAY(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &until));
    SAY(pthread_cond_clockwait(&cond, &mutex, CLOCK_PROCESS_CPUTIME_ID, &until));
    pthread_mutex_unlock(&mutex);
    SAY_NUMBER(errno);
    SAY(pthread_cond_destroy(&cond));
}

static void kinds(void)
{
    pthread_mutex_t m;
    pthread_mutexattr_t attr;
    struct timespec until = after_ms(CLOCK_REALTIME, 5);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m, &attr);
    SAY(pthread_cond_timedwait(&changed, &m, &until));
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m, &attr);
    SAY(pthread_mutex_lock(&m));
    SAY(pthread_cond_timedwait(&changed, &m, &until));
    SAY(pthread_mutex_unlock(&m));
    SAY(pthread_mutex_unlock(&m));
}

static void *release_soon(void *arg)
{
    pthread_mutex_lock(&mutex);
    released = 1;
    pthread_cond_signal(arg);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Shared between processes, with a mutex that is not: others come to lock that while it is
 * held, and still wait for it when the wait lets go of it. */
static void shared(void)
{
    pthread_cond_t cond;
    pthread_condattr_t attr;
    pthread_t threads[3];
    struct timespec until = after_ms(CLOCK_REALTIME, 5000);
    int rc = 0;
    released = 0;
    pthread_condattr_init(&attr);
    SAY(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    SAY(pthread_cond_init(&cond, &attr));
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, release_soon, &cond);
    usleep(30000);
    while (!released && rc == 0)
        rc = pthread_cond_timedwait(&cond, &mutex, &until);
    SAY(rc);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    until = after_ms(CLOCK_REALTIME, 5);
    pthread_mutex_lock(&mutex);
    SAY(pthread_cond_timedwait(&cond, &mutex, &until));
    pthread_mutex_unlock(&mutex);
    SAY(pthread_cond_destroy(&cond));
}

int main(void)
{
    broadcast(0);
    broadcast(1);
    queue();
    timeouts(CLOCK_REALTIME);
    timeouts(CLOCK_MONOTONIC);
    kinds();
    shared();
    return 0;
}
