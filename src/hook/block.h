/* block.h - thread-local blocks: what makes a task a thread to libc.
 *
 * A block is static TLS and libc's struct pthread, made by libc's own allocator.
 * Its address is what pthread_self() returns while it is the thread pointer. */
#ifndef WEFT_HOOK_BLOCK_H
#define WEFT_HOOK_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks at libc's layout from the calling thread's own block. False, with a line
 * on stderr: this libc is not one that we know. */
bool weft__block_setup(void);

/* A block for a new thread: initialised thread-locals, a tid that no thread has.
 * NULL: memory is out. */
void *weft__block_create(void);
void weft__block_destroy(void *block);

/* The tid in it: as gettid(), or beyond all of the kernel's. */
uint32_t weft__block_tid(const void *block);

/* On the block that is current: first thing in a thread, and last. The second
 * runs the destructors of C++ thread_locals and of thread-specific data. */
void weft__block_begin(void);
void weft__block_end(void);

/* For a block whose user is an OS thread: its real tid, the kernel's robust list. */
void weft__block_settle(void *block);

/* The thread-local at `here` in the calling thread's block, in another block. */
void *weft__block_at(void *block, const void *here);

#endif
