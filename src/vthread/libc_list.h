/* libc_list.h - blocks in libc's list of threads.
 *
 * libc walks its lists of threads, under a lock of its own: to copy a library's static TLS
 * into each thread's block when the library is loaded, to wait until none is in the middle
 * of binding a symbol when one is unloaded, and to signal each for setuid() and its like.
 *
 * Neither the lock nor the list's head is for us, but a place in the list is. Two threads
 * that have ended, and that nobody joins, stay in it side by side: between them we add and
 * remove what we like.
 *
 * LIST-1  They have brought their stacks, so it is the list of threads whose memory is not
 *         libc's to use again. libc puts threads at its head and takes them out one by
 *         one: the links between our two are written by nobody else.
 * LIST-2  A walk may be under way. It finds a block whole, or not at all; then the block's
 *         TLS is initialised after that, when libc knows of the library (block.c, make()).
 * LIST-3  A block that was removed keeps its own links, and its memory until libc's lock has
 *         been taken once more: a walk that stood there has come to its end by then.
 *         pthread_create() takes it. */
#ifndef WEFT_VTHREAD_LIBC_LIST_H
#define WEFT_VTHREAD_LIBC_LIST_H

/* Makes the place. Once, after the layout was found. Returns NULL, or why there is
 * none: static text. */
const char *weft__libc_list_open(void);

/* No block is in it any more, and no library is loaded: for tools that look for leaks. */
void weft__libc_list_close(void);

/* A block's struct pthread comes and goes. */
void weft__libc_list_add(char *self);
void weft__libc_list_remove(char *self);

#endif
