/* pthread_create(), join and its variants, detach, exit, attributes, names, data. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "say.h"

#define THREADS 200

static __thread int own = 17;
static pthread_key_t key, again_key;
static atomic_int destroyed, cleaned, wrong, detached_done;

static void destroy(void *value)
{
    atomic_fetch_add(&destroyed, value != NULL);
}

static void destroy_again(void *value)
{
    long round = (long)value;
    if (round < 3)
        pthread_setspecific(again_key, (void *)(round + 1));
    else
        destroy(value);
}

static void clean(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void *work(void *arg)
{
    long i = (long)arg;
    wrong += own != 17;
    own = (int)i;
    errno = (int)i;
    pthread_setspecific(key, (void *)(i + 1));
    pthread_setspecific(again_key, (void *)1);
    void *volatile memory = malloc(100);
    usleep((useconds_t)(i % 7 * 500));
    free(memory);
    wrong += own != i || errno != i || pthread_getspecific(key) != (void *)(i + 1);
    pthread_cleanup_push(clean, &cleaned);
    if (i % 2)
        pthread_exit((void *)(2 * i));
    pthread_cleanup_pop(0);
    return (void *)(2 * i);
}

static void many(void)
{
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        wrong += pthread_create(&threads[i], NULL, work, (void *)i) != 0;
    for (long i = 0; i < THREADS; i++) {
        for (long j = 0; j < i; j++)
            wrong += pthread_equal(threads[i], threads[j]) != 0;
    }
    for (long i = 0; i < THREADS; i++) {
        void *result;
        wrong += pthread_join(threads[i], &result) != 0 || result != (void *)(2 * i);
    }
    SAY_NUMBER(wrong);
    SAY_NUMBER(destroyed);
    SAY_NUMBER(cleaned);
}

static void *sleeper(void *arg)
{
    usleep(50000);
    return arg;
}

static void joining(void)
{
    pthread_t thread;
    void *result = NULL;
    SAY(pthread_join(pthread_self(), NULL));
    SAY(pthread_create(&thread, NULL, sleeper, &own));
    SAY(pthread_tryjoin_np(thread, &result));
    struct timespec soon = after_ms(CLOCK_REALTIME, 5);
    SAY(pthread_timedjoin_np(thread, &result, &soon));
    struct timespec later = after_ms(CLOCK_MONOTONIC, 5000);
    SAY(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &later));
    SAY_NUMBER(result == &own);
    SAY(pthread_create(&thread, NULL, sleeper, &key));
    usleep(150000);
    SAY(pthread_tryjoin_np(thread, &result));
    SAY_NUMBER(result == &key);
}

static void *detached(void *arg)
{
    usleep(1000);
    atomic_fetch_add(&detached_done, 1);
    return arg;
}

static void detaching(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    SAY(pthread_create(&thread, &attr, detached, NULL));
    pthread_attr_destroy(&attr);
    SAY(pthread_create(&thread, NULL, detached, NULL));
    SAY(pthread_detach(thread));
    while (atomic_load(&detached_done) < 2)
        usleep(1000);
    SAY_NUMBER(detached_done);
}

static void *look(void *arg)
{
    pthread_attr_t attr;
    void *low;
    size_t size, *ret_size = arg;
    int state;
    char name[16], here;
    SAY(pthread_getattr_np(pthread_self(), &attr));
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_getdetachstate(&attr, &state);
    pthread_attr_destroy(&attr);
    SAY_NUMBER(&here > (char *)low && &here < (char *)low + size);
    SAY_NUMBER(state == PTHREAD_CREATE_JOINABLE);
    SAY(pthread_setname_np(pthread_self(), "a name too long!"));
    SAY(pthread_setname_np(pthread_self(), "fifteen letters"));
    memset(name, 0, sizeof name);
    SAY(pthread_getname_np(pthread_self(), name, 15));
    SAY(pthread_getname_np(pthread_self(), name, 16));
    printf("%s\n", name);
    SAY_ERRNO(prctl(PR_GET_NAME, name));
    printf("%s\n", name);
    SAY_ERRNO(prctl(PR_SET_NAME, "a name that is too long"));
    SAY(pthread_getname_np(pthread_self(), name, 16));
    printf("%s\n", name);
    SAY_NUMBER(prctl(PR_GET_DUMPABLE));
    *ret_size = size;
    return arg;
}

/* Touches most of what it was promised, from the top. */
static void *dive(void *arg)
{
    volatile char room[3600 << 10];
    for (size_t left = sizeof room; left > 0; left -= 1024)
        room[left - 1] = 1;
    return arg;
}

static void *look_at_mask(void *unused)
{
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    SAY_NUMBER(sigismember(&mask, SIGUSR1));
    SAY_NUMBER(sigismember(&mask, SIGUSR2));
    return unused;
}

/* By an attribute, or the creator's. */
static void first_mask(void)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_attr_init(&attr);
    pthread_attr_setsigmask_np(&attr, &set);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    SAY(pthread_create(&thread, &attr, look_at_mask, NULL));
    SAY(pthread_join(thread, NULL));
    pthread_attr_setsigmask_np(&attr, NULL);
    SAY(pthread_create(&thread, &attr, look_at_mask, NULL));
    SAY(pthread_join(thread, NULL));
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
}

static void attributes(void)
{
    static char stack[1 << 18] __attribute__((aligned(4096)));
    pthread_t thread;
    pthread_attr_t attr;
    size_t size;
    pthread_attr_init(&attr);
    SAY(pthread_create(&thread, &attr, dive, NULL)); /* with no size: the default */
    SAY(pthread_join(thread, NULL));
    pthread_attr_setstacksize(&attr, 4 << 20);
    SAY(pthread_create(&thread, &attr, look, &size));
    SAY(pthread_join(thread, NULL));
    SAY_NUMBER(size > (4 << 20) - 65536); /* libc may have a larger one in its cache */
    SAY(pthread_create(&thread, &attr, dive, NULL));
    SAY(pthread_join(thread, NULL));
    SAY(pthread_attr_setstack(&attr, stack, sizeof stack));
    SAY(pthread_create(&thread, &attr, look, &size));
    SAY(pthread_join(thread, NULL));
    pthread_attr_destroy(&attr);
}

static sem_t joined;

static void *join_itself(void *arg)
{
    if (arg)
        pthread_detach(pthread_self());
    SAY(pthread_join(pthread_self(), NULL));
    sem_post(&joined);
    return arg;
}

static void joining_itself(void)
{
    pthread_t thread;
    sem_init(&joined, 0, 0);
    pthread_create(&thread, NULL, join_itself, NULL);
    sem_wait(&joined);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, join_itself, &joined);
    sem_wait(&joined);
}

static void *last(void *arg)
{
    usleep(20000);
    puts("the last thread ends the process");
    return arg;
}

int main(void)
{
    pthread_t thread;
    pthread_key_create(&key, destroy);
    pthread_key_create(&again_key, destroy_again);
    own = 4;
    many();
    SAY_NUMBER(own);
    joining();
    detaching();
    attributes();
    first_mask();
    joining_itself();
    pthread_create(&thread, NULL, last, NULL);
    pthread_exit(NULL);
}
