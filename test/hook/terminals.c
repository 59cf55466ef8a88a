/* Terminals: both ends of a pseudo-terminal, its modes, its hang-up, a child on one. */
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "fds.h"

enum { MASTER, SLAVE };

static int ends[2];

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static void open_pair(void)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    SAY_CALL(openpty(&ends[MASTER], &ends[SLAVE], NULL, NULL, &size));
}

static void close_pair(void)
{
    close(ends[SLAVE]);
    close(ends[MASTER]);
}

static void set_raw(unsigned char least, unsigned char tenths)
{
    struct termios settings;
    SAY_CALL(tcgetattr(ends[SLAVE], &settings));
    cfmakeraw(&settings);
    settings.c_cc[VMIN] = least;
    settings.c_cc[VTIME] = tenths;
    SAY_CALL(tcsetattr(ends[SLAVE], TCSANOW, &settings));
}

static void say(int end, const char *text, ssize_t size, int error)
{
    printf("%s: '", end == MASTER ? "master" : "slave");
    for (ssize_t i = 0; i < size; i++)
        printf(text[i] < ' ' ? "\\%o" : "%c", text[i]);
    printf("' %s\n", error ? say_error(error) : "");
}

/* One read(). */
static void take_once(int end, size_t size)
{
    char buf[128];
    ssize_t n = read(ends[end], buf, size);
    say(end, buf, n, n < 0 ? errno : 0);
}

/* So many bytes, or up to an end. Echoes come in pieces. */
static void take(int end, size_t size)
{
    char buf[128];
    size_t sum = 0;
    ssize_t n = 1;
    while (n > 0 && sum < size) {
        n = read(ends[end], buf + sum, size - sum);
        sum += n > 0 ? (size_t)n : 0;
    }
    say(end, buf, (ssize_t)sum, n < 0 ? errno : 0);
}

/* What is written a while later, and to which end. */
static struct {
    int end;
    const char *text;
} later;

static void *write_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(write(ends[later.end], later.text, strlen(later.text)));
    return unused;
}

static void start_writing(int end, const char *text)
{
    later.end = end;
    later.text = text;
    start(write_later, NULL);
}

static void modes(void)
{
    struct termios settings;
    struct winsize size;
    open_pair();
    SAY_NUMBER(isatty(ends[MASTER]));
    SAY_NUMBER(isatty(ends[SLAVE]));
    SAY_CALL(tcgetattr(ends[SLAVE], &settings));
    SAY_NUMBER(settings.c_lflag & ICANON);
    SAY_CALL(ioctl(ends[SLAVE], TIOCGWINSZ, &size));
    SAY_NUMBER(size.ws_col);
    size.ws_col = 132;
    SAY_CALL(ioctl(ends[MASTER], TIOCSWINSZ, &size));
    SAY_CALL(ioctl(ends[SLAVE], TIOCGWINSZ, &size));
    SAY_NUMBER(size.ws_col);
    set_raw(1, 0);
    SAY_CALL(tcgetattr(ends[MASTER], &settings));
    SAY_NUMBER(settings.c_lflag & ICANON);
    SAY_CALL(tcflush(ends[SLAVE], TCIOFLUSH));
    SAY_CALL(tcdrain(ends[SLAVE]));
    close_pair();
}

/* With echo; a line is there when it has ended, and edited before. */
static void lines(void)
{
    open_pair();
    start_writing(MASTER, "linf\177e\n");
    take_once(SLAVE, 100);
    finish();
    take(MASTER, strlen("linf\b \be\r\n"));
    start_writing(MASTER, "two\nlines\n");
    take_once(SLAVE, 100);
    finish();
    take_once(SLAVE, 3);
    take_once(SLAVE, 100);
    take(MASTER, strlen("two\r\nlines\r\n"));
    start_writing(MASTER, "\4");
    take_once(SLAVE, 100);
    finish();
    start_writing(SLAVE, "out\n");
    take(MASTER, strlen("out\r\n"));
    finish();
    close_pair();
}

