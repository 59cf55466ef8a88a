/* real.h - libc's own functions behind the interposed ones.
 *
 * Filled before any other constructor of the process runs (the object is linked
 * with -z initfirst), so nobody can call an interposer before, and no call pays
 * for dlsym(). */
#ifndef WEFT_HOOK_REAL_H
#define WEFT_HOOK_REAL_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "hook/calls.h"

/* What stands before the definition of an interposer. */
#define WEFT__INTERPOSE __attribute__((visibility("default")))

typedef int weft__main_fn(int argc, char **argv, char **envp);

/* libc has no header for it. */
int __libc_start_main(weft__main_fn *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

/* What <setjmp.h> has for programs with _FORTIFY_SOURCE. */
void __longjmp_chk(struct __jmp_buf_tag env[1], int value) __attribute__((noreturn));

/* Programs may call what libc would rather they did not. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define WEFT__DECLARE(name) extern __typeof__(name) *weft__real_##name WEFT_HIDDEN;
WEFT__CALLS(WEFT__DECLARE)
#undef WEFT__DECLARE

#endif
