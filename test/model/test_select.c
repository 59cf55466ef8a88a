/* sync/select.c and case.c: of several cases one happens, and it is known which; nothing
 * that the others had to give is lost. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: who enters a list does not look whether he can go on. */
static enum { NOTHING, NO_LOOK } mutation;

#include "world.h"

#include <sched.h>

#include "suite.h"

#include "burial.h"
#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "base/random.h"
#include "sync/select.h"

#define sched_yield() model_spin()
#include "sched/bury.c"
#include "task/join.c"

#include "sync/channel.c"
#include "sync/heap.c"

#define wait_once wait_for_event
#include "sync/event.c"
#undef wait_once

#define weft__wait_list_has_others(list, self) \
    (mutation != NO_LOOK && weft__wait_list_has_others(list, self))
#include "sync/case.c"
#undef weft__wait_list_has_others

/* Each order of two cases is tried. */
#define weft__random_below(state, count) ((void)(state), model_choose(2) * ((count)-1))
#include "sync/select.c"

bool weft__future_enlist(weft_future *future, struct weft__wait_node *node)
{
    (void)future, (void)node;
    model_fail("no futures here");
}

static int no_descriptor(weft_case *item)
{
    (void)item;
    model_fail("no descriptors here");
}

static int no_list(weft_case *item, struct weft__waiter *waiter, uint64_t ticket)
{
    (void)waiter, (void)ticket;
    return no_descriptor(item);
}

static bool no_way_back(weft_case *item)
{
    return no_descriptor(item);
}

const struct weft__case_kind weft__case_descriptor = { no_descriptor, no_list, no_way_back };
const struct weft__case_kind weft__case_put = { no_descriptor, no_list, no_way_back };
const struct weft__case_kind weft__case_get = { no_descriptor, no_list, no_way_back };
const struct weft__case_kind weft__case_mailbox = { no_descriptor, no_list, no_way_back };
const struct weft__case_kind weft__case_semaphore = { no_descriptor, no_list, no_way_back };

static struct weft_channel left, right;
static uint64_t rings[2];
static weft_event event;
static int chosen[2];

static void prepare_channel(weft_channel *channel, uint64_t *ring)
{
    memset(channel, 0, sizeof *channel);
    channel->size = sizeof *ring;
    channel->ring = (char *)ring;
}

static void reset(void)
{
    world_reset(WORLD_THREADS);
    victims_reset();
    prepare_channel(&left, &rings[0]);
    prepare_channel(&right, &rings[1]);
    memset(&event, 0, sizeof event);
    memset(chosen, -1, sizeof chosen);
    model_name(left);
    model_name(right);
    model_name(event);
}

static void reset_with_room(void)
{
    reset();
    left.room = right.room = 1;
}

static const uint64_t one = 1, two = 2;

static void send_left(void)
{
    model_assert(weft_channel_send(&left, &one) == 0, "SELECT-3");
}

static void send_right(void)
{
    model_assert(weft_channel_send(&right, &two) == 0, "SELECT-3");
}

static void receive(weft_channel *channel, uint64_t expected)
{
    uint64_t element = 99;
    model_assert(weft_channel_receive(channel, &element) == 0, "CHAN-2");
    model_assert(element == expected, "CHAN-2");
}

static void receive_left(void)
{
    receive(&left, 1);
}

/* What is left is where it was: only one has happened. */
static void receive_other(int i, uint64_t element)
{
    model_assert(element == (i == 0 ? 1 : 2), "SELECT-3");
    receive(i == 0 ? &right : &left, i == 0 ? 2 : 1);
}

static void receive_either(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_receive(&left, &element), weft_case_receive(&right, &element) };
    element = 99;
    int i = weft_select(cases, 2);
    model_assert((i == 0 || i == 1) && cases[i].result == 0, "SELECT-1");
    receive_other(i, element);
}

static void receive_either_as_thread(void)
{
    plain[model_self()] = true;
    receive_either();
}

static void nothing_is_left(void)
{
    for (int i = 0; i < WORLD_THREADS; i++)
        model_assert(runnable[i] == 0, "WAIT-2");
    model_assert(left.count == 0 && left.receivers.count == 0 && left.senders.count == 0,
                 "SELECT-3");
    model_assert(right.count == 0 && right.receivers.count == 0 && right.senders.count == 0,
                 "SELECT-3");
    model_assert(weft__event_of(&event)->waiters.count == 0, "SELECT-3");
}

static struct model receive_model = { .setup = reset,
                                      .body = { receive_either, send_left, send_right },
                                      .check = nothing_is_left,
                                      .preemptions = 1 };

TEST(SELECT_1_to_3_a_task_receives_from_one_of_two)
{
    model_check(&receive_model);
}

