/* Mailboxes: sending, and their ends. The protocol is at the head of mailbox.h. */
#include "sync/mailbox.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sched/spend.h"
#include "task/scope.h"

static struct weft__letter *make_letter(const struct weft_mailbox *box)
{
    return malloc(sizeof(struct weft__letter) + box->size);
}

void weft__mailbox_init(struct weft_mailbox *box)
{
    weft__store(&box->refs, 1, relaxed); /* nobody knows it yet */
    weft__letters_init(&box->fresh);
    weft__letters_init(&box->seen);
}

int weft_mailbox_create(size_t size, size_t capacity, weft_mailbox **ret_box)
{
    weft_mailbox *box = size <= PTRDIFF_MAX ? calloc(1, sizeof *box) : NULL;
    if (!box)
        return -ENOMEM;
    box->size = size;
    box->capacity = capacity ? capacity : WEFT_MAILBOX_CAPACITY;
    weft__mailbox_init(box);
    *ret_box = box;
    return 0;
}

void weft_mailbox_on_drop(weft_mailbox *box, void (*fn)(void *message, void *arg), void *arg)
{
    box->drop = fn;
    box->drop_arg = arg;
}

weft_mailbox *weft_mailbox_retain(weft_mailbox *box)
{
    weft__add(&box->refs, 1, relaxed); /* who calls has one */
    return box;
}

static void free_letters(struct weft__letter *letter)
{
    for (struct weft__letter *next; letter; letter = next) {
        next = letter->next;
        free(letter);
    }
}

void weft_mailbox_release(weft_mailbox *box)
{
    /* acq_rel: the last one sees what the others have done */
    if (!box || weft__add(&box->refs, (uint32_t)-1, acq_rel) != 1)
        return;
    free_letters(box->spare);
    free(box);
}

/* Sending. */

static struct weft__letter *take_spare(struct weft_mailbox *box)
{
    struct weft__letter *letter = box->spare;
    if (letter) {
        box->spare = letter->next;
        box->spares--;
    }
    return letter;
}

struct weft__letter *weft__mailbox_keep(struct weft_mailbox *box, struct weft__letter *letter)
{
    if (box->spares == WEFT__SPARE_LETTERS)
        return letter;
    letter->next = box->spare;
    box->spare = letter;
    box->spares++;
    return NULL;
}

static struct weft__waiter *claim_receiver(struct weft_mailbox *box)
{
    struct weft__wait_node *node = weft__wait_list_take(&box->receivers);
    return node ? node->waiter : NULL;
}

void weft__mailbox_post(struct weft_mailbox *box, struct weft__letter *letter,
                        struct weft__waiter **ret_wake)
{
    weft__letters_append(&box->fresh, letter);
    box->count++;
    box->sent++;
    *ret_wake = claim_receiver(box);
}

/* Under the lock: 0, -EPIPE, -EAGAIN (it is full), or -ENOMEM: there is no letter. `*spare`,
 * if there is one, is used up with 0. */
static int put(struct weft_mailbox *box, const void *message, struct weft__letter **spare,
               struct weft__waiter **ret_wake)
{
    *ret_wake = NULL;
    if (box->closed)
        return -EPIPE;
    if (weft__mailbox_full(box))
        return -EAGAIN;
    struct weft__letter *letter = *spare ? *spare : take_spare(box);
    if (!letter)
        return -ENOMEM;
    *spare = NULL;
    weft__mailbox_copy(box, letter->message, message);
    weft__mailbox_post(box, letter, ret_wake);
    return 0;
}

static void wake(struct weft__waiter *waiter)
{
    if (waiter)
        weft__wait_wake(waiter);
}

static int try_put(struct weft_mailbox *box, const void *message, struct weft__letter **spare)
{
    struct weft__waiter *woken;
    weft__latch_acquire(&box->lock);
    int rc = put(box, message, spare, &woken);
    weft__latch_release(&box->lock);
    wake(woken);
    return rc;
}

int weft_mailbox_try_send(weft_mailbox *box, const void *message)
{
    struct weft__letter *spare = NULL;
    int rc = try_put(box, message, &spare);
    if (weft__likely(rc != -ENOMEM) || !(spare = make_letter(box)))
        return rc;
    rc = try_put(box, message, &spare);
    free(spare);
    return rc;
}

