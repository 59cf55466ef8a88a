/* fd.h - what weft knows of each descriptor.
 *
 * A table, indexed by descriptor, of type-stable entries. A descriptor is set up
 * on first use (non-blocking mode, its kind) and registered with one worker's
 * poller when somebody first has to wait for it, edge-triggered, until it is
 * closed. When its tasks have come to live on another worker the registration
 * follows them there: else that worker would for ever take its work from the
 * first one's hands.
 *
 * Each direction has an edge word: a count of events << 1 | READY.
 *
 * EDGE-1  READY means: trying may succeed. It is set at first, and by every
 *         event, which also counts.
 * EDGE-2  It is cleared only by a compare-and-swap from the word that was read
 *         before the attempt that found nothing: an event that came in between
 *         makes the exchange fail. And only for registered descriptors: others
 *         get no events.
 * EDGE-3  A waiter enters the list under the entry's lock, if no event has been
 *         counted since the word that its attempt was based on. Events count and
 *         empty the list under the same lock. So no event is lost.
 * EDGE-4  A TCP read that got less than it asked for has emptied the socket: what
 *         comes later makes an event. So READY is cleared without another system
 *         call, unless the entry saw a HANGUP (end of stream, urgent data).
 * EDGE-5  `generation` counts closings. Waiters and events of an earlier one are
 *         stale; events carry it in their key.
 * EDGE-6  Who lets somebody else close or replace a number forgets before and refreshes
 *         after. In between the number is the old file's still, and whoever uses it
 *         may register that, or find out its kind, under the new generation. To
 *         refresh takes all of this back: the registration, the flags and, by a count
 *         of both edges, what is just being found out (weft__fd_learn) or tried
 *         (EDGE-2, EDGE-3). The generation stays, so who waits, perhaps for the new
 *         file already, just tries again; a number that weft has given out in between has
 *         another generation, and is left alone. (Where a duplicate keeps the old file open
 *         its registration cannot be taken back by a number that is another's: it makes
 *         events without a cause.) */
#ifndef WEFT_IO_FD_H
#define WEFT_IO_FD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/list.h"
#include "os/lock.h"
#include "sched/wait.h"

struct msghdr;

enum weft__side { WEFT__READ, WEFT__WRITE };

enum weft__fd_flags {
    WEFT__FD_SET_UP = 1,
    WEFT__FD_TCP = 2,        /* EDGE-4 holds */
    WEFT__FD_REGISTERED = 4, /* with `poller` */
    WEFT__FD_HANGUP = 8,
    WEFT__FD_NO_EVENTS = 16, /* epoll does not take it: always ready */
    WEFT__FD_SOCKET = 32,
    /* Of descriptors whose mode is left alone (src/hook): */
    WEFT__FD_KNOWN = 64,          /* the rest is valid */
    WEFT__FD_FILE = 128,          /* nothing that one waits for */
    WEFT__FD_STREAM = 256,        /* a socket of bytes without boundaries */
    WEFT__FD_EDGES = 512,         /* EAGAIN is always followed by an event */
    WEFT__FD_NOWAIT_READ = 1024,  /* takes RWF_NOWAIT, as far as is known, */
    WEFT__FD_NOWAIT_WRITE = 2048, /* for writing */
    WEFT__FD_TERMINAL = 4096,
    /* Of both: */
    WEFT__FD_REGULAR = 8192, /* a file on a disk: io/file_dispatch.c; its mode is left alone */
    WEFT__FD_DIRECT = 16384  /* opened with O_DIRECT */
};

#define WEFT__FD_READY 1u

#define WEFT__FDS 4194304 /* that there can be entries for; fs.nr_open is 2^20 by default */
#define WEFT__FD_PAGE 256 /* so many are made at a time */

/* One cache line. */
struct weft__fd {
    struct weft__lock lock;
    _Atomic(uint32_t) generation;
    _Atomic(uint32_t) flags; /* changed under the lock */
    uint16_t worker;         /* whose poller it is registered with */
    uint16_t strays;         /* waits in a row that began on another worker */
    _Atomic(uint32_t) edge[2];
    struct weft__list waiters[2];
    _Atomic(struct weft__waiter *) last; /* who waited last; only to fetch its memory ahead */
};

