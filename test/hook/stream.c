/* Streams: waiting, ends, parts, errors, flags, on unix, TCP and pipes. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "fds.h"

#define BIG (4 << 20)

static int fds[2];
static char out[BIG], in[BIG];
static volatile sig_atomic_t signals;

static void on_pipe(int number)
{
    (void)number;
    signals++;
}

static void *write_later(void *text)
{
    usleep(A_WHILE);
    if (write(fds[1], text, strlen(text)) < 0)
        abort();
    return NULL;
}

static void *close_later(void *unused)
{
    usleep(A_WHILE);
    close(fds[1]);
    return unused;
}

static void *write_in_parts(void *unused)
{
    for (int i = 0; i < 5; i++) {
        usleep(A_WHILE / 4);
        if (write(fds[1], "abcd", 4) != 4)
            abort();
    }
    return unused;
}

static void *drain_slowly(void *unused)
{
    size_t done = 0;
    while (done < BIG) {
        ssize_t n = read(fds[0], in + done, BIG - done < 100000 ? BIG - done : 100000);
        if (n <= 0)
            break;
        done += (size_t)n;
        if (done % 7 == 0)
            usleep(100);
    }
    return unused;
}

static void *drain_some(void *unused)
{
    usleep(A_WHILE);
    for (int i = 0; i < 10; i++) {
        if (read(fds[0], in, 4096) <= 0)
            abort();
    }
    close(fds[0]);
    return unused;
}

static void waits(void)
{
    char buf[64] = "";
    struct iovec parts[2] = { { buf, 3 }, { buf + 10, 3 } };
    start(write_later, "hello");
    SAY_CALL(read(fds[0], buf, sizeof buf));
    puts(buf);
    finish();
    SAY_CALL(read(fds[0], buf, 0));
    start(write_later, "123456789");
    SAY_CALL(readv(fds[0], parts, 2));
    printf("%.3s %.3s\n", buf, buf + 10);
    SAY_CALL(preadv2(fds[0], parts, 1, -1, 0));
    finish();
    SAY_CALL(pread(fds[0], buf, 1, 0));
    SAY_CALL(pwrite(fds[1], buf, 1, 0));
    set_nonblocking(fds[0], 1);
    SAY_CALL(read(fds[0], buf, sizeof buf));
    SAY_CALL(readv(fds[0], parts, 2));
    set_nonblocking(fds[0], 0);
    SAY_NUMBER(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    start(write_later, "x");
    SAY_CALL(read(fds[0], buf, sizeof buf));
    finish();
}

static void check_big(const char *what, ssize_t n)
{
    finish();
    printf("%s: %zd of %d, %s\n", what, n, BIG, memcmp(in, out, BIG) == 0 ? "same" : "different");
    memset(in, 0, BIG);
}

static void wholes(void)
{
    struct iovec parts[4] = { { out, 1 },
                              { out + 1, BIG / 2 },
                              { out + 1 + BIG / 2, 1000 },
                              { out + 1001 + BIG / 2, BIG / 2 - 1001 } };
    for (int i = 0; i < BIG; i++)
        out[i] = (char)(i * 31 >> 3);
    start(drain_slowly, NULL);
    check_big("write", write(fds[1], out, BIG));
    start(drain_slowly, NULL);
    check_big("writev", writev(fds[1], parts, 4));
    set_nonblocking(fds[1], 1);
    ssize_t n = write(fds[1], out, BIG);
    printf("a part without waiting: %d\n", n > 0 && n < BIG);
    while (n > 0)
        n = write(fds[1], out, BIG);
    puts(say_error(errno));
    set_nonblocking(fds[1], 0);
}

/* The first write of what is there fills it; the reader goes away in mid-write. */
static void reader_goes(void)
{
    signals = 0;
    start(drain_some, NULL);
    ssize_t n = write(fds[1], out, BIG);
    finish();
    printf("a part until the reader went: %d\n", n > 0 && n < BIG);
    errno = 0;
    do
        n = write(fds[1], out, 100);
    while (n < 0 && errno == ECONNRESET);
    printf("then %zd %s\n", n, say_error(errno));
}

static void ends(void)
{
    char buf[16];
    start(close_later, NULL);
    SAY_CALL(read(fds[0], buf, sizeof buf));
    finish();
    SAY_CALL(read(fds[0], buf, sizeof buf));
    close(fds[0]);
    SAY_CALL(read(fds[0], buf, sizeof buf));
    SAY_CALL(write(fds[0], buf, sizeof buf));
}

