/* Mutexes that inherit priorities, are robust, or are shared between processes. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define THREADS 8
#define ROUNDS 200

struct counted {
    pthread_mutex_t mutex;
    long count;
};

static void init(struct counted *counted, int protocol, int robust, int shared, int type)
{
    pthread_mutexattr_t attr;
    int is;
    pthread_mutexattr_init(&attr);
    SAY(pthread_mutexattr_setprotocol(&attr, protocol));
    SAY(pthread_mutexattr_setrobust(&attr, robust));
    SAY(pthread_mutexattr_setpshared(&attr, shared));
    SAY(pthread_mutexattr_settype(&attr, type));
    SAY(pthread_mutexattr_getprotocol(&attr, &is));
    SAY_NUMBER(is == protocol);
    SAY(pthread_mutex_init(&counted->mutex, &attr));
    pthread_mutexattr_destroy(&attr);
    counted->count = 0;
}

/* Holds it while others come. */
static void *count(void *arg)
{
    struct counted *counted = arg;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&counted->mutex);
        long seen = counted->count;
        if (i % 50 == 0)
            usleep(100);
        counted->count = seen + 1;
        pthread_mutex_unlock(&counted->mutex);
    }
    return NULL;
}

static void contend(struct counted *counted)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, counted);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(counted->count);
}

static void *die_holding(void *arg)
{
    SAY(pthread_mutex_lock(arg));
    return NULL;
}

static void *try(void *arg)
{
    SAY(pthread_mutex_trylock(arg));
    return NULL;
}

static void run(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, arg);
    pthread_join(thread, NULL);
}

static void inheriting(void)
{
    struct counted counted;
    init(&counted, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE,
         PTHREAD_MUTEX_NORMAL);
    contend(&counted);
    SAY(pthread_mutex_destroy(&counted.mutex));
    init(&counted, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE,
         PTHREAD_MUTEX_ERRORCHECK);
    SAY(pthread_mutex_unlock(&counted.mutex));
    SAY(pthread_mutex_lock(&counted.mutex));
    SAY(pthread_mutex_lock(&counted.mutex));
    run(try, &counted.mutex);
    SAY(pthread_mutex_unlock(&counted.mutex));
    contend(&counted);
}

static struct counted early;

/* As what the objects of a C++ program have. */
__attribute__((constructor)) static void init_early(void)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&early.mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}

static void *lock_in_time(void *arg)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 5000);
    SAY(pthread_mutex_timedlock(arg, &until));
    SAY(pthread_mutex_unlock(arg));
    return NULL;
}

/* Held for a while when somebody comes. */
static void inheriting_late_and_early(void)
{
    pthread_t thread;
    struct counted counted;
    contend(&early);
    init(&counted, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED,
         PTHREAD_MUTEX_RECURSIVE);
    contend(&counted);
    init(&counted, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE,
         PTHREAD_MUTEX_NORMAL);
    contend(&counted);
    pthread_mutex_lock(&counted.mutex);
    pthread_create(&thread, NULL, lock_in_time, &counted.mutex);
    usleep(20000);
    pthread_mutex_unlock(&counted.mutex);
    pthread_join(thread, NULL);
    run(die_holding, &counted.mutex);
    SAY(pthread_mutex_lock(&counted.mutex));
    SAY(pthread_mutex_consistent(&counted.mutex));
    SAY(pthread_mutex_unlock(&counted.mutex));
}

static void robust(void)
{
    struct counted counted;
    init(&counted, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE,
         PTHREAD_MUTEX_NORMAL);
    contend(&counted);
    run(die_holding, &counted.mutex);
    SAY(pthread_mutex_lock(&counted.mutex));
    SAY(pthread_mutex_consistent(&counted.mutex));
    SAY(pthread_mutex_unlock(&counted.mutex));
    run(die_holding, &counted.mutex);
    SAY(pthread_mutex_lock(&counted.mutex));
    SAY(pthread_mutex_unlock(&counted.mutex));
    SAY(pthread_mutex_lock(&counted.mutex));
}

static void shared(int protocol)
{
    struct counted *counted =
        mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    init(counted, protocol, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_NORMAL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        count(counted);
        _exit(0);
    }
    run(count, counted);
    waitpid(child, NULL, 0);
    SAY_NUMBER(counted->count);
}

int main(void)
{
    inheriting();
    inheriting_late_and_early();
    robust();
    shared(PTHREAD_PRIO_NONE);
    shared(PTHREAD_PRIO_INHERIT);
    return 0;
}
