/* fork.h - a forked child has no runtime: it goes on as a plain process. */
#ifndef WEFT_HOOK_FORK_H
#define WEFT_HOOK_FORK_H

#include <stdbool.h>

/* This process is such a child: every interposer is libc's own function. */
extern bool weft__hook_forked;

#endif
