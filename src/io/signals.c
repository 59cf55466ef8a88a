/* Signals that tasks wait for. A handler counts them for every subscription, and makes an
 * edge of its eventfd.
 *
 * SIGNAL-1  The handler counts first, and then writes to the eventfd. Who receives empties
 *           the eventfd first, and then looks for what is counted. So what he does not see
 *           is written of later, and ends a wait that he begins then.
 * SIGNAL-2  Who takes one and leaves others writes to the eventfd himself: what he has read
 *           may have been about them, and others wait.
 * SIGNAL-3  Subscriptions are in one list, which is changed under the lock. A handler takes
 *           no lock: it counts itself in before it looks at the list, and out afterwards.
 *           Who has taken a subscription out waits until all are out; all that are in finish
 *           soon, also one that has interrupted him, since no other handler can run in between.
 * SIGNAL-4  Of a forked child's signals only the child may hear; so a handler looks whose
 *           subscription it is.
 * SIGNAL-5  What was put over our handler is left there, and taken to call ours: to put
 *           ours over that as well would make a circle. */
#include "io/signals.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/operation.h"
#include "weft/io.h"
#include "weft/signal.h"

#define NUMBERS 65
#define BIT(number) ((uint64_t)1 << ((number)-1))
#define REFUSED \
    (BIT(SIGKILL) | BIT(SIGSTOP) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | \
     BIT(SIGTRAP) | BIT(SIGSYS) | BIT(SIGABRT))

struct weft_signals {
    _Atomic(struct weft_signals *) next;
    uint64_t set;
    pid_t owner;
    int fd;
    _Atomic(uint32_t) counts[NUMBERS];
};

/* Of each signal; under the lock, but for what handlers read. */
struct source {
    unsigned users;
    bool installed; /* perhaps below another handler: SIGNAL-5 */
    struct sigaction before;
    _Atomic(uintptr_t) handler; /* its; 0: none */
};

int (*weft__signals_action)(int number, const struct sigaction *action,
                            struct sigaction *ret_before) = sigaction;

static struct weft__lock lock;
static struct source sources[NUMBERS];
static _Atomic(struct weft_signals *) all;
static _Atomic(uint32_t) inside;

/* The handler's part. */

static void make_readable(int fd)
{
    static const uint64_t one = 1;
    syscall(SYS_write, fd, &one, sizeof one); /* the counter does not fill up */
}

static void note(int number)
{
    pid_t self = (pid_t)syscall(SYS_getpid);
    struct weft_signals *at = weft__load(&all, seq_cst);
    for (; at; at = weft__load(&at->next, seq_cst)) {
        if (at->set & BIT(number) && at->owner == self) { /* SIGNAL-4 */
            weft__add(&at->counts[number], 1, seq_cst);   /* SIGNAL-1 */
            make_readable(at->fd);
        }
    }
}

/* With every signal blocked: SIGNAL-3. */
static void note_alone(int number)
{
    static const uint64_t every = ~(uint64_t)0;
    uint64_t before;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &every, &before, sizeof every);
    weft__critical_enter(); /* under the hook too */
    weft__add(&inside, 1, seq_cst);
    note(number);
    weft__add(&inside, (uint32_t)-1, seq_cst);
    weft__critical_leave();
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
}

static bool is_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* Who was there before gets all three arguments, whether it has asked for them or not, as
 * the kernel does it. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    int kept = errno;
    note_alone(number);
    errno = kept;
    void (*before)(int, siginfo_t *, void *) =
        (void (*)(int, siginfo_t *, void *))weft__load(&sources[number].handler, seq_cst);
    if (before)
        before(number, info, context);
}

/* A forked child begins with nobody inside. */
static void forget(void)
{
    weft__store(&inside, 0, relaxed);
    lock = (struct weft__lock){ 0 };
}

__attribute__((constructor)) static void set_up_fork(void)
{
    pthread_atfork(NULL, NULL, forget);
}

/* Installing it; under the lock. */

static bool is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == on_signal;
}

/* The handler that was there shall find what it has asked for; children that nobody wanted
 * to wait for are not waited for. */
static void put_over(int number, const struct sigaction *before)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_mask = before->sa_mask };
    int kept = SA_ONSTACK | SA_NODEFER | SA_NOCLDSTOP | SA_NOCLDWAIT | SA_RESTART;
    action.sa_flags = SA_SIGINFO | (before->sa_flags & kept);
    if (!is_handler(before))
        action.sa_flags |= SA_RESTART;
    if (before->sa_handler == SIG_IGN)
        action.sa_flags |= SA_NOCLDWAIT;
    weft__signals_action(number, &action, NULL);
}

static int install(int number)
{
    struct source *source = &sources[number];
    struct sigaction now;
    if (weft__signals_action(number, NULL, &now) < 0)
        return -errno;
    source->users++;
    if (is_ours(&now) || (source->installed && is_handler(&now)))
        return 0;
    source->before = now;
    source->installed = true;
    weft__store(&source->handler, is_handler(&now) ? (uintptr_t)now.sa_sigaction : 0, seq_cst);
    put_over(number, &now);
    return 0;
}