TEST(SELECT_1_to_3_a_plain_thread_receives_from_one_of_two)
{
    receive_model.body[0] = receive_either_as_thread;
    model_check(&receive_model);
}

TEST(SELECT_1_to_3_with_room)
{
    receive_model.setup = reset_with_room;
    model_check(&receive_model);
}

/* Two who meet in each other's channels, which they look at in the same order or not. */
static int meet(weft_case *cases)
{
    int i = weft_select(cases, 2);
    model_assert((i == 0 || i == 1) && cases[i].result == 0, "SELECT-1");
    return i;
}

static void send_left_or_receive_right(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_send(&left, &one), weft_case_receive(&right, &element) };
    element = 99;
    chosen[0] = meet(cases);
    model_assert(element == (chosen[0] == 0 ? 99 : 2), "SELECT-3");
}

static void receive_left_or_send_right(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_receive(&left, &element), weft_case_send(&right, &two) };
    element = 99;
    chosen[1] = meet(cases);
    model_assert(element == (chosen[1] == 0 ? 1 : 99), "SELECT-3");
}

static void send_right_or_receive_left(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_send(&right, &two), weft_case_receive(&left, &element) };
    element = 99;
    chosen[1] = 1 - meet(cases);
    model_assert(element == (chosen[1] == 0 ? 1 : 99), "SELECT-3");
}

static void receive_left_or_send_right_as_thread(void)
{
    plain[model_self()] = true;
    receive_left_or_send_right();
}

static void they_have_met(void)
{
    model_assert(chosen[0] == chosen[1], "SELECT-2");
    nothing_is_left();
}

/* Two who keep in step drop their waits again and again. At random about every other
 * round of 250 steps ends it: 3,000 are passed once in 10,000 executions, these never. */
static struct model meeting = { .setup = reset,
                                .body = { send_left_or_receive_right, receive_left_or_send_right },
                                .check = they_have_met,
                                .steps = 20000 };

TEST(SELECT_2_two_selectors_meet)
{
    model_check(&meeting);
}

TEST(SELECT_2_two_selectors_meet_from_opposite_ends)
{
    meeting.body[1] = send_right_or_receive_left;
    model_check(&meeting);
}

TEST(SELECT_2_a_task_and_a_thread_meet)
{
    meeting.body[1] = receive_left_or_send_right_as_thread;
    model_check(&meeting);
}

/* An event and an element, of which one is left. */
static void set(void)
{
    weft_event_set(&event);
}

static void take_either(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_event(&event), weft_case_receive(&left, &element) };
    element = 99;
    int i = weft_select(cases, 2);
    model_assert((i == 0 || i == 1) && cases[i].result == 0, "SELECT-1");
    if (i == 0)
        receive(&left, 1);
    else
        model_assert(element == 1 && weft_event_wait(&event) == 0, "SELECT-3");
    model_forbid(&event, sizeof event); /* EVENT-2 */
}

static void take_either_as_thread(void)
{
    plain[model_self()] = true;
    take_either();
}

static struct model with_event = { .setup = reset,
                                   .body = { take_either, send_left, set },
                                   .check = nothing_is_left,
                                   .preemptions = 1 };

TEST(SELECT_3_an_event_or_an_element)
{
    model_check(&with_event);
}

TEST(SELECT_3_an_event_or_an_element_for_a_plain_thread)
{
    with_event.body[0] = take_either_as_thread;
    model_check(&with_event);
}

/* Cut short, nothing has happened; else it is whole. */
static void receive_for_a_while(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_receive(&left, &element), weft_case_receive(&right, &element) };
    element = 99;
    begin_way();
    int i = weft_select(cases, 2);
    bool cut = end_way(i);
    model_assert(element == (cut ? 99 : 1), "SELECT-4");
    if (cut)
        receive(&left, 1);
}

static void send_for_a_while(void)
{
    weft_case cases[] = { weft_case_send(&left, &one), weft_case_send(&right, &two) };
    begin_way();
    int i = weft_select(cases, 2);
    model_assert(i <= 0, "SELECT-4");
    if (end_way(i))
        send_left();
}

static void await_event_for_a_while(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_event(&event), weft_case_receive(&left, &element) };
    begin_way();
    int i = weft_select(cases, 2);
    model_assert(i <= 0, "SELECT-4");
    if (end_way(i))
        model_assert(weft_event_wait(&event) == 0, "EVENT-1");
    model_forbid(&event, sizeof event);
}

static struct model giving_up = { .setup = reset,
                                  .body = { receive_for_a_while, send_left, cut_short },
                                  .check = nothing_is_left,
                                  .preemptions = 1 };

TEST(SELECT_4_a_receiver_gives_up)
{
    check_each_way(&giving_up);
}

TEST(SELECT_4_a_sender_gives_up)
{
    giving_up.body[0] = send_for_a_while;
    giving_up.body[1] = receive_left;
    check_each_way(&giving_up);
}

