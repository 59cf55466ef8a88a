#include "sched/poll.h"

#include "time/clock.h"

void (*weft__on_event)(uint64_t key, unsigned what);
void (*weft__expect_event)(uint64_t key, int stage);

static void expect(struct weft__poller *poller, int count)
{
    for (int stage = 0; stage < 2; stage++) {
        for (int i = 0; i < count; i++) {
            struct weft__event event = weft__poller_event(poller, i);
            if (event.what && event.what != WEFT__EVENT_RING)
                weft__expect_event(event.key, stage);
        }
    }
}

static void hand_on(struct weft__worker *owner, struct weft__event event)
{
    if (event.what == WEFT__EVENT_RING)
        weft__ring_reap(&owner->ring);
    else
        weft__on_event(event.key, event.what);
}

bool weft__poll(struct weft__worker *worker, struct weft__worker *owner, int64_t timeout)
{
    int count = weft__poller_wait(&owner->poller, timeout);
    int64_t now = weft__clock_now();
    owner->ticked = owner->polled = now;
    weft__store(&worker->now, now, relaxed);
    weft__bump(&worker->polls, 1);
    bool something = false;
    if (count > 1)
        expect(&owner->poller, count);
    for (int i = 0; i < count; i++) {
        struct weft__event event = weft__poller_event(&owner->poller, i);
        if (!event.what)
            continue;
        hand_on(owner, event);
        weft__bump(&worker->events, 1);
        something = true;
    }
    worker->round = weft__load(&worker->switches, relaxed) + weft__queue_count(&worker->ready);
    return something;
}
