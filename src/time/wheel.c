#include "time/wheel.h"

#include "base/assert.h"

#define DIGIT 6
#define MASK (WEFT__WHEEL_SLOTS - 1)

static uint64_t tick_at(int64_t now)
{
    return (uint64_t)now >> WEFT__TICK_SHIFT;
}

static uint64_t tick_after(int64_t when)
{
    uint64_t grain = (uint64_t)1 << WEFT__TICK_SHIFT;
    return ((uint64_t)when + grain - 1) >> WEFT__TICK_SHIFT;
}

void weft__wheel_init(struct weft__wheel *wheel, int64_t now)
{
    wheel->elapsed = tick_at(now);
    wheel->count = 0;
    for (int level = 0; level < WEFT__WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (int slot = 0; slot < WEFT__WHEEL_SLOTS; slot++)
            weft__list_init(&wheel->slots[level][slot]);
    }
}

static void place(struct weft__wheel *wheel, struct weft__wheel_entry *entry)
{
    uint64_t tick = entry->tick;
    int digits = 63 - __builtin_clzll((tick ^ wheel->elapsed) | MASK);
    entry->level = (uint16_t)(digits / DIGIT);
    entry->slot = (uint16_t)((tick >> (DIGIT * entry->level)) & MASK);
    weft__list_append(&wheel->slots[entry->level][entry->slot], &entry->node);
    wheel->occupied[entry->level] |= (uint64_t)1 << entry->slot;
}

void weft__wheel_add(struct weft__wheel *wheel, struct weft__wheel_entry *entry, int64_t when)
{
    uint64_t tick = when > 0 ? tick_after(when) : 0;
    entry->tick = tick > wheel->elapsed ? tick : wheel->elapsed;
    place(wheel, entry);
    wheel->count++;
}

static struct weft__wheel_entry *entry_of(struct weft__list *node)
{
    return weft__container_of(node, struct weft__wheel_entry, node);
}

static void take_out(struct weft__wheel *wheel, struct weft__wheel_entry *entry)
{
    weft__list_remove(&entry->node);
    if (weft__list_empty(&wheel->slots[entry->level][entry->slot]))
        wheel->occupied[entry->level] &= ~((uint64_t)1 << entry->slot);
}

void weft__wheel_remove(struct weft__wheel *wheel, struct weft__wheel_entry *entry)
{
    take_out(wheel, entry);
    wheel->count--;
}

/* The first tick of the next occupied slot, and where that is; false: none. */
static bool next_slot(const struct weft__wheel *wheel, int *ret_level, int *ret_slot,
                      uint64_t *ret_tick)
{
    for (int level = 0; level < WEFT__WHEEL_LEVELS; level++) {
        if (!wheel->occupied[level])
            continue; /* WHEEL-3 */
        int shift = DIGIT * level;
        int slot = __builtin_ctzll(wheel->occupied[level]);
        uint64_t turn = wheel->elapsed >> shift >> DIGIT << DIGIT << shift;
        uint64_t tick = turn | (uint64_t)slot << shift;
        *ret_level = level;
        *ret_slot = slot;
        *ret_tick = tick > wheel->elapsed ? tick : wheel->elapsed;
        return true;
    }
    return false;
}

struct weft__wheel_entry *weft__wheel_expire(struct weft__wheel *wheel, int64_t now)
{
    uint64_t present = tick_at(now), tick;
    int level, slot;
    while (next_slot(wheel, &level, &slot, &tick) && tick <= present) {
        wheel->elapsed = tick;
        struct weft__list *entries = &wheel->slots[level][slot];
        if (level == 0) {
            struct weft__wheel_entry *entry = entry_of(entries->next);
            weft__wheel_remove(wheel, entry);
            return entry;
        }
        /* All of them at once: one that stayed would wait behind those that moved. */
        while (!weft__list_empty(entries)) {
            struct weft__wheel_entry *entry = entry_of(entries->next);
            take_out(wheel, entry);
            place(wheel, entry);
        }
    }
    if (present > wheel->elapsed)
        wheel->elapsed = present;
    return NULL;
}

int64_t weft__wheel_next(const struct weft__wheel *wheel)
{
    int level, slot;
    uint64_t tick;
    if (!next_slot(wheel, &level, &slot, &tick))
        return INT64_MAX;
    return tick < (uint64_t)INT64_MAX >> WEFT__TICK_SHIFT ? (int64_t)(tick << WEFT__TICK_SHIFT)
                                                          : INT64_MAX;
}

bool weft__wheel_valid(const struct weft__wheel *wheel)
{
    size_t count = 0;
    for (int level = 0; level < WEFT__WHEEL_LEVELS; level++) {
        for (int slot = 0; slot < WEFT__WHEEL_SLOTS; slot++) {
            const struct weft__list *list = &wheel->slots[level][slot];
            bool occupied = wheel->occupied[level] >> slot & 1;
            if (occupied == weft__list_empty(list))
                return false;
            for (const struct weft__list *node = list->next; node != list; node = node->next) {
                const struct weft__wheel_entry *entry =
                    weft__container_of(node, const struct weft__wheel_entry, node);
                if (entry->tick < wheel->elapsed || entry->level != level || entry->slot != slot)
                    return false;
                count++;
            }
        }
    }
    return count == wheel->count;
}