static void all_of_it(void)
{
    char buf[64] = "";
    struct iovec parts[3] = { { buf, 3 }, { buf + 3, 7 }, { buf + 10, 10 } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
    start(write_in_parts, NULL);
    SAY_CALL(recv(fds[0], buf, 20, MSG_WAITALL | MSG_PEEK));
    puts(buf);
    memset(buf, 0, sizeof buf);
    SAY_CALL(recv(fds[0], buf, 20, MSG_WAITALL));
    puts(buf);
    finish();
    memset(buf, 0, sizeof buf);
    start(write_in_parts, NULL);
    SAY_CALL(recvmsg(fds[0], &message, MSG_WAITALL));
    puts(buf);
    finish();
    start(write_later, "peek");
    SAY_CALL(recv(fds[0], buf, 64, MSG_PEEK));
    SAY_CALL(recv(fds[0], buf, 2, 0));
    SAY_CALL(recv(fds[0], buf, 64, MSG_DONTWAIT));
    SAY_CALL(recv(fds[0], buf, 64, MSG_DONTWAIT));
    finish();
    SAY_CALL(recv(fds[0], buf, 1, MSG_OOB));
}

static void limit_receiving(long ms)
{
    struct timeval time = { ms / 1000, ms % 1000 * 1000 };
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

/* Less than a look at all of it waits for is there for who wants less. */
static void part_of_it(void)
{
    char buf[20];
    limit_receiving(50);
    SAY_CALL(recv(fds[0], buf, 20, 0));
    SAY_CALL(send(fds[1], "ten bytes!", 10, 0));
    usleep(A_WHILE);
    SAY_CALL(recv(fds[0], buf, 20, MSG_WAITALL | MSG_PEEK));
    limit_receiving(5000);
    SAY_CALL(recv(fds[0], buf, 20, 0));
    limit_receiving(0);
}

static void errors(void)
{
    char buf[4];
    char *volatile bad = (void *)8;
    volatile int negative = -1;
    SAY_CALL(read(-1, buf, 4));
    SAY_CALL(write(-1, buf, 4));
    SAY_CALL(read(1000000, buf, 4));
    SAY_CALL(send(-1, buf, 4, 0));
    SAY_CALL(recv(0, NULL, 0, MSG_ERRQUEUE));
    SAY_CALL(readv(fds[0], (void *)bad, negative));
    SAY_CALL(writev(fds[1], (void *)bad, 2000));
    SAY_CALL(read(fds[0], bad, 0));
    SAY_CALL(write(fds[1], bad, 100));
}

static void family(const char *name, int sockets, int (*make)(int[2]))
{
    printf("-- %s\n", name);
    if (make(fds) < 0)
        abort();
    waits();
    if (sockets) {
        all_of_it();
        part_of_it();
    }
    errors();
    ends();
    make(fds);
    wholes();
    close(fds[0]);
    close(fds[1]);
    make(fds);
    reader_goes();
    printf("signals: %d\n", signals);
    close(fds[1]);
}

static int make_unix(int ends_of[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends_of);
}

/* With buffers that stay as they are: left to itself the kernel may let them grow
 * until all of BIG fits in. */
static int make_tcp(int ends_of[2])
{
    int size = 1 << 18;
    tcp_pair(ends_of);
    setsockopt(ends_of[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(ends_of[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return 0;
}

static int make_pipe(int ends_of[2])
{
    return pipe(ends_of);
}

static void no_signal(void)
{
    make_unix(fds);
    close(fds[0]);
    signals = 0;
    SAY_CALL(send(fds[1], "x", 1, MSG_NOSIGNAL));
    SAY_NUMBER(signals);
    SAY_CALL(send(fds[1], "x", 1, 0));
    SAY_CALL(send(fds[1], "x", 1, MSG_DONTWAIT));
    SAY_CALL(write(fds[1], "x", 1));
    SAY_NUMBER(signals);
    signal(SIGPIPE, SIG_IGN);
    SAY_CALL(write(fds[1], "x", 1));
    SAY_NUMBER(signals);
    close(fds[1]);
}

/* A FIFO that nobody has opened for writing is at its end, as long as nobody waits. */
static void fifo(void)
{
    char path[] = "/tmp/weft-fifo-XXXXXX", byte;
    close(mkstemp(path));
    unlink(path);
    SAY_CALL(mkfifo(path, 0600));
    int end = open(path, O_RDONLY | O_NONBLOCK);
    SAY_CALL(read(end, &byte, 1));
    int other = open(path, O_WRONLY);
    SAY_CALL(read(end, &byte, 1));
    SAY_CALL(write(other, "f", 1));
    SAY_CALL(read(end, &byte, 1));
    close(other);
    SAY_CALL(read(end, &byte, 1));
    close(end);
    unlink(path);
}

/* Who succeeds after a wait leaves errno alone. */
static void errno_stays(void)
{
    char buf[16];
    struct sockaddr_in address;
    int listener = listen_tcp(&address), client = socket(AF_INET, SOCK_STREAM, 0);
    errno = 0;
    connect(client, (struct sockaddr *)&address, sizeof address);
    SAY_NUMBER(errno);
    close(client);
    close(listener);
    make_pipe(fds);
    start(write_later, "x");
    errno = 0;
    read(fds[0], buf, 16);
    SAY_NUMBER(errno);
    finish();
    char *volatile bad = (void *)8;
    SAY_CALL(readv(fds[0], (void *)bad, 1));
    close(fds[0]);
    close(fds[1]);
    make_tcp(fds);
    start(write_later, "y");
    errno = 0;
    recv(fds[0], buf, 16, 0);
    SAY_NUMBER(errno);
    finish();
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    signal(SIGPIPE, on_pipe);
    family("unix", 1, make_unix);
    family("tcp", 1, make_tcp);
    family("pipe", 0, make_pipe);
    no_signal();
    fifo();
    errno_stays();
    return 0;
}
