/* Plain threads.
 *
 * Stock. A thread keeps free control blocks of the runtime, which go back when it ends. It
 * may end at any time, and outlive the runtime. So each start of the runtime has a number,
 * and a stock says from which it comes.
 *
 * THREAD-1  A stock of another start than the present one is forgotten: its blocks are
 *           unmapped. A thread that spawns or joins knows that the runtime runs, and that
 *           it will not stop meanwhile, so it needs no lock to look.
 * THREAD-2  A thread that ends knows nothing of the kind: it looks, and gives its blocks
 *           back, under `exits`, which stopping takes before anything is unmapped.
 *
 * THREAD-3  A thread whose wait somebody else has ended goes on when it is woken, as a task
 *           does, and not when it sees the claim: what its waker does before, under whatever
 *           lock, has been done then, and it need touch none of that again. Only who has
 *           ended his own wait, at its deadline, is woken by nobody.
 *
 * Pauses. A thread that shares its CPU with the worker and joins a thousand tasks would be
 * woken at the end of each, and sleep again for the next: two switches of the kernel, 8 us,
 * for a task that takes 0.1. So after a few such moments in a row it sleeps for a moment
 * before it waits, in which many tasks end that nobody has to wake it for. Who spawns in
 * between waits for one task at a time and gets no pause. */
#include "sched/thread.h"

#include <pthread.h>
#include <time.h>

#include "os/lock.h"
#include "os/thread_key.h"
#include "sched/worker.h"
#include "time/clock.h"

#define PAUSE 20000  /* ns; the kernel adds its timer slack, 50 us */
#define MOMENT 50000 /* ns; a wait that is not longer is short */
#define MOMENTS 8    /* short waits before a pause */

struct thread {
    struct weft__plain_thread shared;
    uint64_t moments; /* short waits in a row */
    uint64_t run;     /* the start that `stock` comes from */
    struct weft__stock stock;
};

static struct weft__pool threads;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct thread *own;

static struct weft__lock exits;
static uint64_t starts;       /* one thread at a time starts the runtime */
static _Atomic(uint64_t) run; /* 0: there is no runtime */

void weft__threads_open(void)
{
    weft__store(&run, ++starts, relaxed); /* published by `running`; THREAD-2 holds the lock */
}

void weft__threads_close(void)
{
    weft__lock_acquire(&exits);
    weft__store(&run, 0, relaxed);
    weft__lock_release(&exits);
}

static void give_back(void *arg)
{
    struct thread *thread = arg;
    own = NULL;
    weft__lock_acquire(&exits); /* THREAD-2 */
    if (thread->run && thread->run == weft__load(&run, relaxed))
        weft__pool_flush(&weft__rt.tasks, &thread->stock.tasks);
    weft__lock_release(&exits);
    weft__pool_give(&threads, NULL, thread);
}

static struct weft__thread_key at_exit = { .destroy = give_back };

static void set_up(void)
{
    weft__pool_init(&threads, sizeof(struct thread));
}

static struct thread *self(void)
{
    if (weft__likely(own != NULL))
        return own;
    pthread_once(&once, set_up);
    struct thread *thread = weft__pool_take(&threads, NULL);
    if (!thread)
        return NULL;
    if (!weft__thread_key_set(&at_exit, thread)) { /* nobody would give it back */
        weft__pool_give(&threads, NULL, thread);
        return NULL;
    }
    /* The ticket goes on from where the last owner left it. */
    struct weft__waiter *waiter = &thread->shared.waiter;
    uint64_t ticket = weft__load(&waiter->word, relaxed) >> WEFT__WAIT_SHIFT;
    weft__store(&waiter->word, ticket << WEFT__WAIT_SHIFT | WEFT__WAIT_THREAD, relaxed);
    waiter->scope = NULL;
    weft__store(&waiter->family, 0, relaxed);
    thread->moments = 0;
    thread->run = 0;
    own = thread;
    return thread;
}

struct weft__waiter *weft__thread_waiter(void)
{
    struct thread *thread = self();
    return thread ? &thread->shared.waiter : NULL;
}

WEFT_NOINLINE uint64_t weft__thread_number(void)
{
    static _Atomic(uint64_t) last;
    static _Thread_local uint64_t number;
    if (weft__unlikely(!number))
        number = weft__add(&last, 1, relaxed) + 1;
    return number;
}

struct weft__stock *weft__thread_stock(void)
{
    struct thread *thread = self();
    if (weft__unlikely(!thread))
        return NULL;
    uint64_t present = weft__load(&run, relaxed);
    if (weft__unlikely(thread->run != present)) { /* THREAD-1 */
        thread->stock = (struct weft__stock){ 0 };
        thread->run = present;
    }
    return &thread->stock;
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
    own->moments = 0;
}
