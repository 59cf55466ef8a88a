/* Handlers, masks, EINTR, sending to threads and to the process. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "say.h"

static volatile sig_atomic_t seen, last;
static pthread_t main_thread, handled_by;
static sem_t ready;
static int wrong;

static void handle(int number)
{
    seen++;
    last = number;
    handled_by = pthread_self();
}

static void install(int number, int flags)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
    SAY_ERRNO(sigaction(number, &action, NULL));
}

static void reset(void)
{
    seen = last = 0;
}

static int by_main(void)
{
    return pthread_equal(handled_by, main_thread);
}

/* To oneself: before the call returns. */
static void to_self(void)
{
    struct sigaction action, before;
    install(SIGUSR1, 0);
    SAY_ERRNO(raise(SIGUSR1));
    SAY_NUMBER(seen);
    SAY_ERRNO(kill(getpid(), SIGUSR1));
    SAY_NUMBER(seen);
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    SAY_ERRNO(syscall(SYS_pidfd_send_signal, self, SIGUSR1, NULL, 0));
    SAY_NUMBER(seen);
    close(self);
    SAY(pthread_kill(pthread_self(), SIGUSR1));
    SAY_NUMBER(seen);
    SAY_NUMBER(by_main());
    SAY(pthread_kill(pthread_self(), 0));
    SAY(pthread_kill(pthread_self(), 1000));
    SAY_ERRNO(raise(1000));
    SAY_ERRNO(kill(getpid(), 1000));
    SAY_ERRNO(sigaction(SIGKILL, &(struct sigaction){ .sa_handler = handle }, NULL));
    sigaction(SIGUSR1, NULL, &before);
    SAY_NUMBER(before.sa_handler == handle);
    SAY_NUMBER(signal(SIGUSR1, SIG_IGN) == handle);
    SAY_ERRNO(raise(SIGUSR1));
    SAY_NUMBER(seen);
    install(SIGUSR2, (int)SA_RESETHAND);
    SAY_ERRNO(raise(SIGUSR2));
    sigaction(SIGUSR2, NULL, &action);
    SAY_NUMBER(action.sa_handler == SIG_DFL);
    SAY_NUMBER(seen);
    reset();
}

static int blocked(int number)
{
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, number);
}

static int is_pending(int number)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, number);
}

static void look_at_mask(int number)
{
    handle(number);
    printf("in handler: USR1 %d, USR2 %d, HUP %d\n", blocked(SIGUSR1), blocked(SIGUSR2),
           blocked(SIGHUP));
}

static void masks(void)
{
    sigset_t set, before;
    struct sigaction action = { .sa_handler = look_at_mask };
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SAY(pthread_sigmask(99, &set, NULL));
    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &action, NULL);
    SAY_ERRNO(sigprocmask(SIG_BLOCK, &set, &before));
    SAY_NUMBER(sigismember(&before, SIGUSR1));
    SAY_ERRNO(raise(SIGUSR1));
    SAY_ERRNO(raise(SIGUSR1));
    SAY_NUMBER(seen);
    SAY_NUMBER(is_pending(SIGUSR1));
    SAY_ERRNO(sigprocmask(SIG_SETMASK, &before, NULL));
    SAY_NUMBER(seen);
    SAY_NUMBER(is_pending(SIGUSR1));
    SAY_NUMBER(blocked(SIGUSR1));
    sigprocmask(SIG_BLOCK, &set, NULL);
    SAY_ERRNO(kill(getpid(), SIGUSR1));
    SAY_NUMBER(is_pending(SIGUSR1));
    SAY_NUMBER(seen);
    SAY_ERRNO(sigprocmask(SIG_UNBLOCK, &set, NULL));
    SAY_NUMBER(seen);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    sigemptyset(&set);
    SAY_ERRNO(sigsuspend(&set));
    SAY_NUMBER(seen);
    SAY_NUMBER(blocked(SIGUSR1));
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    reset();
}

static void say_info(int number, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    handle(number);
    printf("info: %d, code %d, pid %d, uid %d, value %d, context %d, mask %d\n", number,
           info->si_code, info->si_pid == getpid(), info->si_uid == getuid(),
           info->si_code == SI_QUEUE ? info->si_value.sival_int : 0, uc != NULL,
           sigismember(&uc->uc_sigmask, SIGUSR1));
}

static void infos(void)
{
    struct sigaction action = { .sa_sigaction = say_info, .sa_flags = SA_SIGINFO };
    union sigval value = { .sival_int = 17 };
    sigset_t set;
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN, &action, NULL);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    SAY_ERRNO(sigqueue(getpid(), SIGUSR1, value));
    SAY(pthread_sigqueue(pthread_self(), SIGUSR1, value));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++) {
        value.sival_int = i;
        sigqueue(getpid(), SIGRTMIN, value);
        pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){ .sival_int = 10 + i });
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    SAY_NUMBER(seen);
    reset();
}

/* A thread that blocks; the main thread sends. */
struct victim {
    int (*block)(void);
    const char *what;
    int number;
};

static int block_sleep(void)
{
    struct timespec left, time = { 5, 0 };
    int rc = nanosleep(&time, &left);
    int error = errno;
    printf("some left: %d\n", left.tv_sec >= 1 && left.tv_sec < 5);
    errno = error;
    return rc;
}

static int block_sleep_seconds(void)
{
    unsigned left = sleep(5);
    printf("left: %u\n", left);
    return 0;
}

static sem_t never, later;

static int block_sem(void)
{
    return sem_wait(&never);
}

static int block_sem_restarted(void)
{
    return sem_wait(&later);
}

