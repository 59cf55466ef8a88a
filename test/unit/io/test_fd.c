/* Edges, closing, and the numbers' second lives. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sockets.h"
#include "tasks.h"

static atomic_int waiting;

static int read_one(void *fd)
{
    char byte;
    atomic_fetch_add(&waiting, 1);
    return (int)weft_read(*(int *)fd, &byte, 1);
}

static int write_for_ever(void *fd)
{
    static char bulk[65536];
    ssize_t n;
    atomic_fetch_add(&waiting, 1);
    while ((n = weft_write(*(int *)fd, bulk, sizeof bulk)) > 0)
        ;
    return (int)n;
}

static int accept_one(void *fd)
{
    atomic_fetch_add(&waiting, 1);
    return weft_accept(*(int *)fd, NULL, NULL);
}

static int poll_one(void *fd)
{
    struct pollfd pfd = { *(int *)fd, POLLIN, 0 };
    atomic_fetch_add(&waiting, 1);
    int rc = weft_poll(&pfd, 1);
    return rc == 1 && pfd.revents == POLLNVAL ? -EBADF : rc;
}

static void *read_on_thread(void *fd)
{
    return (void *)(intptr_t)read_one(fd);
}

static int close_with_waiters(void *unused)
{
    struct stream stream;
    weft_task *tasks[8];
    pthread_t thread;
    void *result;
    (void)unused;
    for (enum stream_kind kind = TCP4; kind < STREAM_KINDS; kind++) {
        if (!stream_open(kind, &stream))
            continue;
        bool pipe = kind == PIPE;
        int count = 0, expected = atomic_load(&waiting);
        for (int i = 0; i < 3; i++)
            SPAWN(read_one, &stream.reader, &tasks[count++]);
        SPAWN(poll_one, &stream.reader, &tasks[count++]);
        SPAWN(write_for_ever, &stream.writer, &tasks[count++]);
        if (!pipe)
            SPAWN(accept_one, &stream.listener, &tasks[count++]);
        pthread_create(&thread, NULL, read_on_thread, &stream.reader);
        while (atomic_load(&waiting) < expected + count + 1)
            weft_sleep(WEFT_MS(1));
        weft_sleep(WEFT_MS(20));
        /* What the writer sent has woken the readers of its own stream. */
        weft_close(stream.writer);
        weft_close(stream.reader);
        if (!pipe)
            weft_close(stream.listener);
        for (int i = 0; i < count; i++) {
            int rc;
            ck_assert_int_eq(weft_join(tasks[i], &rc), 0);
            bool reads = i < 4;
            ck_assert(rc == -EBADF || (reads && rc == 1));
        }
        pthread_join(thread, &result);
    }
    return 0;
}

TEST(closing_wakes_everybody, .timeout = 30)
{
    ck_assert_int_eq(weft_run(NULL, close_with_waiters, NULL), 0);
}

static int close_quiet(void *unused)
{
    int fds[2];
    weft_task *tasks[4];
    pthread_t thread;
    void *result;
    (void)unused;
    ck_assert_int_eq(pipe(fds), 0);
    for (int i = 0; i < 3; i++)
        SPAWN(read_one, &fds[0], &tasks[i]);
    SPAWN(poll_one, &fds[0], &tasks[3]);
    pthread_create(&thread, NULL, read_on_thread, &fds[0]);
    while (atomic_load(&waiting) < 5)
        weft_sleep(WEFT_MS(1));
    weft_sleep(WEFT_MS(20));
    ck_assert_int_eq(weft_close(fds[0]), 0);
    for (int i = 0; i < 4; i++)
        JOIN(tasks[i], -EBADF);
    pthread_join(thread, &result); /* blocks this worker; the thread is woken already */
    ck_assert_int_eq((intptr_t)result, -EBADF);
    ck_assert_int_eq(weft_close(fds[0]), -EBADF);
    return weft_close(fds[1]);
}

