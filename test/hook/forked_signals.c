/* Handlers in forked children, which are plain processes: order, masks, nesting, alternative
 * stacks and one-time handlers are the kernel's. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "say.h"

#define LIMIT 20 /* seconds that a child may take */
#define STACK 16384
#define TIMES 300

static const int numbers[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGUSR1,   SIGPIPE,
                               SIGALRM, SIGTERM, SIGCHLD, SIGVTALRM, SIGWINCH };
#define NUMBERS (int)(sizeof numbers / sizeof *numbers)

static char stack[STACK] __attribute__((aligned(16)));

static sigset_t set_of(int one, int other)
{
    sigset_t set;
    sigemptyset(&set);
    if (one)
        sigaddset(&set, one);
    if (other)
        sigaddset(&set, other);
    return set;
}

static void set_mask(sigset_t set)
{
    sigprocmask(SIG_SETMASK, &set, NULL);
}

static sigset_t all(void)
{
    sigset_t set;
    sigfillset(&set);
    return set;
}

static void install(int number, void (*handler)(int, siginfo_t *, void *), int flags,
                    sigset_t during)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
    action.sa_mask = during;
    sigaction(number, &action, NULL);
}

/* What handlers say is printed when they have ended. */

static char said[4096];
static volatile size_t length;

static void say_number(const char *what, long number)
{
    length += (size_t)snprintf(said + length, sizeof said - length, "%s%ld", what, number);
}

static void print_said(const char *title)
{
    printf("%s:%s\n", title, said);
    length = 0;
    said[0] = 0;
}

static void say_mask(const char *what, const sigset_t *set)
{
    unsigned bits = 0;
    for (int i = 0; i < NUMBERS; i++)
        bits |= (unsigned)(sigismember(set, numbers[i]) > 0) << i;
    say_number(what, bits);
}

static void tell(int number, siginfo_t *info, void *context)
{
    sigset_t now;
    const ucontext_t *before = context;
    say_number(" (", number);
    if (number >= SIGRTMIN)
        say_number("=", info->si_value.sival_int);
    sigprocmask(SIG_BLOCK, NULL, &now);
    say_mask(" in ", &now);
    say_mask(" from ", &before->uc_sigmask);
    say_number(" on ", (char *)&now >= stack && (char *)&now < stack + STACK);
    say_number(" )", number);
}

/* All at once. */
static void many(const char *title, int flags, sigset_t during)
{
    for (int i = 0; i < NUMBERS; i++)
        install(numbers[i], tell, flags, during);
    set_mask(all());
    for (int i = 0; i < NUMBERS; i++)
        kill(getpid(), numbers[i]);
    set_mask(set_of(0, 0));
    print_said(title);
}

static void queued(const char *title, int flags)
{
    sigset_t during = set_of(0, 0);
    install(SIGRTMIN + 3, tell, flags, during);
    set_mask(set_of(SIGRTMIN + 3, SIGHUP));
    for (int i = 0; i < 5; i++)
        sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i });
    set_mask(set_of(0, SIGHUP));
    set_mask(set_of(0, 0));
    print_said(title);
}

static volatile int depth, deepest, runs;
static char *volatile first_frame, *volatile last_frame;

static void raise_again(int number, siginfo_t *info, void *context)
{
    char here;
    (void)info;
    (void)context;
    if (!first_frame)
        first_frame = &here;
    if (!last_frame || &here < last_frame)
        last_frame = &here;
    depth++;
    deepest = depth > deepest ? depth : deepest;
    if (++runs % 1000)
        raise(number);
    depth--;
}

static void nested(int flags, int times)
{
    deepest = 0;
    runs = 1000 - times;
    first_frame = last_frame = NULL;
    install(SIGUSR1, raise_again, flags, set_of(0, 0));
    raise(SIGUSR1);
    SAY_NUMBER(deepest);
    SAY_NUMBER(runs);
    if (deepest == 1)
        SAY_NUMBER(first_frame - last_frame < 4096);
}

static void change_mask(int number, siginfo_t *info, void *context)
{
    tell(number, info, context);
    sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGTERM);
}

static void masks(void)
{
    sigset_t now;
    install(SIGUSR1, change_mask, 0, set_of(SIGHUP, 0));
    raise(SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    say_mask(" then ", &now);
    print_said("changed");
    set_mask(set_of(0, 0));
}

/* Both come, though the mask that is restored blocks one. */
static void suspended(sigset_t during)
{
    sigset_t open = set_of(0, 0), now;
    install(SIGUSR1, tell, 0, during);
    install(SIGTERM, tell, 0, during);
    set_mask(set_of(SIGUSR1, SIGTERM));
    raise(SIGTERM);
    raise(SIGUSR1);
    SAY_ERRNO(sigsuspend(&open));
    sigprocmask(SIG_BLOCK, NULL, &now);
    say_mask(" then ", &now);
    print_said("suspended");
    set_mask(set_of(0, 0));
    print_said("open");
}

static void end_well(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    runs++;
}

static void once(void)
{
    struct sigaction action;
    int status = -1;
    install(SIGUSR1, tell, (int)SA_RESETHAND, set_of(0, 0));
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &action);
    SAY_NUMBER(action.sa_handler == SIG_DFL);
    print_said("once");
    fflush(stdout);
    if (fork() == 0) { /* the second one kills before the first one's handler begins */
        install(SIGRTMIN, tell, (int)SA_RESETHAND | SA_NODEFER, set_of(0, 0));
        set_mask(set_of(SIGRTMIN, 0));
        raise(SIGRTMIN);
        raise(SIGRTMIN);
        set_mask(set_of(0, 0));
        _exit(1);
    }
    wait(&status);
    SAY_NUMBER(WIFSIGNALED(status));
}

