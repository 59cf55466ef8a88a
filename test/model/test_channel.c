/* sync/channel.c: elements against deadlines and closing; and room that is made meanwhile. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static uint32_t leans_after = 1u << 30;
#define WEFT__LATCH_LEANS_AFTER leans_after

#include "base/atomic.h"

#include "world.h"

#include "suite.h"

#include "scopes.h"

#include "waiting.h"

#include "sync/channel.h"

#define RINGS 6

static struct weft_channel channel;
static uint64_t ring[2], rings[RINGS][8];
static unsigned rings_used;

/* Others run meanwhile, and use the channel: CHAN-4. Never freed: a failing execution does
 * not come back. */
static void *make_memory(size_t bytes)
{
    weft__latch_acquire(&channel.lock);
    weft__latch_release(&channel.lock);
    model_assert(rings_used < RINGS && bytes <= sizeof *rings, "CHAN-4");
    return rings[rings_used++];
}

#define malloc make_memory
#define free(memory) ((void)(memory))
#include "sync/channel.c"
#include "sync/heap.c"
#undef malloc
#undef free

static int sent, received, sum, refused;

static void reset(void)
{
    world_reset(3);
    memset(&channel, 0, sizeof channel);
    channel.size = sizeof *ring;
    channel.ring = (char *)ring;
    sent = received = sum = refused = 0;
    model_name(channel);
}

static void reset_with_room(void)
{
    reset();
    channel.room = 1;
}

static void note_received(int rc, uint64_t element)
{
    if (rc == 0) {
        model_assert(element == 1 || element == 2, "CHAN-2");
        received++;
        sum += (int)element;
    } else {
        model_assert(rc == -EPIPE || rc == -ETIMEDOUT, "CHAN-2");
    }
}

static void send_two(void)
{
    for (uint64_t n = 1; n <= 2; n++) {
        if (weft_channel_send(&channel, &n) == 0)
            sent += (int)n;
    }
}

static void send_two_and_close(void)
{
    send_two();
    weft_channel_close(&channel);
}

static void receive_all(void)
{
    uint64_t element = 99;
    int rc;
    do {
        element = 99;
        rc = weft_channel_receive(&channel, &element);
        note_received(rc, element);
    } while (rc != -EPIPE);
}

static void receive_all_as_thread(void)
{
    plain[model_self()] = true;
    receive_all();
}

static void receive_one_for_a_while(void)
{
    plain[model_self()] = true;
    world_be_patient();
    uint64_t element = 99;
    int rc = weft_channel_receive(&channel, &element);
    note_received(rc, element);
}

static void nothing_is_lost(void)
{
    model_assert(sum == sent && sent == 3, "CHAN-2");
    model_assert(channel.count == 0 && channel.receivers.count == 0 && channel.senders.count == 0,
                 "CHAN-1");
}

static struct model model = { .setup = reset,
                              .body = { send_two_and_close, receive_all },
                              .check = nothing_is_lost };

TEST(CHAN_1_and_2_without_room)
{
    model_check(&model);
}

TEST(CHAN_1_to_3_with_room_for_one)
{
    model.setup = reset_with_room;
    model_check(&model);
}

TEST(CHAN_1_and_2_a_plain_thread_receives)
{
    model.body[1] = receive_all_as_thread;
    model_check(&model);
}

TEST(CHAN_2_a_receiver_gives_up)
{
    model.body[2] = receive_one_for_a_while;
    model.preemptions = 1;
    model.random = 20000;
    model_check(&model);
}

/* It leans after each operation of a task's that has had the latch. */
TEST(CHAN_1_to_3_while_the_latch_leans)
{
    leans_after = 1;
    model_check(&model);
    model.setup = reset_with_room;
    model_check(&model);
    model.body[1] = receive_all_as_thread;
    model_check(&model);
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    model.body[2] = receive_one_for_a_while;
    model_check_fails(&model, "");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    model.body[1] = receive_all_as_thread;
    model_check_fails(&model, "");
    leans_after = 1;
    model_check_fails(&model, "");
}

static void reset_without_bound(void)
{
    reset_with_room();
    channel.unbounded = true;
    rings_used = 0;
}

static void send_from(uint64_t first)
{
    for (uint64_t n = first; n < first + 2; n++)
        model_assert(weft_channel_send(&channel, &n) == 0, "CHAN-4");
}

static void send_tens(void)
{
    send_from(10);
}

static void send_twenties(void)
{
    send_from(20);
}

/* Each sender's in order. */
static void receive_four(void)
{
    for (int i = 0; i < 4; i++) {
        static uint64_t last[3];
        uint64_t element = 0;
        model_assert(weft_channel_receive(&channel, &element) == 0, "CHAN-4");
        model_assert(element / 10 == 1 || element / 10 == 2, "CHAN-4");
        if (i == 0)
            memset(last, 0, sizeof last);
        model_assert(element % 10 == last[element / 10]++, "CHAN-3");
    }
}

static void all_have_come(void)
{
    model_assert(channel.count == 0 && channel.receivers.count == 0, "CHAN-4");
}

static struct model growing = { .setup = reset_without_bound,
                                .body = { send_tens, send_twenties, receive_four },
                                .check = all_have_come,
                                .preemptions = 1,
                                .random = 20000 };

TEST(CHAN_4_room_is_made_outside_of_the_lock)
{
    model_check(&growing);
}
