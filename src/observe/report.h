/* report.h - naming the tasks concerned when things go wrong. */
#ifndef WEFT_OBSERVE_REPORT_H
#define WEFT_OBSERVE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

struct weft__line;
struct weft_task;

/* Writes "weft: <before>task 7 'name' (spawned at file:line)<after>".
 * Async-signal-safe. */
void weft__report_task(int fd, const char *before, struct weft_task *task, const char *after);

/* Adds to the line what a wait is about, after `before`: "fd 3", "task 7", an address;
 * nothing when it is about no object. The wait is not over. `what`, `object`: as in
 * weft__wait_begin(). */
void weft__report_object(struct weft__line *line, const char *before, const char *what,
                         uint64_t object);

/* HELD-2: nobody knows any more how many pthread mutexes a task holds. */
extern _Atomic(bool) weft__held_unsure;

#endif
