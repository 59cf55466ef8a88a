/* Mailboxes: receiving, and choosing. The protocol is at the head of mailbox.h. */
#include <errno.h>
#include <stdlib.h>

#include "sched/spend.h"
#include "sync/mailbox.h"
#include "task/scope.h"
#include "weft/cleanup.h"

/* What is wanted. */
struct choice {
    bool (*matches)(const void *message, void *arg); /* NULL: the oldest */
    void *arg;
};

static bool fits(const struct choice *choice, const struct weft__letter *letter)
{
    return !choice->matches || choice->matches(letter->message, choice->arg);
}

/* Under the lock: the message of the oldest sender that waits, into a letter that has just
 * been taken out. Returns the letter unless it was used, or kept for later. */
static struct weft__letter *fill_up(struct weft_mailbox *box, struct weft__letter *letter,
                                    struct weft__waiter **ret_wake)
{
    struct weft__wait_node *wait = NULL;
    struct weft__waiter *nobody; /* we are the receiver */
    if (!weft__mailbox_full(box))
        wait = weft__wait_list_take(&box->senders);
    *ret_wake = NULL;
    if (!wait)
        return weft__mailbox_keep(box, letter);
    struct weft__mailbox_sender *sender =
        weft__container_of(wait, struct weft__mailbox_sender, wait);
    weft__mailbox_copy(box, letter->message, sender->message);
    sender->result = 0;
    weft__mailbox_post(box, letter, &nobody);
    *ret_wake = wait->waiter;
    return NULL;
}

/* Under the lock, which it releases: the letter to which `at`, in `seen`, points. */
static void take(struct weft_mailbox *box, struct weft__letter **at, void *ret_message)
{
    struct weft__letter *letter = *at;
    struct weft__waiter *woken;
    weft__mailbox_copy(box, ret_message, letter->message);
    *at = letter->next;
    if (!*at)
        box->seen.last = at;
    box->count--;
    box->received++;
    letter = fill_up(box, letter, &woken);
    weft__latch_release(&box->lock);
    if (woken)
        weft__wait_wake(woken);
    free(letter);
}

static int try_receive_oldest(struct weft_mailbox *box, void *ret_message)
{
    int rc = 0;
    weft__latch_acquire(&box->lock);
    if (!box->receiving && !box->seen.first)
        weft__letters_move(&box->seen, &box->fresh);
    if (box->receiving)
        rc = -EBUSY;
    else if (!box->seen.first)
        rc = box->closed ? -EPIPE : -EAGAIN;
    if (rc)
        weft__latch_release(&box->lock);
    else
        take(box, &box->seen.first, ret_message);
    return rc;
}

/* Under the lock, by the receiver, who has rejected all that it has seen. 0: there is more
 * now; or -EPIPE, -ENOBUFS or -EAGAIN. */
static int look(struct weft_mailbox *box)
{
    if (box->fresh.first) {
        weft__letters_move(&box->seen, &box->fresh);
        return 0;
    }
    if (box->closed)
        return -EPIPE;
    return weft__mailbox_full(box) && !box->reserved ? -ENOBUFS : -EAGAIN; /* MAIL-4 */
}

/* As look(); -EAGAIN also after a wait, or why that was cut short. */
static int wait_for_more(struct weft_mailbox *box, struct weft__waiter *waiter)
{
    struct weft__wait_node node = { .number = 0 };
    weft__wait_node_begin(&node, waiter, "receive from mailbox", box);
    weft__latch_acquire(&box->lock);
    int rc = look(box);
    int ended = weft__wait_node_wait(&box->lock, &box->receivers, &node, rc == -EAGAIN);
    return rc == -EAGAIN && ended ? ended : rc;
}

/* More letters in `seen`. `waiter` NULL: it does not wait. 0 or an error. */
static int collect(struct weft_mailbox *box, struct weft__waiter *waiter)
{
    int rc = waiter ? weft__checkpoint(waiter) : 0; /* they may come for ever */
    if (rc)
        return rc;
    do {
        weft__latch_acquire(&box->lock);
        rc = look(box);
        weft__latch_release(&box->lock);
    } while (rc == -EAGAIN && waiter && (rc = wait_for_more(box, waiter)) == -EAGAIN);
    return rc;
}

static bool set_receiving(struct weft_mailbox *box)
{
    weft__latch_acquire(&box->lock);
    bool before = box->receiving;
    box->receiving = true; /* MAIL-1 */
    weft__latch_release(&box->lock);
    return !before;
}

/* By weft_exit(), in matches(): nothing was taken. */
static void stop_receiving(void *arg)
{
    struct weft_mailbox *box = arg;
    weft__latch_acquire(&box->lock);
    box->receiving = false;
    weft__latch_release(&box->lock);
}

/* MAIL-1: the letter that is wanted, if the outcome is 0. */
static int choose(struct weft_mailbox *box, const struct choice *choice,
                  struct weft__waiter *waiter, struct weft__letter ***ret_at)
{
    struct weft__letter **at = &box->seen.first;
    int rc = 0;
    while (rc == 0) {
        while (*at && !fits(choice, *at))
            at = &(*at)->next;
        if (*at)
            break;
        rc = collect(box, waiter);
    }
    *ret_at = at;
    return rc;
}

/* `waiter` NULL: it does not wait. */
static int receive(struct weft_mailbox *box, const struct choice *choice, void *ret_message,
                   struct weft__waiter *waiter)
{
    weft_cleanup cleanup;
    struct weft__letter **at;
    if (!set_receiving(box))
        return -EBUSY;
    weft_cleanup_push(&cleanup, stop_receiving, box);
    int rc = choose(box, choice, waiter, &at);
    weft_cleanup_pop(&cleanup, false);
    weft__latch_acquire(&box->lock);
    box->receiving = false;
    if (rc)
        weft__latch_release(&box->lock);
    else
        take(box, at, ret_message);
    return rc;
}

int weft_mailbox_receive(weft_mailbox *box, void *ret_message)
{
    const struct choice oldest = { 0 };
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    weft__spend(waiter);
    rc = try_receive_oldest(box, ret_message);
    return rc == -EAGAIN ? receive(box, &oldest, ret_message, waiter) : rc;
}

int weft_mailbox_receive_match(weft_mailbox *box, bool (*matches)(const void *, void *), void *arg,
                               void *ret_message)
{
    const struct choice choice = { matches, arg };
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    weft__spend(waiter);
    return receive(box, &choice, ret_message, waiter);
}

int weft_mailbox_try_receive(weft_mailbox *box, void *ret_message)
{
    return try_receive_oldest(box, ret_message);
}

int weft_mailbox_try_receive_match(weft_mailbox *box, bool (*matches)(const void *, void *),
                                   void *arg, void *ret_message)
{
    const struct choice choice = { matches, arg };
    return receive(box, &choice, ret_message, NULL);
}
