/* tid.h - direct system calls about a thread that they name by its number.
 *
 * syscall(SYS_gettid) gives a virtual thread's number, which only main's OS thread has in
 * the kernel, too. So what takes one goes to the namesake that knows virtual threads, or
 * where there is none is told the caller's OS thread: that is whose niceness and I/O class
 * it is, as without a number. */
#ifndef WEFT_HOOK_TID_H
#define WEFT_HOOK_TID_H

/* All other calls are the kernel's as they came. */
long weft__tid_syscall(long number, const long at[6]);

#endif
