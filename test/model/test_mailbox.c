/* sync/mailbox.c and mailbox_receive.c: messages against choosing, deadlines and the end. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: a sender who has given up has sent all the same; the receiver does not
 * look again before it waits. */
static enum { NOTHING, NO_CLAIM, NO_LOOK } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "sched/wait.c"
#include "sched/wakes.c"

static bool claim(struct weft__waiter *waiter, uint64_t ticket, enum weft__wait_state reason)
{
    return weft__wait_claim(waiter, ticket, reason) || mutation == NO_CLAIM;
}

#define weft__wait_claim claim
#include "sync/wait_queue.c"
#undef weft__wait_claim

/* Others may come while a message is copied. Letters are the model's, and never freed. */
#define memcpy(to, from, size) (model_step(), memcpy(to, from, size))
#define free(pointer) ((void)(pointer))
#include "sync/mailbox.c"
#include "weft/cleanup.h"

/* Nobody leaves by weft_exit(). */
void weft_cleanup_push(weft_cleanup *cleanup, void (*fn)(void *arg), void *arg)
{
    (void)cleanup, (void)fn, (void)arg;
}

void weft_cleanup_pop(weft_cleanup *cleanup, bool run)
{
    (void)cleanup, (void)run;
}

/* Of wait_for_more(): what it would have seen is as it was. */
static int begin_and_wait(struct weft__latch *lock, struct weft__wait_list *list,
                          struct weft__wait_node *node, bool waits)
{
    return weft__wait_node_wait(lock, list, node, waits || mutation == NO_LOOK);
}

#define weft__wait_node_wait begin_and_wait
#include "sync/mailbox_receive.c"
#undef weft__wait_node_wait
#undef free
#undef memcpy

#define LETTERS 6

static struct weft_mailbox box;
static struct {
    WEFT_ALIGNED(16) char bytes[sizeof(struct weft__letter) + 16];
} letters[LETTERS];
static int sent, received, dropped, refused;

static void note_dropped(void *message, void *unused)
{
    (void)unused;
    dropped += (int)*(uint64_t *)message;
}

static void reset(void)
{
    world_reset(3);
    memset(&box, 0, sizeof box);
    box.size = sizeof(uint64_t);
    box.capacity = 2;
    weft__mailbox_init(&box);
    weft_mailbox_retain(&box); /* of a sender */
    weft_mailbox_on_drop(&box, note_dropped, NULL);
    for (int i = 0; i < LETTERS; i++)
        weft__mailbox_keep(&box, (struct weft__letter *)(void *)&letters[i]);
    sent = received = dropped = refused = 0;
    model_name(box);
}

static void reset_with_room_for_one(void)
{
    reset();
    box.capacity = 1;
}

static void send_number(uint64_t number)
{
    int rc = weft_mailbox_send(&box, &number);
    if (rc == 0)
        sent += (int)number;
    else
        refused += (int)number;
    model_assert(rc == 0 || rc == -EPIPE || rc == -ETIMEDOUT, "MAIL-2");
}

static void send_two(void)
{
    send_number(1);
    send_number(2);
}

static void send_two_and_close(void)
{
    send_two();
    weft_mailbox_close(&box);
}

static void send_four(void)
{
    send_number(4);
}

static void send_four_for_a_while(void)
{
    plain[model_self()] = true;
    world_be_patient();
    send_number(4);
}

static void receive_all(void)
{
    uint64_t number, before = 0;
    int rc;
    while ((rc = weft_mailbox_receive(&box, &number)) == 0) {
        model_assert(number > before, "MAIL-3");
        before = number;
        received += (int)number;
    }
    model_assert(rc == -EPIPE, "MAIL-2");
}

static void receive_all_as_thread(void)
{
    plain[model_self()] = true;
    receive_all();
}

static bool is_two(const void *message, void *unused)
{
    (void)unused;
    model_step(); /* without the lock: MAIL-1 */
    return *(const uint64_t *)message == 2;
}

/* The second one first; both are there in the end. */
static void receive_two_first(void)
{
    uint64_t number;
    if (weft_mailbox_receive_match(&box, is_two, NULL, &number) == 0) {
        model_assert(number == 2, "MAIL-1");
        received += 2;
    }
    receive_all();
}

static void receive_one_and_destroy(void)
{
    uint64_t number;
    if (weft_mailbox_receive(&box, &number) == 0)
        received += (int)number;
    weft_mailbox_destroy(&box);
}

static void receive_one_for_a_while_and_destroy(void)
{
    plain[model_self()] = true;
    world_be_patient();
    receive_one_and_destroy();
}

static void receive_all_beside(void)
{
    uint64_t number;
    int rc;
    do {
        rc = weft_mailbox_receive(&box, &number);
        if (rc == 0)
            received += (int)number;
        else if (rc == -EBUSY)
            weft__spin_hint();
    } while (rc != -EPIPE);
}

/* A second one is told that there is another, or is the only one at the time. */
static void peek_for_two(void)
{
    uint64_t number;
    int rc = weft_mailbox_try_receive_match(&box, is_two, NULL, &number);
    if (rc == 0)
        received += (int)number;
}

static void nothing_is_lost(void)
{
    model_assert(sent == received + dropped, "MAIL-2");
    model_assert(box.count == 0 && !box.receiving && box.sent == box.received + box.dropped,
                 "MAIL-2");
    model_assert(box.receivers.count == 0 && box.senders.count == 0, "MAIL-3");
}

static struct model model = { .setup = reset,
                              .body = { send_two_and_close, receive_all },
                              .check = nothing_is_lost };

TEST(MAIL_1_to_3_one_sender)
{
    model_check(&model);
}

TEST(MAIL_3_a_full_box)
{
    model.setup = reset_with_room_for_one;
    model_check(&model);
}

TEST(MAIL_3_a_plain_thread_receives)
{
    model.setup = reset_with_room_for_one;
    model.body[1] = receive_all_as_thread;
    model_check(&model);
}

TEST(MAIL_1_the_receiver_chooses)
{
    model.body[1] = receive_two_first;
    model_check(&model);
}

TEST(MAIL_2_the_owner_goes_in_traffic)
{
    model.setup = reset_with_room_for_one;
    model.body[0] = send_two;
    model.body[1] = receive_one_and_destroy;
    model.body[2] = send_four;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

TEST(MAIL_2_senders_and_the_receiver_give_up)
{
    model.setup = reset_with_room_for_one;
    model.body[0] = send_two;
    model.body[1] = receive_one_for_a_while_and_destroy;
    model.body[2] = send_four_for_a_while;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

TEST(MAIL_1_a_second_receiver)
{
    model.body[1] = receive_all_beside;
    model.body[2] = peek_for_two;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

TEST(QUEUE_2_needs_the_claim)
{
    mutation = NO_CLAIM;
    model.setup = reset_with_room_for_one;
    model.body[0] = send_two;
    model.body[1] = receive_one_for_a_while_and_destroy;
    model.body[2] = send_four_for_a_while;
    model_check_fails(&model, "");
}

TEST(MAIL_3_needs_the_look_under_the_lock)
{
    mutation = NO_LOOK;
    model_check_fails(&model, "");
}
