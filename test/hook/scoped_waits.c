/* A program that uses weft and is linked with the hook: what can fail and waits for other
 * threads, or for a name, ends with its scope; a level, so a second time at once. */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <weft.h>

extern atomic_int slow_names_known __attribute__((weak)); /* slow_names.c, preloaded */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool condition;
static sem_t never;
static const char *failure;

#define EXPECT(it) ((it) ? (void)0 : (void)(failure = failure ? failure : #it))

/* Each would wait for ever. Returns what has ended it. */

static int in_sem_wait(void)
{
    return sem_wait(&never) == 0 ? 0 : errno;
}

static int in_sem_timedwait(void)
{
    struct timespec until = { .tv_sec = INT32_MAX };
    return sem_timedwait(&never, &until) == 0 ? 0 : errno;
}

/* The mutex is ours whatever has ended the wait. */
static int in_cond_wait(void)
{
    EXPECT(pthread_mutex_lock(&mutex) == 0);
    int rc = pthread_cond_wait(&cond, &mutex);
    EXPECT(pthread_mutex_trylock(&mutex) == EBUSY);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    return rc;
}

static int in_cond_timedwait(void)
{
    struct timespec until = { .tv_sec = INT32_MAX };
    EXPECT(pthread_mutex_lock(&mutex) == 0);
    int rc = pthread_cond_timedwait(&cond, &mutex, &until);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    return rc;
}

/* sleep() says what is left, not why. */
static int in_sleep(void)
{
    unsigned left = sleep(1000);
    EXPECT(left > 0);
    return -weft_checkpoint();
}

static int in_usleep(void)
{
    return usleep(1000000000) == 0 ? 0 : errno;
}

static int in_getaddrinfo(void)
{
    struct addrinfo *list;
    EXPECT(getaddrinfo("a.name", "80", NULL, &list) == EAI_SYSTEM);
    return errno;
}

static int (*const waits[])(void) = { in_sem_wait,       in_sem_timedwait, in_cond_wait,
                                      in_cond_timedwait, in_sleep,         in_usleep,
                                      in_getaddrinfo };
#define WAITS (sizeof waits / sizeof *waits)

static int by_deadline(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < WAITS; i++) {
        weft_scope scope;
        WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(5))) {
            EXPECT(waits[i]() == ETIMEDOUT);
            EXPECT(waits[i]() == ETIMEDOUT);
        }
        EXPECT(weft_scope_timed_out(&scope));
    }
    return 0;
}

static int cancelled_in(void *wait)
{
    EXPECT((*(int (*const *)(void))wait)() == ECANCELED);
    EXPECT((*(int (*const *)(void))wait)() == ECANCELED);
    return 0;
}

static int by_cancelling(unsigned flags)
{
    weft_attr attr = { .flags = flags };
    weft_task *tasks[WAITS];
    for (size_t i = 0; i < WAITS; i++)
        EXPECT(weft_spawn_with(&attr, cancelled_in, (void *)&waits[i], &tasks[i]) == 0);
    weft_sleep(WEFT_MS(20)); /* most wait by then */
    for (size_t i = 0; i < WAITS; i++)
        weft_cancel(tasks[i]); /* one that has not begun never does */
    return weft_gather(tasks, WAITS, NULL);
}

/* In a shield all is as ever. */
static int shielded(void *unused)
{
    weft_scope outer, shield;
    struct timespec past = { 0 };
    (void)unused;
    WEFT_WITH_SCOPE (&outer) {
        weft_scope_cancel(&outer);
        WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
            EXPECT(sem_timedwait(&never, &past) == -1 && errno == ETIMEDOUT);
            EXPECT(usleep(1000) == 0);
        }
        EXPECT(sem_post(&never) == 0);
        EXPECT(sem_wait(&never) == 0); /* there was nothing to wait for */
    }
    return 0;
}

/* A loop that asks for its condition only, and does not know that its time is up. */
static int loops(void *unused)
{
    weft_scope scope;
    (void)unused;
    pthread_mutex_lock(&mutex);
    WEFT_WITH_DEADLINE (&scope, weft_now() - 1)
        while (!condition)
            pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static int makes_true(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    condition = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static int loop_ends(unsigned flags)
{
    weft_attr attr = { .flags = flags };
    weft_task *tasks[2];
    condition = false;
    EXPECT(weft_spawn_with(&attr, loops, NULL, &tasks[0]) == 0);
    weft_yield();
    EXPECT(weft_spawn_with(&attr, makes_true, NULL, &tasks[1]) == 0);
    return weft_gather(tasks, 2, NULL);
}

static int run_as(unsigned flags, int (*fn)(void *))
{
    weft_attr attr = { .flags = flags };
    weft_task *task;
    int result = -1;
    if (weft_spawn_with(&attr, fn, NULL, &task) == 0)
        weft_join(task, &result);
    return result;
}

static void test(int number, const char *name, int rc)
{
    const char *why = failure ? failure : rc ? "a result that is not 0" : NULL;
    printf("%sok %d - %s%s%s\n", why ? "not " : "", number, name, why ? " # " : "", why ? why : "");
    failure = NULL;
}

static int all(void *unused)
{
    const unsigned virtual = WEFT_VIRTUAL_THREAD;
    (void)unused;
    puts("1..8");
    test(1, "a deadline ends a virtual thread's waits", run_as(virtual, by_deadline));
    test(2, "a deadline ends a light task's waits", run_as(0, by_deadline));
    test(3, "cancelling ends virtual threads' waits", by_cancelling(virtual));
    test(4, "cancelling ends light tasks' waits", by_cancelling(0));
    test(5, "a virtual thread in a shield", run_as(virtual, shielded));
    test(6, "a light task in a shield", run_as(0, shielded));
    test(7, "a virtual thread's loop does not keep the mutex", loop_ends(virtual));
    test(8, "a light task's loop does not keep the mutex", loop_ends(0));
    return 0;
}

int main(void)
{
    weft_config config = { .workers = 1 };
    sem_init(&never, 0, 0);
    int rc = &slow_names_known ? weft_run(&config, all, NULL) : 2;
    if (&slow_names_known)
        slow_names_known = 1;
    return rc;
}
