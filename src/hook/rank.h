/* rank.h - on which CPUs and how urgently a thread is to run, as far as the program is
 * concerned.
 *
 * The kernel knows carriers, and those run whatever is ready. So what the program sets
 * is checked by the kernel, remembered and told again, inherited by new threads, and
 * comes into force in what the thread executes and in its children: RANK-1. It does
 * not say where a virtual thread runs, nor when. */
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

/* For good, in a child process. */
void weft__rank_keep(const struct weft__thread *self);

#endif
