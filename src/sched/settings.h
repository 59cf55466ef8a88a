/* settings.h - what weft_config and the environment ask for. */
#ifndef WEFT_SCHED_SETTINGS_H
#define WEFT_SCHED_SETTINGS_H

#include "weft/runtime.h"

/* Fills in what `asked` (may be NULL) leaves open, from the environment
 * (WEFT_WORKERS, WEFT_STACK_SIZE, WEFT_SEED) and the machine. Returns 0 or
 * -EINVAL, with a line on stderr that says which value is wrong. */
int weft__settings(const weft_config *asked, weft_config *ret_config);

#endif
