/* process.h - child processes: what their functions share.
 *
 * PROC-1  What a process is does not change after it has been spawned, but for its pipes:
 *         whoever asks, asks the kernel. So any number may wait without a lock.
 * PROC-2  Its end is looked at (WNOWAIT), not taken, until the handle goes. Until then its
 *         number, and its group's, are nobody else's, and can be sent signals. */
#ifndef WEFT_IO_PROCESS_H
#define WEFT_IO_PROCESS_H

#include "base/list.h"
#include "weft/process.h"

struct weft_process {
    pid_t pid;
    int pidfd;
    int fds[3];             /* our ends; -1: none */
    bool group;             /* its own */
    struct weft__list link; /* of those that were given up */
};

/* How it has ended; -EAGAIN: it runs, -ECHILD: somebody else has waited for it. */
int weft__process_look(int pidfd, weft_process_status *ret_status);

/* Releases those that were given up and have ended. */
void weft__process_reap(void);

/* Waits until it has ended, whatever is in force. Suspends. */
void weft__process_await(weft_process *process, weft_process_status *ret_status);

#endif
