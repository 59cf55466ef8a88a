/* Waits with a time, when there is no memory for a timer: they end when it has come. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "say.h"

#define MS 20

static long address_space(void)
{
    long pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld", &pages) != 1)
        abort();
    fclose(file);
    return pages * 4096;
}

static int wait_for_signal(void)
{
    struct timespec time = { 0, MS * 1000000 };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return sigtimedwait(&set, NULL, &time);
}

static int wait_for_semaphore(sem_t *semaphore)
{
    struct timespec end = after_ms(CLOCK_REALTIME, MS);
    return sem_timedwait(semaphore, &end);
}

static int wait_for_condition(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    struct timespec end = after_ms(CLOCK_REALTIME, MS);
    int rc;
    pthread_mutex_lock(mutex);
    do { /* it may be woken for nothing */
        rc = pthread_cond_timedwait(cond, mutex, &end);
    } while (rc == 0);
    pthread_mutex_unlock(mutex);
    return rc;
}

int main(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    sem_t semaphore;
    sigset_t set;
    struct timespec begin;
    sem_init(&semaphore, 0, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    printf("waits that nothing ends\n"); /* takes its buffer */
    struct rlimit limit = { (rlim_t)address_space(), RLIM_INFINITY };
    setrlimit(RLIMIT_AS, &limit);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    SAY_ERRNO(wait_for_signal());
    SAY_ERRNO(wait_for_semaphore(&semaphore));
    SAY(wait_for_condition(&cond, &mutex));
    SAY_NUMBER(took_ms(begin, 3 * MS));
    return 0;
}
