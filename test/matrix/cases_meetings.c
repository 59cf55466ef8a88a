/* What takes two: channels, events, futures, barriers, wait groups, and select over them. */
#include "matrix.h"

#include <errno.h>
#include <pthread.h>
#include <weft.h>

#define FIRST 1
#define VALUE 42

/* Channels, which have room for one element. */

static weft_channel *channel;

static void open_channel(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_channel_create(sizeof(int), 1, &channel), 0);
}

static void close_channel(struct stage *stage)
{
    (void)stage;
    weft_channel_destroy(channel);
}

static void put(int value)
{
    ck_assert_int_eq(weft_channel_try_send(channel, &value), 0);
}

/* What is in it; 0: nothing. */
static int take(void)
{
    int value = 0;
    int rc = weft_channel_try_receive(channel, &value);
    ck_assert(rc == 0 || rc == -EAGAIN);
    return rc == 0 ? value : 0;
}

static void fill(struct stage *stage)
{
    (void)stage;
    put(FIRST);
}

static void make_room(struct stage *stage)
{
    int value = take();
    EXPECT(stage, value == FIRST, "the first element is %d", value);
}

static long call_send(struct stage *stage)
{
    (void)stage;
    return weft_channel_send(channel, &(int){ VALUE });
}

static void settle_sent(struct stage *stage, long rc)
{
    int value = take();
    EXPECT(stage, value == (rc < 0 ? 0 : VALUE), "it returned %ld, and %d was sent", rc, value);
    EXPECT(stage, weft_channel_count(channel) == 0, "and more");
}

const struct operation case_weft_channel_send = { .name = "weft_channel_send",
                                                  .open = open_channel,
                                                  .arm = fill,
                                                  .call = call_send,
                                                  .event = make_room,
                                                  .settle = settle_sent,
                                                  .close = close_channel };

static void send_value(struct stage *stage)
{
    (void)stage;
    put(VALUE);
}

static long call_receive(struct stage *stage)
{
    int value = 0;
    int rc = weft_channel_receive(channel, &value);
    EXPECT(stage, rc < 0 || value == VALUE, "it received %d", value);
    return rc;
}

static void settle_received(struct stage *stage, long rc)
{
    int left = take();
    EXPECT(stage, left == (rc < 0 ? VALUE : 0), "it returned %ld, and %d is left", rc, left);
}

const struct operation case_weft_channel_receive = { .name = "weft_channel_receive",
                                                     .open = open_channel,
                                                     .call = call_receive,
                                                     .event = send_value,
                                                     .settle = settle_received,
                                                     .close = close_channel };

/* The other cases never happen. */
static long call_select(struct stage *stage)
{
    static weft_event never = WEFT_EVENT_INIT;
    int value = 0;
    weft_case cases[] = { weft_case_event(&never), weft_case_receive(channel, &value),
                          weft_case_timer(WEFT_NEVER) };
    int rc = weft_select(cases, 3);
    EXPECT(stage, rc < 0 || (rc == 1 && cases[1].result == 0 && value == VALUE),
           "it chose %d, with %d", rc, value);
    return rc;
}

const struct operation case_weft_select = { .name = "weft_select",
                                            .open = open_channel,
                                            .call = call_select,
                                            .event = send_value,
                                            .settle = settle_received,
                                            .close = close_channel };

/* Events. Who has waited has seen what came before. */

static weft_event event = WEFT_EVENT_INIT;

static void clear(struct stage *stage)
{
    atomic_store(&stage->done, false);
    weft_event_clear(&event);
}

static void set(struct stage *stage)
{
    atomic_store(&stage->done, true);
    weft_event_set(&event);
}

static long expect_done(struct stage *stage, int rc)
{
    EXPECT(stage, rc < 0 || atomic_load(&stage->done), "it has not happened");
    return rc;
}

static long call_event_wait(struct stage *stage)
{
    return expect_done(stage, weft_event_wait(&event));
}

static void settle_event(struct stage *stage, long rc)
{
    EXPECT(stage, weft_event_is_set(&event), "it returned %ld, and is clear", rc);
}

const struct operation case_weft_event_wait = { .name = "weft_event_wait",
                                                .arm = clear,
                                                .call = call_event_wait,
                                                .event = set,
                                                .settle = settle_event };

/* Futures. */

static weft_future *future;

static void make_future(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_future_create(&future), 0);
}

static void set_future(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_future_set(future, VALUE), 0);
}

static long call_future_wait(struct stage *stage)
{
    intptr_t value = 0;
    int rc = weft_future_wait(future, &value);
    EXPECT(stage, value == (rc < 0 ? 0 : VALUE), "it returned %d, with %ld", rc, (long)value);
    return rc;
}

