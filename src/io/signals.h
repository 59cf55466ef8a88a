/* signals.h - where the process's signals are asked for. */
#ifndef WEFT_IO_SIGNALS_H
#define WEFT_IO_SIGNALS_H

#include <signal.h>

/* sigaction(). Where src/hook stands between the program and the kernel it is the hook's,
 * set by a constructor: the kernel's handlers are not the program's then. */
extern int (*weft__signals_action)(int number, const struct sigaction *action,
                                   struct sigaction *ret_before);

#endif
