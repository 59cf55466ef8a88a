/* New processes in one step: their mask is the thread's. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "hook/interposed.h"
#include "hook/signals.h"
#include "hook/thread.h"
#include "os/error.h"

typedef int spawn_fn(pid_t *ret_pid, const char *path, const posix_spawn_file_actions_t *actions,
                     const posix_spawnattr_t *attr, char *const argv[], char *const envp[]);

/* The mask is passed on as an attribute, unless the program has set one: with the carrier's
 * own changed meanwhile, what is sent to the process might go to the carrier. */
static const posix_spawnattr_t *with_mask(const struct weft__thread *self,
                                          const posix_spawnattr_t *attr, posix_spawnattr_t *room)
{
    short flags = 0;
    sigset_t mask;
    if (attr)
        *room = *attr;
    else
        posix_spawnattr_init(room);
    posix_spawnattr_getflags(room, &flags);
    if (flags & POSIX_SPAWN_SETSIGMASK)
        return attr;
    weft__mask_to(weft__load(&self->signals.mask, relaxed), &mask);
    posix_spawnattr_setsigmask(room, &mask);
    posix_spawnattr_setflags(room, (short)(flags | POSIX_SPAWN_SETSIGMASK));
    return room;
}

static int spawn(spawn_fn *fn, pid_t *ret_pid, const char *path,
                 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
                 char *const argv[], char *const envp[])
{
    struct weft__thread *self = weft__thread_self();
    struct weft__rank carrier;
    posix_spawnattr_t room;
    if (!self)
        return fn(ret_pid, path, actions, attr, argv, envp);
    weft__signals_hold(); /* stays on this carrier */
    weft__rank_lend(self, &carrier);
    int rc = fn(ret_pid, path, actions, with_mask(self, attr, &room), argv, envp);
    weft__rank_return(self, &carrier);
    weft__signals_unhold();
    return rc;
}

WEFT__INTERPOSE int posix_spawn(pid_t *ret_pid, const char *path,
                                const posix_spawn_file_actions_t *actions,
                                const posix_spawnattr_t *attr, char *const argv[],
                                char *const envp[])
{
    return spawn(weft__real_posix_spawn, ret_pid, path, actions, attr, argv, envp);
}
WEFT__INSIDE(posix_spawn);

WEFT__INTERPOSE int posix_spawnp(pid_t *ret_pid, const char *file,
                                 const posix_spawn_file_actions_t *actions,
                                 const posix_spawnattr_t *attr, char *const argv[],
                                 char *const envp[])
{
    return spawn(weft__real_posix_spawnp, ret_pid, file, actions, attr, argv, envp);
}

WEFT__INTERPOSE FILE *popen(const char *command, const char *mode)
{
    struct weft__lent carrier;
    weft__signals_lend(&carrier);
    FILE *file = weft__real_popen(command, mode);
    weft__signals_return(&carrier);
    return file;
}

/* system(): POSIX wants SIGCHLD blocked and SIGINT and SIGQUIT ignored meanwhile. */

static struct {
    struct weft__lock lock;
    unsigned users;
    struct sigaction interrupt, quit; /* what they were */
} ignoring;

static void begin_to_ignore(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    weft__lock_acquire(&ignoring.lock);
    if (ignoring.users++ == 0) {
        weft__hook_sigaction(SIGINT, &ignore, &ignoring.interrupt);
        weft__hook_sigaction(SIGQUIT, &ignore, &ignoring.quit);
    }
    weft__lock_release(&ignoring.lock);
}

static void end_to_ignore(void)
{
    weft__lock_acquire(&ignoring.lock);
    if (--ignoring.users == 0) {
        weft__hook_sigaction(SIGINT, &ignoring.interrupt, NULL);
        weft__hook_sigaction(SIGQUIT, &ignoring.quit, NULL);
    }
    weft__lock_release(&ignoring.lock);
}

static int spawn_shell(const char *command, const sigset_t *mask, pid_t *ret_pid)
{
    char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)command,
                     NULL };
    posix_spawnattr_t attr;
    sigset_t defaults;
    sigemptyset(&defaults);
    if (ignoring.interrupt.sa_handler != SIG_IGN)
        sigaddset(&defaults, SIGINT);
    if (ignoring.quit.sa_handler != SIG_IGN)
        sigaddset(&defaults, SIGQUIT);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, mask);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int rc = weft__hook_posix_spawn(ret_pid, "/bin/sh", NULL, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return rc;
}

/* What is to be undone when system() ends, also by a cancellation. */
struct shell {
    pid_t pid; /* 0: none runs */
    sigset_t before;
};

static void begin(struct shell *shell)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    shell->pid = 0;
    begin_to_ignore();
    weft__hook_pthread_sigmask(SIG_BLOCK, &child, &shell->before);
}

static void end(struct shell *shell)
{
    int error = weft__error();
    if (shell->pid) {
        weft__real_kill(shell->pid, SIGKILL);
        while (weft__hook_waitpid(shell->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    end_to_ignore();
    weft__hook_pthread_sigmask(SIG_SETMASK, &shell->before, NULL);
    weft__error_set(error);
}

static int run_shell(const char *command)
{
    __attribute__((cleanup(end))) struct shell shell;
    int status = 127 << 8;
    begin(&shell);
    int rc = spawn_shell(command, &shell.before, &shell.pid);
    if (rc)
        shell.pid = 0;
    while (rc == 0 && weft__hook_waitpid(shell.pid, &status, 0) < 0)
        rc = errno == EINTR ? 0 : errno;
    shell.pid = 0;
    if (rc) {
        errno = rc;
        return rc == EAGAIN || rc == ENOMEM || rc == ECHILD ? -1 : 127 << 8;
    }
    return status;
}

WEFT__INTERPOSE int system(const char *command)
{
    if (!weft__hook_task())
        return weft__real_system(command);
    if (!command)
        return run_shell("exit 0") == 0;
    return run_shell(command);
}
