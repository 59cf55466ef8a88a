/* io/fd.c and io/operation.c: a reader against events that come when they like.
 * The kernel of this model has one socket: it makes an event when data comes in,
 * and one when a registered socket has data already. */
#include <stdbool.h>
#include <stddef.h>

#include "base/atomic.h"

/* Broken on purpose: READY is cleared without comparing; a waiter enters the list
 * whatever has been counted. */
static enum { NOTHING, BLIND_CLEAR, NO_RECHECK } mutation;

#include "world.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"
#include "weft/io.h"

#include "sched/wait.c"

static int close_socket(int fd);
#define close(fd) close_socket(fd)
#include "io/fd.c"
#include "io/fd_close.c"

#undef weft__cas
#define weft__cas(p, expected, v, success, failure) \
    (weft__model_rmw(p), mutation == BLIND_CLEAR ? (atomic_store(p, v), true) \
                                                 : atomic_compare_exchange_strong(p, expected, v))
#define weft__fd_wait(entry, fd, side_, edge, generation, waiter, what) \
    weft__fd_wait(entry, fd, side_, \
                  mutation == NO_RECHECK ? weft__load(&(entry)->edge[side_], relaxed) : (edge), \
                  generation, waiter, what)
#include "io/operation.c"

#define FD 100
#define TOTAL 2

static struct {
    int bytes;
    bool open, registered, event;
    uint64_t key;
} kernel;
static int got[WORLD_THREADS], wanted, readers;
static bool tcp;

_Atomic(int64_t) weft__threads_outside;

void (*weft__on_event)(uint64_t key, unsigned what);
void (*weft__expect_event)(uint64_t key, int stage);

/* For descriptors that epoll refuses; none here. */
int weft_sleep(int64_t duration)
{
    (void)duration;
    return 0;
}

void weft__hooks_add(struct weft__hook *hook)
{
    (void)hook;
}

void weft__pass(struct weft_task *self)
{
    (void)self;
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

int64_t weft__scope_deadline(struct weft__waiter *waiter)
{
    (void)waiter;
    return INT64_MAX;
}

int weft__scope_error(struct weft__waiter *waiter, struct weft__ended ended)
{
    (void)waiter;
    model_fail("EDGE: no reason but an event: %d", (int)ended.reason);
}

int weft__poller_add(struct weft__poller *poller, int fd, uint64_t key)
{
    (void)poller;
    model_step();
    model_assert(fd == FD && !kernel.registered, "EDGE-5");
    kernel.registered = true;
    kernel.key = key;
    kernel.event = kernel.bytes > 0;
    return kernel.open ? 0 : -EBADF;
}

void weft__poller_remove(struct weft__poller *poller, int fd)
{
    (void)poller, (void)fd;
    model_step();
    kernel.registered = false;
}

static int close_socket(int fd)
{
    model_step();
    model_assert(fd == FD && kernel.open, "EDGE-5");
    kernel.open = kernel.registered = false;
    return 0;
}

static ssize_t attempt(int fd, struct weft__operation *operation)
{
    (void)fd;
    model_step();
    if (!kernel.open)
        return -EBADF;
    int n = kernel.bytes < (int)operation->size ? kernel.bytes : (int)operation->size;
    kernel.bytes -= n;
    model_note("reads %d", n);
    return n ? n : -EAGAIN;
}

static void reset_world(void)
{
    world_reset(WORLD_THREADS);
    memset(&kernel, 0, sizeof kernel);
    memset(got, 0, sizeof got);
    kernel.open = true;
    for (unsigned i = 0; i < WORLD_THREADS; i++)
        carriers[i].budget = WEFT__BUDGET;
    struct weft__fd *entry = entry_of(FD, true);
    memset(entry, 0, sizeof *entry);
    for (int side = 0; side < 2; side++) {
        weft__list_init(&entry->waiters[side]);
        entry->edge[side] = WEFT__FD_READY;
    }
    weft__fd_adopt(FD, tcp);
    model_name(*entry);
    model_name(entry->lock);
    model_name(entry->generation);
    model_name(entry->flags);
    model_name(entry->edge[0]);
}

static ssize_t read_some(void)
{
    struct weft__operation op = { .attempt = attempt,
                                  .what = "read",
                                  .side = WEFT__READ,
                                  .wanted = tcp ? 4 : 0,
                                  .size = tcp ? 4 : 1 };
    return weft__operate(FD, &op);
}

static void reader(void)
{
    while (got[model_self()] < wanted) {
        ssize_t n = read_some();
        model_assert(n > 0, "EDGE-1");
        got[model_self()] += (int)n;
    }
    readers--;
}

static void sender(void)
{
    for (int i = 0; i < TOTAL; i++) {
        model_step();
        kernel.bytes++;
        kernel.event |= kernel.registered;
        model_note("data comes in");
    }
}

static bool event_or_over(void *arg)
{
    (void)arg;
    return kernel.event || readers == 0;
}

/* A carrier that polls. */
static void poller(void)
{
    struct weft__worker *worker = &workers[model_self()];
    while (readers) {
        model_wait(event_or_over, NULL);
        bool event = kernel.event;
        uint64_t key = kernel.key;
        kernel.event = false;
        weft__seat_enter(worker->seat);
        if (event)
            on_event(key, WEFT__EVENT_READ);
        weft__seat_leave(worker->seat);
    }
}

static void one_reader(void)
{
    reset_world();
    wanted = TOTAL;
    readers = 1;
}

static void two_readers(void)
{
    reset_world();
    wanted = 1;
    readers = 2;
}

static void all_read(void)
{
    model_assert(kernel.bytes == 0, "EDGE-2");
}

static struct model model = {
    .setup = one_reader, .body = { reader, sender, poller }, .check = all_read, .preemptions = 3
};

/* A lost event is a deadlock: the reader waits and nobody will come. */
TEST(EDGE_2_and_3_no_event_is_lost)
{
    model_check(&model);
}

TEST(EDGE_3_two_readers_wait_for_one_side)
{
    model.setup = two_readers;
    model.body[3] = reader;
    model.preemptions = 2;
    model_check(&model);
}

TEST(EDGE_4_a_short_read_of_a_tcp_socket_has_emptied_it)
{
    tcp = true;
    model_check(&model);
}

/* The reader sees what was sent, or that its descriptor is closed; the number is
 * opened again meanwhile. */
static void reader_of_closed(void)
{
    ssize_t n = read_some();
    model_assert(n == 1 || n == -EBADF, "EDGE-5");
    readers--;
}

static void sender_and_closer(void)
{
    model_step();
    kernel.bytes++;
    kernel.event |= kernel.registered;
    weft_close(FD);
}

TEST(EDGE_5_closing_wakes_who_waits)
{
    model.body[0] = reader_of_closed;
    model.body[1] = sender_and_closer;
    model.check = NULL;
    model_check(&model);
}

TEST(EDGE_2_needs_the_exchange)
{
    mutation = BLIND_CLEAR;
    model_check_fails(&model, "deadlock");
}

TEST(EDGE_3_needs_the_recheck)
{
    mutation = NO_RECHECK;
    model_check_fails(&model, "deadlock");
}
