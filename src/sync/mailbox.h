/* mailbox.h - mailboxes.
 *
 * A message lies in a letter. Senders put theirs behind `fresh`; the receiver moves all of
 * them to `seen` when it has to, looks through that without the lock, and takes one.
 *
 * MAIL-1  One receiver at a time: who has set `receiving`, under the lock, until it clears
 *         that. `seen` is its own, but for its letters' memory going with the box; so
 *         `matches` runs without a lock on what nobody else touches.
 * MAIL-2  A message that was taken from its sender is in one letter in `fresh` or `seen`
 *         until the receiver, or the destroying owner, takes the letter out under the lock.
 *         Nobody is handed a message who may still give up: a receiver that waits is only
 *         woken to look. So sent = received + dropped + count, at each moment.
 * MAIL-3  The receiver waits only while `fresh` is empty and the box is open; senders only
 *         while it is full and open. Who puts a letter in wakes the receiver; who takes one
 *         out puts in its place the message of the oldest sender that waits, claimed first
 *         (QUEUE-2). So messages are in the order in which their senders came.
 * MAIL-4  A letter that was reserved is put in even if the box is full, so its sender, who
 *         may not wait, needs no room. A box that is full with nothing reserved gets nothing
 *         any more until the receiver takes something.
 * MAIL-5  A selector is the receiver from entering the list, which it does only when both
 *         `fresh` and `seen` are empty, until it has left that; then it tries, as anybody may. */
#ifndef WEFT_SYNC_MAILBOX_H
#define WEFT_SYNC_MAILBOX_H

#include <string.h>

#include "sync/wait_queue.h"
#include "weft/mailbox.h"

#define WEFT__SPARE_LETTERS 64 /* are kept for later */

struct weft__letter {
    struct weft__letter *next;
    WEFT_ALIGNED(16) char message[];
};

struct weft__letters {
    struct weft__letter *first, **last;
};

struct weft_mailbox {
    struct weft__latch lock; /* of all the rest that is no constant */
    _Atomic(uint32_t) refs;
    size_t size, capacity; /* constant */
    void (*drop)(void *message, void *arg);
    void *drop_arg;

    struct weft__letters fresh;
    struct weft__letters seen; /* MAIL-1 */
    struct weft__letter *spare;
    unsigned spares;
    size_t count;    /* letters in both */
    size_t reserved; /* letters that will be put in, or given back */
    uint64_t sent, received, dropped;
    bool receiving, closed;
    struct weft__wait_list receivers, senders; /* of the first there is one at most */
};

/* A sender that waits. */
struct weft__mailbox_sender {
    struct weft__wait_node wait;
    const void *message;
    int result; /* the taker's message: 0 or -EPIPE */
};

static inline void weft__letters_init(struct weft__letters *letters)
{
    letters->first = NULL;
    letters->last = &letters->first;
}

static inline void weft__letters_append(struct weft__letters *letters, struct weft__letter *letter)
{
    letter->next = NULL;
    *letters->last = letter;
    letters->last = &letter->next;
}

/* All of `from`, behind those in `to`. */
static inline void weft__letters_move(struct weft__letters *to, struct weft__letters *from)
{
    if (!from->first)
        return;
    *to->last = from->first;
    to->last = from->last;
    weft__letters_init(from);
}

static inline bool weft__mailbox_full(const struct weft_mailbox *box)
{
    return box->count >= box->capacity; /* WEFT_UNBOUNDED: SIZE_MAX */
}

static inline void weft__mailbox_copy(const struct weft_mailbox *box, void *to, const void *from)
{
    if (box->size)
        memcpy(to, from, box->size);
}

/* All zero but for size and capacity; nobody knows it. */
void weft__mailbox_init(struct weft_mailbox *box);

/* Under the lock: puts a letter in, and says whom to wake. */
void weft__mailbox_post(struct weft_mailbox *box, struct weft__letter *letter,
                        struct weft__waiter **ret_wake);

/* Under the lock: an empty letter, kept for later. Returns it if there are enough of them, to
 * be freed. */
struct weft__letter *weft__mailbox_keep(struct weft_mailbox *box, struct weft__letter *letter);

/* MAIL-4. Holds a reference to the box until it is sent or given back, by anybody. NULL:
 * memory is out. */
struct weft__letter *weft__mailbox_reserve(struct weft_mailbox *box);
void weft__mailbox_send_reserved(struct weft_mailbox *box, struct weft__letter *letter);
void weft__mailbox_give_back(struct weft_mailbox *box, struct weft__letter *letter);

#endif
