/* child.h - asking a process that ends before main(). */
#ifndef WEFT_TOOL_CHILD_H
#define WEFT_TOOL_CHILD_H

#include "program.h"
#include "tool.h"

/* Starts the program's binary with the hook preloaded and the environment's `variable`
 * set to 1. Returns what it writes to its standard output until it ends, for the caller
 * to free; NULL: it could not be started. After some seconds of silence it is killed. */
char *child_ask(const struct program *program, const struct hook *hook, const char *variable);

#endif
