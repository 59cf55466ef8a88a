/* setxid.h - setuid() and its like, while virtual threads run.
 *
 * The kernel keeps user and group ids per OS thread, so glibc sends each of its
 * threads a signal of its own, whose handler changes them and clears a mark in
 * the thread's block, and sends it again while the mark is there. The mark is in
 * the carrier's block, but a virtual thread's is the current one. So the handler
 * gets one before it that lends it the carrier's (VT-7). */
#ifndef WEFT_VTHREAD_SETXID_H
#define WEFT_VTHREAD_SETXID_H

/* `home`: of the calling thread, the thread-local that holds the thread pointer of
 * its carrier while it is a virtual thread, NULL else. Returns NULL or a refusal. */
const char *weft__setxid_adopt(void *const *home);

#endif
