/* resolve.h - what the look-ups of names share. */
#ifndef WEFT_HOOK_RESOLVE_H
#define WEFT_HOOK_RESOLVE_H

#include <stdbool.h>

/* Whether it is an address already, for which nobody has to be asked. */
bool weft__resolve_number(const char *node);

#endif
