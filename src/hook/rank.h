/* rank.h - on which CPUs and how urgently a thread is to run, as far as the program is
 * concerned.
 *
 * The kernel knows carriers, and those run whatever is ready. So what the program sets
 * is checked by the kernel, remembered and told again, inherited by new threads, and
 * comes into force in what the thread executes and in its children: RANK-1. It does
 * not say where a virtual thread runs, nor when.
 *
 * RANK-2  Carriers, and how many there are by default, are as the process was when it
 *         started. What constructors have set since, while main() was no virtual thread
 *         yet, is main's, and its threads' and children's, as if main() had set it. */
#ifndef WEFT_HOOK_RANK_H
#define WEFT_HOOK_RANK_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct weft__rank {
    bool placed, ranked; /* else as the process is */
    bool by_attributes;  /* PTHREAD_EXPLICIT_SCHED */
    int policy, priority;
    cpu_set_t cpus;
};

struct weft__thread;

/* What a new thread's attributes ask for. 0 or an error number. */
int weft__rank_apply(struct weft__thread *thread, const pthread_attr_t *attr);

/* Into the attributes that pthread_getattr_np() gives. 0 or an error number. */
int weft__rank_describe(const struct weft__thread *thread, pthread_attr_t *attr);

/* RANK-1: the carrier takes the calling thread's, and gives it back. */
void weft__rank_lend(const struct weft__thread *self, struct weft__rank *ret_carrier);
void weft__rank_return(const struct weft__thread *self, const struct weft__rank *carrier);

/* Whether it is a virtual thread's number; 0: the caller's, if it is one. False in others. */
bool weft__rank_has(pid_t tid);

/* syscall(SYS_sched_setattr, ...) and its like. */
struct weft__rank_attr;
long weft__rank_set_attr(pid_t tid, struct weft__rank_attr *attr, unsigned flags);
long weft__rank_get_attr(pid_t tid, struct weft__rank_attr *ret_attr, unsigned size,
                         unsigned flags);

/* RANK-2: the first OS thread gives up what main() is to have. Before others are made. */
void weft__rank_start(struct weft__rank *ret_main);

/* For good, in a child process. */
void weft__rank_keep(const struct weft__thread *self);

#endif
