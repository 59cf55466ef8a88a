/* fork(), exec, spawning, waiting; what children inherit. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

extern char **environ;

static char *self_path;
static volatile sig_atomic_t children, usr1;

static void on_child(int number)
{
    (void)number;
    children++;
}

static void on_usr1(int number)
{
    (void)number;
    usr1++;
}

static void say_status(int status)
{
    if (WIFEXITED(status))
        printf("exited with %d\n", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("ended by %d\n", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        printf("stopped by %d\n", WSTOPSIG(status));
    else
        printf("status %x\n", (unsigned)status);
    fflush(stdout);
}

static void reap(pid_t pid)
{
    int status = -1;
    printf("waitpid: %d\n", waitpid(pid, &status, 0) == pid);
    say_status(status);
}

/* As a program of its own: what it was given. */
static void report(void)
{
    static const int some[] = { SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGCHLD, SIGTERM };
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct sigaction action;
        sigaction(some[i], NULL, &action);
        printf("%d: blocked %d, ignored %d, default %d\n", some[i], sigismember(&set, some[i]),
               action.sa_handler == SIG_IGN, action.sa_handler == SIG_DFL);
    }
    fflush(stdout);
}

static void *child_thread(void *arg)
{
    printf("a thread in the child, %d\n", usr1 == 0);
    return arg;
}

/* Everything works in the child: threads, signals, sleeping, forking again. */
static void in_child(void)
{
    pthread_t thread;
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    printf("child: USR2 blocked %d, USR1 blocked %d\n", sigismember(&set, SIGUSR2),
           sigismember(&set, SIGUSR1));
    pthread_create(&thread, NULL, child_thread, NULL);
    pthread_join(thread, NULL);
    kill(getpid(), SIGUSR1);
    raise(SIGUSR1);
    printf("child: handled %d\n", (int)usr1);
    usleep(1000);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(3);
    reap(pid);
    printf("child: tid is pid %d\n", gettid() == getpid());
    fflush(stdout);
    _exit(7);
}

static void forking(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGUSR1, on_usr1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        in_child();
    reap(pid);
    SAY_NUMBER(usr1);
    pid = vfork();
    if (pid == 0)
        _exit(9);
    reap(pid);
    SAY_ERRNO(waitpid(pid, NULL, 0));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A thread forks; others hold locks and compute. */
static char room[65536];
static volatile sig_atomic_t on_room;

static void look_where(int number)
{
    char here;
    (void)number;
    on_room = &here >= room && &here < room + sizeof room;
}

static void *outlive(void *unused)
{
    usleep(50000);
    puts("its thread goes on"); /* written when the process exits */
    return unused;
}

/* What a forked child keeps of its parent: the alternative stack; and its first thread may end
 * before others. */
static void in_children(void)
{
    stack_t stack = { .ss_sp = room, .ss_size = sizeof room }, none = { .ss_flags = SS_DISABLE };
    struct sigaction action = { .sa_handler = look_where, .sa_flags = SA_ONSTACK };
    pthread_t thread;
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR2, &action, NULL);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        sigaltstack(NULL, &stack);
        raise(SIGUSR2);
        printf("its stack %d, used %d\n", stack.ss_sp == room, (int)on_room);
        pthread_create(&thread, NULL, outlive, NULL);
        pthread_exit(NULL);
    }
    reap(pid);
    sigaltstack(&none, NULL);
    signal(SIGUSR2, SIG_DFL);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int prepared, parents, childs, stop;

static void prepare(void)
{
    pthread_mutex_lock(&mutex);
    prepared++;
}

static void parent(void)
{
    parents++;
    pthread_mutex_unlock(&mutex);
}

static void child(void)
{
    childs++;
    pthread_mutex_unlock(&mutex);
}

static void *busy(void *arg)
{
    while (!stop) {
        pthread_mutex_lock(&mutex);
        free(malloc(100));
        pthread_mutex_unlock(&mutex);
        usleep(100);
    }
    return arg;
}

static void *forker(void *arg)
{
    fflush(stdout);
    for (int i = 0; i < 20; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            pthread_mutex_lock(&mutex);
            pthread_mutex_unlock(&mutex);
            void *memory = malloc(1000);
            free(memory);
            if (i == 19)
                pthread_exit(NULL); /* the last thread of its process */
            _exit(childs == 1 && parents == i ? 0 : 1);
        }
        waitpid(pid, &status, 0);
        if (status)
            say_status(status);
    }
    return arg;
}

