/* pthread_cancel(): points, states, types, clean-up. */
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "say.h"

static sem_t ready, never, always, joinable;
static atomic_int asked;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int holder;

static void clean(void *what)
{
    printf("clean up: %s\n", (const char *)what);
}

static void unlock(void *arg)
{
    (void)arg;
    printf("held here: %d\n", pthread_mutex_trylock(&mutex) == EBUSY);
    pthread_mutex_unlock(&mutex);
}

static void *sleeps(void *arg)
{
    pthread_cleanup_push(clean, arg);
    sem_post(&ready);
    sleep(10);
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *ends_first(void *arg)
{
    sem_post(&ready);
    return arg;
}

static void *waits_sem(void *arg)
{
    pthread_cleanup_push(clean, arg);
    sem_post(&ready);
    sem_wait(&never);
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

/* To join a thread that has ended is none. */
static void *joins_ended(void *arg)
{
    struct timespec past = { 1, 0 };
    pthread_t ended[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&ended[i], NULL, ends_first, arg);
        sem_wait(&ready);
    }
    usleep(100000);
    sem_post(&joinable);
    pthread_cleanup_push(clean, arg);
    while (!asked)
        ;
    SAY(pthread_join(ended[0], NULL));
    SAY(pthread_timedjoin_np(ended[1], NULL, &past));
    SAY(pthread_tryjoin_np(ended[2], NULL));
    pthread_testcancel();
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

/* What need not wait is a cancellation point all the same. */
static void *takes(void *arg)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 60000);
    pthread_cleanup_push(clean, arg);
    while (!asked)
        ;
    if (*(char *)arg == 's')
        sem_wait(&always);
    else
        sem_timedwait(&always, &until);
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *waits_cond(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    pthread_cleanup_push(clean, arg);
    sem_post(&ready);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

/* A mutex is no cancellation point. */
static void *waits_mutex(void *arg)
{
    pthread_cleanup_push(clean, arg);
    sem_post(&ready);
    pthread_mutex_lock(&mutex);
    puts("locked all the same");
    pthread_mutex_unlock(&mutex);
    pthread_testcancel();
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *joins(void *arg)
{
    pthread_t *other = arg;
    pthread_cleanup_push(clean, (char[]){ "join" });
    sem_post(&ready);
    pthread_join(*other, NULL);
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *reads(void *arg)
{
    int fds[2];
    char byte;
    if (pipe(fds) != 0)
        return NULL;
    pthread_cleanup_push(clean, arg);
    sem_post(&ready);
    if (read(fds[0], &byte, 1) != 1)
        puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *polls(void *arg)
{
    pthread_cleanup_push(clean, arg);
    sem_post(&ready);
    poll(NULL, 0, -1);
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *refuses(void *arg)
{
    int before;
    pthread_cleanup_push(clean, arg);
    SAY(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
    SAY_NUMBER(before == PTHREAD_CANCEL_ENABLE);
    sem_post(&ready);
    usleep(50000);
    pthread_testcancel();
    puts("still here");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *itself(void *arg)
{
    pthread_cleanup_push(clean, arg);
    SAY(pthread_cancel(pthread_self()));
    puts("deferred");
    usleep(1);
    puts("not reached");
    pthread_cleanup_pop(0);
    return NULL;
}

static void join(pthread_t thread)
{
    void *result = NULL;
    pthread_join(thread, &result);
    printf("cancelled: %d\n", result == PTHREAD_CANCELED);
}

/* Who is asked while it ends keeps the result that it ends with. */
static void linger(void *unused)
{
    (void)unused;
    sem_post(&ready);
    usleep(50000);
}

static void *exits(void *unused)
{
    pthread_cleanup_push(linger, NULL);
    pthread_exit((void *)42);
    pthread_cleanup_pop(0);
    return unused;
}

static pthread_key_t key;

static void *returns(void *arg)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_setspecific(key, arg); /* its destructor lingers */
    return (void *)43;
}

static void cancel_late(void *(*fn)(void *))
{
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, fn, &ready);
    sem_wait(&ready);
    usleep(10000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    SAY_NUMBER((long)result);
}

static void cancel(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, arg);
    sem_wait(&ready);
    usleep(20000);
    holder = pthread_cancel(thread);
    if (fn == waits_mutex) {
        usleep(10000);
        pthread_mutex_unlock(&mutex);
    }
    join(thread);
}

static void cancel_before(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    asked = 0;
    pthread_create(&thread, NULL, fn, arg);
    if (fn == joins_ended)
        sem_wait(&joinable);
    pthread_cancel(thread);
    asked = 1;
    join(thread);
}

int main(void)
{
    pthread_t other, thread;
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&ready, 0, 0);
    sem_init(&never, 0, 0);
    sem_init(&always, 0, 2);
    sem_init(&joinable, 0, 0);
    cancel(sleeps, (char[]){ "sleep" });
    cancel(waits_sem, (char[]){ "sem" });
    cancel(waits_cond, (char[]){ "cond" });
    pthread_mutex_lock(&mutex);
    cancel(waits_mutex, (char[]){ "mutex" });
    pthread_create(&other, NULL, sleeps, (char[]){ "joined" });
    sem_wait(&ready);
    cancel(joins, &other);
    pthread_cancel(other);
    join(other);
    cancel(reads, (char[]){ "read" });
    cancel(polls, (char[]){ "poll" });
    cancel(refuses, (char[]){ "refuses" });
    cancel(ends_first, NULL);
    pthread_create(&thread, NULL, itself, (char[]){ "itself" });
    join(thread);
    pthread_create(&thread, NULL, sleeps, (char[]){ "at once" });
    pthread_cancel(thread);
    join(thread);
    cancel_before(takes, (char[]){ "sem_wait" });
    cancel_before(takes, (char[]){ "timed" });
    cancel_before(joins_ended, (char[]){ "joins" });
    pthread_key_create(&key, linger);
    cancel_late(exits);
    cancel_late(returns);
    return 0;
}
