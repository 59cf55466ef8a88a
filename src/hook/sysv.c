/* The older ways to hold signals, System V's and BSD's, which libc builds on its own
 * internals: here they stand on the interposers. */
#include <errno.h>
#include <stdbool.h>

#include "hook/interposed.h"

#define BITS 32 /* of BSD's masks */

static int fail(int error)
{
    errno = error;
    return -1;
}

/* 0 or -1, as sigprocmask(). */
static int change(int how, const sigset_t *set, sigset_t *ret_before)
{
    int rc = weft__hook_pthread_sigmask(how, set, ret_before);
    return rc ? fail(rc) : 0;
}

static int change_one(int how, int number, sigset_t *ret_before)
{
    sigset_t one;
    sigemptyset(&one);
    return sigaddset(&one, number) < 0 ? -1 : change(how, &one, ret_before);
}

WEFT__INTERPOSE int sighold(int number)
{
    return change_one(SIG_BLOCK, number, NULL);
}

WEFT__INTERPOSE int sigrelse(int number)
{
    return change_one(SIG_UNBLOCK, number, NULL);
}

WEFT__INTERPOSE int sigignore(int number)
{
    struct sigaction action = { .sa_handler = SIG_IGN };
    return weft__hook_sigaction(number, &action, NULL);
}

WEFT__INTERPOSE sighandler_t sigset(int number, sighandler_t handler)
{
    struct sigaction action = { .sa_handler = handler }, old;
    sigset_t before;
    bool hold = handler == SIG_HOLD;
    if (handler == SIG_ERR)
        return fail(EINVAL), SIG_ERR;
    if (weft__hook_sigaction(number, hold ? NULL : &action, &old) < 0 ||
        change_one(hold ? SIG_BLOCK : SIG_UNBLOCK, number, &before) < 0)
        return SIG_ERR;
    return sigismember(&before, number) ? SIG_HOLD : old.sa_handler;
}

/* BSD's: the first signals, as the bits of a number. */

static void expand(int mask, sigset_t *ret_set)
{
    sigemptyset(ret_set);
    for (int number = 1; number <= BITS; number++) {
        if ((unsigned)mask >> (number - 1) & 1)
            sigaddset(ret_set, number);
    }
}

static int contract(const sigset_t *set)
{
    return (int)(unsigned)set->__val[0];
}

static int change_bits(int how, const int *mask)
{
    sigset_t set, before;
    if (mask)
        expand(*mask, &set);
    return change(how, mask ? &set : NULL, &before) < 0 ? -1 : contract(&before);
}

WEFT__INTERPOSE int sigblock(int mask)
{
    return change_bits(SIG_BLOCK, &mask);
}

WEFT__INTERPOSE int sigsetmask(int mask)
{
    return change_bits(SIG_SETMASK, &mask);
}

WEFT__INTERPOSE int siggetmask(void)
{
    return change_bits(SIG_BLOCK, NULL);
}

/* Both are called sigpause(): one is given a signal, the other a mask. */

WEFT__INTERPOSE int __xpg_sigpause(int number)
{
    sigset_t set;
    change(SIG_BLOCK, NULL, &set);
    return sigdelset(&set, number) < 0 ? -1 : weft__hook_sigsuspend(&set);
}

static int pause_with_bits(int mask)
{
    sigset_t set;
    expand(mask, &set);
    return weft__hook_sigsuspend(&set);
}

WEFT__INTERPOSE int __sigpause(int signal_or_mask, int is_signal)
{
    return is_signal ? __xpg_sigpause(signal_or_mask) : pause_with_bits(signal_or_mask);
}

/* <signal.h> gives that name to the one above. */
int weft__bsd_sigpause(int mask) __asm__("sigpause") WEFT__INTERPOSE;
int weft__bsd_sigpause(int mask)
{
    return pause_with_bits(mask);
}
