/* sigwait() and its relatives; signalfd(). */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <ucontext.h>
#include <unistd.h>

#include "say.h"

static sigset_t set;
static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled = number;
}

/* The usual pattern: all block, one thread waits. */
static void *signal_thread(void *arg)
{
    int number;
    do {
        int rc = sigwait(&set, &number);
        printf("sigwait: %s, %d\n", say_error(rc), number);
    } while (number != SIGTERM);
    return arg;
}

static void *sender(void *arg)
{
    usleep(10000);
    kill(getpid(), SIGUSR1);
    usleep(10000);
    kill(getpid(), SIGTERM);
    return arg;
}

static void pattern(void)
{
    pthread_t waiter, other;
    pthread_create(&waiter, NULL, signal_thread, NULL);
    pthread_create(&other, NULL, sender, NULL);
    pthread_join(other, NULL);
    pthread_join(waiter, NULL);
}

static void *direct(void *arg)
{
    siginfo_t info;
    SAY_NUMBER(sigwaitinfo(&set, &info));
    printf("value %d, code %d\n", info.si_value.sival_int, info.si_code);
    return arg;
}

static void to_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, direct, NULL);
    usleep(10000);
    pthread_sigqueue(thread, SIGUSR2, (union sigval){ .sival_int = 9 });
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, direct, NULL);
    pthread_sigqueue(thread, SIGUSR2, (union sigval){ .sival_int = 10 }); /* perhaps before */
    pthread_join(thread, NULL);
}

static void *interrupter(void *arg)
{
    pthread_t *thread = arg;
    usleep(20000);
    pthread_kill(*thread, SIGHUP);
    return arg;
}

static void timeouts(void)
{
    struct timespec none = { 0, 0 }, soon = { 0, 30000000 }, bad = { 0, -1 }, begin;
    siginfo_t info;
    pthread_t self = pthread_self(), thread;
    SAY_ERRNO(sigtimedwait(&set, &info, &none));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    SAY_ERRNO(sigtimedwait(&set, &info, &soon));
    SAY_NUMBER(took_ms(begin, 30));
    SAY_ERRNO(sigtimedwait(&set, &info, &bad));
    kill(getpid(), SIGUSR1);
    SAY_NUMBER(sigtimedwait(&set, &info, &none));
    SAY_NUMBER(info.si_code == SI_USER && info.si_pid == getpid());
    pthread_kill(self, SIGUSR1);
    SAY_NUMBER(sigtimedwait(&set, NULL, &none));
    SAY_ERRNO(sigtimedwait(&set, NULL, &none));
    signal(SIGHUP, handle);
    pthread_create(&thread, NULL, interrupter, &self);
    SAY_ERRNO(sigwaitinfo(&set, &info));
    SAY_NUMBER(handled);
    pthread_join(thread, NULL);
    /* what nobody blocks or waits for any more is not lost */
    kill(getpid(), SIGUSR1);
    raise(SIGUSR2);
    SAY_NUMBER(sigwaitinfo(&set, NULL));
    SAY_NUMBER(sigwaitinfo(&set, NULL));
}

static void by_descriptor(void)
{
    struct signalfd_siginfo info;
    struct pollfd pfd = { .fd = signalfd(-1, &set, SFD_NONBLOCK), .events = POLLIN };
    SAY_ERRNO((int)read(pfd.fd, &info, sizeof info));
    kill(getpid(), SIGUSR1);
    SAY_NUMBER(poll(&pfd, 1, 1000));
    SAY_NUMBER(read(pfd.fd, &info, sizeof info) == sizeof info);
    SAY_NUMBER(info.ssi_signo);
    close(pfd.fd);
}

/* A handler decides what is blocked after the call that it has interrupted. */
static void block_usr2(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGUSR2);
}

static void say_blocked(void)
{
    sigset_t none, now;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, &now);
    SAY_NUMBER(sigismember(&now, SIGUSR2));
}

static void masks_of_handlers(void)
{
    struct sigaction action = { .sa_sigaction = block_usr2, .sa_flags = SA_SIGINFO };
    struct timespec soon = { 0, 100000000 };
    sigset_t one, none;
    sigemptyset(&none);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 2; i++) {
        sigprocmask(SIG_SETMASK, &one, NULL);
        raise(SIGUSR1);
        SAY_ERRNO(i == 0 ? sigsuspend(&none) : ppoll(NULL, 0, &soon, &none));
        say_blocked();
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pattern();
    to_thread();
    timeouts();
    by_descriptor();
    masks_of_handlers();
    return 0;
}
