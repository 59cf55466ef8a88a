/* Timeouts of sockets, modes changed under way, descriptors closed and replaced
 * while another thread waits, duplicates, forked children. */
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "fds.h"

static int fds[2], listener;

static void set_timeout(int fd, int option, long ms)
{
    struct timeval time = { ms / 1000, ms % 1000 * 1000 };
    SAY_CALL(setsockopt(fd, SOL_SOCKET, option, &time, sizeof time));
}

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static void *write_later(void *text)
{
    usleep(A_WHILE);
    if (write(fds[1], text, strlen(text)) < 0)
        abort();
    return NULL;
}

static void timeouts(void)
{
    static char big[4 << 20];
    char buf[16];
    struct timespec begin = now();
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    set_timeout(fds[0], SO_RCVTIMEO, 30);
    SAY_CALL(read(fds[0], buf, sizeof buf));
    SAY_NUMBER(took_ms(begin, 30));
    begin = now();
    SAY_CALL(recv(fds[0], buf, sizeof buf, 0));
    SAY_NUMBER(took_ms(begin, 30));
    set_timeout(fds[0], SO_RCVTIMEO, 500);
    start(write_later, "part");
    SAY_CALL(recv(fds[0], buf, sizeof buf, MSG_WAITALL));
    finish();
    set_timeout(fds[0], SO_RCVTIMEO, 0);
    start(write_later, "after");
    SAY_CALL(read(fds[0], buf, sizeof buf));
    finish();
    set_timeout(fds[1], SO_SNDTIMEO, 30);
    begin = now();
    ssize_t n = write(fds[1], big, sizeof big);
    printf("a part: %d\n", n > 0 && n < (ssize_t)sizeof big);
    SAY_CALL(write(fds[1], big, sizeof big));
    SAY_NUMBER(took_ms(begin, 60));
    close(fds[0]);
    close(fds[1]);
}

