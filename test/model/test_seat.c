/* seat.h: a carrier that comes and goes, and rescuers, who exclude each other by
 * the runtime's rescue lock, and one of whom may give the worker away. */
#include "base/atomic.h"
#include "os/barrier.h"
#include "suite.h"

/* What is broken on purpose: the heavy barrier is missing, the carrier does not
 * look whether somebody has its seat, or the monitor does not mark the seat of a
 * worker that it has given away. */
static enum { NOTHING, NO_BARRIER, NO_LOOK, NO_MARK } mutation;

#undef weft__barrier_heavy
#define weft__barrier_heavy() (mutation == NO_BARRIER ? (void)0 : model_heavy_barrier())

#include "lockfree/seat.h"

static struct weft__seat seat;
static _Atomic(uint32_t) rescue_lock;
static unsigned inside;  /* who is, a bit each */
static unsigned private; /* what the seat protects */
static unsigned added[3];
static bool given_away; /* the worker is another carrier's, which works at any moment */

static void reset(void)
{
    seat = (struct weft__seat){ 0 };
    rescue_lock = 0;
    inside = private = 0;
    given_away = false;
    for (int i = 0; i < 3; i++)
        added[i] = 0;
    model_name(seat.inside);
    model_name(seat.wanted);
    model_name(rescue_lock);
}

static void work(void)
{
    unsigned self = model_self(), before = private;
    model_assert(inside == 0, "SEAT-1");
    inside |= 1u << self;
    model_step();
    private = before + 1;
    added[self]++;
    inside &= ~(1u << self);
}

static void enter(void)
{
    if (mutation == NO_LOOK)
        weft__store(&seat.inside, weft__load(&seat.inside, relaxed) + 1, relaxed);
    else
        weft__seat_enter(&seat);
}

static void carrier(void)
{
    for (int i = 0; i < 2; i++) {
        enter();
        work();
        weft__seat_leave(&seat);
    }
}

static void nesting_carrier(void)
{
    enter();
    work();
    enter();
    work();
    weft__seat_leave(&seat);
    work();
    weft__seat_leave(&seat);
}

static void rescuer(void)
{
    uint32_t free = 0;
    if (!weft__cas(&rescue_lock, &free, 1, acquire, relaxed))
        return; /* as weft__rescue() */
    if (weft__seat_take(&seat)) {
        work();
        weft__seat_give_back(&seat);
    }
    weft__store(&rescue_lock, 0, release);
}

static void travelling_carrier(void)
{
    for (int i = 0; i < 3; i++) {
        if (!weft__seat_enter(&seat)) {
            model_assert(given_away, "SEAT-4");
            model_assert(!weft__seat_enter(&seat), "SEAT-4"); /* not before it has been home */
            weft__seat_come_home(&seat);
            given_away = false; /* it serves another worker, with this seat */
        }
        model_assert(!given_away, "SEAT-4");
        work();
        model_assert(!given_away, "SEAT-4");
        weft__seat_leave(&seat);
    }
}

static void giver(void)
{
    uint32_t free = 0;
    if (!weft__cas(&rescue_lock, &free, 1, acquire, relaxed))
        return;
    if (!given_away && weft__seat_take(&seat)) { /* else it is no worker's */
        work();
        given_away = true;
        if (mutation == NO_MARK)
            weft__seat_give_back(&seat);
        else
            weft__seat_hand_over(&seat);
    }
    weft__store(&rescue_lock, 0, release);
}

static void rescuer_twice(void)
{
    rescuer();
    rescuer();
}

static void nothing_is_lost(void)
{
    model_assert(private == added[0] + added[1] + added[2], "SEAT-2");
    model_assert(seat.inside == 0 && seat.wanted == 0, "SEAT-3");
}

static void nothing_is_lost_on_the_way(void)
{
    model_assert(private == added[0] + added[1], "SEAT-2");
    model_assert(seat.inside == 0, "SEAT-3");
    model_assert(seat.wanted == (given_away ? WEFT__SEAT_GONE : 0), "SEAT-4");
}

static const struct model model = { .setup = reset,
                                    .body = { carrier, rescuer, rescuer },
                                    .check = nothing_is_lost,
                                    .preemptions = 3 };

TEST(SEAT_1_carrier_and_rescuers_are_never_both_inside)
{
    mutation = NOTHING;
    model_check(&model);
}

TEST(SEAT_1_holds_for_a_carrier_that_nests)
{
    mutation = NOTHING;
    struct model nesting = model;
    nesting.body[0] = nesting_carrier;
    model_check(&nesting);
}

/* A carrier that would wait for a seat that nobody gives back is a deadlock. */
TEST(SEAT_3_the_carrier_waits_a_bounded_time)
{
    mutation = NOTHING;
    struct model often = model;
    often.body[1] = rescuer_twice;
    often.body[2] = NULL;
    often.preemptions = 4;
    model_check(&often);
}

TEST(SEAT_1_needs_its_barriers)
{
    mutation = NO_BARRIER;
    model_check_fails(&model, "SEAT-1");
    /* Nothing else would show it: the order of the code is right. */
    struct model sequential = model;
    sequential.sequential = true;
    model_check(&sequential);
}

TEST(SEAT_1_needs_the_carriers_look)
{
    mutation = NO_LOOK;
    model_check_fails(&model, "SEAT-1");
}

TEST(SEAT_4_a_carrier_without_a_worker_does_not_enter_before_it_has_been_home)
{
    mutation = NOTHING;
    struct model travelling = model;
    travelling.body[0] = travelling_carrier;
    travelling.body[1] = giver;
    travelling.body[2] = NULL;
    travelling.check = nothing_is_lost_on_the_way;
    travelling.preemptions = 4;
    model_check(&travelling);
    mutation = NO_MARK;
    travelling.check = NULL;
    model_check_fails(&travelling, "SEAT-4");
}