static void with_threads(void)
{
    pthread_t threads[5];
    pthread_atfork(prepare, parent, child);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, busy, NULL);
    pthread_create(&threads[4], NULL, forker, NULL);
    pthread_join(threads[4], NULL);
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(prepared);
    SAY_NUMBER(parents);
    SAY_NUMBER(childs);
}

static void spawning(void)
{
    char *argv[] = { self_path, (char[]){ "report" }, NULL };
    posix_spawnattr_t attr;
    sigset_t set;
    pid_t pid;
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, on_usr1);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fflush(stdout);
    puts("posix_spawn");
    fflush(stdout);
    int rc = posix_spawn(&pid, self_path, NULL, NULL, argv, environ);
    reap(pid);
    SAY_NUMBER(rc);
    posix_spawnattr_init(&attr);
    sigaddset(&set, SIGUSR2);
    posix_spawnattr_setsigmask(&attr, &set);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    puts("posix_spawnp with a mask");
    fflush(stdout);
    posix_spawnp(&pid, self_path, NULL, &attr, argv, environ);
    reap(pid);
    posix_spawnattr_destroy(&attr);
    puts("fork and execl");
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        execl(self_path, self_path, "report", (char *)NULL);
        _exit(1);
    }
    reap(pid);
    puts("vfork and execle");
    fflush(stdout);
    pid = vfork();
    if (pid == 0) {
        execle(self_path, self_path, "report", (char *)NULL, environ);
        _exit(1);
    }
    reap(pid);
    SAY_ERRNO(execv("/no/such/program", argv));
    SAY(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, environ));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGHUP, SIG_DFL);
}

static void shells(void)
{
    char line[64] = "";
    fflush(stdout);
    say_status(system("exit 5"));
    say_status(system("kill -9 $$"));
    SAY_NUMBER(system(NULL) != 0);
    say_status(system("/no/such/program 2>/dev/null"));
    fflush(stdout);
    FILE *pipe = popen("echo from a shell; exit 6", "r");
    printf("%s", fgets(line, sizeof line, pipe));
    say_status(pclose(pipe));
}

static void *reaper(void *arg)
{
    int status;
    pid_t *pid = arg;
    *pid = wait(&status);
    return arg;
}

static void waiting(void)
{
    int status;
    siginfo_t info = { 0 };
    pthread_t threads[3];
    pid_t pids[3], reaped[3];
    struct sigaction action = { .sa_handler = on_child };
    fflush(stdout);
    SAY_ERRNO(wait(NULL));
    sigaction(SIGCHLD, &action, NULL);
    children = 0;
    pid_t pid = fork();
    if (pid == 0) {
        usleep(20000);
        _exit(4);
    }
    SAY_NUMBER(waitpid(pid, &status, WNOHANG));
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0)
        ;
    printf("%d %d %d\n", info.si_code == CLD_EXITED, info.si_status, info.si_pid == pid);
    reap(pid);
    SAY_NUMBER(children);
    for (int i = 0; i < 3; i++) { /* each thread reaps one child */
        pids[i] = fork();
        if (pids[i] == 0) {
            usleep(20000);
            _exit(i);
        }
        pthread_create(&threads[i], NULL, reaper, &reaped[i]);
    }
    long left = 0;
    for (int i = 0; i < 3; i++)
        left += pids[i];
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        left -= reaped[i];
    }
    SAY_NUMBER(left);
    signal(SIGCHLD, SIG_DFL);
    pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    waitpid(pid, &status, WUNTRACED);
    say_status(status);
    kill(pid, SIGCONT);
    reap(pid);
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGTERM);
    reap(pid);
    signal(SIGCHLD, SIG_IGN); /* nothing to reap: wait() waits for all and fails */
    pid = fork();
    if (pid == 0) {
        usleep(10000);
        _exit(0);
    }
    SAY_ERRNO(wait(NULL));
    signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
    self_path = argv[0];
    if (argc > 1) {
        report();
        return 0;
    }
    forking();
    in_children();
    with_threads();
    spawning();
    shells();
    waiting();
    return 0;
}
