/* A program that uses weft and is linked with the hook: scopes reach into libc's blocking
 * calls, in virtual threads and in light tasks. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weft.h>

static int pair[2], listener;
static const char *failure;

#define EXPECT(condition) ((condition) ? (void)0 : (void)(failure = #condition))

/* Each would wait for ever. Returns -1 with errno. */

static int in_recv(void)
{
    char byte;
    return (int)recv(pair[0], &byte, 1, 0);
}

static int in_read(void)
{
    char byte;
    return (int)read(pair[0], &byte, 1);
}

static int in_accept(void)
{
    return accept(listener, NULL, NULL);
}

static int in_poll(void)
{
    struct pollfd pfd = { .fd = pair[0], .events = POLLIN };
    return poll(&pfd, 1, -1);
}

static int in_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pair[0], &set);
    return select(pair[0] + 1, &set, NULL, NULL, NULL);
}

static int in_epoll(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    int fd = epoll_create1(0);
    epoll_ctl(fd, EPOLL_CTL_ADD, pair[0], &event);
    int rc = epoll_wait(fd, &event, 1, -1);
    int error = errno;
    close(fd);
    errno = error;
    return rc;
}

static int in_nanosleep(void)
{
    struct timespec time = { 1000, 0 };
    return nanosleep(&time, NULL);
}

static int (*const waits[])(void) = { in_recv,   in_read,  in_accept,   in_poll,
                                      in_select, in_epoll, in_nanosleep };
#define WAITS (sizeof waits / sizeof *waits)

static void expect_error(int rc, int error, int wanted)
{
    if (rc != -1 || error != wanted) {
        static char text[100];
        snprintf(text, sizeof text, "%d, %s instead of %s", rc, strerror(error), strerror(wanted));
        failure = text;
    }
}

static int by_deadline(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < WAITS; i++) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_after(WEFT_MS(5)));
        int rc = waits[i]();
        expect_error(rc, errno, ETIMEDOUT);
        rc = waits[i](); /* a level */
        expect_error(rc, errno, ETIMEDOUT);
        EXPECT(weft_scope_leave(&scope));
    }
    return 0;
}

static int cancelled_in(void *wait)
{
    int rc = (*(int (*const *)(void))wait)();
    expect_error(rc, errno, ECANCELED);
    return 0;
}

static int by_cancelling(unsigned flags)
{
    weft_attr attr = { .flags = flags };
    weft_group group;
    WEFT_WITH_GROUP (&group, WEFT_NEVER) {
        for (size_t i = 0; i < WAITS; i++)
            EXPECT(weft_group_spawn_with(&group, &attr, cancelled_in, (void *)&waits[i]) == 0);
        weft_sleep(WEFT_MS(20)); /* most wait by then; it makes no difference */
        weft_group_cancel(&group);
    }
    return weft_group_result(&group);
}

/* What did not happen is there still; a lock is no place to fail, a timeout of the
 * socket's own is what it was. */
static int goes_on(void *unused)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timeval patience = { 0, 1000 };
    weft_scope scope;
    char byte = 0;
    (void)unused;
    weft_scope_enter(&scope, WEFT_NEVER);
    weft_scope_cancel(&scope);
    EXPECT(write(pair[1], "x", 1) == -1 && errno == ECANCELED);
    EXPECT(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    weft_scope_leave(&scope);
    EXPECT(write(pair[1], "x", 1) == 1);
    weft_scope_enter(&scope, weft_after(WEFT_S(1000)));
    EXPECT(recv(pair[0], &byte, 1, 0) == 1 && byte == 'x');
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    EXPECT(recv(pair[0], &byte, 1, 0) == -1 && errno == EAGAIN);
    patience.tv_usec = 0;
    EXPECT(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    EXPECT(!weft_scope_leave(&scope));
    return 0;
}

static void test(int number, const char *name, int rc)
{
    const char *why = failure ? failure : rc ? "a result that is not 0" : NULL;
    printf("%sok %d - %s%s%s\n", why ? "not " : "", number, name, why ? " # " : "", why ? why : "");
    failure = NULL;
}

static int run_as(unsigned flags, int (*fn)(void *))
{
    weft_attr attr = { .flags = flags };
    weft_task *task;
    int result = -1;
    if (weft_spawn_with(&attr, fn, NULL, &task) == 0)
        weft_join(task, &result);
    return result;
}

static int all(void *unused)
{
    (void)unused;
    puts("1..6");
    test(1, "a deadline ends a virtual thread's calls", run_as(WEFT_VIRTUAL_THREAD, by_deadline));
    test(2, "a deadline ends a light task's calls", run_as(0, by_deadline));
    test(3, "cancelling ends virtual threads' calls", by_cancelling(WEFT_VIRTUAL_THREAD));
    test(4, "cancelling ends light tasks' calls", by_cancelling(0));
    test(5, "a virtual thread goes on after", run_as(WEFT_VIRTUAL_THREAD, goes_on));
    test(6, "a light task goes on after", run_as(0, goes_on));
    return 0;
}

int main(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET };
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 ||
        bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 1) != 0) {
        perror("sockets");
        return 1;
    }
    return weft_run(NULL, all, NULL) != 0;
}
