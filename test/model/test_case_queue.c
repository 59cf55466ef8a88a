/* sync/case_queue.c and semaphore.c under select: a message or a permit is taken, and what is
 * not chosen stays where it is. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who enters the list of a mailbox does not see what is in it. */
static enum { NOTHING, NO_LOOK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "base/random.h"
#include "sync/case.h"
#include "weft/cleanup.h"

/* Letters are the model's, and never freed. */
#define free(pointer) ((void)(pointer))
#include "sync/mailbox.c"

/* Nobody leaves by weft_exit(). */
void weft_cleanup_push(weft_cleanup *cleanup, void (*fn)(void *arg), void *arg)
{
    (void)cleanup, (void)fn, (void)arg;
}

void weft_cleanup_pop(weft_cleanup *cleanup, bool run)
{
    (void)cleanup, (void)run;
}

#define look look_for_more
#define take take_letter
#include "sync/mailbox_receive.c"
#undef look
#undef take
#undef free

#define take take_permit
#define attempt attempt_permit
#define wait_once wait_for_permit
#include "sync/semaphore.c"
#undef take
#undef attempt
#undef wait_once

#define weft__case_mailbox sound_case
#include "sync/case_queue.c"
#undef weft__case_mailbox

static int enlist_or_not_look(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    weft_mailbox *box = item->weft__object;
    if (mutation != NO_LOOK)
        return enlist_mailbox(item, waiter, ticket);
    weft__latch_acquire(&box->lock);
    box->receiving = true;
    weft__wait_list_enter(&box->receivers, weft__case_prepare(item, waiter, ticket));
    weft__latch_release(&box->lock);
    return 0;
}

const struct weft__case_kind weft__case_mailbox = { attempt_mailbox, enlist_or_not_look,
                                                    delist_mailbox };

/* The kinds that are not checked here. */

static int no_attempt(weft_case *item)
{
    (void)item;
    model_fail("nothing of the kind here");
}

static int no_list(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    (void)waiter, (void)ticket;
    return no_attempt(item);
}

static bool no_way_back(weft_case *item)
{
    return no_attempt(item);
}

const struct weft__case_kind weft__case_send = { no_attempt, no_list, no_way_back };
const struct weft__case_kind weft__case_receive = { no_attempt, no_list, no_way_back };
const struct weft__case_kind weft__case_event = { no_attempt, no_list, no_way_back };
const struct weft__case_kind weft__case_future = { no_attempt, no_list, no_way_back };
const struct weft__case_kind weft__case_task = { no_attempt, no_list, no_way_back };
const struct weft__case_kind weft__case_descriptor = { no_attempt, no_list, no_way_back };

void weft__case_begin(weft_case *item)
{
    weft__case_wait(item)->number = 0;
}

int weft__case_enlist_channel(weft_case *item, weft_channel *channel, struct weft__waiter *waiter,
                              uint64_t ticket, bool sends)
{
    (void)item, (void)channel, (void)waiter, (void)ticket, (void)sends;
    model_fail("no queues here");
}

bool weft__case_delist_channel(weft_case *item, weft_channel *channel)
{
    (void)item, (void)channel;
    model_fail("no queues here");
}

weft_channel *weft__queue_channel(weft_queue *queue)
{
    (void)queue;
    model_fail("no queues here");
}

int weft_queue_try_put(weft_queue *queue, const void *element)
{
    (void)queue, (void)element;
    model_fail("no queues here");
}

int weft_queue_try_get(weft_queue *queue, void *ret_element)
{
    (void)queue, (void)ret_element;
    model_fail("no queues here");
}

/* Each order of two cases is tried. */
#define weft__random_below(state, count) ((void)(state), model_choose(2) * ((count)-1))
#include "sync/select.c"

static struct weft_mailbox box;
static WEFT_ALIGNED(16) char letter[sizeof(struct weft__letter) + 16];
static weft_sem sem;

static void reset(void)
{
    world_reset(WORLD_THREADS);
    memset(&box, 0, sizeof box);
    box.size = sizeof(uint64_t);
    box.capacity = 1;
    weft__mailbox_init(&box);
    weft__mailbox_keep(&box, (struct weft__letter *)(void *)&letter);
    weft_sem_init(&sem, 0);
    model_name(box);
    model_name(sem);
}

static void send(void)
{
    uint64_t message = 1;
    model_assert(weft_mailbox_send(&box, &message) == 0, "MAIL-2");
}

static void post(void)
{
    model_assert(weft_sem_post(&sem) == 0, "SEM-1");
}

static void receive_message(void)
{
    uint64_t message = 99;
    model_assert(weft_mailbox_receive(&box, &message) == 0 && message == 1, "MAIL-5");
}

static void wait_for_permit_again(void)
{
    model_assert(weft_sem_wait(&sem) == 0, "SEM-1");
}

static void nothing_is_left(void)
{
    model_assert(!box.receiving && box.count == 0 && box.receivers.count == 0, "MAIL-5");
    model_assert(weft_sem_value(&sem) == 0, "SELECT-3");
    model_assert(weft__wait_list_empty(&inner(&sem)->waiters), "SELECT-3");
}

static void take_either(void)
{
    static uint64_t message;
    weft_case cases[] = { weft_case_mailbox(&box, &message), weft_case_semaphore(&sem) };
    message = 99;
    int i = weft_select(cases, 2);
    model_assert((i == 0 || i == 1) && cases[i].result == 0, "SELECT-1");
    model_assert(message == (i == 0 ? 1 : 99), "SELECT-3");
    if (i == 0)
        wait_for_permit_again();
    else
        receive_message();
}

static void take_either_as_thread(void)
{
    plain[model_self()] = true;
    take_either();
}

static struct model both = {
    .setup = reset, .body = { take_either, send, post }, .check = nothing_is_left, .preemptions = 1
};

TEST(MAIL_5_a_message_or_a_permit)
{
    model_check(&both);
}

TEST(MAIL_5_a_message_or_a_permit_for_a_plain_thread)
{
    both.body[0] = take_either_as_thread;
    model_check(&both);
}

/* No permit ever comes. */
static void take_message(void)
{
    static uint64_t message;
    weft_case cases[] = { weft_case_mailbox(&box, &message), weft_case_semaphore(&sem) };
    model_assert(weft_select(cases, 2) == 0 && message == 1, "MAIL-5");
}

static struct model patient = { .setup = reset,
                                .body = { take_message, send },
                                .check = nothing_is_left };

TEST(MAIL_5_a_message_is_not_missed)
{
    model_check(&patient);
}

/* Cut short, nothing has happened. */
static void receive_for_a_while(void)
{
    static uint64_t message;
    weft_case cases[] = { weft_case_mailbox(&box, &message), weft_case_semaphore(&sem) };
    message = 99;
    begin_way();
    int i = weft_select(cases, 2);
    model_assert(i <= 0, "SELECT-4");
    bool cut = end_way(i);
    model_assert(message == (cut ? 99 : 1), "SELECT-4");
    if (cut)
        receive_message();
}

static void take_permit_for_a_while(void)
{
    static uint64_t message;
    weft_case cases[] = { weft_case_semaphore(&sem), weft_case_mailbox(&box, &message) };
    begin_way();
    int i = weft_select(cases, 2);
    model_assert(i <= 0, "SELECT-4");
    if (end_way(i))
        wait_for_permit_again();
}

static struct model giving_up = { .setup = reset,
                                  .body = { receive_for_a_while, send, cut_short },
                                  .check = nothing_is_left,
                                  .preemptions = 1 };

TEST(SELECT_4_a_receiver_gives_up)
{
    check_each_way(&giving_up);
}

TEST(SELECT_4_one_who_waits_for_a_permit_gives_up)
{
    giving_up.body[0] = take_permit_for_a_while;
    giving_up.body[1] = post;
    check_each_way(&giving_up);
}

TEST(MAIL_5_needs_the_look_under_the_lock)
{
    mutation = NO_LOOK;
    model_check_fails(&patient, "deadlock");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    giving_up.body[0] = take_permit_for_a_while;
    giving_up.body[1] = post;
    model_check_fails(&giving_up, "");
}
