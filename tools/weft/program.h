/* program.h - which file a command line runs, and whether weft can get into it. */
#ifndef WEFT_TOOL_PROGRAM_H
#define WEFT_TOOL_PROGRAM_H

#include <limits.h>

struct program {
    char path[PATH_MAX];   /* what exec is given */
    char binary[PATH_MAX]; /* the ELF file behind it: itself, or what interprets the script */
};

/* Finds `name` as execvp(3) does, but takes no text without "#!" for a script, and follows scripts
 * to their interpreters.
 * Returns 0, or the exit status after having said on stderr why not. */
int program_find(const char *name, struct program *ret_program);

/* Why libweft-hook.so cannot get into it at all; NULL: nothing speaks against it. */
const char *program_refusal(const struct program *program);

#endif
