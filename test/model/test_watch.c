/* hook/watch.c over io/fd.c: one task waits for two descriptors at once, whose events
 * come when they like. A lost event is a deadlock. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: the edges are those after the look; a wait that an event has ended
 * while it was being prepared is not waited out. */
static enum { NOTHING, LATE_EDGES, NO_PARK } mutation;

#include "world.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "weft/io.h"

#define HOOKS_WITHOUT_LOT
#include "hooks.h"
#include "suite.h"

#define close(fd) (model_fail("nobody closes"), (void)(fd), 0)
#include "io/fd.c"
#include "io/fd_close.c"
#undef close

#define weft__fd_enlist(entry, fd, side, edge, generation, node) \
    weft__fd_enlist(entry, fd, side, mutation == LATE_EDGES ? weft__fd_edge(entry, side) : (edge), \
                    generation, node)
#define weft__wait_drop(waiter, ticket) \
    (mutation == NO_PARK ? (void)weft__wait_abandon(waiter, ticket) \
                         : weft__wait_drop(waiter, ticket))
#include "hook/watch.c"

#define FD 100
#define COUNT 2

static struct {
    int bytes;
    bool registered, event;
    uint64_t key;
} kernel[COUNT];
static struct pollfd fds[COUNT];
static int wanted;
static bool over;

_Atomic(int64_t) weft__threads_outside;
void (*weft__on_event)(uint64_t key, unsigned what);
void (*weft__expect_event)(uint64_t key, int stage);

void weft__hooks_add(struct weft__hook *hook)
{
    (void)hook;
}

uint32_t weft__signals_handled(void)
{
    return 0;
}

bool weft__signals_restart(uint32_t handled)
{
    (void)handled;
    return true;
}

void weft_scope_enter(weft_scope *scope, int64_t deadline)
{
    (void)scope, (void)deadline;
}

bool weft_scope_leave(weft_scope *scope)
{
    (void)scope;
    return false;
}

int weft__checkpoint_slow(struct weft__waiter *waiter)
{
    (void)waiter;
    return 0;
}

struct weft__ended weft__scope_park(struct weft__waiter *waiter, int64_t until)
{
    return (struct weft__ended){ weft__wait_park(waiter, until), until };
}

int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended)
{
    (void)waiter;
    model_fail("no reason but an event: %d", (int)ended.reason);
}

int weft__poller_add(struct weft__poller *poller, int fd, uint64_t key)
{
    (void)poller;
    model_step();
    kernel[fd - FD].registered = true;
    kernel[fd - FD].key = key;
    kernel[fd - FD].event = kernel[fd - FD].bytes > 0;
    return 0;
}

void weft__poller_remove(struct weft__poller *poller, int fd)
{
    (void)poller;
    model_step();
    kernel[fd - FD].registered = false;
}

static void reset_all(void)
{
    reset_hooks(WORLD_THREADS);
    memset(kernel, 0, sizeof kernel);
    over = false;
    for (int i = 0; i < COUNT; i++) {
        struct weft__fd *entry = entry_of(FD + i, true);
        fds[i] = (struct pollfd){ .fd = FD + i, .events = POLLIN };
        memset(entry, 0, sizeof *entry);
        for (int side = 0; side < 2; side++) {
            weft__list_init(&entry->waiters[side]);
            entry->edge[side] = WEFT__FD_READY;
        }
        model_name(*entry);
    }
}

/* poll(2) without a timeout. */
static int look(void *unused, struct pollfd *copies)
{
    int ready = 0;
    (void)unused;
    (void)copies;
    for (int i = 0; i < COUNT; i++) {
        model_step();
        ready += kernel[i].bytes > 0;
    }
    return ready;
}

/* Takes a byte wherever there is one. */
static void watcher(void)
{
    for (int got = 0; got < wanted;) {
        model_assert(weft__watch(fds, COUNT, look, NULL, INT64_MAX, "poll") > 0, "watch");
        for (int i = 0; i < COUNT; i++) {
            if (kernel[i].bytes > 0) {
                kernel[i].bytes--;
                got++;
            }
        }
    }
    over = true;
}

static void send_to(int i)
{
    model_step();
    kernel[i].bytes++;
    kernel[i].event |= kernel[i].registered;
    model_note("data comes in at %d", i);
}

static void sender(void)
{
    for (int i = 0; i < wanted; i++)
        send_to((i + 1) % COUNT);
}

static bool event_or_over(void *unused)
{
    (void)unused;
    return kernel[0].event || kernel[1].event || over;
}

/* A carrier that polls. */
static void poller(void)
{
    struct weft__worker *worker = &workers[model_self()];
    while (!over) {
        model_wait(event_or_over, NULL);
        for (int i = 0; i < COUNT; i++) {
            bool event = kernel[i].event;
            kernel[i].event = false;
            weft__seat_enter(worker->seat);
            if (event)
                on_event(kernel[i].key, WEFT__EVENT_READ);
            weft__seat_leave(worker->seat);
        }
    }
}

static void no_wake_is_left(void)
{
    model_assert(runnable[0] == 0, "WAIT-5");
}

static struct model model = { .setup = reset_all,
                              .body = { watcher, sender, poller },
                              .check = no_wake_is_left };

TEST(no_event_of_many_descriptors_is_lost)
{
    wanted = 2;
    model_check(&model);
}

TEST(the_edges_are_read_before_the_look)
{
    wanted = 2;
    mutation = LATE_EDGES;
    model_check_fails(&model, "deadlock");
}

TEST(WAIT_5_an_event_that_comes_early_is_waited_out)
{
    wanted = 3; /* it has waited once: then both are registered */
    mutation = NO_PARK;
    model.preemptions = 3;
    model_check_fails(&model, "");
}
