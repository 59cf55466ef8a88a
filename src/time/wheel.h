/* wheel.h - a hierarchical timing wheel: adding and removing are O(1).
 *
 * Time is counted in ticks of 2^10 ns (1.02 us), rounded up, so nothing fires
 * early. Level 0 has 64 slots of a tick, level 1 64 slots of 64 ticks, and so on:
 *
 *     level    0       1        2        3      4        5        6         7     8
 *     reach    66 us   4.2 ms   268 ms   17 s   18 min   19.5 h   52 days   9 y   584 y
 *
 * An entry lies on the lowest level whose current turn contains its tick: that
 * of the highest 6-bit digit in which the tick and `elapsed` differ. When the
 * wheel reaches a slot of a higher level its entries move down. Nine levels hold
 * every tick that an int64_t of nanoseconds has.
 *
 * WHEEL-1  elapsed <= tick(now), and no entry's tick is below `elapsed`.
 * WHEEL-2  A slot's bit in `occupied` is set exactly while the slot has entries.
 * WHEEL-3  The lowest level with an occupied slot holds the next entry due,
 *          since all of level n's turn ends before level n+1's next slot begins.
 *
 * No locks: a wheel belongs to the holder of its worker's seat. */
#ifndef WEFT_TIME_WHEEL_H
#define WEFT_TIME_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define WEFT__WHEEL_LEVELS 9
#define WEFT__WHEEL_SLOTS 64
#define WEFT__TICK_SHIFT 10

struct weft__wheel_entry {
    struct weft__list node;
    uint64_t tick;
    uint16_t level, slot;
};

struct weft__wheel {
    uint64_t elapsed;
    uint64_t occupied[WEFT__WHEEL_LEVELS];
    size_t count;
    struct weft__list slots[WEFT__WHEEL_LEVELS][WEFT__WHEEL_SLOTS];
};

void weft__wheel_init(struct weft__wheel *wheel, int64_t now);

/* Adds an entry for the point in time `when`; one that has passed is due at once. */
void weft__wheel_add(struct weft__wheel *wheel, struct weft__wheel_entry *entry, int64_t when);

/* Removes an entry that was added and has not come out. */
void weft__wheel_remove(struct weft__wheel *wheel, struct weft__wheel_entry *entry);

/* Whether an entry that was added once has neither come out nor been removed. */
static inline bool weft__wheel_holds(const struct weft__wheel_entry *entry)
{
    return !weft__list_empty(&entry->node);
}

/* Takes one entry that is due at `now`; NULL when none is (left). */
struct weft__wheel_entry *weft__wheel_expire(struct weft__wheel *wheel, int64_t now);

/* When weft__wheel_expire() will next have something to do: a time at which an
 * entry is due, or some time before it. INT64_MAX: no entries. */
int64_t weft__wheel_next(const struct weft__wheel *wheel);

/* Checks WHEEL-1 to WHEEL-3; for tests. */
bool weft__wheel_valid(const struct weft__wheel *wheel);

#endif
