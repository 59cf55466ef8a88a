/* What is pending in a thread: the queue of what came, and the words that say so. */
#include "hook/pending.h"

#include <errno.h>
#include <unistd.h>

/* What came with a signal. From a fixed store: senders may be signal handlers. */
struct record {
    struct weft__list link;
    siginfo_t info;
    bool shared; /* sent to the process: SIG-11 */
};

#define RECORDS 1024

static struct record records[RECORDS];
static struct weft__list unused = WEFT__LIST_INIT(unused);
static struct weft__list released = WEFT__LIST_INIT(released);
static unsigned used; /* so many of the array have been used at least once */

static struct record *take_record(void)
{
    struct weft__list *link = weft__list_first(&unused);
    if (!link)
        return used < RECORDS ? &records[used++] : NULL;
    weft__list_remove(link);
    return weft__container_of(link, struct record, link);
}

static void give_record(struct record *record)
{
    weft__list_remove(&record->link);
    weft__list_append(&unused, &record->link);
}

static void drop(struct weft__list *queue, uint64_t which)
{
    for (struct weft__list *at = queue->next, *next; at != queue; at = next) {
        struct record *record = weft__container_of(at, struct record, link);
        next = at->next;
        if (which & WEFT__SIGNAL(record->info.si_signo))
            give_record(record);
    }
}

void weft__pending_drop(struct weft__signals *signals, uint64_t which)
{
    drop(&signals->queue, which);
    weft__store(&signals->pending, weft__load(&signals->pending, relaxed) & ~which, relaxed);
}

void weft__pending_drop_released(uint64_t which)
{
    drop(&released, which);
}

void weft__pending_forget(void)
{
    weft__list_init(&unused);
    weft__list_init(&released);
    used = 0;
}

/* What was sent to the process: SIG-11. */

uint64_t weft__pending_shared(const struct weft__signals *signals)
{
    uint64_t found = 0;
    for (struct weft__list *at = signals->queue.next; at != &signals->queue; at = at->next) {
        struct record *record = weft__container_of(at, struct record, link);
        found |= record->shared ? WEFT__SIGNAL(record->info.si_signo) : 0;
    }
    return found;
}

bool weft__pending_release(struct weft__signals *signals, uint64_t which)
{
    uint64_t moved = which & weft__pending_shared(signals), left = 0;
    if (!moved)
        return false;
    for (struct weft__list *at = signals->queue.next, *next; at != &signals->queue; at = next) {
        struct record *record = weft__container_of(at, struct record, link);
        uint64_t bit = WEFT__SIGNAL(record->info.si_signo);
        next = at->next;
        if (record->shared && moved & bit) {
            weft__list_remove(at);
            weft__list_append(&released, at);
        } else {
            left |= bit;
        }
    }
    uint64_t pending = weft__load(&signals->pending, relaxed);
    weft__store(&signals->pending, pending & ~(moved & ~left), relaxed);
    return true;
}

bool weft__pending_released(siginfo_t *ret_info)
{
    struct weft__list *at = weft__list_first(&released);
    if (!at)
        return false;
    struct record *record = weft__container_of(at, struct record, link);
    *ret_info = record->info;
    give_record(record);
    return true;
}

/* Looking and taking. */

static uint64_t due(struct weft__thread *thread)
{
    struct weft__signals *signals = &thread->signals;
    uint64_t some = weft__load(&signals->pending, relaxed) | weft__load(&signals->carried, relaxed);
    return weft__unlikely(some) ? some & ~weft__load(&signals->mask, relaxed) : 0;
}

bool weft__signals_due(struct weft__thread *thread)
{
    return due(thread) != 0;
}

/* The first of `number` in the queue; *ret_more: there are others. */
static struct record *find(struct weft__signals *signals, int number, bool *ret_more)
{
    struct record *first = NULL;
    *ret_more = false;
    for (struct weft__list *at = signals->queue.next; at != &signals->queue; at = at->next) {
        struct record *record = weft__container_of(at, struct record, link);
        if (record->info.si_signo != number)
            continue;
        if (first) {
            *ret_more = true;
            break;
        }
        first = record;
    }
    return first;
}

/* As the kernel has it: faults first, then the lowest number. */
static int first_of(uint64_t set)
{
    const uint64_t faults = WEFT__SIGNAL(SIGSEGV) | WEFT__SIGNAL(SIGBUS) | WEFT__SIGNAL(SIGILL) |
                            WEFT__SIGNAL(SIGTRAP) | WEFT__SIGNAL(SIGFPE) | WEFT__SIGNAL(SIGSYS);
    return set ? __builtin_ctzll(set & faults ? set & faults : set) + 1 : 0;
}

int weft__signals_take(struct weft__thread *thread, uint64_t from, siginfo_t *ret_info)
{
    struct weft__signals *signals = &thread->signals;
    uint64_t pending = weft__load(&signals->pending, relaxed);
    uint64_t carried = weft__load(&signals->carried, relaxed) & ~WEFT__CANCEL;
    int number = first_of((pending | carried) & from);
    if (number == 0)
        return 0;
    bool more = false;
    struct record *record = pending & WEFT__SIGNAL(number) ? find(signals, number, &more) : NULL;
    if (record) {
        *ret_info = record->info;
        give_record(record);
    } else {
        *ret_info = (siginfo_t){ .si_signo = number, .si_code = SI_USER };
        ret_info->si_pid = getpid();
        ret_info->si_uid = getuid();
    }
    if (!(pending & WEFT__SIGNAL(number)))
        atomic_fetch_and_explicit(&signals->carried, ~WEFT__SIGNAL(number), memory_order_relaxed);
    else if (!more)
        weft__store(&signals->pending, pending & ~WEFT__SIGNAL(number), relaxed);
    return number;
}

/* Sending. */

static bool has(const struct weft__signals *signals, int number, bool shared)
{
    for (struct weft__list *at = signals->queue.next; at != &signals->queue; at = at->next) {
        struct record *record = weft__container_of(at, struct record, link);
        if (record->info.si_signo == number && record->shared == shared)
            return true;
    }
    return false;
}

/* Signals below SIGRTMIN do not queue up, but for one of the thread's and one of the
 * process's. */
int weft__pending_put(struct weft__thread *thread, const siginfo_t *info, bool shared)
{
    struct weft__signals *signals = &thread->signals;
    uint64_t pending = weft__load(&signals->pending, relaxed), bit = WEFT__SIGNAL(info->si_signo);
    if (pending & bit && info->si_signo < SIGRTMIN && has(signals, info->si_signo, shared))
        return 0;
    struct record *record = take_record();
    if (!record && info->si_signo >= SIGRTMIN)
        return EAGAIN;
    if (record) {
        record->info = *info;
        record->shared = shared;
        weft__list_append(&signals->queue, &record->link);
    }
    weft__store(&signals->pending, pending | bit, seq_cst);
    if (!(pending & bit) && weft__signals_due(thread)) /* else somebody has */
        weft__signals_nudge(thread);
    return 0;
}
