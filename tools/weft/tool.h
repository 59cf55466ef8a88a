/* tool.h - the subcommands of `weft`. */
#ifndef WEFT_TOOL_H
#define WEFT_TOOL_H

#include <stdbool.h>

/* Failures that are ours and not the program's, as env(1) and nohup(1) have them. */
#define TOOL_FAILED 125
#define TOOL_CANNOT_RUN 126
#define TOOL_NOT_FOUND 127

/* argv[0] is the subcommand's name. Returns the exit status; does not return when
 * it becomes the program. */
int tool_exec(int argc, char **argv);

/* Says on stderr what went wrong, and returns `status`. */
int tool_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What is to be preloaded, and how much it should tell. */
struct hook {
    char *path;  /* libweft-hook.so */
    char *meter; /* libweft-meter.so, which counts calls */
    bool stats, trace;
};

/* Finds the objects beside the tool. 0, or the exit status after saying why not. */
int hook_find(struct hook *hook);

/* Sets the environment of a program that is to run under weft. Same result. */
int hook_environment(const struct hook *hook);

/* weft exec --check: what of `arguments`' program will work. The exit status. */
int tool_check(const struct hook *hook, char **arguments);

#endif
