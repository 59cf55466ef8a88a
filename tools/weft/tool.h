/* tool.h - the subcommands of `weft`. */
#ifndef WEFT_TOOL_H
#define WEFT_TOOL_H

/* `arguments` begins after the subcommand's name and ends with NULL. Returns the
 * exit status; does not return when it becomes the program. */
int tool_exec(char **arguments);

#endif
