/* observe.h - what `weft exec --stats`, `--trace-calls` and `--check` ask for.
 *
 * Nothing of it costs anything until it is asked for, but one look at a flag where a
 * task waits. */
#ifndef WEFT_HOOK_OBSERVE_H
#define WEFT_HOOK_OBSERVE_H

#include <stdbool.h>

#include "base/compiler.h"

struct weft__hook_wait;
struct weft__meter;

/* Whether waits are looked at; set before the first task runs. */
extern bool weft__observing WEFT_HIDDEN;
extern const struct weft__meter *weft__meter_here WEFT_HIDDEN; /* NULL: not loaded */

/* Reads the environment. Before the runtime starts. */
void weft__observe_start(void);

/* Around a wait of an interposed call, by the task. errno may change. */
void weft__observe_begin(struct weft__hook_wait *wait);
void weft__observe_end(const struct weft__hook_wait *wait);

/* A virtual thread was made: so many are alive. */
void weft__observe_thread(uint64_t alive);

/* trace.c: one line for a wait that parked. */
void weft__trace_wait(const struct weft__hook_wait *wait);

/* report.c: what has been done, at the end of the process; after report_start(). */
struct weft__observed {
    _Atomic(uint64_t) waits, threads, most_alive;
};
extern struct weft__observed weft__observed WEFT_HIDDEN;
void weft__report_start(void);

/* check.c: with WEFT_CHECK, says what is live and ends the process; else returns. */
bool weft__check_asked(void);
void weft__self_check(void);

#endif
