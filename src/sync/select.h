/* select.h - waiting for one of several things.
 *
 * A selector waits once, under one ticket, in the lists of all its cases. So that only
 * one of them happens follows from WAIT-1; the rest is about finding out which.
 *
 * SELECT-1  Cases are first attempted, in an order left to chance: whoever can go on
 *           does so without waiting.
 * SELECT-2  Then each is put into its list, if under the list's lock it still cannot go
 *           on. One that can: the wait is dropped, all is taken out again, and from the
 *           top. Nobody completes a case while its own wait is open: two selectors who
 *           meet in each other's channels drop their waits, and the first to attempt
 *           finds the other waiting, or nobody. They may meet so again, but only while
 *           both keep in step: by chance every other time.
 * SELECT-3  The case that has ended the wait is the one whose node was taken (QUEUE-3); its
 *           object is not touched again. The others are taken out of their lists.
 *           What leaves no trace (descriptors, tasks, the clock) is a state that stays:
 *           it is found by attempting again.
 * SELECT-4  A case that was taken is chosen, whatever else has happened: what others
 *           count on is not undone by a deadline. */
#ifndef WEFT_SYNC_SELECT_H
#define WEFT_SYNC_SELECT_H

#include "sched/wait.h"
#include "weft/select.h"

/* What a kind of case does. */
struct weft__case_kind {
    /* Does it if it can be done at once: 0, with `result` written; -EAGAIN; or an error
     * of the call. */
    int (*attempt)(weft_case *item);
    /* Puts it into its list. 0; -EAGAIN: look again; or an error of the call. */
    int (*enlist)(weft_case *item, struct weft__waiter *waiter, uint64_t ticket);
    /* After the wait: takes it out again. True: it was taken, `result` is written. */
    bool (*delist)(weft_case *item);
};

/* Before the first attempt of a call: it has no place in any list (QUEUE-6), and is not about a
 * file yet. */
void weft__case_begin(weft_case *item);

extern const struct weft__case_kind weft__case_send;
extern const struct weft__case_kind weft__case_receive;
extern const struct weft__case_kind weft__case_event;
extern const struct weft__case_kind weft__case_future;
extern const struct weft__case_kind weft__case_task;
extern const struct weft__case_kind weft__case_put;
extern const struct weft__case_kind weft__case_get;
extern const struct weft__case_kind weft__case_mailbox;
extern const struct weft__case_kind weft__case_semaphore;
extern const struct weft__case_kind weft__case_descriptor; /* src/io has it */

#endif