static void stopped(void)
{
    int status;
    runs = 0;
    install(SIGCHLD, end_well, SA_NOCLDSTOP | SA_RESTART, set_of(0, 0));
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(child, &status, WUNTRACED);
    SAY_NUMBER(runs);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    SAY_NUMBER(runs);
    signal(SIGCHLD, SIG_DFL);
}

/* Timers signal a thread that is in calls of ours as often as not, and handlers make the
 * same calls. */

static sem_t sem;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static volatile int wrong, done[2];

static void check(int number, siginfo_t *info, void *context)
{
    static volatile int inside;
    sigset_t now;
    int which = number == SIGUSR1;
    const ucontext_t *before = context;
    (void)info;
    wrong += inside++ != 0;
    sigprocmask(SIG_BLOCK, NULL, &now);
    wrong += sigismember(&now, SIGUSR1) != 1 || sigismember(&now, SIGUSR2) != 1;
    wrong += sigismember(&now, SIGHUP) != which;
    wrong += sigismember(&before->uc_sigmask, SIGUSR1) == 1;
    wrong += ((char *)&now >= stack && (char *)&now < stack + STACK) != which;
    sem_post(&sem);
    done[which]++;
    inside--;
}

static timer_t make_timer(int number)
{
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = number };
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    return timer;
}

static void start(timer_t timer, long us)
{
    struct itimerspec once = { .it_value = { 0, us * 1000 } };
    timer_settime(timer, 0, &once, NULL);
}

static void in_calls(void)
{
    sigset_t both = set_of(SIGUSR1, SIGUSR2), more = both;
    sigaddset(&more, SIGHUP);
    wrong = done[0] = done[1] = 0;
    install(SIGUSR1, check, SA_ONSTACK, more);
    install(SIGUSR2, check, 0, both);
    sem_init(&sem, 0, 0);
    timer_t timers[] = { make_timer(SIGUSR1), make_timer(SIGUSR2) };
    for (int i = 0; i < TIMES; i++) {
        start(timers[0], 10 + i % 40);
        start(timers[1], 10 + i % 37);
        while (done[0] <= i || done[1] <= i) {
            pthread_rwlock_rdlock(&lock);
            sem_post(&sem);
            sem_wait(&sem);
            pthread_rwlock_unlock(&lock);
        }
    }
    timer_delete(timers[0]);
    timer_delete(timers[1]);
    SAY_NUMBER(wrong);
}

static void all_of_it(const char *who)
{
    alarm(LIMIT);
    printf("-- %s\n", who);
    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = STACK }, NULL);
    set_mask(set_of(0, 0));
    many("masked", 0, all());
    many("on a stack", SA_ONSTACK, all());
    many("nested", 0, set_of(0, 0));
    many("some", SA_NODEFER, set_of(SIGTERM, SIGHUP));
    signal(SIGALRM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    queued("queued", 0);
    queued("nested queue", SA_NODEFER);
    nested(0, 500);
    nested(SA_NODEFER, 5);
    masks();
    suspended(set_of(0, 0));
    suspended(all());
    once();
    stopped();
    in_calls();
    fflush(stdout);
}

static void wait_for(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    SAY_NUMBER(status);
    fflush(stdout);
}

static void in_child(const char *who)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        all_of_it(who);
        _exit(0);
    }
    wait_for(child);
}

static volatile pid_t made;

static void fork_here(int number)
{
    (void)number;
    made = fork();
}

/* The child goes on where the handler was called. */
static void in_handler_s_child(bool suspends)
{
    struct sigaction action = { .sa_handler = fork_here };
    sigset_t open = set_of(0, 0), now;
    fflush(stdout);
    sigaction(SIGUSR2, &action, NULL);
    set_mask(suspends ? set_of(SIGUSR2, SIGHUP) : open);
    raise(SIGUSR2);
    if (suspends)
        sigsuspend(&open);
    if (made == 0) {
        sigprocmask(SIG_BLOCK, NULL, &now);
        say_mask(" ", &now);
        print_said("after the handler");
        all_of_it(suspends ? "forked in sigsuspend()" : "forked in a handler");
        _exit(0);
    }
    set_mask(open);
    wait_for(made);
}

/* What is blocked in the handler stays blocked till the old mask is back. */
static void raise_in_child(int number)
{
    fork_here(number);
    if (made == 0)
        raise(SIGTERM);
}

static void pending_in_handler_s_child(void)
{
    struct sigaction action = { .sa_handler = raise_in_child };
    sigset_t open = set_of(0, 0);
    fflush(stdout);
    action.sa_mask = all();
    sigaction(SIGUSR2, &action, NULL);
    install(SIGTERM, tell, 0, open);
    set_mask(set_of(SIGUSR2, SIGTERM));
    raise(SIGUSR2);
    sigsuspend(&open);
    if (made == 0) {
        print_said("still blocked");
        set_mask(open);
        print_said("open");
        fflush(stdout);
        _exit(0);
    }
    set_mask(open);
    wait_for(made);
}

static void *in_thread(void *arg)
{
    in_child("of another thread");
    return arg;
}

int main(void)
{
    pthread_t thread;
    for (int i = 0; i < NUMBERS; i++) /* before the fork, some of them */
        if (i % 2 && numbers[i] != SIGCHLD)
            install(numbers[i], tell, 0, all());
    in_child("a child");
    if (fork() == 0) {
        in_child("a child's child");
        _exit(0);
    }
    wait(NULL);
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    in_handler_s_child(false);
    in_handler_s_child(true);
    pending_in_handler_s_child();
    return 0;
}