/* Somebody in a side's list; on the waiter's stack. */
struct weft__fd_node {
    struct weft__list link;
    struct weft__waiter *waiter;
    uint64_t ticket;
};

/* The entry, set up; or NULL and *ret_error. */
struct weft__fd *weft__fd_get(int fd, int *ret_error);

/* For sockets that weft has opened, non-blocking: saves the set-up. */
void weft__fd_adopt(int fd, bool tcp);

/* Whether it is a file, or a disk: asks the kernel. Changes errno. */
bool weft__fd_is_regular(int fd);

/* For src/hook, which sets nothing up. The entry as it is; NULL: there is none for
 * this number, or memory is out. */
struct weft__fd *weft__fd_entry(int fd);

/* The same if there is one already; never allocates. */
struct weft__fd *weft__fd_find(int fd);

/* Adds and takes flags. */
void weft__fd_mark(struct weft__fd *entry, uint32_t set, uint32_t clear);

/* The same, of what was found out since `edge`, a word of the reading side's, was read.
 * False: an event has come since, or another file (EDGE-6). */
bool weft__fd_learn(struct weft__fd *entry, uint32_t edge, uint32_t set, uint32_t clear);

/* A new file of this number: what was known of an earlier one goes. */
void weft__fd_renew(int fd, uint32_t flags);

/* The same for each that has come in a message. */
void weft__fd_renew_received(struct msghdr *message);

/* Before somebody else closes it: unregistered, forgotten, waiters woken. Returns the
 * generation that is then, for: */
uint32_t weft__fd_forget(int fd);
void weft__fd_forget_range(unsigned first, unsigned last);

/* After that: EDGE-6. Whether something was found out in between. The range's takes no
 * generations: of those that are somebody's again the kind is found out once more. */
bool weft__fd_refresh(int fd, uint32_t generation);
bool weft__fd_refresh_range(unsigned first, unsigned last);

/* Something has happened to the file of which the kernel tells nobody: all who wait try again. */
void weft__fd_stir(int fd);

/* The word that an attempt is based on: EDGE-2. */
static inline uint32_t weft__fd_edge(struct weft__fd *entry, enum weft__side side)
{
    return weft__load(&entry->edge[side], acquire);
}

/* EDGE-2, EDGE-4: the attempt based on `edge` has found nothing more. */
static inline void weft__fd_exhaust(struct weft__fd *entry, enum weft__side side, uint32_t edge)
{
    weft__cas(&entry->edge[side], &edge, edge & ~WEFT__FD_READY, acq_rel, relaxed);
}

/* Puts `node` into the list of a side, registering the descriptor if need be.
 * `edge`: the word that the caller's attempt was based on. Returns 0, -EAGAIN (an
 * event has come since, or the runtime has stopped: try again), -EBADF (closed
 * since `generation`), -EPERM (always ready) or an error of the poller. */
int weft__fd_enlist(struct weft__fd *entry, int fd, enum weft__side side, uint32_t edge,
                    uint32_t generation, struct weft__fd_node *node);

/* Takes a node out again whose wait was not ended by an event. */
void weft__fd_delist(struct weft__fd *entry, struct weft__fd_node *node);

/* Waits until the side may be ready: enlist, park, delist. Returns 0 or -errno. */
int weft__fd_wait(struct weft__fd *entry, int fd, enum weft__side side, uint32_t edge,
                  uint32_t generation, struct weft__waiter *waiter, const char *what);

/* A wait, which something outside the runtime will end, begins or has ended. */
void weft__outside(int change);

/* Of what follows the caller has the entry's lock. */

/* EDGE-1, for both sides, without an event. */
void weft__fd_count(struct weft__fd *entry);

/* Forgets everything about an earlier file of this number. */
void weft__fd_reset(struct weft__fd *entry);

/* Wakes all who wait on a side; `queued`: the seat is held. */
void weft__fd_wake(struct weft__fd *entry, int side, bool queued);

#endif
