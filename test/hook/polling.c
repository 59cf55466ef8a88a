/* poll(), ppoll(), select(), pselect(). */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "fds.h"

#define MANY 1000

static int fds[2], ends[MANY][2];

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

static void *close_later(void *unused)
{
    usleep(A_WHILE);
    close(fds[1]);
    return unused;
}

static void *drain_later(void *unused)
{
    static char buf[1 << 20];
    usleep(A_WHILE);
    NOTE_CALL(read(fds[0], buf, sizeof buf) > 0);
    return unused;
}

static void *urge_later(void *unused)
{
    usleep(A_WHILE);
    if (send(fds[1], "!", 1, MSG_OOB) < 0)
        abort();
    return unused;
}

static void say_poll(struct pollfd *set, nfds_t count, int timeout)
{
    int n = poll(set, count, timeout);
    printf("poll: %d %s:", n, n < 0 ? say_error(errno) : "");
    for (nfds_t i = 0; i < count && i < 4; i++)
        printf(" %x", (unsigned)set[i].revents);
    puts("");
}

static void fill(int fd)
{
    static char buf[4096];
    set_nonblocking(fd, 1);
    while (write(fd, buf, sizeof buf) > 0)
        ;
    set_nonblocking(fd, 0);
}

static void polls(void)
{
    char buf[16];
    struct timespec begin = now(), time = { 0, 20000000 }, wrong = { 0, 2000000000 };
    struct pollfd set[4] = { { -1, POLLIN, 0 }, { fds[0], POLLIN, 0 } };
    SAY_CALL(poll(NULL, 0, 20));
    SAY_NUMBER(took_ms(begin, 20));
    begin = now();
    say_poll(set, 2, 20);
    SAY_NUMBER(took_ms(begin, 20));
    say_poll(set, 2, 0);
    start(write_later, "x");
    say_poll(set, 2, -1);
    finish();
    say_poll(set, 2, 1000);
    SAY_CALL(read(fds[0], buf, 16));
    start(write_later, "y");
    say_poll(set, 2, 10000);
    finish();
    SAY_CALL(read(fds[0], buf, 16));
    begin = now();
    SAY_CALL(ppoll(set, 2, &time, NULL));
    SAY_NUMBER(took_ms(begin, 20));
    SAY_CALL(ppoll(set, 2, &wrong, NULL));
    fill(fds[1]);
    set[2] = (struct pollfd){ fds[1], POLLOUT, 0 };
    say_poll(&set[2], 1, 10);
    start(drain_later, NULL);
    say_poll(&set[2], 1, -1);
    finish();
    set[2] = (struct pollfd){ open("/dev/null", O_RDWR), POLLIN | POLLOUT, 0 };
    set[3] = (struct pollfd){ open("/etc/hostname", O_RDONLY), POLLIN, 0 };
    say_poll(set, 4, -1);
    set[3].events = POLLPRI;
    set[2].events = 0;
    say_poll(&set[2], 2, 10);
    close(set[2].fd);
    close(set[3].fd);
    say_poll(set, 4, -1);
    struct pollfd more = { fds[0], POLLIN, 0 };
    while (poll(&more, 1, 0) == 1 && read(fds[0], buf, 16) > 0)
        ;
    set[2] = (struct pollfd){ fds[0], 0, 0 };
    start(close_later, NULL);
    say_poll(&set[2], 1, -1);
    finish();
    say_poll(set, 2, -1);
}

static void urgent(void)
{
    struct pollfd set = { fds[0], POLLPRI, 0 };
    fd_set except;
    char byte;
    start(urge_later, NULL);
    say_poll(&set, 1, -1);
    finish();
    FD_ZERO(&except);
    FD_SET(fds[0], &except);
    SAY_CALL(select(fds[0] + 1, NULL, NULL, &except, NULL));
    SAY_CALL(recv(fds[0], &byte, 1, MSG_OOB));
    set.events = POLLRDHUP;
    start(close_later, NULL);
    say_poll(&set, 1, -1);
    finish();
}

static void *write_one(void *at)
{
    usleep(A_WHILE);
    NOTE_CALL(write(((int *)at)[1], "z", 1));
    return NULL;
}