TEST(SELECT_4_one_who_waits_for_an_event_gives_up)
{
    giving_up.body[0] = await_event_for_a_while;
    giving_up.body[1] = set;
    check_each_way(&giving_up);
}

/* The end of a task: it stays, and may be joined. */
static void ender(void)
{
    end_victim(1);
}

static void join_victim(void)
{
    int result = 0;
    model_assert(weft_join(&victims[1], &result) == 0 && result == result_of(1), "JOIN-1");
}

static void await_task_or_element(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_task(&victims[1]), weft_case_receive(&left, &element) };
    element = 99;
    int i = weft_select(cases, 2);
    wait_for_something_else(weft__waiter_self());
    model_assert((i == 0 || i == 1) && cases[i].result == 0, "SELECT-1");
    model_assert(element == (i == 0 ? 99 : 1), "SELECT-3");
    join_victim();
    if (i == 0)
        receive(&left, 1);
}

static void await_task_or_element_as_thread(void)
{
    plain[model_self()] = true;
    await_task_or_element();
}

static void await_task_for_a_while(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_task(&victims[1]), weft_case_receive(&left, &element) };
    begin_way();
    int i = weft_select(cases, 2);
    model_assert(i <= 0, "SELECT-4");
    end_way(i);
    join_victim();
}

static struct model with_task = { .setup = reset,
                                  .body = { await_task_or_element, ender, send_left },
                                  .check = nothing_is_left,
                                  .preemptions = 1 };

TEST(SELECT_3_the_end_of_a_task_or_an_element)
{
    model_check(&with_task);
}

TEST(SELECT_3_the_end_of_a_task_or_an_element_for_a_plain_thread)
{
    with_task.body[0] = await_task_or_element_as_thread;
    model_check(&with_task);
}

TEST(SELECT_4_one_who_waits_for_a_task_gives_up)
{
    with_task.body[0] = await_task_for_a_while;
    with_task.body[2] = cut_short;
    check_each_way(&with_task);
}

/* The clock. */
static void receive_or_time_out(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_receive(&left, &element), weft_case_timer(1) };
    element = 99;
    plain[0] = is_threads_way();
    int i = weft_select(cases, 2);
    world_over = true;
    model_assert((i == 0 || i == 1) && cases[i].result == 0, "SELECT-1");
    model_assert(element == (i == 0 ? 1 : 99), "SELECT-3");
    if (i == 1)
        receive(&left, 1);
}

static void clock_thread(void)
{
    if (!is_threads_way())
        world_fire_timer(0, WEFT__DEADLINE);
}

static struct model with_timer = { .setup = reset,
                                   .body = { receive_or_time_out, send_left, clock_thread },
                                   .check = nothing_is_left,
                                   .preemptions = 1 };

TEST(SELECT_3_a_timer_or_an_element)
{
    check_ways(&with_timer, TASKS_DEADLINE);
}

/* A channel that is closed is a case that can go on, and says so. */
static void close_right(void)
{
    weft_channel_close(&right);
}

static void receive_until_closed(void)
{
    static uint64_t element;
    weft_case cases[] = { weft_case_receive(&left, &element), weft_case_receive(&right, &element) };
    element = 99;
    int i = weft_select(cases, 2);
    model_assert(i == 0 || i == 1, "SELECT-1");
    model_assert(cases[i].result == (i == 0 ? 0 : -EPIPE), "SELECT-3");
    model_assert(element == (i == 0 ? 1 : 99), "SELECT-3");
    if (i == 1)
        receive(&left, 1);
}

static void receive_until_closed_as_thread(void)
{
    plain[model_self()] = true;
    receive_until_closed();
}

TEST(SELECT_3_a_closed_channel_or_an_element)
{
    receive_model.body[0] = receive_until_closed;
    receive_model.body[2] = close_right;
    model_check(&receive_model);
}

TEST(SELECT_3_a_closed_channel_or_an_element_for_a_plain_thread)
{
    receive_model.body[0] = receive_until_closed_as_thread;
    receive_model.body[2] = close_right;
    model_check(&receive_model);
}

TEST(SELECT_2_needs_the_look_under_the_lock)
{
    mutation = NO_LOOK;
    model_check_fails(&meeting, "deadlock");
}

TEST(SELECT_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    way = THREADS_DEADLINE;
    model_check_fails(&giving_up, "SELECT-4");
}

TEST(SELECT_3_needs_the_wake_by_an_event)
{
    queue_mutation = NO_QUEUE_3;
    way = THREADS_DEADLINE;
    giving_up.body[0] = await_event_for_a_while;
    giving_up.body[1] = set;
    model_check_fails(&giving_up, "use after release: event");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "");
}
