/* A line for each call that parked:
 *
 *     weft: thread 7 'worker': pthread_cond_wait(0x7ffe3c80) parked 812 us
 *
 * Written when the wait is over, by one write(2), with nothing that allocates. */
#include <string.h>
#include <unistd.h>

#include "hook/meter.h"
#include "hook/observe.h"
#include "hook/park.h"
#include "observe/report.h"
#include "observe/text.h"
#include "task/name.h"
#include "time/clock.h"

static void put_time(struct weft__line *line, int64_t ns)
{
    if (ns >= 10000000) {
        weft__line_duration(line, ns);
        return;
    }
    weft__line_number(line, (uint64_t)ns / 1000);
    weft__line_string(line, " us");
}

static void put_object(struct weft__line *line, const struct weft__hook_wait *wait,
                       const struct weft_task *self, const char *what)
{
    if (strcmp(what, "join") != 0) {
        weft__report_object(line, "", what, weft__load(&self->waiter.object, relaxed));
        return;
    }
    weft__line_string(line, "thread ");
    weft__line_number(line, wait->seen.joined);
}

void weft__trace_wait(const struct weft__hook_wait *wait)
{
    struct weft_task *self = weft__hook_task();
    struct weft__line line = { 0 };
    char name[32];
    if (!self)
        return;
    const char *what = weft__load(&self->waiter.what, relaxed); /* the caller's own, all */
    weft__task_name(self, name, sizeof name);
    weft__line_string(&line, weft__is_virtual(self) ? "weft: thread " : "weft: task ");
    weft__line_number(&line, weft__load(&self->id, relaxed));
    weft__line_string(&line, " '");
    weft__line_string(&line, name);
    weft__line_string(&line, "': ");
    weft__line_string(&line, wait->seen.call ? wait->seen.call->name : what);
    weft__line_string(&line, "(");
    put_object(&line, wait, self, what);
    weft__line_string(&line, ") parked ");
    put_time(&line, weft__clock_now() - wait->seen.since);
    if (weft__wait_state(&self->waiter) == WEFT__DEADLINE && strcmp(what, "sleep") != 0)
        weft__line_string(&line, ", timed out");
    weft__line_write(&line, STDERR_FILENO);
}
