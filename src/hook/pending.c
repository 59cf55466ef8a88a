/* What is pending in which thread, and who takes what is sent to the process. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hook/signals.h"
#include "hook/thread.h"
#include "os/barrier.h"

/* What came with a signal. From a fixed store: senders may be signal handlers. */
struct record {
    struct weft__list link;
    siginfo_t info;
};

#define RECORDS 1024

struct weft__lock weft__signals_lock;

static struct weft__list threads = WEFT__LIST_INIT(threads);
static struct record records[RECORDS];
static struct weft__list unused = WEFT__LIST_INIT(unused);
static unsigned used; /* so many of the array have been used at least once */

static struct weft__thread *thread_at(struct weft__list *link)
{
    return weft__container_of(link, struct weft__thread, signals.link);
}

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

static void drop_all(struct weft__signals *signals, uint64_t which)
{
    for (struct weft__list *at = signals->queue.next, *next; at != &signals->queue; at = next) {
        struct record *record = weft__container_of(at, struct record, link);
        next = at->next;
        if (which & WEFT__SIGNAL(record->info.si_signo))
            give_record(record);
    }
    weft__store(&signals->pending, weft__load(&signals->pending, relaxed) & ~which, relaxed);
}

/* Threads come and go. */

void weft__signals_add(struct weft__thread *thread, uint64_t mask)
{
    struct weft__signals *signals = &thread->signals;
    memset(signals, 0, sizeof *signals);
    weft__store(&signals->mask, mask, relaxed);
    signals->stack.ss_flags = SS_DISABLE;
    weft__list_init(&signals->queue);
    weft__lock_acquire(&weft__signals_lock);
    weft__list_append(&threads, &signals->link);
    weft__lock_release(&weft__signals_lock);
}

