#include <string.h>

#include "engine.h"

#define BUFFER 8 /* stores; a fuller one loses its oldest */
#define FORBIDDEN 16

struct store {
    volatile unsigned char *address;
    size_t size;
    unsigned char value[8];
};

static struct buffer {
    struct store stores[BUFFER]; /* oldest first */
    unsigned count;
} buffers[MODEL_THREADS];

/* A read-modify-write that the thread is about to do, or has just done. */
static struct store pending;

/* How often a thread has not seen a store that was under way. */
static int delays;

static struct {
    const volatile char *object;
    size_t size;
} forbidden[FORBIDDEN];
static unsigned forbidden_count;

void memory_reset(void)
{
    for (unsigned i = 0; i < MODEL_THREADS; i++)
        buffers[i].count = 0;
    pending.address = NULL;
    delays = 0;
    forbidden_count = 0;
}

void model_allow(const volatile void *object)
{
    for (unsigned i = 0; i < forbidden_count; i++)
        if (forbidden[i].object == object)
            forbidden[i--] = forbidden[--forbidden_count];
}

static void check_allowed(const volatile void *address)
{
    const volatile char *at = address;
    char name[80];
    for (unsigned i = 0; i < forbidden_count; i++)
        if (at >= forbidden[i].object && at < forbidden[i].object + forbidden[i].size)
            model_fail("use after release: %s", trace_name(address, name, sizeof name));
}

static void copy_in(volatile unsigned char *to, const unsigned char *from, size_t size)
{
    memcpy((void *)(uintptr_t)to, from, size); /* one OS thread: nobody looks meanwhile */
}

static bool overlap(const struct store *store, const volatile void *address, size_t size)
{
    const volatile unsigned char *at = address;
    return store->address < at + size && at < store->address + store->size;
}

/* Who releases an object knows that all are done with it. A store of another that is not
 * in memory yet would come after. */
static void check_done(const volatile void *object, size_t size)
{
    char name[80];
    for (unsigned other = 0; other < MODEL_THREADS; other++)
        for (unsigned i = 0; other != running_thread && i < buffers[other].count; i++)
            if (overlap(&buffers[other].stores[i], object, size))
                model_fail("use after release: %s, stored by T%u",
                           trace_name(buffers[other].stores[i].address, name, sizeof name), other);
}

void model_forbid(const volatile void *object, size_t size)
{
    check_done(object, size);
    if (forbidden_count == FORBIDDEN)
        model_fail("the model forbids too many objects");
    forbidden[forbidden_count].object = object;
    forbidden[forbidden_count++].size = size;
}

static void write_memory(volatile void *address, const void *value, size_t size)
{
    if (memcmp((const void *)(uintptr_t)address, value, size) == 0)
        return;
    copy_in(address, value, size);
    memory_changed();
}

static void pop(struct buffer *buffer)
{
    struct store store = buffer->stores[0];
    memmove(buffer->stores, buffer->stores + 1, --buffer->count * sizeof store);
    write_memory(store.address, store.value, store.size);
}

/* Lets stores of others to this address reach memory now, or later. As if there
 * were no buffers is choice number 0. */
static void choose_order(unsigned thread, const volatile void *address, size_t size)
{
    for (unsigned other = 0; other < MODEL_THREADS; other++) {
        struct buffer *buffer = &buffers[other];
        unsigned upto[BUFFER + 1], options = 0;
        for (unsigned i = buffer->count; other != thread && i > 0; i--)
            if (overlap(&buffer->stores[i - 1], address, size))
                upto[options++] = i;
        upto[options++] = 0;
        if (options == 1)
            continue;
        if (preemption_bound >= 0 && delays > preemption_bound)
            options = 1;
        unsigned choice = choose(CHOICE_VALUE, options), count = upto[choice];
        delays += choice != 0;
        if (count)
            trace("sees %u buffered store%s of T%u", count, count > 1 ? "s" : "", other);
        while (count-- > 0)
            pop(buffer);
    }
}

bool memory_has_buffered(unsigned thread, const volatile void *address)
{
    for (unsigned i = 0; address && i < buffers[thread].count; i++)
        if (overlap(&buffers[thread].stores[i], address, 1))
            return true;
    return false;
}

unsigned memory_buffered(unsigned thread)
{
    return buffers[thread].count;
}

void memory_flush_one(unsigned thread)
{
    struct store *store = &buffers[thread].stores[0];
    choose_order(thread, store->address, store->size);
    pop(&buffers[thread]);
}

void memory_drain(unsigned thread)
{
    while (buffers[thread].count)
        memory_flush_one(thread);
}

void memory_settle(void)
{
    if (!pending.address)
        return;
    const void *now = (const void *)(uintptr_t)pending.address;
    trace_access("rmw", pending.address, now, pending.size);
    if (memcmp(now, pending.value, pending.size) != 0)
        memory_changed();
    pending.address = NULL;
}

void model_forward(const volatile void *address, void *value, size_t size)
{
    if (running_thread == NOBODY)
        return;
    check_allowed(address);
    schedule_watch(address);
    struct buffer *own = &buffers[running_thread];
    bool known = false;
    for (unsigned i = 0; i < own->count; i++)
        known |= overlap(&own->stores[i], address, size);
    if (!known) {
        choose_order(running_thread, address, size);
        memcpy(value, (const void *)(uintptr_t)address, size);
    }
    for (unsigned i = 0; i < own->count; i++) {
        const struct store *store = &own->stores[i];
        for (size_t byte = 0; byte < store->size; byte++) {
            volatile unsigned char *at = store->address + byte;
            const volatile unsigned char *first = address;
            if (at >= first && at < first + size)
                ((unsigned char *)value)[at - first] = store->value[byte];
        }
    }
    trace_access("load", address, value, size);
}

void model_store(volatile void *address, const void *value, size_t size, bool seq_cst)
{
    if (running_thread == NOBODY) {
        copy_in(address, value, size);
        return;
    }
    memory_settle();
    check_allowed(address);
    struct buffer *own = &buffers[running_thread];
    if (seq_cst || model_running->sequential) {
        model_step();
        check_allowed(address);
        memory_drain(running_thread);
        choose_order(running_thread, address, size);
        trace_access("store", address, value, size);
        write_memory(address, value, size);
        return;
    }
    if (own->count == BUFFER) {
        model_step();
        if (own->count == BUFFER) /* nobody's heavy barrier came in between */
            memory_flush_one(running_thread);
    }
    /* Nobody sees it yet: no place for a switch. */
    struct store *store = &own->stores[own->count++];
    store->address = address;
    store->size = size;
    memcpy(store->value, value, size);
    trace_access("buffer", address, value, size);
}

void model_rmw(const volatile void *address, size_t size)
{
    model_step();
    if (running_thread == NOBODY)
        return;
    check_allowed(address);
    memory_drain(running_thread);
    choose_order(running_thread, address, size);
    pending.address = (volatile unsigned char *)(uintptr_t)address;
    pending.size = size;
    memcpy(pending.value, (const void *)(uintptr_t)address, size);
}

void model_fence(void)
{
    if (running_thread == NOBODY)
        return;
    model_step();
    trace("fence");
    memory_drain(running_thread);
}

void model_heavy_barrier(void)
{
    if (running_thread == NOBODY)
        return;
    model_step();
    trace("heavy barrier");
    for (unsigned i = 0; i < MODEL_THREADS; i++)
        memory_drain(i);
}