/* As VMIN and VTIME say. */
static void bytes(void)
{
    struct timespec begin;
    open_pair();
    set_raw(1, 0);
    start_writing(MASTER, "\3x\n");
    take(SLAVE, 3);
    finish();
    start_writing(SLAVE, "back\n");
    take(MASTER, 5);
    finish();
    set_raw(3, 0);
    SAY_CALL(write(ends[MASTER], "ab", 2));
    take_once(SLAVE, 2);
    SAY_CALL(write(ends[MASTER], "ab", 2));
    start_writing(MASTER, "c");
    take_once(SLAVE, 100);
    finish();
    set_raw(0, 0);
    take_once(SLAVE, 100);
    set_raw(0, 1);
    begin = now();
    take_once(SLAVE, 100);
    SAY_NUMBER(took_ms(begin, 90));
    set_raw(0, 0);
    set_nonblocking(ends[SLAVE], 1);
    take_once(SLAVE, 100);
    set_nonblocking(ends[SLAVE], 0);
    set_raw(0, 250);
    start_writing(MASTER, "s");
    take_once(SLAVE, 100);
    finish();
    close_pair();
}

static void readiness(void)
{
    struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN | POLLOUT } };
    open_pair();
    set_raw(1, 0);
    fds[MASTER].fd = ends[MASTER];
    fds[SLAVE].fd = ends[SLAVE];
    SAY_CALL(poll(fds, 1, 10));
    SAY_CALL(poll(fds, 2, 10));
    SAY_NUMBER(fds[SLAVE].revents);
    start_writing(SLAVE, "up");
    SAY_CALL(poll(fds, 1, -1));
    finish();
    SAY_NUMBER(fds[MASTER].revents);
    take(MASTER, 2);
    set_nonblocking(ends[MASTER], 1);
    take_once(MASTER, 100);
    close_pair();
}

/* What the other end does not read has to wait. */
static void *read_all_later(void *unused)
{
    char buf[512];
    size_t sum = 0;
    usleep(A_WHILE);
    while (sum < 100000) {
        ssize_t n = read(ends[MASTER], buf, sizeof buf);
        if (n <= 0)
            break;
        sum += (size_t)n;
    }
    NOTE_CALL(sum);
    return unused;
}

static void full(void)
{
    static char much[100000];
    open_pair();
    set_raw(1, 0);
    memset(much, 'm', sizeof much);
    start(read_all_later, NULL);
    SAY_CALL(write(ends[SLAVE], much, sizeof much));
    finish();
    close_pair();
}

static void *close_later(void *end)
{
    usleep(A_WHILE);
    NOTE_CALL(close(*(int *)end));
    return NULL;
}

static void hang_up(void)
{
    struct pollfd fd = { .events = POLLIN };
    struct termios settings;
    open_pair();
    start(close_later, &ends[SLAVE]);
    take_once(MASTER, 100);
    finish();
    fd.fd = ends[MASTER];
    SAY_CALL(poll(&fd, 1, 1000));
    SAY_NUMBER(fd.revents);
    take_once(MASTER, 100);
    close(ends[MASTER]);
    open_pair();
    fd.fd = ends[SLAVE];
    start(close_later, &ends[MASTER]);
    SAY_CALL(poll(&fd, 1, -1));
    finish();
    take_once(SLAVE, 100);
    SAY_CALL(write(ends[SLAVE], "x", 1));
    SAY_CALL(tcgetattr(ends[SLAVE], &settings));
    SAY_CALL(poll(&fd, 1, 1000));
    SAY_NUMBER(fd.revents);
    close(ends[SLAVE]);
}

/* A child on a terminal of its own. What it says may come in pieces. */
static void child(void)
{
    char said[256] = "";
    size_t used = 0;
    int status = -1;
    ssize_t n;
    pid_t pid = forkpty(&ends[MASTER], NULL, NULL, NULL);
    if (pid == 0) {
        char name[32] = "";
        n = read(STDIN_FILENO, name, sizeof name - 1);
        dprintf(STDOUT_FILENO, "%d, hello %s", isatty(STDOUT_FILENO), n > 0 ? name : "?");
        _exit(3);
    }
    SAY_NUMBER(pid > 0);
    SAY_CALL(write(ends[MASTER], "child\n", 6));
    while (used < sizeof said - 1 &&
           (n = read(ends[MASTER], said + used, sizeof said - 1 - used)) > 0)
        used += (size_t)n;
    SAY_NUMBER(n);
    puts(say_error(errno));
    say(MASTER, said, (ssize_t)used, 0);
    waitpid(pid, &status, 0);
    SAY_NUMBER(WEXITSTATUS(status));
    close(ends[MASTER]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    modes();
    lines();
    bytes();
    readiness();
    full();
    hang_up();
    child();
    return 0;
}
