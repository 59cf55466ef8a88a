#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sockets.h"
#include "tasks.h"

#define BULK ((size_t)300 << 10)

/* As a task, on a plain thread beside a runtime, and without one. */
static void run_everywhere(int (*fn)(void *), void *arg)
{
    ck_assert_int_eq(weft_run(NULL, fn, arg), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(arg), 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(fn(arg), 0);
}

struct job {
    int fd;
    enum { ALL, SINGLE, VECTORS, SEND } how;
};

static unsigned char bulk[BULK];

static int write_bulk(void *arg)
{
    struct job *job = arg;
    size_t done = 0;
    if (job->how == ALL) {
        ck_assert_int_eq(weft_write_all(job->fd, bulk, BULK, &done), 0);
    } else if (job->how == VECTORS) {
        struct iovec iov[4] = { { bulk, 5 },
                                { bulk + 5, 0 },
                                { bulk + 5, BULK / 2 },
                                { bulk + 5 + BULK / 2, BULK - BULK / 2 - 5 } };
        ck_assert_int_eq(weft_writev_all(job->fd, iov, 4, &done), 0);
    } else {
        while (done < BULK) {
            ssize_t n = job->how == SEND ? weft_send(job->fd, bulk + done, BULK - done, 0)
                                         : weft_write(job->fd, bulk + done, BULK - done);
            if (n <= 0)
                ck_abort_msg("write: %d", (int)n);
            done += (size_t)n;
        }
    }
    ck_assert_uint_eq(done, BULK);
    return 0;
}

static void *write_on_thread(void *job)
{
    write_bulk(job);
    return NULL;
}

static void read_bulk(int fd, bool vectors)
{
    unsigned char buf[10000];
    size_t done = 0;
    while (done < BULK) {
        struct iovec iov[2] = { { buf, 100 }, { buf + 100, sizeof buf - 100 } };
        ssize_t n = vectors ? weft_readv(fd, iov, 2) : weft_read(fd, buf, sizeof buf);
        if (n <= 0)
            ck_abort_msg("read: %d after %zu bytes", (int)n, done);
        if (memcmp(buf, bulk + done, (size_t)n) != 0)
            ck_abort_msg("some of the bytes %zu..%zu are wrong", done, done + (size_t)n - 1);
        done += (size_t)n;
    }
}

static int move_bulk(void *kind)
{
    struct stream stream;
    if (!stream_open(*(enum stream_kind *)kind, &stream))
        return 0;
    for (int how = ALL; how <= SEND; how++) {
        struct job job = { stream.writer, how };
        pthread_t thread;
        weft_task *task;
        int small = 16384;
        if (how == SEND && *(enum stream_kind *)kind == PIPE)
            continue;
        setsockopt(stream.writer, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        if (weft_self())
            SPAWN(write_bulk, &job, &task);
        else
            pthread_create(&thread, NULL, write_on_thread, &job);
        read_bulk(stream.reader, how == VECTORS);
        if (weft_self())
            JOIN(task, 0);
        else
            pthread_join(thread, NULL);
    }
    stream_close(&stream);
    return 0;
}

TEST(more_than_fits_into_the_buffers_goes_through_every_kind_of_stream)
{
    for (size_t i = 0; i < BULK; i++)
        bulk[i] = (unsigned char)(i * 31 + (i >> 8));
    for (enum stream_kind kind = TCP4; kind < STREAM_KINDS; kind++)
        run_everywhere(move_bulk, &kind);
}

static int reach_the_end(void *kind)
{
    struct stream stream;
    char buf[8];
    size_t done = 99;
    if (!stream_open(*(enum stream_kind *)kind, &stream))
        return 0;
    ck_assert_int_eq(weft_write_all(stream.writer, "hello", 5, NULL), 0);
    weft_close(stream.writer);
    ck_assert_int_eq(weft_read_all(stream.reader, buf, 2, &done), 0);
    ck_assert_uint_eq(done, 2);
    ck_assert_int_eq(weft_read_all(stream.reader, buf, sizeof buf, &done), -ENODATA);
    ck_assert_uint_eq(done, 3);
    ck_assert_int_eq(weft_read(stream.reader, buf, 1), 0);
    ck_assert_int_eq(weft_read(stream.reader, buf, 1), 0);
    ck_assert_int_eq(weft_read_all(stream.reader, buf, 0, &done), 0);
    ck_assert_uint_eq(done, 0);
    weft_close(stream.reader);
    if (stream.listener >= 0)
        weft_close(stream.listener);
    return 0;
}

TEST(reading_all_reports_an_end_that_comes_first)
{
    for (enum stream_kind kind = TCP4; kind < STREAM_KINDS; kind++)
        run_everywhere(reach_the_end, &kind);
}

static int time_out_between(void *unused)
{
    struct stream stream;
    weft_scope scope;
    size_t done;
    (void)unused;
    stream_open(TCP4, &stream);
    ck_assert_int_eq(weft_write_all(stream.writer, "abc", 3, NULL), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(10));
    ck_assert_int_eq(weft_read_all(stream.reader, bulk, 10, &done), -ETIMEDOUT);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_uint_eq(done, 3);
    for (int vectors = 0; vectors < 2; vectors++) {
        struct iovec iov[2] = { { bulk, 10 }, { bulk, BULK - 10 } };
        weft_scope_enter(&scope, weft_now() + WEFT_MS(10));
        int rc = vectors ? weft_writev_all(stream.writer, iov, 2, &done)
                         : weft_write_all(stream.writer, bulk, BULK, &done);
        while (rc == 0) /* the buffers took all of it */
            rc = weft_write_all(stream.writer, bulk, BULK, &done);
        ck_assert_int_eq(rc, -ETIMEDOUT);
        ck_assert_uint_lt(done, BULK);
        ck_assert(weft_scope_leave(&scope));
    }
    stream_close(&stream);
    return 0;
}

TEST(a_deadline_between_two_parts_says_how_much_was_moved)
{
    run_everywhere(time_out_between, NULL);
}

/* Ends of connections */

static int lose_the_peer(void *unused)
{
    struct stream stream;
    char buf[4] = "";
    struct iovec iov = { buf, 1 };
    (void)unused;
    for (enum stream_kind kind = TCP4; kind <= UNIX_ABSTRACT; kind++) {
        if (!stream_open(kind, &stream))
            continue;
        weft_close(stream.reader);
        ssize_t n = 1;
        for (int i = 0; n >= 0 && i < 1000; i++) { /* no SIGPIPE */
            n = i % 2 ? weft_write(stream.writer, "x", 1) : weft_writev(stream.writer, &iov, 1);
            weft_sleep(WEFT_US(100));
        }
        ck_assert(n == -EPIPE || n == -ECONNRESET);
        ck_assert_int_eq(weft_write(stream.writer, "x", 1), -EPIPE);
        ck_assert_int_eq(weft_writev(stream.writer, &iov, 1), -EPIPE);
        ck_assert_int_eq(weft_send(stream.writer, "x", 1, 0), -EPIPE);
        weft_close(stream.writer);
        weft_close(stream.listener);
    }
    return 0;
}

TEST(writing_to_nobody_fails_without_a_signal)
{
    run_everywhere(lose_the_peer, NULL);
}

static int reset_later(void *fd)
{
    struct linger hard = { 1, 0 };
    weft_sleep(WEFT_MS(10));
    setsockopt(*(int *)fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    weft_close(*(int *)fd);
    return 0;
}

static int be_reset(void *unused)
{
    struct stream stream;
    char byte;
    weft_task *task;
    stream_open(TCP4, &stream);
    SPAWN(reset_later, &stream.writer, &task);
    ck_assert_int_eq(weft_read(stream.reader, &byte, 1), -ECONNRESET);
    JOIN(task, 0);
    weft_close(stream.reader);
    weft_close(stream.listener);
    (void)unused;
    return 0;
}

TEST(a_reset_ends_a_read_that_waits)
{
    ck_assert_int_eq(weft_run(NULL, be_reset, NULL), 0);
}

static int close_half(void *unused)
{
    struct stream stream;
    char buf[16];
    (void)unused;
    for (enum stream_kind kind = TCP4; kind <= UNIX_ABSTRACT; kind++) {
        if (!stream_open(kind, &stream))
            continue;
        ck_assert_int_eq(weft_write_all(stream.writer, "ask", 3, NULL), 0);
        ck_assert_int_eq(weft_shutdown(stream.writer, SHUT_WR), 0);
        ck_assert_int_eq(weft_read_all(stream.reader, buf, sizeof buf, NULL), -ENODATA);
        ck_assert_int_eq(weft_write_all(stream.reader, "tell", 4, NULL), 0);
        ck_assert_int_eq(weft_read(stream.writer, buf, sizeof buf), 4);
        ck_assert_int_eq(weft_write(stream.writer, "x", 1), -EPIPE);
        stream_close(&stream);
    }
    return 0;
}

TEST(a_connection_may_be_closed_by_halves)
{
    run_everywhere(close_half, NULL);
}

/* Flags */

static int use_flags(void *unused)
{
    struct stream stream;
    char buf[8] = "";
    weft_scope scope;
    (void)unused;
    stream_open(TCP4, &stream);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(1)); /* it is registered by now */
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, 0), -ETIMEDOUT);
    weft_scope_leave(&scope);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(weft_send(stream.writer, "abcd", 4, 0), 4);
    ssize_t n = -EAGAIN;
    for (int64_t end = weft_now() + WEFT_S(5); n == -EAGAIN && weft_now() < end;)
        n = weft_recv(stream.reader, buf, 2, MSG_DONTWAIT | MSG_PEEK); /* gives no way */
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_PEEK), 4); /* less than asked for */
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_PEEK), 4);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, 0), 4);
    ck_assert_int_eq(memcmp(buf, "abcd", 4), 0);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_DONTWAIT), -EAGAIN);

    ck_assert_int_eq(weft_send(stream.writer, "ab", 2, 0), 2);
    ck_assert_int_eq(weft_send(stream.writer, "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(weft_send(stream.writer, "cd", 2, 0), 2);
    weft_sleep(WEFT_MS(5));
    ck_assert_int_eq(weft_read(stream.reader, buf, 8), 2); /* up to the mark */
    ck_assert_int_eq(weft_recv(stream.reader, buf + 7, 1, MSG_OOB), 1);
    ck_assert_int_eq(buf[7], '!');
    ck_assert_int_eq(weft_read(stream.reader, buf + 2, 6), 2);
    ck_assert_int_eq(memcmp(buf, "abcd", 4), 0);
    stream_close(&stream);
    return 0;
}

WEFT_TASK(send_in_parts, int, fd)
{
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(weft_send(fd, "ab", 2, 0), 2);
        weft_sleep(WEFT_MS(2));
    }
    return weft_shutdown(fd, SHUT_WR);
}

