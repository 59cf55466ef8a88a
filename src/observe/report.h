/* report.h - naming the tasks concerned when things go wrong. */
#ifndef WEFT_OBSERVE_REPORT_H
#define WEFT_OBSERVE_REPORT_H

struct weft_task;

/* Writes "weft: <before>task 7 'name' (spawned at file:line)<after>".
 * Async-signal-safe. */
void weft__report_task(int fd, const char *before, struct weft_task *task, const char *after);

#endif
