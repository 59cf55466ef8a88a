/* From a spec to a process: its standard descriptors, and the launch. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/launch.h"
#include "io/process.h"
#include "weft/io.h"

#define FLAGS (WEFT_PROCESS_GROUP | WEFT_PROCESS_SESSION | WEFT_PROCESS_CLOSE_FDS)

struct ends {
    int child[3];  /* as the launch wants them */
    bool ours[3];  /* to be closed here */
    int parent[3]; /* -1: none */
};

static int open_pipe(int number, struct ends *ends)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    int parent = pair[number == 0];
    fcntl(parent, F_SETFL, O_NONBLOCK);
    weft__fd_renew(parent, WEFT__FD_SET_UP);
    ends->parent[number] = parent;
    ends->child[number] = pair[number != 0];
    ends->ours[number] = true;
    return 0;
}

static int open_end(const weft_stdio *stdio, int number, struct ends *ends)
{
    switch (stdio->kind) {
    case WEFT_STDIO_INHERIT:
        return 0;
    case WEFT_STDIO_NULL:
        ends->child[number] = open("/dev/null", O_RDWR | O_CLOEXEC);
        ends->ours[number] = ends->child[number] >= 0;
        return ends->ours[number] ? 0 : -errno;
    case WEFT_STDIO_PIPE:
        return open_pipe(number, ends);
    case WEFT_STDIO_FD:
        ends->child[number] = stdio->fd;
        return stdio->fd < 0 ? -EBADF : 0;
    case WEFT_STDIO_OUT:
        ends->child[number] = WEFT__AS_OUT;
        return number == 2 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static void close_ends(struct ends *ends, bool failed)
{
    for (int i = 0; i < 3; i++) {
        if (ends->ours[i])
            close(ends->child[i]);
        if (failed && ends->parent[i] >= 0)
            weft_close(ends->parent[i]);
    }
}

static bool valid(const weft_process_spec *spec)
{
    if (!spec->argv || !spec->argv[0] || spec->flags & ~FLAGS || (spec->fd_count && !spec->fds))
        return false;
    for (size_t i = 0; i < spec->fd_count; i++) {
        if (spec->fds[i] < 3)
            return false;
    }
    for (size_t i = 0; i < sizeof spec->reserved / sizeof *spec->reserved; i++) {
        if (spec->reserved[i])
            return false;
    }
    return true;
}

static pid_t launch(const weft_process_spec *spec, const struct ends *ends, int *ret_pidfd)
{
    struct weft__launch launch = {
        .file = spec->file ? spec->file : spec->argv[0],
        .argv = spec->argv,
        .envp = spec->envp ? spec->envp : (const char *const *)environ,
        .cwd = spec->cwd,
        .stdio = { ends->child[0], ends->child[1], ends->child[2] },
        .fds = spec->fds,
        .fd_count = spec->fd_count,
        .group = spec->flags & WEFT_PROCESS_GROUP,
        .session = spec->flags & WEFT_PROCESS_SESSION,
        .close_fds = spec->flags & WEFT_PROCESS_CLOSE_FDS,
    };
    return weft__launch(&launch, ret_pidfd);
}

static int spawn(const weft_process_spec *spec, weft_process *process)
{
    struct ends ends = { .child = { WEFT__AS_IT_IS, WEFT__AS_IT_IS, WEFT__AS_IT_IS },
                         .parent = { -1, -1, -1 } };
    const weft_stdio *stdio[] = { &spec->in, &spec->out, &spec->err };
    int rc = 0, pidfd = -1;
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = open_end(stdio[i], i, &ends);
    pid_t pid = rc ? rc : launch(spec, &ends, &pidfd);
    close_ends(&ends, pid < 0);
    if (pid < 0)
        return pid;
    weft__fd_renew(pidfd, 0);
    *process = (weft_process){ .pid = pid,
                               .pidfd = pidfd,
                               .fds = { ends.parent[0], ends.parent[1], ends.parent[2] },
                               .group = spec->flags & (WEFT_PROCESS_GROUP | WEFT_PROCESS_SESSION) };
    weft__list_init(&process->link);
    return 0;
}

int weft_process_spawn(const weft_process_spec *spec, weft_process **ret_process)
{
    weft__process_reap();
    if (!valid(spec))
        return -EINVAL;
    weft_process *process = malloc(sizeof *process);
    if (!process)
        return -ENOMEM;
    int kept = errno, rc = spawn(spec, process);
    errno = kept;
    if (rc)
        free(process);
    else
        *ret_process = process;
    return rc;
}
