/* inside.h - included before a program of test/hook that is to run inside a program
 * of weft's: its main() becomes a function, and its threads whatever the driver
 * (inside.c) was asked for. */
#ifndef WEFT_TEST_HOOK_INSIDE_H
#define WEFT_TEST_HOOK_INSIDE_H

#include <errno.h>
#include <pthread.h>

int inside_main(void);
int *inside_errno(void);
int inside_create(pthread_t *ret_thread, const pthread_attr_t *attr, void *(*fn)(void *),
                  void *arg);
int inside_join(pthread_t thread, void **ret_result);

/* A light task may go on in another thread after inside_join(), and the compiler keeps
 * the address that errno has at first (doc/guide.md, what not to keep). */
#undef errno
#define errno (*inside_errno())

#define main inside_main
#define pthread_create inside_create
#define pthread_join inside_join

#endif
