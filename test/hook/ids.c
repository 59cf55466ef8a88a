/* Changing the process's ids, which libc does in all of its threads, while others wait,
 * compute, come and go. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#include "say.h"

#define THREADS 10
#define CHANGES 20

static sem_t end;
static atomic_bool stop;
static atomic_int failed;

static void *park(void *unused)
{
    sem_wait(&end);
    return unused;
}

static void *compute(void *unused)
{
    while (!stop)
        ;
    return unused;
}

static void *change(void *unused)
{
    for (int i = 0; i < CHANGES; i++) {
        failed += setresuid((uid_t)-1, geteuid(), (uid_t)-1) != 0;
        failed += setregid((gid_t)-1, getegid()) != 0;
    }
    return unused;
}

static void run(void *(*fn)(void *))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, fn, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    pthread_t parked[THREADS], computing;
    sem_init(&end, 0, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&parked[i], NULL, park, NULL);
    pthread_create(&computing, NULL, compute, NULL);
    change(NULL);
    SAY_NUMBER(failed);
    run(change);
    SAY_NUMBER(failed);
    stop = true;
    pthread_join(computing, NULL);
    for (int i = 0; i < THREADS; i++)
        sem_post(&end);
    for (int i = 0; i < THREADS; i++)
        pthread_join(parked[i], NULL);
    SAY_ERRNO(setuid((uid_t)-1));
    return 0;
}
