/* syscall(SYS_futex): a mutex made of it, bit sets, timeouts, requeueing. */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "say.h"

#define THREADS 20
#define ROUNDS 2000

static _Atomic(uint32_t) lock_word, gate, other;
static atomic_int waiting, through;
static long counter;

static long futex(_Atomic(uint32_t) *word, int operation, uint32_t value, const void *time,
                  _Atomic(uint32_t) *second, uint32_t third)
{
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, time, second, third);
}

static void lock(void)
{
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong(&lock_word, &seen, 1))
        return;
    while (atomic_exchange(&lock_word, 2) != 0)
        futex(&lock_word, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static void unlock(void)
{
    if (atomic_exchange(&lock_word, 0) == 2)
        futex(&lock_word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock();
        counter++;
        unlock();
        if (i % 100 == 0)
            usleep(10);
    }
    return arg;
}

static void *pass(void *arg)
{
    uint32_t bits = (uint32_t)(uintptr_t)arg;
    atomic_fetch_add(&waiting, 1);
    while (atomic_load(&gate) == 0) {
        if (futex(&gate, FUTEX_WAIT_BITSET, 0, NULL, NULL, bits) == 0)
            break;
    }
    atomic_fetch_add(&through, 1);
    return arg;
}

static void all_wait(int threads)
{
    while (atomic_load(&waiting) < threads)
        usleep(1000);
    usleep(50000); /* and sleep */
}

static void errors(void)
{
    struct timespec begin, time = { 0, 20000000 };
    clock_gettime(CLOCK_MONOTONIC, &begin);
    SAY_ERRNO(futex(&gate, FUTEX_WAIT, 1, NULL, NULL, 0));
    SAY_ERRNO(futex(&gate, FUTEX_WAIT, 0, &time, NULL, 0));
    SAY_NUMBER(took_ms(begin, 20));
    time = after_ms(CLOCK_REALTIME, 10);
    SAY_ERRNO(futex(&gate, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, NULL, 1));
    time = after_ms(CLOCK_MONOTONIC, 10);
    SAY_ERRNO(futex(&gate, FUTEX_WAIT_BITSET, 0, &time, NULL, UINT32_MAX));
    SAY_ERRNO(futex(&gate, FUTEX_WAIT_BITSET, 0, &time, NULL, 0));
    time.tv_nsec = 1000000000;
    SAY_ERRNO(futex(&gate, FUTEX_WAIT, 0, &time, NULL, 0));
    SAY_ERRNO(futex(&gate, FUTEX_CMP_REQUEUE, 1, NULL, &other, 5));
    SAY_NUMBER(futex(&gate, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(counter);
    errors();
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, pass, (void *)(i % 2 ? (uintptr_t)1 : (uintptr_t)2));
    all_wait(THREADS);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 4));
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 1));
    SAY_NUMBER(futex(&gate, FUTEX_WAKE, 3, NULL, NULL, 0));
    atomic_store(&gate, 1);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(through);
    return 0;
}