static void modes(void)
{
    int on = 1, off = 0;
    char buf[16];
    tcp_pair(fds);
    start(write_later, "a");
    SAY_CALL(read(fds[0], buf, 16));
    finish();
    SAY_CALL(ioctl(fds[0], FIONBIO, &on));
    SAY_CALL(read(fds[0], buf, 16));
    SAY_CALL(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    SAY_CALL(ioctl(fds[0], FIONBIO, &off));
    start(write_later, "b");
    SAY_CALL(read(fds[0], buf, 16));
    finish();
    int twin = dup(fds[0]);
    set_nonblocking(twin, 1);
    SAY_CALL(read(fds[0], buf, 16));
    set_nonblocking(fds[0], 0);
    start(write_later, "c");
    SAY_CALL(read(twin, buf, 16));
    finish();
    close(fds[0]);
    start(write_later, "d");
    SAY_CALL(read(twin, buf, 16));
    finish();
    close(twin);
    close(fds[1]);
}

/* The way in which programs end a thread that reads. */
static void *read_to_the_end(void *unused)
{
    char buf[16];
    NOTE_CALL(read(fds[0], buf, sizeof buf));
    return unused;
}

static void *accept_to_the_end(void *unused)
{
    NOTE_CALL(accept(listener, NULL, NULL));
    return unused;
}

static void shutting_down(void)
{
    struct sockaddr_in address;
    tcp_pair(fds);
    start(read_to_the_end, NULL);
    usleep(A_WHILE);
    shutdown(fds[0], SHUT_RDWR);
    close(fds[0]);
    finish();
    close(fds[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    start(read_to_the_end, NULL);
    usleep(A_WHILE);
    shutdown(fds[0], SHUT_RD);
    finish();
    close(fds[0]);
    close(fds[1]);
    listener = listen_tcp(&address);
    start(accept_to_the_end, NULL);
    usleep(A_WHILE);
    shutdown(listener, SHUT_RD);
    close(listener);
    finish();
}

/* Numbers are used again, by files of all kinds. */
static void reuse(void)
{
    char buf[16];
    for (int i = 0; i < 3; i++) {
        uint64_t one = 1;
        pipe(fds);
        start(write_later, "pipe");
        SAY_CALL(read(fds[0], buf, sizeof buf));
        finish();
        int pair[2];
        tcp_pair(pair);
        SAY_CALL(dup2(pair[0], fds[0]) == fds[0]);
        SAY_CALL(dup2(pair[1], fds[1]) == fds[1]);
        close(pair[0]);
        close(pair[1]);
        start(write_later, "socket");
        SAY_CALL(read(fds[0], buf, sizeof buf));
        finish();
        SAY_CALL(close_range((unsigned)fds[0], (unsigned)fds[1], 0));
        fds[0] = eventfd(0, 0);
        fds[1] = dup(fds[0]);
        SAY_CALL(write(fds[1], &one, sizeof one));
        SAY_CALL(read(fds[0], buf, sizeof buf));
        FILE *stream = fdopen(fds[0], "r");
        fclose(stream);
        close(fds[1]);
        fds[0] = open("/dev/null", O_RDWR);
        SAY_CALL(read(fds[0], buf, sizeof buf));
        SAY_CALL(write(fds[0], buf, sizeof buf));
        close(fds[0]);
        fds[0] = open("/etc/hostname", O_RDONLY);
        SAY_NUMBER(read(fds[0], buf, 1) == 1);
        SAY_CALL(send(fds[0], buf, 1, 0));
        SAY_CALL(recv(fds[0], buf, 1, 0));
        close(fds[0]);
    }
}

static void *post_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(eventfd_write(fds[0], 3));
    return unused;
}

static void *take_later(void *unused)
{
    eventfd_t value;
    usleep(A_WHILE);
    NOTE_CALL(eventfd_read(fds[0], &value));
    NOTE_CALL(value == UINT64_MAX - 1);
    return unused;
}

static void counters(void)
{
    eventfd_t value;
    uint64_t expired;
    struct timespec begin;
    fds[0] = eventfd(0, 0);
    start(post_later, NULL);
    SAY_CALL(eventfd_read(fds[0], &value));
    SAY_NUMBER(value);
    finish();
    SAY_CALL(eventfd_write(fds[0], UINT64_MAX - 1));
    start(take_later, NULL);
    SAY_CALL(write(fds[0], &value, sizeof value));
    finish();
    SAY_CALL(read(fds[0], &value, 4));
    close(fds[0]);
    fds[0] = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec time = { .it_value = { 0, 20000000 } };
    begin = now();
    timerfd_settime(fds[0], 0, &time, NULL);
    SAY_CALL(read(fds[0], &expired, sizeof expired));
    SAY_NUMBER(expired);
    SAY_NUMBER(took_ms(begin, 20));
    close(fds[0]);
}

/* A child has the same pipe, in the mode in which it was made. */
static void children(void)
{
    char buf[16] = "";
    int status, back[2];
    pipe(fds);
    pipe(back);
    start(write_later, "x");
    SAY_CALL(read(fds[0], buf, 16));
    finish();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(fds[1]);
        close(back[0]);
        int blocking = !(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
        ssize_t n = read(fds[0], buf, sizeof buf);
        if (n > 0 && blocking)
            n = write(back[1], buf, (size_t)n);
        _exit(n > 0 ? 7 : 1);
    }
    close(back[1]);
    usleep(A_WHILE);
    SAY_CALL(write(fds[1], "to child", 8));
    SAY_CALL(read(back[0], buf, sizeof buf));
    puts(buf);
    SAY_CALL(read(back[0], buf, sizeof buf));
    SAY_NUMBER(waitpid(child, &status, 0) == child);
    SAY_NUMBER(WEXITSTATUS(status));
    FILE *echo = popen("echo popen", "r");
    SAY_NUMBER(fgets(buf, sizeof buf, echo) != NULL);
    printf("%s", buf);
    SAY_CALL(pclose(echo));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    timeouts();
    modes();
    shutting_down();
    reuse();
    counters();
    children();
    return 0;
}
