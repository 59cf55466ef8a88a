/* syscall(SYS_futex): a mutex made of it, bit sets, timeouts, requeueing, the
 * operation that wakes for two words, what is wrong. */
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

static void *await_first(void *word)
{
    atomic_fetch_add(&waiting, 1);
    while (futex(word, FUTEX_WAIT, 0, NULL, NULL, 0) != 0 && errno != EAGAIN)
        ;
    atomic_fetch_add(&through, 1);
    return word;
}

static void wait_for_words(pthread_t *threads, int firsts, int seconds)
{
    waiting = 0;
    for (int i = 0; i < firsts + seconds; i++)
        pthread_create(&threads[i], NULL, await_first, (void *)(i < firsts ? &gate : &other));
    all_wait(firsts + seconds);
}

static void end_waits(pthread_t *threads, int count)
{
    gate = other = 1;
    futex(&gate, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    gate = other = 0;
}

#define SECOND ((void *)(uintptr_t)2) /* so many of the second word's */

/* Threads wait for both words, which hold 0. */
static void operations(void)
{
    pthread_t threads[6];
    wait_for_words(threads, 3, 3);
    int never = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_NE, 0);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other, never));
    int always = FUTEX_OP(FUTEX_OP_ADD, -1, FUTEX_OP_CMP_GT, -1);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other, always));
    SAY_NUMBER((int)other);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE, 0, NULL, NULL, 0));
    end_waits(threads, 6);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other,
                     FUTEX_OP((FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_LT, 0)));
    SAY_NUMBER(other);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other,
                     FUTEX_OP(FUTEX_OP_OR, 3, FUTEX_OP_CMP_LE, 16)));
    SAY_NUMBER(other);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other,
                     FUTEX_OP(FUTEX_OP_ANDN, 2, FUTEX_OP_CMP_GE, 20)));
    SAY_NUMBER(other);
    SAY_NUMBER(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other,
                     FUTEX_OP(FUTEX_OP_XOR, 0x7ff, FUTEX_OP_CMP_EQ, 17)));
    SAY_NUMBER(other);
    SAY_ERRNO(futex(&gate, FUTEX_WAKE_OP, 1, SECOND, &other, FUTEX_OP(7, 0, 0, 0)));
    other = 0;
}

/* Whoever is moved from one word to the other is found there. */
static void requeued(void)
{
    pthread_t threads[3];
    through = 0;
    wait_for_words(threads, 3, 0);
    SAY_NUMBER(futex(&gate, FUTEX_CMP_REQUEUE, 1, SECOND, &other, 0));
    SAY_ERRNO(futex(&gate, FUTEX_REQUEUE, (uint32_t)-1, SECOND, &other, 0));
    end_waits(threads, 3);
    SAY_NUMBER(through);
}

static void wrong(void)
{
    struct timespec time = { 0, 1000000 }, negative = { -5, 0 };
    _Atomic(uint32_t) *askew = (void *)((char *)&gate + 1);
    SAY_ERRNO(futex(askew, FUTEX_WAIT, 0, &time, NULL, 0));
    SAY_ERRNO(futex(askew, FUTEX_WAKE, 1, NULL, NULL, 0));
    SAY_ERRNO(futex(&gate, FUTEX_WAKE_OP, 1, NULL, askew, 0));
    SAY_ERRNO(futex(NULL, FUTEX_WAIT, 0, &time, NULL, 0));
    SAY_NUMBER(futex(NULL, FUTEX_WAKE, 1, NULL, NULL, 0));
    SAY_ERRNO(futex(&gate, FUTEX_WAIT_BITSET, 0, &negative, NULL, 1));
    SAY_ERRNO(futex(&gate, FUTEX_WAIT, 0, &negative, NULL, 0));
    SAY_ERRNO(futex(&gate, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &time, NULL, 0));
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
    gate = 0;
    operations();
    requeued();
    wrong();
    return 0;
}
