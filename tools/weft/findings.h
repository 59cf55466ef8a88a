/* findings.h - what was found out about a program. */
#ifndef WEFT_TOOL_FINDINGS_H
#define WEFT_TOOL_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "families.h"

#define COUNT_CALL(family, name) +1
#define CALLS (0 WEFT__FAMILIES(COUNT_CALL))
#define OBJECTS_MAX 1024

enum call_state {
    CALL_MISSING, /* nobody has it */
    CALL_LIVE,    /* the hook */
    CALL_SHADOWED /* somebody who comes before the hook */
};

struct findings {
    struct {
        enum call_state state;
        bool used; /* by the program or one of its libraries */
        char *by;  /* shadowed by */
    } call[CALLS];
    char *object[OBJECTS_MAX];
    size_t objects;
    char *remarks; /* lines */
    bool limited;  /* some of them are about what will not work */
};

void findings_call(struct findings *findings, const char *name, enum call_state state,
                   const char *by);
void findings_object(struct findings *findings, const char *path);

/* Looks into the program and all objects: what they use, and what of it is beyond
 * weft. The hook itself and the C library are left out. */
void findings_look(struct findings *findings, const char *program, const char *hook);

/* True: nothing of it will not work. */
bool findings_print(const struct findings *findings, const char *program);

#endif
