/* Faults and their handlers; what ends a process, and with which status. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

static sigjmp_buf env;
static char *volatile page;
static pthread_t faulted;
static volatile char *volatile nowhere = (volatile char *)8;

static void leap(int number)
{
    siglongjmp(env, number);
}

/* Repairs what was wrong, so the instruction succeeds when it is repeated. */
static void repair(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    faulted = pthread_self();
    if (info->si_addr == page)
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void *fault(void *arg)
{
    struct sigaction action = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };
    sigaction(SIGSEGV, &action, NULL);
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char *)page = 7;
    printf("repaired: %d, here: %d\n", *page, pthread_equal(faulted, pthread_self()) != 0);
    signal(SIGSEGV, leap);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(env, 1) == 0)
            *nowhere = 1;
        puts("back from a fault");
    }
    signal(SIGSEGV, SIG_DFL);
    return arg;
}

static void on_abort(int number)
{
    static const char text[] = "abort handler\n";
    ssize_t n = write(STDOUT_FILENO, text, sizeof text - 1);
    (void)n;
    (void)number;
}

static void *raise_in_thread(void *arg)
{
    raise(*(int *)arg);
    _exit(99);
}

static void end_by(const char *how, void (*fn)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        fn();
        _exit(98);
    }
    waitpid(pid, &status, 0);
    printf("%s: %s %d\n", how, WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static char *program;

/* The child of fork() is native: a program of its own has threads of ours. */
static void run(const char *what)
{
    execl(program, program, what, (char *)NULL);
}

#define RUN(what) \
    static void run_##what(void) \
    { \
        run(#what); \
    }
RUN(term)
RUN(thread)
RUN(segv)
RUN(aborts)
RUN(handles)
RUN(pipe)
RUN(kills)
RUN(blocked)

static int role(const char *what)
{
    pthread_t thread;
    sigset_t set;
    int number = SIGUSR1;
    if (strcmp(what, "term") == 0) {
        raise(SIGTERM);
    } else if (strcmp(what, "thread") == 0) {
        pthread_create(&thread, NULL, raise_in_thread, &number);
        pthread_join(thread, NULL);
    } else if (strcmp(what, "segv") == 0) {
        *nowhere = 1;
    } else if (strcmp(what, "aborts") == 0) {
        abort();
    } else if (strcmp(what, "handles") == 0) {
        signal(SIGABRT, on_abort);
        abort();
    } else if (strcmp(what, "kills") == 0) {
        kill(getpid(), SIGQUIT);
    } else if (strcmp(what, "pipe") == 0) {
        int fds[2];
        if (pipe(fds) == 0 && close(fds[0]) == 0) {
            FILE *file = fdopen(fds[1], "w");
            fputs("nobody reads", file);
            fflush(file);
        }
    } else if (strcmp(what, "blocked") == 0) {
        int fds[2];
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        sigprocmask(SIG_BLOCK, &set, NULL);
        if (pipe(fds) == 0 && close(fds[0]) == 0)
            SAY_ERRNO((int)write(fds[1], "x", 1));
        sigpending(&set);
        printf("SIGPIPE pending: %d\n", sigismember(&set, SIGPIPE));
        fflush(stdout);
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
    return 97;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    program = argv[0];
    if (argc > 1)
        return role(argv[1]);
    pthread_create(&thread, NULL, fault, NULL);
    pthread_join(thread, NULL);
    fault(NULL);
    end_by("raise(SIGTERM)", run_term);
    end_by("raise in a thread", run_thread);
    end_by("a fault", run_segv);
    end_by("abort", run_aborts);
    end_by("abort with a handler", run_handles);
    end_by("kill", run_kills);
    end_by("a pipe", run_pipe);
    end_by("a pipe, blocked", run_blocked);
    return 0;
}
