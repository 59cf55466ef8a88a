/* Who takes what was sent: a thread, one of those that accept it, or nobody. */
#include "hook/pending.h"

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

static bool awaited_by_any(int number)
{
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next) {
        if (weft__roster_at(at)->signals.awaited & WEFT__SIGNAL(number))
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
    if (!hand_over(thread, info) &&
        (weft__signal_wanted(info->si_signo) || blocks(thread, info->si_signo)))
        return weft__pending_put(thread, info, false);
    return 0;
}

/* The oldest, main as long as it lives, as the kernel does. */
static struct weft__thread *accepting(int number)
{
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next) {
        if (!blocks(weft__roster_at(at), number))
            return weft__roster_at(at);
    }
    return NULL;
}

static bool hand_to_any(const siginfo_t *info)
{
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next) {
        if (hand_over(weft__roster_at(at), info))
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
        weft__pending_put(thread, info, false);
    return WEFT__TAKEN;
}

static enum weft__taker direct(const siginfo_t *info)
{
    int number = info->si_signo;
    struct weft__thread *target;
    if (weft__timer_thread(info, &target)) /* to a thread that has ended nothing is sent */
        return target ? direct_to(target, info) : WEFT__TAKEN;
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
    weft__pending_put(thread, info, true);
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

/* Choosing anew: SIG-11. */

bool weft__signals_released(siginfo_t *ret_info)
{
    weft__lock_acquire(&weft__signals_lock);
    bool any = weft__pending_released(ret_info);
    weft__lock_release(&weft__signals_lock);
    return any;
}

static uint64_t stranded; /* under the lock; perhaps more than there are */

static uint64_t taken_by_any(uint64_t numbers)
{
    uint64_t found = 0;
    for (int number = 1; number <= 64; number++) {
        if (numbers & WEFT__SIGNAL(number) && (accepting(number) || awaited_by_any(number)))
            found |= WEFT__SIGNAL(number);
    }
    return found;
}

bool weft__signals_pass_on(struct weft__thread *thread, uint64_t blocked)
{
    uint64_t shared = weft__pending_shared(&thread->signals) & blocked;
    uint64_t taken = taken_by_any(shared);
    stranded |= shared & ~taken;
    return weft__pending_release(&thread->signals, taken);
}

bool weft__signals_bring_back(uint64_t accepted)
{
    uint64_t which = stranded & accepted;
    bool any = false;
    if (weft__likely(which == 0))
        return false;
    stranded &= ~which;
    for (struct weft__list *at = weft__roster.next; at != &weft__roster; at = at->next) {
        struct weft__signals *signals = &weft__roster_at(at)->signals;
        uint64_t mask = weft__load(&signals->mask, relaxed);
        any |= which & mask && weft__pending_release(signals, which & mask);
    }
    return any;
}