/* 0, -EAGAIN or an error. */
static int wait_to_send(struct weft_mailbox *box, struct weft__mailbox_sender *sender,
                        struct weft__waiter *waiter)
{
    struct weft__letter *none = NULL;
    struct weft__waiter *woken;
    weft__wait_node_begin(&sender->wait, waiter, "send to mailbox", box);
    weft__latch_acquire(&box->lock);
    int rc = put(box, sender->message, &none, &woken);
    if (rc == -EAGAIN)
        weft__wait_list_enter(&box->senders, &sender->wait);
    weft__latch_release(&box->lock);
    if (rc == -EAGAIN) {
        rc = weft__wait_node_park(&box->lock, &sender->wait);
        return rc ? rc : sender->result;
    }
    wake(woken);
    weft__wait_node_drop(&sender->wait);
    return rc == -ENOMEM ? -EAGAIN : rc; /* there is room now */
}

int weft_mailbox_send(weft_mailbox *box, const void *message)
{
    struct weft__waiter *waiter = weft__waiter_self();
    int rc = waiter ? weft__checkpoint(waiter) : -ENOMEM;
    if (rc)
        return rc;
    weft__spend(waiter);
    struct weft__mailbox_sender sender = { .message = message };
    do {
        rc = weft_mailbox_try_send(box, message);
        if (rc == -EAGAIN)
            rc = wait_to_send(box, &sender, waiter);
    } while (rc == -EAGAIN);
    return rc;
}

/* Letters that were reserved. */

struct weft__letter *weft__mailbox_reserve(struct weft_mailbox *box)
{
    struct weft__letter *letter = make_letter(box);
    if (!letter)
        return NULL;
    weft_mailbox_retain(box);
    weft__latch_acquire(&box->lock);
    box->reserved++;
    weft__latch_release(&box->lock);
    return letter;
}

void weft__mailbox_send_reserved(struct weft_mailbox *box, struct weft__letter *letter)
{
    struct weft__waiter *woken = NULL;
    weft__latch_acquire(&box->lock);
    box->reserved--;
    if (!box->closed) {
        weft__mailbox_post(box, letter, &woken);
        letter = NULL;
    }
    weft__latch_release(&box->lock);
    wake(woken);
    free(letter);
    weft_mailbox_release(box);
}

void weft__mailbox_give_back(struct weft_mailbox *box, struct weft__letter *letter)
{
    weft__latch_acquire(&box->lock);
    box->reserved--;
    struct weft__waiter *woken = claim_receiver(box); /* MAIL-4: it may wait in vain now */
    weft__latch_release(&box->lock);
    wake(woken);
    free(letter);
    weft_mailbox_release(box);
}

/* The end. */

/* Under the lock. Returns whether it was closed before. */
static bool refuse_all(struct weft_mailbox *box, struct weft__wakes *wakes)
{
    bool before = box->closed;
    struct weft__wait_node *wait;
    box->closed = true;
    while ((wait = weft__wait_list_take(&box->senders))) {
        weft__container_of(wait, struct weft__mailbox_sender, wait)->result = -EPIPE;
        weft__wakes_add(wakes, wait->waiter);
    }
    weft__wakes_take_all(wakes, &box->receivers);
    return before;
}

int weft_mailbox_close(weft_mailbox *box)
{
    struct weft__wakes wakes;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&box->lock);
    bool before = refuse_all(box, &wakes);
    weft__latch_release(&box->lock);
    weft__wakes_carry_out(&wakes);
    return before ? -EALREADY : 0;
}

/* Under the lock: all letters, in order. */
static struct weft__letter *take_all(struct weft_mailbox *box, size_t *ret_count)
{
    weft__letters_move(&box->seen, &box->fresh);
    struct weft__letter *first = box->seen.first;
    weft__letters_init(&box->seen);
    *ret_count = box->count;
    box->dropped += box->count;
    box->count = 0;
    return first;
}

size_t weft_mailbox_destroy(weft_mailbox *box)
{
    struct weft__wakes wakes;
    size_t count;
    if (!box)
        return 0;
    weft__wakes_init(&wakes);
    weft__latch_acquire(&box->lock);
    if (box->receiving)
        weft__panic("weft_mailbox_destroy: somebody receives");
    refuse_all(box, &wakes);
    struct weft__letter *letters = take_all(box, &count);
    weft__latch_release(&box->lock);
    weft__wakes_carry_out(&wakes);
    for (struct weft__letter *letter = letters; letter && box->drop; letter = letter->next)
        box->drop(letter->message, box->drop_arg);
    free_letters(letters);
    weft_mailbox_release(box);
    return count;
}

void weft_mailbox_look(weft_mailbox *box, weft_mailbox_info *ret_info)
{
    weft__latch_acquire(&box->lock);
    *ret_info = (weft_mailbox_info){
        .count = box->count,
        .capacity = box->capacity,
        .senders = weft__load(&box->senders.count, relaxed),
        .closed = box->closed,
        .sent = box->sent,
        .received = box->received,
        .dropped = box->dropped,
    };
    weft__latch_release(&box->lock);
}
