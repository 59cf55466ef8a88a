#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* between two of its lines */

static _Noreturn void become(const struct program *program, const struct hook *hook,
                             const char *variable)
{
    char *arguments[] = { (char *)(uintptr_t)program->binary, NULL };
    int nothing = open("/dev/null", O_RDWR);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || setenv(variable, "1", 1) != 0 ||
        hook_environment(hook) != 0)
        _exit(TOOL_FAILED);
    execv(program->binary, arguments);
    _exit(TOOL_CANNOT_RUN);
}

static bool readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    return poll(&poll_fd, 1, PATIENCE_MS) > 0;
}

static char *read_all(int fd)
{
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room + 1);
    while (text && readable(fd)) {
        ssize_t n = read(fd, text + size, room - size);
        if (n <= 0)
            break;
        size += (size_t)n;
        if (size < room)
            continue;
        room *= 2;
        char *more = realloc(text, room + 1);
        if (!more)
            free(text);
        text = more;
    }
    if (text)
        text[size] = 0;
    return text;
}

char *child_ask(const struct program *program, const struct hook *hook, const char *variable)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        become(program, hook, variable);
    }
    close(ends[1]);
    char *text = child > 0 ? read_all(ends[0]) : NULL;
    close(ends[0]);
    if (child > 0) {
        kill(child, SIGKILL); /* it has ended, or it hangs */
        waitpid(child, NULL, 0);
    }
    return text;
}