static int wait_for_all(void *unused)
{
    struct stream stream;
    char buf[8] = "";
    weft_task *task;
    (void)unused;
    stream_open(TCP4, &stream);
    ck_assert_int_eq(weft_spawn_args(&task, send_in_parts, stream.writer), 0);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 5, MSG_WAITALL), 5);
    ck_assert_mem_eq(buf, "ababa", 5);
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_WAITALL), 3); /* the end */
    ck_assert_int_eq(weft_recv(stream.reader, buf, 8, MSG_WAITALL), 0);
    JOIN(task, 0);
    stream_close(&stream);
    return 0;
}

TEST(waiting_for_all_gets_all_or_what_came_before_the_end)
{
    ck_assert_int_eq(run_tasks(2, wait_for_all, NULL), 0);
}

TEST(flags_are_obeyed, .timeout = 20)
{
    ck_assert_int_eq(run_in_turn(use_flags, NULL), 0);
    run_everywhere(use_flags, NULL);
}

/* Datagrams and other things */

static int send_datagrams(void *unused)
{
    int a = weft_socket(AF_INET, SOCK_DGRAM, 0), b = weft_socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in from, own;
    socklen_t size = sizeof to;
    char buf[16];
    (void)unused;
    ck_assert_int_eq(bind(a, (struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(getsockname(a, (struct sockaddr *)&to, &size), 0);
    ck_assert_int_eq(weft_sendto(b, "one", 3, 0, (struct sockaddr *)&to, sizeof to), 3);
    ck_assert_int_eq(weft_sendto(b, "", 0, 0, (struct sockaddr *)&to, sizeof to), 0);
    struct iovec iov[2] = { { (char *)"th", 2 }, { (char *)"ree", 3 } };
    struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = iov, .msg_iovlen = 2
    };
    ck_assert_int_eq(weft_sendmsg(b, &message, 0), 5);
    size = sizeof from;
    ck_assert_int_eq(weft_recvfrom(a, buf, 16, 0, (struct sockaddr *)&from, &size), 3);
    socklen_t own_size = sizeof own;
    getsockname(b, (struct sockaddr *)&own, &own_size);
    ck_assert_int_eq(from.sin_port, own.sin_port);
    ck_assert_int_eq(weft_recv(a, buf, 16, 0), 0); /* an empty one */
    struct iovec into = { buf, sizeof buf };
    message = (struct msghdr){ .msg_iov = &into, .msg_iovlen = 1 };
    ck_assert_int_eq(weft_recvmsg(a, &message, 0), 5);
    ck_assert_int_eq(memcmp(buf, "three", 5), 0);
    weft_close(a);
    weft_close(b);
    return 0;
}

TEST(datagrams_keep_their_bounds)
{
    run_everywhere(send_datagrams, NULL);
}

static int add_later(void *fd)
{
    uint64_t seven = 7;
    weft_sleep(WEFT_MS(5));
    return (int)weft_write(*(int *)fd, &seven, sizeof seven);
}

static int use_eventfd(void *unused)
{
    int fd = eventfd(0, 0);
    uint64_t value = 0;
    weft_task *task;
    (void)unused;
    for (int i = 0; i < 3; i++) {
        SPAWN(add_later, &fd, &task);
        ck_assert_int_eq(weft_read(fd, &value, sizeof value), 8);
        ck_assert_uint_eq(value, 7);
        JOIN(task, 8);
    }
    return weft_close(fd);
}

TEST(an_eventfd_can_be_waited_for)
{
    ck_assert_int_eq(weft_run(NULL, use_eventfd, NULL), 0);
}

static int use_file(void *unused)
{
    char path[] = "/tmp/weft-test-XXXXXX", buf[8];
    int fd = mkstemp(path);
    (void)unused;
    unlink(path);
    ck_assert_int_eq(weft_write_all(fd, "content", 7, NULL), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(weft_read_all(fd, buf, 8, NULL), -ENODATA);
    ck_assert_int_eq(memcmp(buf, "content", 7), 0);
    struct pollfd pfd = { fd, POLLIN | POLLOUT, 0 };
    ck_assert_int_eq(weft_poll(&pfd, 1), 1);
    return weft_close(fd);
}

TEST(files_are_read_and_written_at_once)
{
    run_everywhere(use_file, NULL);
}

/* A number that another file has got. */

static atomic_size_t drained;

static void *drain(void *arg)
{
    static char buf[1 << 16];
    ssize_t n;
    while ((n = read(*(const int *)arg, buf, sizeof buf)) > 0)
        atomic_fetch_add(&drained, (size_t)n);
    return NULL;
}

static int write_much(void *arg)
{
    static char much[8 << 20]; /* Valgrind looks at what is left at each call */
    return weft_write_all(*(const int *)arg, much, sizeof much, NULL);
}

static int replace(void *unused)
{
    int ends[2], others[2], byte;
    weft_task *task;
    pthread_t thread;
    (void)unused;
    ck_assert_int_eq(pipe(ends), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    ck_assert_int_eq(pipe2(others, O_NONBLOCK), 0);
    pthread_create(&thread, NULL, drain, &ends[0]);
    int writer = ends[1];
    SPAWN(write_much, &writer, &task);
    while (atomic_load(&drained) == 0)
        weft_yield();
    weft_close(writer);
    ck_assert_int_eq(dup(others[1]), writer); /* while the task is between two parts, or waits */
    JOIN(task, -EBADF);
    pthread_join(thread, NULL);
    ck_assert_int_eq(read(others[0], &byte, 1), -1);
    weft_close(writer);
    close(ends[0]);
    close(others[0]);
    return close(others[1]);
}

TEST(a_whole_buffer_goes_to_one_file, .timeout = 30)
{
    for (int i = 0; i < 5; i++) {
        atomic_store(&drained, 0);
        ck_assert_int_eq(run_in_turn(replace, NULL), 0);
    }
}

/* A datagram for a unix socket that is full: no event tells when it is not. */

static int64_t cpu_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int send_to_full(void *unused)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t size = sizeof address.sun_family + 1 +
                     (socklen_t)sprintf(address.sun_path + 1, "weft-test-full-%d", getpid());
    struct iovec iov = { "x", 1 };
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = size, .msg_iov = &iov, .msg_iovlen = 1
    };
    int receiver = weft_socket(AF_UNIX, SOCK_DGRAM, 0),
        sender = weft_socket(AF_UNIX, SOCK_DGRAM, 0);
    char byte;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(bind(receiver, (struct sockaddr *)&address, size), 0);
    while (sendto(sender, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, size) == 1)
        ;
    for (int i = 0; i < 2; i++) {
        int64_t before = cpu_time();
        weft_scope_enter(&scope, weft_after(WEFT_MS(200)));
        ssize_t n = i ? weft_sendmsg(sender, &message, 0)
                      : weft_sendto(sender, "x", 1, 0, (struct sockaddr *)&address, size);
        weft_scope_leave(&scope);
        ck_assert_int_eq(n, -ETIMEDOUT);
        ck_assert_int_lt(cpu_time() - before, WEFT_MS(100));
    }
    ck_assert_int_eq(weft_read(receiver, &byte, 1), 1);
    ck_assert_int_eq(weft_sendto(sender, "x", 1, 0, (struct sockaddr *)&address, size), 1);
    weft_close(sender);
    return weft_close(receiver);
}

TEST(a_full_receiver_is_not_asked_without_end)
{
    ck_assert_int_eq(weft_run(NULL, send_to_full, NULL), 0);
}
