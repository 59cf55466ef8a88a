/* thread.h - virtual threads as pthreads.
 *
 * A pthread_t is the address of the thread's block, as libc's pthread_self()
 * returns it; what we know of the thread is a thread-local in that block. The
 * block has two owners, the thread while it runs and the handle until it is
 * joined or detached; the second to let go gives it back. */
#ifndef WEFT_HOOK_THREAD_H
#define WEFT_HOOK_THREAD_H

#include <pthread.h>

#include "hook/cputime.h"
#include "hook/rank.h"
#include "hook/signals.h"
#include "lockfree/seat.h"
#include "sched/task.h"
#include "vthread/block.h"

struct weft__thread {
    struct weft__block *block; /* NULL: this is the block of a thread that is not ours */
    uint32_t tid;              /* as libc has it */
    weft_task *task;
    void *(*fn)(void *arg);
    void *arg;
    void *result;
    _Atomic(uint32_t) owners;
    _Atomic(bool) detached;
    _Atomic(bool) ended;
    bool exits;        /* by pthread_exit(), with `result` */
    bool on_own_stack; /* the creator's, or the process's first: not the task's */
    char *stack_low;   /* what the thread may use: */
    size_t stack_size; /* as asked for */
    size_t guard_size;
    char name[16];
    struct weft__rank rank;
    struct weft__cputime cpu;
    struct weft__signals signals;
};

/* That of the block at a thread pointer, a virtual thread's or not. */
struct weft__thread *weft__thread_at(char *tp);

/* The calling virtual thread; NULL in light tasks and threads that are not ours. */
struct weft__thread *weft__thread_self(void);

/* What a pthread_t that the program uses stands for; NULL: a thread of libc's. */
struct weft__thread *weft__thread_of(pthread_t thread);

/* Whether it was a virtual thread's, which has ended and been joined or detached. As long
 * as its block is kept this can be told; libc promises no more. */
bool weft__thread_gone(pthread_t thread);

/* The running task, or NULL: a thread in which libc is to be left alone. So is it inside
 * the scheduler, which cannot suspend: an allocator that waits for a lock of its own there
 * waits in the kernel, as in a thread that is not ours. */
static inline struct weft_task *weft__hook_task(void)
{
    struct weft_task *self = weft__self();
    if (!self || self->flags & WEFT__TASK_IDLE)
        return NULL;
    return weft__likely(weft__load(&self->seat->inside, relaxed) == 0) ? self : NULL;
}

/* Who locks: a virtual thread's tid, a number of its own for a light task; 0: a
 * thread in which libc is to be left alone. */
uint32_t weft__hook_tid(void);

/* Whether the program's main() is to become a virtual thread; as long as it has not begun. */
bool weft__hook_wanted(void);

/* Whether it must not, since it traces other processes. */
bool weft__hook_traces(void);

/* Whether a thread that the caller creates is a virtual one. */
bool weft__thread_can_create(void);

/* Creates a virtual thread; 0 or an error number. */
int weft__thread_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *arg),
                        void *arg);

/* The size of a task's stack of which a thread may use `asked` bytes. */
size_t weft__thread_stack(size_t asked);

/* Waits for its end, at most until `deadline` of the monotonic clock, and lets go
 * of the handle. 0 or an error number. */
int weft__thread_join(struct weft__thread *thread, int64_t deadline, void **ret_result);
int weft__thread_detach(struct weft__thread *thread);

/* In a child process: the thread is libc's, and its only one. */
void weft__thread_forget(struct weft__thread *self);

/* Ends the calling virtual thread. */
WEFT_NORETURN void weft__thread_exit(struct weft__thread *self, void *result);

/* The process's first thread becomes a virtual thread that runs fn(arg): on its
 * own stack, with its own block. The OS thread goes on as the sink: it sleeps,
 * and takes the process's signals. Returns only on failure, a negative errno. */
int weft__thread_main(void *(*fn)(void *arg), void *arg);

#endif
