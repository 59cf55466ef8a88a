/* Runs a program of this folder inside a program of weft's that is linked with the
 * hook: what it prints must be what it prints natively.
 *
 *     inside KIND WORKERS
 *
 * KIND is what its main() and its threads are: light tasks, virtual threads, plain
 * threads while a runtime runs, or all three in turns. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

int inside_main(void);
int *inside_errno(void);
int inside_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *),
                  void *arg);
int inside_join(pthread_t thread, void **ret_result);

enum kind { LIGHT, VIRTUAL, PLAIN, MIXED };
static const char *const kinds[] = { "light", "virtual", "plain", "mixed" };

static enum kind kind;
static atomic_uint threads;

struct thread {
    enum kind kind;
    void *(*fn)(void *);
    void *arg, *result;
    weft_task *task;
    pthread_t pthread;
    sem_t ended; /* of a plain thread: joining it would block a task's carrier */
};

__attribute__((noinline)) int *inside_errno(void)
{
    return &errno;
}

static int run_task(void *arg)
{
    struct thread *thread = arg;
    thread->result = thread->fn(thread->arg);
    return 0;
}

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    run_task(thread);
    sem_post(&thread->ended);
    return NULL;
}

/* A task's pthread_create() would make a virtual thread: a plain thread is made by one. */
static void *make_plain(void *arg)
{
    struct thread *thread = arg;
    return pthread_create(&thread->pthread, NULL, run_thread, thread) == 0 ? thread : NULL;
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct thread *wanted;
    int rc; /* -1: not yet */
} maker = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, -1 };

static void *make_all(void *unused)
{
    pthread_mutex_lock(&maker.lock);
    for (;;) {
        while (!maker.wanted)
            pthread_cond_wait(&maker.changed, &maker.lock);
        maker.rc = make_plain(maker.wanted) ? 0 : EAGAIN;
        maker.wanted = NULL;
        pthread_cond_broadcast(&maker.changed);
    }
    return unused;
}

static int create_plain(struct thread *thread)
{
    pthread_mutex_lock(&maker.lock);
    while (maker.wanted)
        pthread_cond_wait(&maker.changed, &maker.lock);
    maker.wanted = thread;
    maker.rc = -1;
    pthread_cond_broadcast(&maker.changed);
    while (maker.rc < 0)
        pthread_cond_wait(&maker.changed, &maker.lock);
    int rc = maker.rc;
    pthread_mutex_unlock(&maker.lock);
    return rc;
}

static int create_task(struct thread *thread)
{
    weft_attr attr = { .flags = thread->kind == VIRTUAL ? WEFT_VIRTUAL_THREAD : 0 };
    return -weft_spawn_with(&attr, run_task, thread, &thread->task);
}

int inside_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    struct thread *thread = calloc(1, sizeof *thread);
    (void)attr;
    *thread = (struct thread){ .kind = kind, .fn = fn, .arg = arg };
    if (kind == MIXED)
        thread->kind = (enum kind)(atomic_fetch_add(&threads, 1) % MIXED);
    sem_init(&thread->ended, 0, 0);
    *ret_thread = (pthread_t)thread;
    return thread->kind == PLAIN ? create_plain(thread) : create_task(thread);
}

int inside_join(pthread_t id, void **ret_result)
{
    struct thread *thread = (struct thread *)id;
    int rc = 0;
    if (thread->kind == PLAIN) {
        while (sem_wait(&thread->ended) != 0)
            ;
        rc = pthread_join(thread->pthread, NULL);
    } else {
        rc = -weft_join(thread->task, NULL);
    }
    if (ret_result)
        *ret_result = thread->result;
    free(thread);
    return rc;
}

static void *run_main(void *unused)
{
    exit(inside_main());
    return unused;
}

static bool parse(int argc, char **argv, weft_config *config)
{
    for (kind = LIGHT; argc == 3 && kind <= MIXED; kind++) {
        if (strcmp(argv[1], kinds[kind]) == 0) {
            config->workers = (unsigned)atoi(argv[2]);
            return config->workers > 0;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    weft_config config = { 0 };
    pthread_t main_thread, maker_thread;
    if (!parse(argc, argv, &config))
        return 2;
    if (weft_start(&config) != 0 || pthread_create(&maker_thread, NULL, make_all, NULL) != 0)
        return 3;
    inside_create(&main_thread, NULL, run_main, NULL);
    return inside_join(main_thread, NULL);
}