static void uninstall(int number)
{
    struct source *source = &sources[number];
    struct sigaction now;
    if (--source->users || weft__signals_action(number, NULL, &now) < 0 || !is_ours(&now))
        return;
    weft__signals_action(number, &source->before, NULL);
    source->installed = false;
}

static void uninstall_all(uint64_t set)
{
    for (int number = 1; number < NUMBERS; number++) {
        if (set & BIT(number))
            uninstall(number);
    }
}

static int install_all(uint64_t set)
{
    uint64_t done = 0;
    for (int number = 1; number < NUMBERS; number++) {
        int rc = set & BIT(number) ? install(number) : 0;
        if (rc) {
            uninstall_all(done);
            return rc;
        }
        done |= set & BIT(number);
    }
    return 0;
}

/* Subscriptions. */

static void enlist(weft_signals *signals)
{
    weft__store(&signals->next, weft__load(&all, relaxed), relaxed); /* published below */
    weft__store(&all, signals, seq_cst);
}

static void delist(weft_signals *signals)
{
    _Atomic(struct weft_signals *) *at = &all;
    while (weft__load(at, relaxed) != signals) /* under the lock, like all stores */
        at = &weft__load(at, relaxed)->next;
    weft__store(at, weft__load(&signals->next, relaxed), seq_cst);
    while (weft__load(&inside, seq_cst)) /* SIGNAL-3 */
        sched_yield();
}

/* 0: there is one among them that cannot be had. */
static uint64_t bits_of(const int *numbers, size_t count)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] < 1 || numbers[i] >= NUMBERS || BIT(numbers[i]) & REFUSED)
            return 0;
        bits |= BIT(numbers[i]);
    }
    return bits;
}

static int subscribe(weft_signals *signals)
{
    signals->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals->fd < 0)
        return -errno;
    weft__fd_renew(signals->fd, WEFT__FD_SET_UP);
    weft__lock_acquire(&lock);
    enlist(signals); /* before the first can come */
    int rc = install_all(signals->set);
    if (rc)
        delist(signals);
    weft__lock_release(&lock);
    if (rc)
        weft_close(signals->fd);
    return rc;
}

int weft_signals_create(const int *numbers, size_t count, weft_signals **ret_signals)
{
    uint64_t bits = bits_of(numbers, count);
    if (bits == 0)
        return -EINVAL;
    weft_signals *signals = calloc(1, sizeof *signals);
    if (!signals)
        return -ENOMEM;
    signals->set = bits;
    signals->owner = getpid();
    int kept = errno, rc = subscribe(signals);
    errno = kept;
    if (rc)
        free(signals);
    else
        *ret_signals = signals;
    return rc;
}

void weft_signals_destroy(weft_signals *signals)
{
    if (!signals)
        return;
    int kept = errno;
    weft__lock_acquire(&lock);
    uninstall_all(signals->set);
    delist(signals);
    weft__lock_release(&lock);
    weft_close(signals->fd);
    free(signals);
    errno = kept;
}

/* Receiving. */

static int next_of(weft_signals *signals)
{
    for (int number = 1; number < NUMBERS; number++) {
        if (weft__load(&signals->counts[number], seq_cst))
            return number;
    }
    return 0;
}

/* 0 or -EAGAIN. */
static int take(weft_signals *signals, weft_signal_info *ret_info)
{
    uint64_t edges;
    uint32_t count = 0;
    int number;
    syscall(SYS_read, signals->fd, &edges, sizeof edges); /* SIGNAL-1 */
    while (count == 0 && (number = next_of(signals)))
        count = weft__exchange(&signals->counts[number], 0, seq_cst);
    if (count == 0)
        return -EAGAIN;
    *ret_info = (weft_signal_info){ .number = number, .count = count };
    if (next_of(signals))
        make_readable(signals->fd); /* SIGNAL-2 */
    return 0;
}

int weft_signals_try_receive(weft_signals *signals, weft_signal_info *ret_info)
{
    int kept = errno, rc = take(signals, ret_info);
    errno = kept;
    return rc;
}

struct receipt {
    weft_signals *signals;
    weft_signal_info *ret_info;
};

static ssize_t try_receive(int fd, struct weft__operation *op)
{
    struct receipt *receipt = op->buf;
    (void)fd;
    return take(receipt->signals, receipt->ret_info);
}

int weft_signals_receive(weft_signals *signals, weft_signal_info *ret_info)
{
    struct receipt receipt = { signals, ret_info };
    struct weft__operation op = {
        .attempt = try_receive, .what = "signal", .side = WEFT__READ, .buf = &receipt
    };
    return (int)weft__operate(signals->fd, &op);
}

int weft_signals_fd(const weft_signals *signals)
{
    return signals->fd;
}
