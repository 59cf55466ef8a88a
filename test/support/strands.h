/* strands.h - a strand, and plain data that it protects. */
#ifndef WEFT_TEST_STRANDS_H
#define WEFT_TEST_STRANDS_H

#include <string.h>

#include "suite.h"
#include "tasks.h"

#define FEW 8

/* What the strand protects is plain data throughout. */
static weft_strand *strand;
static char trace[4096];
static int counter;
static bool inside;

static inline void note(void *text)
{
    strcat(trace, text);
}

static inline int note_in_task(void *text)
{
    note(text);
    return 0;
}

static inline void open_strand(void)
{
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    trace[0] = 0;
    counter = 0;
    inside = false;
}

static inline void close_strand(void)
{
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
}

#define SPAWN_HERE(fn, arg, ret_task) \
    ck_assert_int_eq(weft_strand_spawn(strand, fn, arg, ret_task), 0)
#define POST(fn, arg) ck_assert_int_eq(weft_strand_post(strand, fn, arg), 0)

/* Nobody else is in here, and nobody comes. */
static inline void use_for(int64_t ns)
{
    ck_assert(!inside);
    inside = true;
    counter++;
    spin_for(ns);
    ck_assert(inside);
    inside = false;
}

static inline void use_once(void *unused)
{
    (void)unused;
    use_for(2000);
}

#endif
