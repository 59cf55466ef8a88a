#include "sched/thread.h"

#include <pthread.h>

#include "mem/pool.h"

/* The pool wants a multiple of 16. */
struct thread {
    struct weft__waiter waiter;
    uint64_t unused;
};

static struct weft__pool threads;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local struct thread *own;

static void give_back(void *thread)
{
    own = NULL;
    weft__pool_give(&threads, NULL, thread);
}

static void set_up(void)
{
    weft__pool_init(&threads, sizeof(struct thread));
    pthread_key_create(&key, give_back);
}

struct weft__waiter *weft__thread_waiter(void)
{
    if (own)
        return &own->waiter;
    pthread_once(&once, set_up);
    struct thread *thread = weft__pool_take(&threads, NULL);
    if (!thread)
        return NULL;
    /* The ticket goes on from where the last owner left it. */
    uint64_t ticket = weft__load(&thread->waiter.word, relaxed) >> WEFT__WAIT_SHIFT;
    weft__store(&thread->waiter.word, ticket << WEFT__WAIT_SHIFT | WEFT__WAIT_THREAD, relaxed);
    thread->waiter.scope = NULL;
    pthread_setspecific(key, thread);
    own = thread;
    return &thread->waiter;
}
