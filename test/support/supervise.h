/* supervise.h - a supervisor of three children who do what they are told, and the story of
 * what becomes of them. */
#ifndef WEFT_TEST_SUPERVISE_H
#define WEFT_TEST_SUPERVISE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "sync.h"

/* What happens to children, in order: "+a" started, "-a" ended, "!a" refuses, "#a" gave up.
 * One worker, or one that asks: the supervisor's mutex is around it. */
static char story[1024];

static inline void tell(const weft_supervisor_event *event)
{
    static const char marks[] = { [WEFT_CHILD_STARTED] = '+',
                                  [WEFT_CHILD_ENDED] = '-',
                                  [WEFT_CHILD_REFUSES] = '!',
                                  [WEFT_SUPERVISOR_GIVES_UP] = '#' };
    size_t length = strlen(story);
    ck_assert_str_eq(event->supervisor, "top");
    ck_assert_ptr_eq(event->arg, story);
    snprintf(story + length, sizeof story - length, "%s%c%s", length ? " " : "", marks[event->kind],
             event->child);
}

/* Children do what they are told. */
struct part {
    atomic_int starts;
    int fail_times; /* so many of the first runs fail */
    int result;     /* of those that do not; WAITS: they wait */
    weft_event go;  /* before they fail */
};

#define WAITS 100

static inline int play(void *arg)
{
    struct part *part = arg;
    int run = atomic_fetch_add(&part->starts, 1);
    if (run < part->fail_times) {
        int rc = weft_event_wait(&part->go);
        return rc ? rc : -EIO;
    }
    return part->result == WAITS ? weft_sleep(WEFT_S(1000)) : part->result;
}

static struct part a, b, c;
static weft_child_spec children[3];
static weft_supervisor_spec spec;
static weft_supervisor *top;

static inline void reset(enum weft_strategy strategy)
{
    struct part *parts[] = { &a, &b, &c };
    static const char *const names[] = { "a", "b", "c" };
    story[0] = 0;
    for (int i = 0; i < 3; i++) {
        *parts[i] = (struct part){ .result = WAITS };
        weft_event_set(&parts[i]->go);
        children[i] = (weft_child_spec){ .name = names[i], .fn = play, .arg = parts[i] };
    }
    spec = (weft_supervisor_spec){ .name = "top",
                                   .strategy = strategy,
                                   .children = children,
                                   .count = 3,
                                   .max_restarts = 10,
                                   .on_event = tell,
                                   .on_event_arg = story };
}

static inline int run_top(void *unused)
{
    (void)unused;
    return weft_supervisor_run(top);
}

static inline weft_supervisor_info look(void)
{
    weft_supervisor_info info;
    weft_supervisor_look(top, &info);
    return info;
}

static inline void await_running(unsigned running, uint64_t starts)
{
    weft_supervisor_info info;
    while (info = look(), info.running != running || info.starts < starts)
        weft_yield();
}

static inline weft_task *start_top(void)
{
    weft_task *task;
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
    SPAWN(run_top, NULL, &task);
    return task;
}

static inline void end_top(weft_task *task, int result)
{
    JOIN(task, result);
    weft_supervisor_info info = look();
    ck_assert_uint_eq(info.running, 0);
    weft_supervisor_destroy(top);
}

static inline void stop_top(weft_task *task)
{
    weft_supervisor_stop(top);
    end_top(task, 0);
}

static inline int never_starts(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1000));
}

#endif
