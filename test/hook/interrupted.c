/* Signals against calls on descriptors, semaphores and futexes: EINTR, SA_RESTART, masks for one
 * call. */
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "say.h"

static volatile sig_atomic_t seen;
static int pipes[2], sockets[2], wakeup[2], listener;
static sem_t sem;
static atomic_int word;
static pthread_t waiting;
static char byte;

static void handle(int number)
{
    int error = errno;
    seen++;
    if (write(wakeup[1], &(char){ (char)number }, 1) != 1)
        _exit(90);
    errno = error;
}

static void install(int flags)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
    sigaction(SIGUSR1, &action, NULL);
}

/* Sends a signal, and later what ends the wait for good. */
static void *disturb(void *arg)
{
    usleep(20000);
    pthread_kill(waiting, SIGUSR1);
    usleep(20000);
    if (write(pipes[1], "p", 1) != 1 || write(sockets[1], "s", 1) != 1)
        _exit(91);
    sem_post(&sem);
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &size);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    connect(fd, (struct sockaddr *)&address, size);
    close(fd);
    return arg;
}

static long call_read(void)
{
    return read(pipes[0], &byte, 1);
}

static long call_recv(void)
{
    return recv(sockets[0], &byte, 1, 0);
}

static long call_accept(void)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return -1;
    close(fd);
    return 1;
}

static long call_poll(void)
{
    struct pollfd pfd = { .fd = pipes[0], .events = POLLIN };
    return poll(&pfd, 1, 5000);
}

static long call_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    long rc = select(pipes[0] + 1, &set, NULL, NULL, NULL);
    return rc < 0 && !FD_ISSET(pipes[0], &set) ? -2 : rc; /* for the next call */
}

static long call_epoll(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    int fd = epoll_create1(0);
    epoll_ctl(fd, EPOLL_CTL_ADD, pipes[0], &event);
    long rc = epoll_wait(fd, &event, 1, -1);
    int error = errno;
    close(fd);
    errno = error;
    return rc;
}

static long call_sem(void)
{
    return sem_wait(&sem);
}

static long call_sem_timed(void)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 5000);
    return sem_timedwait(&sem, &until);
}

static long call_sem_clock(void)
{
    struct timespec until = after_ms(CLOCK_MONOTONIC, 5000);
    return sem_clockwait(&sem, CLOCK_MONOTONIC, &until);
}

/* 1: woken, or told that there is no need to wait. */
static long wait_word(const struct timespec *time)
{
    long rc = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, time, NULL, 0);
    return rc == 0 || errno == EAGAIN ? 1 : rc;
}

static long call_futex(void)
{
    return wait_word(NULL);
}

static long call_futex_timed(void)
{
    return wait_word(&(struct timespec){ 5, 0 });
}

static void drain(void)
{
    word = 0;
    while (sem_trywait(&sem) == 0)
        ;
    while (recv(sockets[0], &byte, 1, MSG_DONTWAIT) == 1)
        ;
    struct pollfd pfds[] = { { .fd = pipes[0], .events = POLLIN },
                             { .fd = listener, .events = POLLIN },
                             { .fd = wakeup[0], .events = POLLIN } };
    while (poll(pfds, 3, 0) > 0) {
        if (pfds[1].revents)
            close(accept(listener, NULL, NULL));
        if ((pfds[0].revents && read(pipes[0], &byte, 1) != 1) ||
            (pfds[2].revents && read(wakeup[0], &byte, 1) != 1))
            _exit(92);
    }
}

static void disturbed(const char *what, long (*call)(void), int flags)
{
    pthread_t thread;
    install(flags);
    seen = 0;
    waiting = pthread_self();
    pthread_create(&thread, NULL, disturb, NULL);
    long rc = call();
    printf("%s%s: %ld, %s, seen %d\n", what, flags ? ", restart" : "", rc,
           rc < 0 ? say_error(errno) : "0", (int)seen);
    pthread_join(thread, NULL);
    drain();
}

/* Of each of these a part is moved before it waits. */
static int part_fds[2];

static long write_part(void)
{
    static char much[1 << 20];
    long n = write(pipes[1], much, sizeof much);
    return n > 0 && n < (long)sizeof much;
}

static long write_vectors_part(void)
{
    static char much[1 << 20];
    struct iovec parts[2] = { { much, 10 }, { much, sizeof much } };
    long n = writev(part_fds[1], parts, 2);
    return n > 0 && n < (long)sizeof much;
}

static long recv_part(void)
{
    char buf[10];
    return recv(part_fds[0], buf, sizeof buf, MSG_WAITALL);
}

