/* hand.h - a worker as the program has it: its sockets.
 *
 * HAND-1  Who has a hand, as the pool's borrower, is the only one that uses its sockets. So
 *         at most one job is a worker's, and its replies are that job's.
 * HAND-2  A job has ended exactly once: with its reply; or with the worker, when the note of
 *         its end has come, after which nobody runs it. Only then does its call return. When
 *         there is no note, since the template has ended, the worker's descriptor says so. It
 *         comes with the first note: it was made before anybody could reap the worker.
 * HAND-3  Another worker gets it only if its request was not begun (TEMPLATE-5). */
#ifndef WEFT_PROCESS_HAND_H
#define WEFT_PROCESS_HAND_H

#include "process/template.h"

/* weft__hand_run(): the worker has ended, and has not begun the job. */
#define WEFT__HAND_AGAIN (-1000)

struct weft__hand {
    const struct weft__template *template;
    int keeper, data;
    int process; /* a descriptor of it, or -1 */
    pid_t pid;
    unsigned jobs;   /* that it has been given */
    uint64_t number; /* of the last */
    struct weft__note note;
};

/* Has a worker made, and waits until it is ready. 0, -EPIPE (the template has ended), what
 * init() has returned, -EOWNERDEAD (it has ended in init()), or an error of the system calls
 * or the surrounding scope. Suspends; a cancellation point. */
int weft__hand_open(const struct weft__template *template, struct weft__hand *ret_hand);

/* Closes the sockets, which ends the worker if it has not ended. Never suspends. */
void weft__hand_close(struct weft__hand *hand);

/* Runs a job: as weft_process_pool_call(), or WEFT__HAND_AGAIN. *ret_dead: the worker has
 * ended. Suspends; a cancellation point. */
int weft__hand_run(struct weft__hand *hand, const weft_process_call *call,
                   weft_process_outcome *outcome, bool *ret_dead);

/* Waits until one of its sockets, or none (-1), is ready for the events of poll(2). 0,
 * -ECONNRESET: it is not, and the template has ended, so it need not become so: a child of the
 * program's may have a copy of the far end; or an error of the surrounding scope. Suspends; a
 * cancellation point. */
int weft__hand_await(const struct weft__hand *hand, int fd, short events);

/* Reads so many bytes from its data socket: as weft_read_all(), and -ECONNRESET as above. */
int weft__hand_read(const struct weft__hand *hand, void *buf, size_t size);

/* HAND-2: kills the worker, if it has not ended, and waits for the note of its end, whatever
 * is in force. False: there is none, since the template has ended; so has the worker, where the
 * kernel has descriptors of processes. Suspends. */
bool weft__hand_end(struct weft__hand *hand);

/* Whether the worker and the template live, and nobody has sent anything that was not asked
 * for. */
bool weft__hand_is_good(const struct weft__hand *hand);

#endif
