/* A program that runs the runtime itself: its tasks have no signal masks, so nobody can
 * tell what a library has blocked around a write, and a pipe or socket that nobody reads is
 * EPIPE without SIGPIPE. Plain threads get both. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <weft.h>

static volatile sig_atomic_t handled;

static void count(int number)
{
    (void)number;
    handled++;
}

/* In a function of its own: errno is read where the write was. */
static __attribute__((noinline)) void say(const char *call, ssize_t result)
{
    printf("  %s: %s\n", call, result < 0 ? strerrorname_np(errno) : "?");
}

static int write_to_nobody(void *who)
{
    int pipe_ends[2], sockets[2];
    struct iovec part = { "x", 1 };
    printf("%s\n", (const char *)who);
    if (pipe(pipe_ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
        return 1;
    close(pipe_ends[0]);
    close(sockets[0]);
    say("write", write(pipe_ends[1], "x", 1));
    say("writev", writev(pipe_ends[1], &part, 1));
    say("send", send(sockets[1], "x", 1, 0));
    say("quiet send", send(sockets[1], "x", 1, MSG_NOSIGNAL));
    close(pipe_ends[1]);
    close(sockets[1]);
    printf("  %d handled\n", (int)handled);
    return 0;
}

static void *write_as_thread(void *who)
{
    write_to_nobody(who);
    return NULL;
}

static int program(void *unused)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    (void)unused;
    write_to_nobody("a task");
    if (weft_spawn_with(&attr, write_to_nobody, "a virtual thread", &task) == 0)
        weft_join(task, NULL);
    signal(SIGPIPE, SIG_DFL);
    write_to_nobody("a task that would die of it");
    signal(SIGPIPE, SIG_IGN);
    write_to_nobody("a task that ignores it");
    return 0;
}

int main(void)
{
    pthread_t thread;
    signal(SIGPIPE, count);
    if (pthread_create(&thread, NULL, write_as_thread, "a thread") != 0)
        return 1;
    pthread_join(thread, NULL);
    return weft_run(NULL, program, NULL);
}
