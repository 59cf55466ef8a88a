/* weft/signal.h - signals as something that tasks wait for.
 *
 *     weft_signals_create((const int[]){ SIGTERM, SIGHUP }, 2, &signals);
 *     while (weft_signals_receive(signals, &info) == 0) {
 *         if (info.number == SIGHUP)
 *             read_settings();
 *         else
 *             weft_scope_cancel(&serving);
 *     }
 *
 * As long as a subscription is there its signals do nothing else: what the kernel would do
 * by default (to end the process, for SIGTERM) does not happen. A handler that was there
 * before is still called, where the signal has arrived. When the last subscription for a
 * signal goes what was there before is put back; unless somebody has installed another
 * handler meanwhile. Who does that calls the one that was there, or no signal comes here.
 *
 * The kernel hands a signal to one of the program's own threads that does not block it; the
 * runtime's threads block all. What all of them block does not arrive until one does not.
 * So raise() and pthread_kill(pthread_self(), ...) in a task, whose thread is the runtime's,
 * reach nobody, but for the signals of a crash: kill(getpid(), ...) does.
 *
 * Signals that come before the last one of their kind was received are one; `count` says how
 * many arrived here. The kernel does the same with those that nobody could take.
 *
 * In a forked child nothing is received any more: what its parent has subscribed to is its
 * parent's. */
#ifndef WEFT_SIGNAL_H
#define WEFT_SIGNAL_H

#include <weft/common.h>

WEFT__BEGIN

/* A subscription to signals. */
typedef struct weft_signals weft_signals;

/* What has come. */
typedef struct weft_signal_info {
    int number;
    unsigned count; /* at least 1 */
} weft_signal_info;

/* Subscribes to `count` signals. Any number of subscriptions may have the same signal:
 * each gets it. *ret_signals is the caller's. Any task or plain thread; never suspends.
 * Returns 0, -EINVAL (none, or no signal's number; SIGKILL or SIGSTOP, which nobody can handle;
 * SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS or SIGABRT, whose place is where they happen; or
 * one that libc keeps for itself), -EMFILE, -ENFILE or -ENOMEM. */
WEFT_API int weft_signals_create(const int *numbers, size_t count, weft_signals **ret_signals)
    WEFT__NONNULL(1, 3);

/* Ends a subscription; what has not been received is lost. Nobody waits for it. NULL is
 * ignored. Any task or plain thread, but no signal handler; never suspends. */
WEFT_API void weft_signals_destroy(weft_signals *signals);

/* Waits until a signal has come, and takes it; the lowest number first. Of several who wait
 * one gets it.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope; nothing was taken), or
 * -ENOMEM. */
WEFT_API int weft_signals_receive(weft_signals *signals, weft_signal_info *ret_info)
    WEFT__NONNULL(1, 2);

/* The same without waiting: -EAGAIN when none has come. Any task or plain thread; never
 * suspends. */
WEFT_API int weft_signals_try_receive(weft_signals *signals, weft_signal_info *ret_info)
    WEFT__NONNULL(1, 2);

/* A descriptor that is readable while weft_signals_try_receive() may find something, for
 * weft_poll() and weft_select(). Not to be read or closed. Any caller; never suspends. */
WEFT_API int weft_signals_fd(const weft_signals *signals) WEFT__NONNULL(1);

WEFT__END

#endif
