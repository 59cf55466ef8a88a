/* Libraries with static thread-locals, loaded while other threads are alive: these have
 * them, too. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "say.h"

#define THREADS 8
#define ROUNDS 3
#define RELOADS 60

static void *module;
static int (*found)(void);
static int *(*given)(void), *(*zeroed)(void);

static void find(void *ret_function, const char *name)
{
    *(void **)ret_function = dlsym(module, name);
}

static void *load(void *unused)
{
    module = dlopen(STATIC_TLS_MODULE, RTLD_NOW);
    if (!module) {
        puts(dlerror());
        exit(1);
    }
    find(&found, "static_tls_found");
    find(&given, "static_tls_given");
    find(&zeroed, "static_tls_zeroed");
    return unused;
}

static void unload(void)
{
    given = zeroed = NULL;
    dlclose(module);
}

/* Parked threads, which look whenever a phase begins. */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int phase, arrived;
static atomic_int right;

static void wait_for_phase(int number)
{
    pthread_mutex_lock(&mutex);
    arrived++;
    pthread_cond_broadcast(&changed);
    while (phase < number)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void begin_phase(int number)
{
    pthread_mutex_lock(&mutex);
    while (arrived < THREADS)
        pthread_cond_wait(&changed, &mutex);
    arrived = 0;
    phase = number;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static bool is_fresh(void)
{
    return given()[0] == 7 && given()[1] == 8 && given()[15] == 0 && zeroed()[0] == 0 &&
           zeroed()[15] == 0;
}

static void *look_each_round(void *arg)
{
    int own = *(int *)arg;
    for (int round = 0; round < ROUNDS; round++) {
        wait_for_phase(2 * round + 1);
        right += is_fresh();
        given()[0] = given()[15] = zeroed()[0] = own;
        wait_for_phase(2 * round + 2);
        right += given()[0] == own && given()[15] == own && zeroed()[0] == own;
    }
    wait_for_phase(2 * ROUNDS + 1);
    return NULL;
}

static void *look_once(void *unused)
{
    right += is_fresh();
    given()[0] = zeroed()[0] = 5;
    return unused;
}

static void run(void *(*fn)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, NULL);
    pthread_join(thread, NULL);
}

static void rounds(void)
{
    static int numbers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = 100 + i;
        pthread_create(&threads[i], NULL, look_each_round, &numbers[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        SAY_NUMBER(dlopen(STATIC_TLS_MODULE, RTLD_NOW | RTLD_NOLOAD) == NULL);
        if (round % 2)
            load(NULL);
        else
            run(load);
        SAY_NUMBER(found());
        SAY_NUMBER(given()[0]);
        begin_phase(2 * round + 1);
        run(look_once);
        run(look_once);
        begin_phase(2 * round + 2);
        pthread_mutex_lock(&mutex); /* all have looked */
        while (arrived < THREADS)
            pthread_cond_wait(&changed, &mutex);
        pthread_mutex_unlock(&mutex);
        SAY_NUMBER(right);
        unload();
    }
    begin_phase(2 * ROUNDS + 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* It comes and goes while threads do. */

static pthread_rwlock_t loaded = PTHREAD_RWLOCK_INITIALIZER;
static atomic_bool stop;
static atomic_int wrong;

static void *look_if_loaded(void *unused)
{
    pthread_rwlock_rdlock(&loaded);
    if (given)
        wrong += !is_fresh();
    pthread_rwlock_unlock(&loaded);
    return unused;
}

static void *look_all_the_time(void *unused)
{
    while (!stop) {
        look_if_loaded(NULL);
        sched_yield();
    }
    return unused;
}

static void *make_threads(void *unused)
{
    while (!stop)
        run(look_if_loaded);
    return unused;
}

static void *reload(void *unused)
{
    for (int i = 0; i < RELOADS; i++) {
        pthread_rwlock_wrlock(&loaded);
        load(NULL);
        wrong += !found();
        pthread_rwlock_unlock(&loaded);
        usleep(500);
        pthread_rwlock_wrlock(&loaded);
        unload();
        pthread_rwlock_unlock(&loaded);
    }
    return unused;
}

static void reloads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i % 2 ? look_all_the_time : make_threads, NULL);
    run(reload);
    stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(wrong);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    rounds();
    reloads();
    return 0;
}
