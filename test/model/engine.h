/* engine.h - what the parts of the model checker know of each other.
 *
 *     explore.c   which executions: depth first, random, replay; verdicts
 *     schedule.c  the threads of one execution and who goes next
 *     memory.c    store buffers, and what the atomic operations do
 *     trace.c     names of objects and lines about steps */
#ifndef WEFT_TEST_MODEL_ENGINE_H
#define WEFT_TEST_MODEL_ENGINE_H

#include "model.h"

#define NOBODY MODEL_THREADS /* the running "thread" during setup and check */

/* explore.c: a choice among `options`. Scheduling choices have the choice that
 * changes least as number 0. */
enum choice { CHOICE_SCHEDULE, CHOICE_VALUE };
unsigned choose(enum choice kind, unsigned options);

/* schedule.c */
extern const struct model *model_running;
extern unsigned running_thread;
extern int preemption_bound; /* negative: none */
extern char failure[400];    /* "": none so far */

unsigned thread_count(const struct model *model);
void schedule_create(const struct model *model);
void schedule_destroy(void);
/* Runs one execution to its end. Returns false when it failed. */
bool schedule_run(void);
/* Another value stands in memory. */
void memory_changed(void);
/* The running thread loads from here: what it spins on if it spins. */
void schedule_watch(const volatile void *address);

/* memory.c */
void memory_reset(void);
unsigned memory_buffered(unsigned thread);
bool memory_has_buffered(unsigned thread, const volatile void *address);
void memory_flush_one(unsigned thread);
void memory_drain(unsigned thread);
/* Ends the running thread's pending read-modify-write, whose result is now in
 * memory. First thing in every call from a body. */
void memory_settle(void);

/* trace.c */
extern bool tracing;
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace_access(const char *what, const volatile void *address, const void *value, size_t size);
const char *trace_name(const volatile void *address, char *buffer, size_t size);
void trace_forget_names(void);

#endif