static void settle_future(struct stage *stage, long rc)
{
    intptr_t value = 0;
    int found = weft_future_try(future, &value);
    EXPECT(stage, found == 0 && value == VALUE, "it returned %ld, and then %d, with %ld", rc, found,
           (long)value);
    weft_future_release(future);
}

const struct operation case_weft_future_wait = { .name = "weft_future_wait",
                                                 .arm = make_future,
                                                 .call = call_future_wait,
                                                 .event = set_future,
                                                 .settle = settle_future };

/* Several futures, of which one is there. */

static weft_future *some[2];

static void make_some(struct stage *stage)
{
    make_future(stage);
    some[0] = NULL;
    some[1] = future;
}

static long call_wait_futures(struct stage *stage)
{
    long rc = weft_wait_futures(some, 2, WEFT_UNTIL_FIRST);
    EXPECT(stage, rc < 0 || rc == 1, "%ld are done", rc);
    return rc;
}

static long call_gather_futures(struct stage *stage)
{
    intptr_t values[2] = { 1, 1 };
    size_t failed = 0;
    int rc = weft_gather_futures(some, 2, values, &failed);
    EXPECT(stage, failed == 2, "number %zu has failed", failed);
    EXPECT(stage, rc < 0 || (values[0] == 0 && values[1] == VALUE), "it gave %ld and %ld",
           (long)values[0], (long)values[1]);
    return rc;
}

static long call_next_future(struct stage *stage)
{
    weft_future *next = NULL;
    size_t index = 9;
    int rc = weft_next_future(some, 2, &index, &next);
    EXPECT(stage, rc < 0 || (index == 1 && next == future), "it took number %zu", index);
    EXPECT(stage, (rc == 0) == !some[1], "the array after %d", rc);
    return rc;
}

#define WAITING_FOR_SOME(function, how) \
    const struct operation case_##function = { .name = #function, \
                                               .arm = make_some, \
                                               .call = how, \
                                               .event = set_future, \
                                               .settle = settle_future }

WAITING_FOR_SOME(weft_wait_futures, call_wait_futures);
WAITING_FOR_SOME(weft_gather_futures, call_gather_futures);

/* It is taken out of the array. */
const struct operation case_weft_next_future = { .name = "weft_next_future",
                                                 .arm = make_some,
                                                 .call = call_next_future,
                                                 .event = set_future,
                                                 .settle = settle_future,
                                                 .once = true };

/* Wait groups. */

static weft_wait_group group = WEFT_WAIT_GROUP_INIT;

static void add_one(struct stage *stage)
{
    atomic_store(&stage->done, false);
    weft_wait_group_add(&group, 1);
}

static void end_one(struct stage *stage)
{
    atomic_store(&stage->done, true);
    ck_assert_int_eq(weft_wait_group_done(&group), 0);
}

static long call_wait_group(struct stage *stage)
{
    return expect_done(stage, weft_wait_group_wait(&group));
}

static void settle_wait_group(struct stage *stage, long rc)
{
    int found = weft_wait_group_done(&group);
    EXPECT(stage, found == -EPERM, "it returned %ld, and something is under way", rc);
}

const struct operation case_weft_wait_group_wait = { .name = "weft_wait_group_wait",
                                                     .arm = add_one,
                                                     .call = call_wait_group,
                                                     .event = end_one,
                                                     .settle = settle_wait_group };

/* Barriers. The event is that a thread comes. If the call was cut short, it has not come,
 * and the thread still waits for the second one. */

static weft_barrier barrier = WEFT_BARRIER_INIT(2);
static pthread_t party;

static void *run_party(void *arg)
{
    struct stage *stage = arg;
    stage->results[0] = weft_barrier_wait(&barrier);
    return NULL;
}

static void come(struct stage *stage)
{
    ck_assert_int_eq(pthread_create(&party, NULL, run_party, stage), 0);
}

static long call_barrier_wait(struct stage *stage)
{
    (void)stage;
    return weft_barrier_wait(&barrier);
}

static void settle_barrier(struct stage *stage, long rc)
{
    int ours = rc < 0 ? weft_barrier_wait(&barrier) : (int)rc;
    pthread_join(party, NULL);
    int theirs = stage->results[0];
    EXPECT(stage, ours + theirs == 1 && ours * theirs == 0, "%d and %d after %ld", ours, theirs,
           rc);
}

const struct operation case_weft_barrier_wait = {
    .name = "weft_barrier_wait", .call = call_barrier_wait, .event = come, .settle = settle_barrier
};
