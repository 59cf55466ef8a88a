/* A program that runs the runtime itself, with libraries that make threads: those are
 * the OS's, and share locks with tasks. On one worker, so that a yield is known to
 * have taken the others to where they wait. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <threads.h>
#include <unistd.h>
#include <weft.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t begun;
static pid_t number;
static int ready;

static void *return_it(void *arg)
{
    number = gettid();
    return arg;
}

static void made_and_joined(void)
{
    pthread_t thread;
    void *result = NULL;
    pthread_create(&thread, NULL, return_it, &ready);
    pthread_join(thread, &result);
    printf("a task's pthread is %s, its result %s\n",
           number > 0 && number != gettid() ? "a thread of its own" : "none",
           result == &ready ? "arrived" : "is lost");
}

static int return_seven(void *unused)
{
    (void)unused;
    return 7;
}

static void made_by_c11(void)
{
    thrd_t thread;
    int result = 0;
    thrd_create(&thread, return_seven, NULL);
    thrd_join(thread, &result);
    printf("a task's thrd_t returned %d\n", result);
}

static void *lock_as_thread(void *unused)
{
    number = gettid();
    sem_post(&begun);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static int lock_as_task(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return 0;
}

/* Whether that thread sleeps in the kernel. */
static int sleeps(pid_t thread)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            state = 0;
        fclose(file);
    }
    return state == 'S';
}

/* The thread sleeps in the kernel, then a task waits behind it. The task gets the lock
 * first, and must not forget the thread when it unlocks. */
static void thread_and_task_wait(void)
{
    pthread_t thread;
    weft_task *task;
    pthread_mutex_lock(&mutex);
    pthread_create(&thread, NULL, lock_as_thread, NULL);
    sem_wait(&begun);
    while (!sleeps(number))
        usleep(1000);
    weft_spawn(lock_as_task, NULL, &task);
    weft_yield();
    pthread_mutex_unlock(&mutex);
    weft_join(task, NULL);
    pthread_join(thread, NULL);
    puts("a thread and a task had the mutex");
}

static void *signal_it(void *unused)
{
    pthread_mutex_lock(&mutex);
    ready = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void thread_signals(void)
{
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    pthread_create(&thread, NULL, signal_it, NULL);
    while (!ready)
        pthread_cond_wait(&cond, &mutex);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    puts("a thread signalled a task");
}

static int program(void *unused)
{
    (void)unused;
    alarm(60); /* a wake that is lost hangs */
    sem_init(&begun, 0, 0);
    made_and_joined();
    made_by_c11();
    thread_and_task_wait();
    thread_signals();
    return 0;
}

int main(void)
{
    weft_config config = { .workers = 1 };
    return weft_run(&config, program, NULL);
}
