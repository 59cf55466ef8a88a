/* Plain threads beside tasks, in a program that runs the runtime itself: they are cancelled
 * where they wait, leave what they do once, and sleep for words that tasks wake. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>
#include <weft.h>

#define CANCELS 200

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_once_t control = PTHREAD_ONCE_INIT;
static once_flag flag = ONCE_FLAG_INIT;
static sem_t begun;
static atomic_int tries, held, word, other, signals;

static void unlock(void *unused)
{
    (void)unused;
    held += pthread_mutex_trylock(&mutex) == EBUSY;
    pthread_mutex_unlock(&mutex);
}

static void *wait_for_ever(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    sem_post(&begun);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
    return unused;
}

static void *wait_long(void *unused)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1000;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    sem_post(&begun);
    for (;;)
        pthread_cond_timedwait(&cond, &mutex, &until);
    pthread_cleanup_pop(1);
    return unused;
}

static int cancelled(void *(*fn)(void *), unsigned delay)
{
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, fn, NULL);
    sem_wait(&begun);
    if (delay)
        usleep(delay);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    return result == PTHREAD_CANCELED;
}

/* In the wait, and on the way into it. */
static void cancelled_in_waits(void)
{
    int ended = cancelled(wait_for_ever, 20000) + cancelled(wait_long, 20000);
    for (unsigned i = 0; i < CANCELS; i++)
        ended += cancelled(i % 2 ? wait_for_ever : wait_long, i % 50);
    printf("%d waits were cancelled, %d of them with the mutex\n", ended, (int)held);
}

/* Refuses to be cancelled until it is signalled. */
static void *refuse(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    sem_post(&begun);
    while (!signals)
        pthread_cond_wait(&cond, &mutex);
    puts("refused");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_cond_wait(&cond, &mutex);
    puts("not reached");
    pthread_cleanup_pop(1);
    return unused;
}

static void cancelled_later(void)
{
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, refuse, NULL);
    sem_wait(&begun);
    usleep(20000);
    pthread_cancel(thread);
    usleep(20000);
    pthread_mutex_lock(&mutex);
    signals = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, &result);
    printf("cancelled in the next wait: %d\n", result == PTHREAD_CANCELED);
}

static void leave_at_first(void)
{
    if (tries++ == 0) {
        sem_post(&begun);
        usleep(50000); /* the task waits by then */
        pthread_exit(NULL);
    }
}

static void *call_once_control(void *unused)
{
    pthread_once(&control, leave_at_first);
    return unused;
}

static void *call_once_flag(void *unused)
{
    call_once(&flag, leave_at_first);
    return unused;
}

static int once_as_task(void *fn)
{
    ((void *(*)(void *))fn)(NULL);
    return 0;
}

static void left(const char *what, void *(*fn)(void *))
{
    pthread_t thread;
    weft_task *task;
    tries = 0;
    pthread_create(&thread, NULL, fn, NULL);
    sem_wait(&begun);
    weft_spawn(once_as_task, (void *)fn, &task);
    weft_join(task, NULL);
    pthread_join(thread, NULL);
    printf("%s, tried again by a task: %d\n", what, (int)tries);
}

static long futex(atomic_int *at, int operation, int value, void *more, atomic_int *second)
{
    return syscall(SYS_futex, at, operation | FUTEX_PRIVATE_FLAG, value, more, second, 0);
}

static void *sleep_for_word(void *unused)
{
    sem_post(&begun);
    while (!word)
        futex(&word, FUTEX_WAIT, 0, NULL, NULL);
    return unused;
}

/* Moves nobody to a word for which a task would not look into the kernel. */
static void *requeue(void *unused)
{
    word = 1;
    futex(&word, FUTEX_REQUEUE, 0, (void *)(uintptr_t)INT_MAX, &other);
    return unused;
}

static void requeued(void)
{
    pthread_t sleeper, mover;
    pthread_create(&sleeper, NULL, sleep_for_word, NULL);
    sem_wait(&begun);
    usleep(20000);
    pthread_create(&mover, NULL, requeue, NULL);
    pthread_join(mover, NULL);
    futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL);
    pthread_join(sleeper, NULL);
    puts("a thread was moved, and woken by a task");
}

static int program(void *unused)
{
    (void)unused;
    alarm(60); /* a wake that is lost hangs */
    sem_init(&begun, 0, 0);
    cancelled_in_waits();
    cancelled_later();
    left("pthread_once", call_once_control);
    left("call_once", call_once_flag);
    requeued();
    return 0;
}

int main(void)
{
    weft_config config = { .workers = 2 };
    return weft_run(&config, program, NULL);
}