static int block_pause(void)
{
    return pause();
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int block_mutex(void)
{
    int rc = pthread_mutex_lock(&mutex);
    if (rc == 0)
        pthread_mutex_unlock(&mutex);
    return rc;
}

static void *suffer(void *arg)
{
    struct victim *victim = arg;
    sem_post(&ready);
    int rc = victim->block();
    printf("%s: %s\n", victim->what, rc < 0 ? say_error(errno) : "0");
    printf("handled here: %d\n", pthread_equal(handled_by, pthread_self()) != 0);
    return NULL;
}

static void interrupt(int (*block)(void), const char *what, int number, int then_post)
{
    struct victim victim = { block, what, number };
    pthread_t thread;
    reset();
    pthread_create(&thread, NULL, suffer, &victim);
    while (sem_wait(&ready) != 0)
        ;
    usleep(20000);
    wrong += pthread_kill(thread, number) != 0;
    if (then_post) {
        usleep(20000);
        printf("has run: %d\n", (int)seen);
        sem_post(&later);
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(thread, NULL);
    SAY_NUMBER(seen);
}

static void interruptions(void)
{
    install(SIGUSR1, 0);
    install(SIGUSR2, SA_RESTART);
    sem_init(&never, 0, 0);
    sem_init(&later, 0, 0);
    interrupt(block_sleep, "nanosleep", SIGUSR1, 0);
    interrupt(block_sleep, "nanosleep, restart", SIGUSR2, 0);
    interrupt(block_sleep_seconds, "sleep", SIGUSR1, 0);
    interrupt(block_sem, "sem_wait", SIGUSR1, 0);
    pthread_mutex_lock(&mutex);
    interrupt(block_sem_restarted, "sem_wait, restart", SIGUSR2, 1);
    interrupt(block_pause, "pause", SIGUSR1, 0);
    pthread_mutex_lock(&mutex);
    interrupt(block_mutex, "mutex", SIGUSR1, 1);
    SAY_NUMBER(wrong);
}

/* A thread that computes. */
static void *spin(void *arg)
{
    sem_post(&ready);
    while (!seen)
        ;
    printf("stopped by %d, here: %d\n", (int)last, pthread_equal(handled_by, pthread_self()) != 0);
    return arg;
}

/* Main blocks the alarm, so the thread gets it. */
static void running(void)
{
    struct itimerval once = { { 0, 0 }, { 0, 20000 } };
    pthread_t thread;
    sigset_t set;
    reset();
    install(SIGALRM, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_create(&thread, NULL, spin, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &once, NULL);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    for (int i = 0; i < 100; i++) { /* before it has begun, and as it begins */
        reset();
        pthread_create(&thread, NULL, spin, NULL);
        pthread_kill(thread, SIGUSR1);
        pthread_join(thread, NULL);
    }
    while (sem_trywait(&ready) == 0)
        ;
}

/* Masks are inherited; what one thread blocks another takes. */
static void *inherits(void *arg)
{
    sigset_t set;
    printf("inherited: USR1 %d, USR2 %d\n", blocked(SIGUSR1), blocked(SIGUSR2));
    sigemptyset(&set);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    sem_post(&ready);
    while (!seen)
        usleep(1000);
    printf("here: %d\n", pthread_equal(handled_by, pthread_self()) != 0);
    return arg;
}

static void other_thread(void)
{
    pthread_t thread;
    sigset_t set;
    reset();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, inherits, NULL);
    sem_wait(&ready);
    wrong += kill(getpid(), SIGUSR1) != 0;
    pthread_join(thread, NULL);
    SAY_NUMBER(wrong);
    SAY_NUMBER(by_main());
    SAY_NUMBER(blocked(SIGUSR1));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* alarm() against a main thread that computes. */
static void alarms(void)
{
    struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
    reset();
    install(SIGALRM, 0);
    setitimer(ITIMER_REAL, &often, NULL);
    while (seen < 20)
        ;
    setitimer(ITIMER_REAL, &off, NULL);
    SAY_NUMBER(by_main());
    SAY_NUMBER(last == SIGALRM);
    reset();
    alarm(1);
    SAY_ERRNO(pause());
    SAY_NUMBER(seen);
}

static sigjmp_buf env;

static void leap(int number)
{
    handle(number);
    siglongjmp(env, number);
}

static void jumps(void)
{
    signal(SIGUSR1, leap);
    reset();
    for (volatile int i = 0; i < 3; i++) {
        int number = sigsetjmp(env, 1);
        if (number == 0) {
            raise(SIGUSR1);
            puts("not reached");
        }
        printf("back with %d, blocked %d, seen %d\n", number, blocked(SIGUSR1), (int)seen);
    }
    signal(SIGALRM, leap);
    if (sigsetjmp(env, 1) == 0) {
        struct itimerval once = { { 0, 0 }, { 0, 5000 } };
        setitimer(ITIMER_REAL, &once, NULL);
        for (;;)
            ;
    }
    SAY_NUMBER(blocked(SIGALRM));
    if (sigsetjmp(env, 1) == 0) {
        struct itimerval once = { { 0, 0 }, { 0, 5000 } };
        setitimer(ITIMER_REAL, &once, NULL);
        pause();
    }
    SAY_NUMBER(blocked(SIGALRM));
    if (sigsetjmp(env, 0) == 0)
        raise(SIGUSR1);
    SAY_NUMBER(blocked(SIGUSR1));
}

int main(void)
{
    main_thread = pthread_self();
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&ready, 0, 0);
    to_self();
    masks();
    infos();
    interruptions();
    running();
    other_thread();
    alarms();
    jumps();
    return 0;
}