TEST(who_waits_for_a_closed_descriptor_gets_ebadf, .timeout = 30)
{
    ck_assert_int_eq(weft_run(NULL, close_quiet, NULL), 0);
}

static int connect_nowhere(void *fd)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, "\0weft-test-full", 15);
    atomic_fetch_add(&waiting, 1);
    return weft_connect(*(int *)fd, (struct sockaddr *)&un,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 15));
}

static int close_connecting(void *unused)
{
    int listener = weft_listen("unix:@weft-test-full", 1, 0), clients[4];
    weft_task *tasks[4];
    (void)unused;
    ck_assert_int_ge(listener, 0);
    for (int i = 0; i < 4; i++) {
        clients[i] = weft_socket(AF_UNIX, SOCK_STREAM, 0);
        SPAWN(connect_nowhere, &clients[i], &tasks[i]);
        weft_sleep(WEFT_MS(5));
    }
    JOIN(tasks[0], 0);
    JOIN(tasks[1], 0); /* a backlog of 1 holds two */
    ck_assert_int_eq(weft_close(clients[2]), 0);
    JOIN(tasks[2], -EBADF);
    int accepted = weft_accept(listener, NULL, NULL);
    JOIN(tasks[3], 0); /* tries again by itself */
    weft_close(accepted);
    for (int i = 0; i < 4; i++)
        weft_close(clients[i]);
    return weft_close(listener);
}

TEST(connecting_to_a_full_queue_waits_and_can_be_closed)
{
    ck_assert_int_eq(weft_run(NULL, close_connecting, NULL), 0);
}

/* Numbers are used again at once; nothing of the old file may be left. */
static int reuse_numbers(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        struct stream stream;
        weft_task *task;
        atomic_store(&waiting, 0);
        if (!stream_open((enum stream_kind)(i % STREAM_KINDS), &stream))
            continue;
        SPAWN(read_one, &stream.reader, &task);
        if (i % 3 == 0)
            weft_yield();
        if (i % 2) {
            ck_assert_int_eq(weft_write(stream.writer, "x", 1), 1);
            JOIN(task, 1);
            stream_close(&stream);
        } else {
            while (!atomic_load(&waiting))
                weft_yield();
            weft_sleep(WEFT_US(100));
            stream_close(&stream);
            int rc;
            ck_assert_int_eq(weft_join(task, &rc), 0);
            ck_assert(rc == -EBADF);
        }
    }
    return 0;
}

TEST(a_number_can_be_used_again)
{
    ck_assert_int_eq(weft_run(NULL, reuse_numbers, NULL), 0);
}

/* EDGE-4: short reads, more data, the end, in every order and distance. */

static const char *const scripts[] = { "d",    "dd", "dp", "dpd", "f",     "df", "dpf", "ddf",
                                       "dpdf", "pd", "pf", "pdf", "dpdpf", "Df", "DpD", "pDpf" };

struct job {
    int fd;
    const char *script;
};

static int play(void *arg)
{
    const struct job *job = arg;
    static const char large[300];
    for (const char *at = job->script; *at; at++) {
        if (*at == 'd')
            ck_assert_int_eq(weft_write_all(job->fd, "abc", 3, NULL), 0);
        if (*at == 'D')
            ck_assert_int_eq(weft_write_all(job->fd, large, sizeof large, NULL), 0);
        if (*at == 'p')
            weft_sleep(WEFT_US(300));
        if (*at == 'f')
            weft_shutdown(job->fd, SHUT_WR);
    }
    return 0;
}

static size_t length_of(const char *script)
{
    size_t length = 0;
    for (; *script; script++)
        length += *script == 'd' ? 3 : *script == 'D' ? 300 : 0;
    return length;
}

