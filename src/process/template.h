/* template.h - the processes of a pool, and what they say to each other.
 *
 *     program ----control----> template          a worker's two sockets, for the template
 *        |  \                     |  \           to fork it with
 *        |   `------keeper--------'   \ fork
 *        `----------data--------------- worker   requests, arguments; replies, results
 *
 * The keeper is the worker's life: the template sends a note when the worker has been made,
 * or could not be, and a note when it has ended; and kills the worker when the program ends
 * its direction, closes it, or is no more. The data socket's far end the template has, too.
 *
 * TEMPLATE-1  The template and each worker are forked by a process of one thread: no lock is
 *             held in them by somebody who is not there.
 * TEMPLATE-2  The template runs none of the program's code, and waits for nothing but its
 *             descriptors and children. So whatever its workers do it notices that the
 *             program has ended: by a descriptor of that process, which was made before the
 *             fork and so is not somebody else's, since others may have copies of the
 *             sockets' near ends. Where there are no such descriptors (under emulators) the
 *             sockets' end has to do.
 * TEMPLATE-3  A worker asks the kernel to be killed when the template ends, and then looks
 *             whether that has happened already. The template being one thread this is safe;
 *             of the program, where the thread that forked may end first, it were not: the
 *             template does not ask.
 * TEMPLATE-4  A number is sent signals only while its process is a child not reaped: the
 *             template looks who has ended, kills what is left of its group, and only then
 *             reaps it. Nobody else signals workers.
 * TEMPLATE-5  A worker notes the number of each request before it calls its function, in
 *             memory that it shares with the template, which reads it when the worker has
 *             ended. So it is known for certain whether a request was begun: one that was
 *             not may be sent to another worker.
 * TEMPLATE-6  When a worker has ended the template ends its data socket's direction, too,
 *             since the worker's children may have it, and after that sends the note. */
#ifndef WEFT_PROCESS_TEMPLATE_H
#define WEFT_PROCESS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/atomic.h"
#include "weft/process_pool.h"

/* The template's, as the program knows it. */
struct weft__template {
    pid_t pid;
    int control;
};

/* What workers are to do first. */
struct weft__worker_init {
    int (*fn)(void *arg);
    void *arg;
};

/* A packet, on the keeper. */
struct weft__note {
    int32_t pid;    /* of the first: the worker's, or a negative errno value: there is none */
    int32_t status; /* of the second: as waitpid() gives it, */
    uint64_t begun; /* and the last request that was begun */
};

/* On the data socket, before the argument. The descriptors come with its first byte. */
struct weft__request {
    uint64_t number;
    int (*fn)(weft_process_job *job);
    uint64_t arg_size, result_max;
    uint64_t shared_count, shared_sizes[WEFT_PROCESS_SHARED_MAX];
};

/* Before the result. A worker's first, of number 0, says whether it is ready. */
struct weft__reply {
    uint64_t number; /* the request's */
    int32_t error;   /* 0, -EMSGSIZE, or another: the function was not called */
    int32_t value;
    uint64_t size;
};

/* Forks a template for up to `max` workers. 0, -EBUSY (TEMPLATE-1), or an error of the
 * system calls. Blocks the thread. */
int weft__template_start(unsigned max, const struct weft__worker_init *init,
                         struct weft__template *ret_template);

/* Ends it, and all that it has made. Blocks the thread. */
void weft__template_stop(struct weft__template *template);

/* Whether it has ended. */
bool weft__template_ended(const struct weft__template *template);

/* What it needs for `max` workers, made before the fork, where its failure is told; for
 * free(). NULL: memory is out. */
struct weft__template_room *weft__template_room(unsigned max);

/* In the template: what it does, for ever. `program`: the descriptor of the process, or -1. */
WEFT_NORETURN void weft__template_main(struct weft__template_room *room, int control, int program,
                                       const struct weft__worker_init *init);

/* What a worker tells the template without a word. */
struct weft__mark {
    _Atomic(uint64_t) begun; /* TEMPLATE-5 */
};

/* In a worker. `data`: its socket. */
WEFT_NORETURN void weft__worker_main(int data, struct weft__mark *mark, pid_t template,
                                     const struct weft__worker_init *init);

/* In both, after the fork: the descriptors from 3 but these two are closed (`other` may be
 * -1), which are above 2 then, and all signals unhandled; they stay blocked. */
void weft__process_renew(int *kept, int *other);

#endif
