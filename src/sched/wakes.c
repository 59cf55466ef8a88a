#include "sched/wakes.h"

#include "sched/task.h"
#include "sched/thread.h"

void weft__wakes_add(struct weft__wakes *wakes, struct weft__waiter *waiter)
{
    if (weft__is_thread(waiter)) {
        struct weft__plain_thread *thread = weft__plain_thread_of(waiter);
        thread->next = NULL; /* nobody else has it until it is woken */
        *wakes->last_thread = thread;
        wakes->last_thread = &thread->next;
    } else {
        struct weft_task *task = weft__task_of(waiter);
        task->next = NULL;
        *wakes->last = task;
        wakes->last = &task->next;
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
    struct weft__plain_thread *thread = wakes->first_thread;
    while (thread) {
        struct weft__plain_thread *next = thread->next; /* its own from now on */
        weft__wait_wake(&thread->waiter);
        thread = next;
    }
}
