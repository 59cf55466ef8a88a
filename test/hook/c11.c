/* <threads.h> */
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#include "say.h"

#define THREADS 20
#define ROUNDS 500

static mtx_t mutex;
static cnd_t cond;
static once_flag flag = ONCE_FLAG_INIT;
static tss_t key;
static int counter, turn, ran, destroyed;

static void destroy(void *value)
{
    __atomic_fetch_add(&destroyed, value != NULL, __ATOMIC_SEQ_CST);
}

static void once(void)
{
    thrd_sleep(&(struct timespec){ 0, 1000000 }, NULL);
    ran++;
}

static int work(void *arg)
{
    int i = (int)(intptr_t)arg;
    call_once(&flag, once);
    tss_set(key, &counter);
    for (int round = 0; round < ROUNDS; round++) {
        mtx_lock(&mutex);
        while (turn != i)
            cnd_wait(&cond, &mutex);
        turn = (i + 1) % THREADS;
        counter++;
        cnd_broadcast(&cond);
        mtx_unlock(&mutex);
    }
    if (i % 2)
        thrd_exit(-i);
    thrd_yield();
    return -i;
}

static int beside(void *arg)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 10);
    (void)arg;
    SAY_NUMBER(mtx_trylock(&mutex) == thrd_busy);
    SAY_NUMBER(mtx_timedlock(&mutex, &until) == thrd_timedout);
    return 7;
}

int main(void)
{
    thrd_t threads[THREADS];
    int result, wrong = 0;
    tss_create(&key, destroy);
    SAY_NUMBER(mtx_init(&mutex, mtx_timed) == thrd_success);
    SAY_NUMBER(cnd_init(&cond) == thrd_success);
    for (int i = 0; i < THREADS; i++)
        wrong += thrd_create(&threads[i], work, (void *)(intptr_t)i) != thrd_success;
    for (int i = 0; i < THREADS; i++)
        wrong += thrd_join(threads[i], &result) != thrd_success || result != -i;
    SAY_NUMBER(wrong);
    SAY_NUMBER(counter);
    SAY_NUMBER(ran);
    SAY_NUMBER(destroyed);
    struct timespec until = after_ms(CLOCK_REALTIME, 10);
    SAY_NUMBER(mtx_lock(&mutex) == thrd_success);
    SAY_NUMBER(cnd_timedwait(&cond, &mutex, &until) == thrd_timedout);
    SAY_NUMBER(thrd_create(&threads[0], beside, NULL) == thrd_success);
    SAY_NUMBER(thrd_join(threads[0], &result) == thrd_success && result == 7);
    SAY_NUMBER(mtx_unlock(&mutex) == thrd_success);
    SAY_NUMBER(thrd_sleep(&(struct timespec){ 0, 1000000000 }, NULL));
    mtx_destroy(&mutex);
    cnd_destroy(&cond);
    return 0;
}
