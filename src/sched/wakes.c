#include "sched/wakes.h"

#include "sched/task.h"

void weft__wakes_add(struct weft__wakes *wakes, struct weft__waiter *waiter)
{
    if (!weft__is_thread(waiter)) {
        struct weft_task *task = weft__task_of(waiter);
        task->next = NULL; /* nobody else has it until it is woken */
        *wakes->last = task;
        wakes->last = &task->next;
    } else if (wakes->thread_count < sizeof wakes->threads / sizeof *wakes->threads) {
        wakes->threads[wakes->thread_count++] = waiter;
    } else {
        weft__wait_wake(waiter);
    }
}

void weft__wakes_carry_out(struct weft__wakes *wakes)
{
    struct weft_task *task = wakes->first;
    while (task) {
        struct weft_task *next = task->next; /* the queue's from now on */
        weft__wait_wake(&task->waiter);
        task = next;
    }
    for (unsigned i = 0; i < wakes->thread_count; i++)
        weft__wait_wake(wakes->threads[i]);
}
