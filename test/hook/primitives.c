/* Semaphores, barriers, pthread_once(), spin locks, sleeping. */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "say.h"

#define THREADS 16
#define ROUNDS 200

static sem_t sem;
static atomic_int inside, most, ran, serial, flag;
static pthread_barrier_t barrier;
static pthread_once_t control = PTHREAD_ONCE_INIT, left_early = PTHREAD_ONCE_INIT;
static pthread_spinlock_t spin;
static long counter;

static void run(void *(*fn)(void *), int threads)
{
    pthread_t ids[THREADS];
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, fn, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
}

static void *three_at_a_time(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        sem_wait(&sem);
        int now = atomic_fetch_add(&inside, 1) + 1, before = atomic_load(&most);
        while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
            ;
        if (i % 10 == 0)
            sched_yield();
        atomic_fetch_sub(&inside, 1);
        sem_post(&sem);
    }
    return arg;
}

static void semaphores(void)
{
    int value;
    struct timespec begin, until;
    SAY_ERRNO(sem_init(&sem, 0, 3));
    run(three_at_a_time, THREADS);
    SAY_NUMBER(most <= 3);
    SAY_ERRNO(sem_getvalue(&sem, &value));
    SAY_NUMBER(value);
    for (int i = 0; i < 3; i++)
        SAY_ERRNO(sem_trywait(&sem));
    SAY_ERRNO(sem_trywait(&sem));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    until = after_ms(CLOCK_REALTIME, 20);
    SAY_ERRNO(sem_timedwait(&sem, &until));
    SAY_NUMBER(took_ms(begin, 20));
    until = after_ms(CLOCK_MONOTONIC, 5);
    SAY_ERRNO(sem_clockwait(&sem, CLOCK_MONOTONIC, &until));
    until.tv_nsec = -1;
    SAY_ERRNO(sem_timedwait(&sem, &until));
    SAY_ERRNO(sem_destroy(&sem));
    SAY_ERRNO(sem_init(&sem, 0, SEM_VALUE_MAX));
    SAY_ERRNO(sem_post(&sem));
    SAY_ERRNO(sem_destroy(&sem));
}

static void *meet(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        int before = atomic_fetch_add(&inside, 1) / THREADS;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&serial, 1);
        if (atomic_load(&inside) < (before + 1) * THREADS)
            puts("a barrier let somebody through");
        pthread_barrier_wait(&barrier);
    }
    return arg;
}

static void barriers(void)
{
    SAY(pthread_barrier_init(&barrier, NULL, 0));
    SAY(pthread_barrier_init(&barrier, NULL, THREADS));
    inside = 0;
    run(meet, THREADS);
    SAY_NUMBER(serial);
    SAY(pthread_barrier_destroy(&barrier));
    SAY(pthread_barrier_init(&barrier, NULL, 1));
    SAY_NUMBER(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
    SAY(pthread_barrier_destroy(&barrier));
}

static void slowly(void)
{
    usleep(20000);
    ran++;
}

static void exit_at_first(void)
{
    if (ran++ == 1)
        pthread_exit(NULL);
}

static void *initialise(void *arg)
{
    pthread_once(&control, slowly);
    if (ran < 1)
        puts("once: not waited for");
    return arg;
}

static void *initialise_again(void *arg)
{
    pthread_once(&left_early, exit_at_first);
    return arg;
}

static void once(void)
{
    run(initialise, THREADS);
    SAY_NUMBER(ran);
    run(initialise_again, 1);
    run(initialise_again, THREADS);
    SAY_NUMBER(ran);
}

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&spin);
        long seen = counter;
        if (i % 20 == 0)
            sched_yield();
        counter = seen + 1;
        pthread_spin_unlock(&spin);
    }
    return arg;
}

static void *wait_flag(void *arg)
{
    while (!atomic_load(&flag))
        sched_yield();
    return arg;
}

static void *raise_flag(void *arg)
{
    atomic_store(&flag, 1);
    return arg;
}

static void spinning(void)
{
    pthread_t waiter;
    SAY(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
    run(count, THREADS);
    SAY_NUMBER(counter);
    SAY(pthread_spin_lock(&spin));
    SAY(pthread_spin_trylock(&spin));
    SAY(pthread_spin_unlock(&spin));
    pthread_create(&waiter, NULL, wait_flag, NULL);
    run(raise_flag, 1);
    SAY(pthread_join(waiter, NULL));
}

static void sleeping(void)
{
    struct timespec begin, time = { 0, 1000000000 };
    errno = 0;
    SAY_ERRNO(nanosleep(&time, NULL));
    SAY(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL));
    SAY(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){ 0, 1 }, NULL));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    time = (struct timespec){ 0, 10000000 };
    SAY_ERRNO(nanosleep(&time, NULL));
    SAY_NUMBER(took_ms(begin, 10));
    time = after_ms(CLOCK_REALTIME, 10);
    SAY(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL));
    SAY_NUMBER(took_ms(begin, 20));
    time.tv_sec = 1;
    SAY(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL));
    SAY_ERRNO(usleep(10000));
    SAY_NUMBER(took_ms(begin, 30));
    SAY_NUMBER(sleep(0));
    SAY_NUMBER(errno == EINVAL);
}

int main(void)
{
    semaphores();
    barriers();
    once();
    spinning();
    sleeping();
    return 0;
}
