/* meter.h - counting interposed calls, in an object of its own.
 *
 * libweft-meter.so is preloaded before the hook when somebody asks for figures or a
 * trace (`weft exec --stats`, `--trace-calls`). It defines the same names: each counts
 * one, notes in a thread-local which call this is, and goes on to the hook's. So calls
 * that nobody counts cost nothing: then this object is not there.
 *
 * The hook finds it by a weak symbol, weft__meter(). */
#ifndef WEFT_HOOK_METER_H
#define WEFT_HOOK_METER_H

#include <stddef.h>

#include "base/atomic.h"
#include "base/compiler.h"

/* Assembly knows the first two places. */
struct weft__meter_call {
    WEFT_ALIGNED(WEFT_CACHE_LINE) _Atomic(uint64_t) count;
    void *next; /* the hook's function */
    const char *name, *family;
};

struct weft__meter {
    struct weft__meter_call *const *calls; /* a family's one after another */
    size_t count;
    /* What the calling thread has called last; NULL: nothing yet. */
    const struct weft__meter_call *(*last)(void);
};

/* Readies the meter, before anybody calls: the hook's first constructor does. */
__attribute__((weak, visibility("default"))) const struct weft__meter *weft__meter(void);

/* Before that: calls `report` when the program ends by _exit(). */
__attribute__((weak, visibility("default"))) void weft__meter_at_exit(void (*report)(void));

#endif
