/* post.h - callbacks that are handed to the runtime from anywhere.
 *
 * They are in one inbox, which one task at a time empties: the drain, which is spawned when
 * there is something, and ends when there is nothing. `state` says who sees to it:
 *
 *     IDLE --poster--> RUNS      and the poster spawns the drain
 *     IDLE --poster--> ASKED     a poster that may not spawn: the monitor will
 *     ASKED --monitor--> RUNS    it spawns the drain
 *     RUNS --> ASKED             whoever should have spawned it had no memory, or there was
 *                                none for its stack: the monitor tries again
 *     RUNS --drain--> IDLE       the inbox was empty; if it is not now, and the drain gets
 *                                RUNS once more, it goes on
 *
 * POST-1  Nothing is left in the inbox. Poster: inbox, then state. Drain: state, then
 *         inbox. All four are seq_cst: either the poster sees IDLE, or the drain sees what
 *         was posted (INBOX-4).
 * POST-2  Callbacks run one at a time, in the order of the inbox, so in that of each poster
 *         (INBOX-3): who has moved IDLE to RUNS is the only consumer until it is IDLE again.
 * POST-3  The runtime does not stop before they have run. A poster that is no task is a
 *         guest until the state is not IDLE; the drain is a task; and while it is to be
 *         spawned by the monitor (ASKED) the inbox is a guest itself.
 * POST-4  A caller's node is `posted` from before it is put until after it has been taken,
 *         and put by who has set that: it is in the inbox once. Who finds it set has
 *         nothing to put: the callback begins after that and sees what came before. */
#ifndef WEFT_SYNC_POST_H
#define WEFT_SYNC_POST_H

#include "lockfree/inbox.h"
#include "weft/submit.h"

struct weft__post {
    void (*fn)(void *arg);
    void *arg;
    struct weft__inbox_node node;
    _Atomic(bool) posted; /* POST-4 */
    bool owned;           /* the drain's: it frees it */
};

_Static_assert(sizeof(struct weft__post) == sizeof(weft_post_node), "the public size");

/* Puts one that is not in the inbox, by a task or a guest, which holds no lock. */
void weft__post_put(struct weft__post *post);

/* The same from anywhere, by a task or a guest. Async-signal-safe. */
void weft__post_ask(struct weft__post *post);

#endif
