/* settings.h - what weft_config and the environment ask for. */
#ifndef WEFT_SCHED_SETTINGS_H
#define WEFT_SCHED_SETTINGS_H

#include <stdbool.h>

#include "weft/runtime.h"

/* For calls that block: threads, those that look names up, how long they are kept. As many as
 * a disk or a network may have in flight; a thread costs some 30 KiB. Of look-ups the servers
 * take some at a time, and one that hangs does so for up to half a minute. */
#define WEFT__BLOCKING_THREADS 512
#define WEFT__BLOCKING_DNS_THREADS 32
#define WEFT__BLOCKING_IDLE 10000000000
#define WEFT__BLOCKING_MAX 65536

/* How long a carrier is kept that serves no worker. A thread that waits costs some 30 KiB, and
 * one that is made anew some 50 us, in which the worker waits. */
#define WEFT__CARRIER_IDLE 10000000000

/* Whether calls on files (io/file_call.h) are never for the kernel's ring. By the environment's
 * WEFT_FILES: "pool", or "ring", as if it were not set: what that can do, where there is one.
 * Settled by weft__settings(); constant while the runtime runs. */
extern bool weft__files_by_pool;

/* What WEFT_WATCHDOG asks for, "500" or "500,interrupt"; for observe/watchdog.c. Settled and
 * constant likewise. */
struct weft__watchdog_wish {
    int64_t after; /* nanoseconds; 0: nothing */
    bool interrupts;
};

extern struct weft__watchdog_wish weft__watchdog_wish;

/* Fills in what `asked` (may be NULL) leaves open, from the environment
 * (WEFT_WORKERS, WEFT_STACK_SIZE, WEFT_SEED, WEFT_BLOCKING_..., WEFT_FILES, WEFT_WATCHDOG)
 * and the machine.
 * Returns 0 or -EINVAL, with a line on stderr that says which value is wrong. */
int weft__settings(const weft_config *asked, weft_config *ret_config);

#endif