void weft__signals_begin(struct weft__thread *self)
{
    weft__lock_acquire(&weft__signals_lock);
    self->signals.task = weft__self(); /* SIG-5 */
    weft__lock_release(&weft__signals_lock);
    if (weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

static void remove_thread(struct weft__thread *thread)
{
    weft__lock_acquire(&weft__signals_lock);
    drop_all(&thread->signals, ~(uint64_t)0);
    weft__list_remove(&thread->signals.link);
    weft__lock_release(&weft__signals_lock);
}

/* Whoever was asked to look and was in the library (SIG-4) has not looked yet. */
void weft__signals_last(struct weft__thread *self)
{
    if (!self->signals.guard && weft__signals_due(self))
        weft__signals_deliver(self, NULL);
}

/* From here on nothing is due in it any more. */
void weft__signals_end(struct weft__thread *self)
{
    self->signals.guard++;
    remove_thread(self);
}

void weft__signals_drop(struct weft__thread *thread)
{
    remove_thread(thread);
}

struct weft__thread *weft__signals_thread(uint32_t tid)
{
    for (struct weft__list *at = threads.next; at != &threads; at = at->next) {
        if (thread_at(at)->tid == tid)
            return thread_at(at);
    }
    return NULL;
}

void weft__signals_forget(void)
{
    weft__list_init(&threads);
    weft__list_init(&unused);
    used = 0;
    weft__signals_lock = (struct weft__lock){ 0 };
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

void weft__signals_discard(int number)
{
    weft__lock_acquire(&weft__signals_lock);
    for (struct weft__list *at = threads.next; at != &threads; at = at->next)
        drop_all(&thread_at(at)->signals, WEFT__SIGNAL(number));
    weft__lock_release(&weft__signals_lock);
}

void weft__signals_nudge_due(void)
{
    for (struct weft__list *at = threads.next; at != &threads; at = at->next) {
        if (weft__signals_due(thread_at(at)))
            weft__signals_nudge(thread_at(at));
    }
}

/* Sending. Under the lock. */

/* To whoever waits for it in sigwait(). */
static bool hand_over(struct weft__thread *thread, const siginfo_t *info)
{
    struct weft__signals *signals = &thread->signals;
    if (!(signals->awaited & WEFT__SIGNAL(info->si_signo)) ||
        !weft__wait_claim(signals->waiter, signals->ticket, WEFT__EVENT))
        return false;
    *signals->awaited_info = *info;
    signals->awaited = 0;
    weft__wait_wake(signals->waiter);
    return true;
}

/* Signals below SIGRTMIN do not queue up. */
static int put(struct weft__thread *thread, const siginfo_t *info)
{
    struct weft__signals *signals = &thread->signals;
    uint64_t pending = weft__load(&signals->pending, relaxed), bit = WEFT__SIGNAL(info->si_signo);
    if (pending & bit && info->si_signo < SIGRTMIN)
        return 0;
    struct record *record = take_record();
    if (!record && info->si_signo >= SIGRTMIN)
        return EAGAIN;
    if (record) {
        record->info = *info;
        weft__list_append(&signals->queue, &record->link);
    }
    weft__store(&signals->pending, pending | bit, seq_cst);
    if (!(pending & bit) && weft__signals_due(thread)) /* else somebody has */
        weft__signals_nudge(thread);
    return 0;
}

static bool awaited_by_any(int number)
{
    for (struct weft__list *at = threads.next; at != &threads; at = at->next) {
        if (thread_at(at)->signals.awaited & WEFT__SIGNAL(number))
            return true;
    }
    return false;
}

static bool blocks(struct weft__thread *thread, int number)
{
    return weft__load(&thread->signals.mask, relaxed) & WEFT__SIGNAL(number);
}

int weft__signals_send(struct weft__thread *thread, const siginfo_t *info)
{
    int rc = 0;
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    if (!weft__list_empty(&thread->signals.link) && !hand_over(thread, info) &&
        (weft__signal_wanted(info->si_signo) || blocks(thread, info->si_signo)))
        rc = put(thread, info);
    weft__lock_release(&weft__signals_lock);
    weft__signals_unhold();
    return rc;
}

/* The oldest, main as long as it lives, as the kernel does. */
static struct weft__thread *accepting(int number)
{
    for (struct weft__list *at = threads.next; at != &threads; at = at->next) {
        if (!blocks(thread_at(at), number))
            return thread_at(at);
    }
    return NULL;
}

static bool hand_to_any(const siginfo_t *info)
{
    for (struct weft__list *at = threads.next; at != &threads; at = at->next) {
        if (hand_over(thread_at(at), info))
            return true;
    }
    return false;
}

/* What a timer sends to one thread. */
static enum weft__taker direct_to(struct weft__thread *thread, const siginfo_t *info)
{
    bool blocked = blocks(thread, info->si_signo);
    if (hand_over(thread, info))
        return WEFT__TAKEN;
    if (!blocked && weft__signal_wanted(info->si_signo) &&
        weft__signal_action(info->si_signo).sa_handler == SIG_DFL)
        return WEFT__BY_DEFAULT;
    if (blocked || weft__signal_wanted(info->si_signo))
        put(thread, info);
    return WEFT__TAKEN;
}

static enum weft__taker direct(const siginfo_t *info)
{
    int number = info->si_signo;
    struct weft__thread *target = weft__timer_thread(info);
    if (target)
        return direct_to(target, info);
    bool handed = hand_to_any(info);
    struct weft__thread *thread = accepting(number);
    if (handed && !thread && !awaited_by_any(number))
        weft__sink_gives_up(number); /* the next is not taken out of its turn */
    if (handed)
        return WEFT__TAKEN;
    if (!thread) {
        weft__sink_gives_up(number);
        return WEFT__NOBODY;
    }
    if (!weft__signal_wanted(number))
        return WEFT__TAKEN;
    struct sigaction action = weft__signal_action(number);
    if (action.sa_handler == SIG_DFL)
        return WEFT__BY_DEFAULT;
    if (number == SIGCHLD && action.sa_flags & SA_NOCLDSTOP && info->si_code >= CLD_TRAPPED)
        return WEFT__TAKEN;
    put(thread, info);
    return WEFT__TAKEN;
}

/* Under the lock. */
static uint64_t unaccepted(uint64_t numbers)
{
    uint64_t found = 0;
    for (int number = 1; number <= 64; number++) {
        if (numbers & WEFT__SIGNAL(number) && weft__sink_sees(number) && !accepting(number) &&
            !awaited_by_any(number))
            found |= WEFT__SIGNAL(number);
    }
    return found;
}

void weft__signals_leave(uint64_t numbers)
{
    weft__signals_hold();
    weft__lock_acquire(&weft__signals_lock);
    uint64_t left = unaccepted(numbers);
    for (int number = 1; number <= 64; number++) {
        if (left & WEFT__SIGNAL(number))
            weft__sink_gives_up(number);
    }
    weft__lock_release(&weft__signals_lock);
    if (left)
        weft__sink_settle(); /* it waits with another set now */
    weft__signals_unhold();
}

enum weft__taker weft__signals_direct(const siginfo_t *info)
{
    weft__lock_acquire(&weft__signals_lock);
    enum weft__taker taker = direct(info);
    weft__lock_release(&weft__signals_lock);
    return taker;
}
