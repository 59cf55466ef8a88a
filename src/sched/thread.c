/* Plain threads.
 *
 * A thread that shares its CPU with the worker and joins a thousand tasks would be woken
 * at the end of each, and sleep again for the next: two switches of the kernel, 8 us, for
 * a task that takes 0.1. So after a few such moments in a row it sleeps for a moment
 * before it waits, in which many tasks end that nobody has to wake it for. Who spawns in
 * between waits for one task at a time and gets no pause. A pause follows waits that took
 * at least a third of its time together, so it cannot cost more than a factor. */
#include "sched/thread.h"

#include <pthread.h>
#include <time.h>

#include "mem/pool.h"
#include "time/clock.h"

#define PAUSE 20000  /* ns; the kernel adds its timer slack, 50 us */
#define MOMENT 50000 /* ns; a wait that is not longer is short */
#define MOMENTS 8    /* short waits before a pause */

/* The pool wants a multiple of 16. */
struct thread {
    struct weft__waiter waiter;
    uint64_t moments; /* short waits in a row */
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
    thread->moments = 0;
    pthread_setspecific(key, thread);
    own = thread;
    return &thread->waiter;
}

void weft__thread_pause(void)
{
    if (own->moments < MOMENTS)
        return;
    struct timespec pause = { .tv_nsec = PAUSE };
    nanosleep(&pause, NULL); /* a signal may cut it short */
    own->moments = 0;
}

void weft__thread_waited(int64_t since)
{
    own->moments = weft__clock_now() - since <= MOMENT ? own->moments + 1 : 0;
}

void weft__thread_spawned(void)
{
    if (own)
        own->moments = 0;
}
