/* thread_state.h - what the kernel does with the threads of this process.
 *
 * /proc knows, but reading it takes a descriptor, and descriptor numbers are the
 * program's: one that closes 0 expects its next open() to return it, and one that
 * has closed a number must not find it open. So a thread that has a table of
 * descriptors of its own does the reading. It is made when it is first asked; where
 * the kernel refuses it such a table it reads all the same. */
#ifndef WEFT_OS_THREAD_STATE_H
#define WEFT_OS_THREAD_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether thread `tid` sleeps in the kernel: its CPU is free. False when that cannot
 * be told. Here, too, one asks at a time. */
bool weft__thread_sleeps(int tid);

/* In which system call it sleeps. */
struct weft__thread_call {
    long number;
    uintptr_t pc; /* behind its instruction */
    uintptr_t sp;
};

/* weft__thread_sleeps(), and where: number -1 when that cannot be told. */
bool weft__thread_sleeps_in(int tid, struct weft__thread_call *ret_call);

/* Makes the reader now: who asks may be unable to, when somebody who holds the loader's lock
 * waits for him. Its signals are the caller's. */
void weft__thread_state_prepare(void);

/* How many threads this process has, and how many of them are the reader above. */
unsigned weft__threads_counted(void);
unsigned weft__thread_readers(void);

/* How many of them the kernel has made, for what io_uring asked for (os/uring.h): it keeps them
 * for some seconds, and one for as long as there is the thread that did. */
unsigned weft__threads_of_kernel(void);

/* Ends the reader. */
void weft__thread_state_finish(void);

#endif