static long recvmsg_part(void)
{
    char buf[10];
    struct iovec parts[2] = { { buf, 2 }, { buf + 2, 8 } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    return recvmsg(part_fds[0], &message, MSG_WAITALL);
}

static long recvmmsg_part(void)
{
    char buf[2][10];
    struct iovec parts[2] = { { buf[0], 10 }, { buf[1], 10 } };
    struct mmsghdr messages[2] = { { .msg_hdr = { .msg_iov = &parts[0], .msg_iovlen = 1 } },
                                   { .msg_hdr = { .msg_iov = &parts[1], .msg_iovlen = 1 } } };
    return recvmmsg(part_fds[0], messages, 2, 0, NULL);
}

static void *disturb_only(void *arg)
{
    usleep(50000);
    pthread_kill(waiting, SIGUSR1);
    return arg;
}

static void in_parts(const char *what, long (*call)(void), int type)
{
    pthread_t thread;
    install(SA_RESTART);
    seen = 0;
    waiting = pthread_self();
    if (type && (socketpair(AF_UNIX, type, 0, part_fds) || write(part_fds[1], "abc", 3) != 3))
        _exit(93);
    pthread_create(&thread, NULL, disturb_only, NULL);
    long rc = call();
    printf("part of %s: %ld, %s, seen %d\n", what, rc, rc < 0 ? say_error(errno) : "0", (int)seen);
    pthread_join(thread, NULL);
    if (type) {
        close(part_fds[0]);
        close(part_fds[1]);
    }
    drain();
}

static void *in_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        int flags = i ? SA_RESTART : 0;
        disturbed("read", call_read, flags);
        disturbed("recv", call_recv, flags);
        disturbed("accept", call_accept, flags);
        disturbed("poll", call_poll, flags);
        disturbed("select", call_select, flags);
        disturbed("epoll_wait", call_epoll, flags);
        disturbed("sem_wait", call_sem, flags);
        disturbed("sem_timedwait", call_sem_timed, flags);
        disturbed("sem_clockwait", call_sem_clock, flags);
        disturbed("futex", call_futex, flags);
        disturbed("futex with a timeout", call_futex_timed, flags);
    }
    in_parts("a write", write_part, 0);
    in_parts("vectors", write_vectors_part, SOCK_STREAM);
    in_parts("what to receive", recv_part, SOCK_STREAM);
    in_parts("a message", recvmsg_part, SOCK_STREAM);
    in_parts("several messages", recvmmsg_part, SOCK_DGRAM);
    struct timeval limit = { 5, 0 };
    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    disturbed("recv with a timeout", call_recv, SA_RESTART);
    return NULL;
}

/* Blocked but for the call: what is pending interrupts it at once. */
static void masked_calls(void)
{
    struct pollfd pfd = { .fd = pipes[0], .events = POLLIN };
    struct epoll_event event = { .events = EPOLLIN };
    struct timespec later = { 5, 0 };
    sigset_t set, open;
    fd_set in;
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event);
    install(0);
    seen = 0;
    sigemptyset(&open);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    SAY_NUMBER(seen);
    SAY_ERRNO(ppoll(&pfd, 1, &later, &open));
    SAY_NUMBER(seen);
    raise(SIGUSR1);
    FD_ZERO(&in);
    FD_SET(pipes[0], &in);
    SAY_ERRNO(pselect(pipes[0] + 1, &in, NULL, NULL, &later, &open));
    SAY_NUMBER(seen);
    raise(SIGUSR1);
    SAY_ERRNO(epoll_pwait(epoll, &event, 1, 5000, &open));
    SAY_NUMBER(seen);
    raise(SIGUSR1); /* stays pending: something is ready */
    SAY_NUMBER(write(pipes[1], "p", 1));
    SAY_NUMBER(ppoll(&pfd, 1, &later, &open));
    SAY_NUMBER(seen);
    SAY_NUMBER(call_read());
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    SAY_NUMBER(seen);
    close(epoll);
    drain();
}

static sigjmp_buf env;

static void leap(int number)
{
    siglongjmp(env, number);
}

/* The old way to limit a call. */
static void limited_by_alarm(void)
{
    struct itimerval once = { { 0, 0 }, { 0, 20000 } };
    static long (*const calls[])(void) = { call_read, call_accept, call_poll, call_epoll };
    signal(SIGALRM, leap);
    for (volatile size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (sigsetjmp(env, 1) == 0) {
            setitimer(ITIMER_REAL, &once, NULL);
            calls[i]();
            puts("not reached");
        }
    }
    puts("limited");
}

int main(void)
{
    pthread_t thread;
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setvbuf(stdout, NULL, _IOLBF, 0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (sem_init(&sem, 0, 0) || pipe(pipes) || pipe(wakeup) ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) ||
        bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8))
        return 1;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    masked_calls();
    limited_by_alarm();
    limited_by_alarm();
    drain();
    disturbed("accept after all that", call_accept, SA_RESTART);
    return 0;
}
