/* Cases of queues and mailboxes. */
#include <errno.h>

#include "sync/case.h"
#include "sync/mailbox.h"
#include "sync/queue.h"

/* Queues: those who wait are their channels'. */

static int attempt_put(weft_case *item)
{
    int rc = weft_queue_try_put(item->weft__object, item->weft__element);
    item->result = rc;
    return rc == -EAGAIN ? rc : 0;
}

static int attempt_get(weft_case *item)
{
    int rc = weft_queue_try_get(item->weft__object, item->weft__element);
    item->result = rc;
    return rc == -EAGAIN ? rc : 0;
}

static int enlist_put(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    weft_channel *channel = weft__queue_channel(item->weft__object);
    return weft__case_enlist_channel(item, channel, waiter, ticket, true);
}

static int enlist_get(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    weft_channel *channel = weft__queue_channel(item->weft__object);
    return weft__case_enlist_channel(item, channel, waiter, ticket, false);
}

static bool delist_queue(weft_case *item)
{
    return weft__case_delist_channel(item, weft__queue_channel(item->weft__object));
}

const struct weft__case_kind weft__case_put = { attempt_put, enlist_put, delist_queue };
const struct weft__case_kind weft__case_get = { attempt_get, enlist_get, delist_queue };

/* Mailboxes: MAIL-5. A message that has come stays until it is found (SELECT-3). */

static int attempt_mailbox(weft_case *item)
{
    int rc = weft_mailbox_try_receive(item->weft__object, item->weft__element);
    item->result = rc;
    return rc == -EAGAIN || rc == -EBUSY ? rc : 0;
}

/* Under the lock. */
static int look(const weft_mailbox *box)
{
    if (box->receiving)
        return -EBUSY;
    return box->seen.first || box->fresh.first || box->closed ? -EAGAIN : 0;
}

static int enlist_mailbox(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    weft_mailbox *box = item->weft__object;
    struct weft__wait_node *node = weft__case_prepare(item, waiter, ticket);
    weft__latch_acquire(&box->lock);
    int rc = look(box);
    if (rc == 0) {
        box->receiving = true;
        weft__wait_list_enter(&box->receivers, node);
    }
    weft__latch_release(&box->lock);
    return rc;
}

static bool delist_mailbox(weft_case *item)
{
    weft_mailbox *box = item->weft__object;
    weft__latch_acquire(&box->lock);
    weft__wait_list_remove(weft__case_wait(item));
    box->receiving = false;
    weft__latch_release(&box->lock);
    return false;
}

const struct weft__case_kind weft__case_mailbox = { attempt_mailbox, enlist_mailbox,
                                                    delist_mailbox };