static void many(void)
{
    static struct pollfd set[MANY];
    char byte;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < MANY; i++) {
        if (pipe(ends[i]) < 0)
            abort();
        set[i] = (struct pollfd){ ends[i][0], POLLIN, 0 };
    }
    for (int i = 0; i < 5; i++) {
        int which = i * 211 % MANY;
        start(write_one, ends[which]);
        SAY_CALL(poll(set, MANY, -1));
        SAY_NUMBER(set[which].revents);
        finish();
        SAY_CALL(read(ends[which][0], &byte, 1));
    }
    SAY_CALL(poll(set, MANY, 10));
    /* more than FD_SETSIZE */
    size_t size = (size_t)(2 * MANY + 100) / 8 + 8;
    fd_set *large = calloc(1, size);
    int last = ends[MANY - 1][0];
    ((unsigned long *)large)[last / 64] |= 1ul << (last % 64);
    start(write_one, ends[MANY - 1]);
    SAY_CALL(select(last + 1, large, NULL, NULL, NULL));
    SAY_NUMBER(((unsigned long *)large)[last / 64] >> (last % 64) & 1);
    finish();
    free(large);
    for (int i = 0; i < MANY; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

static void say_select(int count, int in_fd, int out_fd, struct timeval *timeout)
{
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    if (in_fd >= 0)
        FD_SET(in_fd, &in);
    if (out_fd >= 0)
        FD_SET(out_fd, &out);
    int n = select(count, &in, &out, NULL, timeout);
    printf("select: %d %s: %d %d\n", n, n < 0 ? say_error(errno) : "",
           in_fd >= 0 && FD_ISSET(in_fd, &in), out_fd >= 0 && FD_ISSET(out_fd, &out));
}

static void selects(void)
{
    char buf[16];
    struct timeval time = { 0, 20000 };
    struct timespec begin = now(), short_time = { 0, 20000000 };
    fd_set set;
    SAY_CALL(select(0, NULL, NULL, NULL, &time));
    SAY_NUMBER(took_ms(begin, 20));
    SAY_NUMBER(time.tv_sec == 0 && time.tv_usec == 0);
    time.tv_usec = 20000;
    say_select(fds[0] + 1, fds[0], -1, &time);
    start(write_later, "x");
    time.tv_sec = 5;
    say_select(fds[0] + 1, fds[0], -1, &time);
    SAY_NUMBER(time.tv_sec == 4);
    finish();
    say_select(fds[1] + 1, fds[0], fds[1], NULL);
    SAY_CALL(read(fds[0], buf, 16));
    fill(fds[1]);
    start(drain_later, NULL);
    say_select(fds[1] + 1, -1, fds[1], NULL);
    finish();
    int gone = dup(fds[0]);
    close(gone);
    say_select(gone + 1, gone, -1, NULL);
    SAY_CALL(select(-1, NULL, NULL, NULL, NULL));
    FD_ZERO(&set);
    FD_SET(fds[1], &set);
    SAY_CALL(pselect(fds[1] + 1, &set, NULL, NULL, &short_time, NULL));
    SAY_NUMBER(FD_ISSET(fds[1], &set));
    SAY_NUMBER(short_time.tv_nsec);
}

static struct pollfd rewritten[2];

static void *rewrite_later(void *pipes)
{
    int(*pipe_of)[2] = pipes;
    usleep(A_WHILE);
    rewritten[0].fd = -1;
    rewritten[1].events = POLLOUT;
    usleep(A_WHILE);
    NOTE_CALL(write(pipe_of[0][1], "x", 1));
    return NULL;
}

static void *read_one(void *pipe_of)
{
    char byte;
    if (read(((int *)pipe_of)[0], &byte, 1) != 1)
        abort();
    return NULL;
}

/* What is waited for was read when the call began; whoever waits for the same later does
 * so undisturbed. */
static void rewriting(void)
{
    int pipes[2][2];
    pthread_t readers[20];
    if (pipe(pipes[0]) < 0 || pipe(pipes[1]) < 0)
        abort();
    for (int i = 0; i < 2; i++)
        rewritten[i] = (struct pollfd){ pipes[i][0], POLLIN, 0 };
    start(rewrite_later, pipes);
    SAY_CALL(poll(rewritten, 2, -1));
    finish();
    SAY_NUMBER(rewritten[0].revents);
    SAY_NUMBER(rewritten[1].revents);
    for (int i = 0; i < 20; i++)
        pthread_create(&readers[i], NULL, read_one, pipes[1]);
    usleep(A_WHILE);
    for (int i = 0; i < 20; i++)
        SAY_CALL(write(pipes[1][1], "y", 1));
    for (int i = 0; i < 20; i++)
        pthread_join(readers[i], NULL);
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

static double cpu_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Of sets with room for FD_SETSIZE, whatever the count says: beyond begins what must not
 * be touched. And one bit for a number that nobody has opened, beyond the table. */
static void counts(void)
{
    static unsigned long large[2048 / 8 / sizeof(unsigned long)];
    struct timeval time = { 0, 50000 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + page, page, PROT_NONE);
    fd_set *set = (fd_set *)(void *)(pages + page - sizeof *set);
    FD_SET(fds[0], set);
    SAY_CALL(select(1 << 20, set, NULL, NULL, &time));
    FD_SET(fds[0], set);
    start(write_later, "x");
    SAY_CALL(select(1 << 20, set, NULL, NULL, NULL));
    SAY_NUMBER(FD_ISSET(fds[0], set));
    finish();
    SAY_CALL(read(fds[0], pages, 1));
    large[1900 / 8 / sizeof *large] = ~0ul;
    double before = cpu_seconds();
    time.tv_usec = 200000;
    SAY_CALL(select(2000, (fd_set *)large, NULL, NULL, &time));
    SAY_NUMBER(cpu_seconds() - before < 0.15);
    munmap(pages, 2 * page);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    pipe(fds);
    counts();
    rewriting();
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    polls();
    pipe(fds);
    polls();
    tcp_pair(fds);
    urgent();
    pipe(fds);
    selects();
    many();
    return 0;
}
