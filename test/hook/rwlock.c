/* pthread_rwlock_*: exclusion, errors, timeouts, both preferences. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "say.h"

#define THREADS 16
#define ROUNDS 400

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static atomic_int readers, writers, wrong, together;
static long counter;

static void *read_some(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_rwlock_rdlock(&rwlock);
        int now = atomic_fetch_add(&readers, 1);
        together |= now > 0;
        wrong += writers != 0;
        if (i % 20 == 0)
            usleep(50);
        atomic_fetch_sub(&readers, 1);
        pthread_rwlock_unlock(&rwlock);
    }
    return arg;
}

static void *write_some(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_rwlock_wrlock(&rwlock);
        wrong += atomic_fetch_add(&writers, 1) != 0 || readers != 0;
        long seen = counter;
        if (i % 20 == 0)
            sched_yield();
        counter = seen + 1;
        atomic_fetch_sub(&writers, 1);
        pthread_rwlock_unlock(&rwlock);
    }
    return arg;
}

static void exclusion(void)
{
    pthread_t threads[2 * THREADS];
    for (int i = 0; i < 2 * THREADS; i++)
        pthread_create(&threads[i], NULL, i % 2 ? read_some : write_some, NULL);
    for (int i = 0; i < 2 * THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(counter);
    SAY_NUMBER(wrong);
    SAY_NUMBER(together);
}

static void *try_beside_reader(void *arg)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 10);
    SAY(pthread_rwlock_tryrdlock(arg));
    SAY(pthread_rwlock_unlock(arg));
    SAY(pthread_rwlock_trywrlock(arg));
    SAY(pthread_rwlock_timedwrlock(arg, &until));
    until = after_ms(CLOCK_MONOTONIC, 10);
    SAY(pthread_rwlock_clockwrlock(arg, CLOCK_MONOTONIC, &until));
    until.tv_nsec = -1;
    SAY(pthread_rwlock_timedwrlock(arg, &until));
    return NULL;
}

static void *try_beside_writer(void *arg)
{
    struct timespec begin, until = after_ms(CLOCK_REALTIME, 10);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    SAY(pthread_rwlock_tryrdlock(arg));
    SAY(pthread_rwlock_trywrlock(arg));
    SAY(pthread_rwlock_timedrdlock(arg, &until));
    until = after_ms(CLOCK_MONOTONIC, 10);
    SAY(pthread_rwlock_clockrdlock(arg, CLOCK_MONOTONIC, &until));
    SAY_NUMBER(took_ms(begin, 20));
    return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, arg);
    pthread_join(thread, NULL);
}

static void kind(int which)
{
    pthread_rwlock_t rw;
    pthread_rwlockattr_t attr;
    printf("kind %d\n", which);
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, which);
    SAY(pthread_rwlock_init(&rw, &attr));
    SAY(pthread_rwlock_rdlock(&rw));
    SAY(pthread_rwlock_rdlock(&rw));
    in_thread(try_beside_reader, &rw);
    SAY(pthread_rwlock_unlock(&rw));
    SAY(pthread_rwlock_unlock(&rw));
    SAY(pthread_rwlock_wrlock(&rw));
    SAY(pthread_rwlock_wrlock(&rw));
    SAY(pthread_rwlock_rdlock(&rw));
    in_thread(try_beside_writer, &rw);
    SAY(pthread_rwlock_unlock(&rw));
    SAY(pthread_rwlock_destroy(&rw));
}

/* A time is looked at, and before the rest, also where nobody has to wait until it. */
static void wrong_times(void)
{
    pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
    struct timespec until = { 1, 0 }, bad = { 1, 2000000000 };
    SAY(pthread_rwlock_timedrdlock(&rw, &bad));
    SAY(pthread_rwlock_timedwrlock(&rw, &bad));
    SAY(pthread_rwlock_clockrdlock(&rw, CLOCK_BOOTTIME, &until));
    SAY(pthread_rwlock_clockwrlock(&rw, CLOCK_BOOTTIME, &until));
    SAY(pthread_rwlock_timedwrlock(&rw, &until));
    SAY(pthread_rwlock_timedwrlock(&rw, &until));
    SAY(pthread_rwlock_timedrdlock(&rw, &bad));
    SAY(pthread_rwlock_unlock(&rw));
}

int main(void)
{
    exclusion();
    kind(PTHREAD_RWLOCK_PREFER_READER_NP);
    kind(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    wrong_times();
    return 0;
}