static void follow(int reader, const char *script, size_t piece)
{
    char buf[512];
    size_t left = length_of(script);
    bool ends = strchr(script, 'f') != NULL;
    while (left > 0) {
        ssize_t n = weft_read(reader, buf, piece);
        if (n <= 0 || (size_t)n > left)
            ck_abort_msg("script %s, pieces of %zu: read %zd with %zu left", script, piece, n,
                         left);
        left -= (size_t)n;
    }
    if (ends)
        ck_assert_int_eq(weft_read(reader, buf, piece), 0);
}

static int play_all(void *kind)
{
    const size_t pieces[] = { 1, 2, 3, 4, 100, 512 };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        for (int p = 0; p < 6; p++) {
            struct stream stream;
            if (!stream_open(*(enum stream_kind *)kind, &stream))
                return 0;
            struct job job = { stream.writer, scripts[i] };
            weft_task *task;
            SPAWN(play, &job, &task);
            if (p % 2) /* all of it may be there before the first read */
                weft_sleep(WEFT_US(500));
            follow(stream.reader, scripts[i], pieces[p]);
            JOIN(task, 0);
            stream_close(&stream);
        }
    }
    return 0;
}

TEST(short_reads_miss_neither_data_nor_the_end, .timeout = 30)
{
    for (enum stream_kind kind = TCP4; kind <= UNIX_PATH; kind++) {
        ck_assert_int_eq(run_in_turn(play_all, &kind), 0);
        ck_assert_int_eq(run_tasks(2, play_all, &kind), 0);
    }
}

/* Shutting down */

static int shut_later(void *fd)
{
    weft_sleep(WEFT_MS(10));
    return weft_shutdown(*(int *)fd, SHUT_RDWR);
}

static int be_shut_down(void *unused)
{
    struct stream stream;
    weft_task *task;
    char byte;
    (void)unused;
    stream_open(TCP4, &stream);
    SPAWN(shut_later, &stream.reader, &task);
    ck_assert_int_eq(weft_read(stream.reader, &byte, 1), 0);
    JOIN(task, 0);
    SPAWN(shut_later, &stream.listener, &task);
    ck_assert_int_eq(weft_accept(stream.listener, NULL, NULL), -EINVAL);
    JOIN(task, 0);
    stream_close(&stream);
    return 0;
}

TEST(shutting_down_wakes_readers_and_acceptors)
{
    ck_assert_int_eq(weft_run(NULL, be_shut_down, NULL), 0);
}

/* Beyond the runtime's life */

static struct stream kept;

static int open_and_wait(void *unused)
{
    weft_scope scope;
    char byte;
    (void)unused;
    stream_open(TCP4, &kept);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(5));
    ck_assert_int_eq(weft_read(kept.reader, &byte, 1), -ETIMEDOUT); /* it is registered */
    weft_scope_leave(&scope);
    return 0;
}

static int use_kept(void *unused)
{
    weft_task *task;
    (void)unused;
    SPAWN(read_one, &kept.reader, &task);
    weft_sleep(WEFT_MS(5));
    ck_assert_int_eq(weft_write(kept.writer, "x", 1), 1);
    JOIN(task, 1);
    return 0;
}

TEST(descriptors_outlive_the_runtime, .timeout = 30)
{
    ck_assert_int_eq(weft_run(NULL, open_and_wait, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weft_run(NULL, use_kept, NULL), 0);
    ck_assert_int_eq(weft_write(kept.writer, "x", 1), 1);
    ck_assert_int_eq(read_one(&kept.reader), 1);
}

TEST(a_plain_thread_that_waits_survives_the_runtime, .timeout = 30)
{
    int fds[2];
    pthread_t thread;
    void *result;
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    pthread_create(&thread, NULL, read_on_thread, &fds[0]);
    block_for(WEFT_MS(20));
    ck_assert_int_eq(weft_stop(), 0);
    block_for(WEFT_MS(5));
    ck_assert_int_eq(weft_write(fds[1], "x", 1), 1);
    pthread_join(thread, &result);
    ck_assert_int_eq((intptr_t)result, 1);
}
