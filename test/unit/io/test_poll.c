#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "sockets.h"
#include "tasks.h"

#define MANY 20

static int pipes[MANY][2];

static void run_everywhere(int (*fn)(void *))
{
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(pipe(pipes[i]), 0);
    ck_assert_int_eq(weft_run(NULL, fn, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(fn(NULL), 0);
}

static void watch_all(struct pollfd fds[MANY])
{
    for (int i = 0; i < MANY; i++)
        fds[i] = (struct pollfd){ pipes[i][0], POLLIN, 0x7f };
}

struct later {
    int fd;
    pthread_t thread;
};

static void *write_byte(void *later)
{
    block_for(WEFT_MS(10));
    ck_assert_int_eq(write(((struct later *)later)->fd, "x", 1), 1);
    return NULL;
}

static void write_later(struct later *later, int fd)
{
    later->fd = fd;
    pthread_create(&later->thread, NULL, write_byte, later);
}

static int wait_for_one_of_many(void *unused)
{
    struct pollfd fds[MANY];
    struct later later;
    char byte;
    (void)unused;
    for (int count = 1; count <= MANY; count += MANY - 1) {
        int chosen = count / 2;
        watch_all(fds);
        write_later(&later, pipes[chosen][1]);
        ck_assert_int_eq(weft_poll(fds, (nfds_t)count), 1);
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(fds[i].revents, i == chosen ? POLLIN : 0);
        ck_assert_int_eq(weft_read(pipes[chosen][0], &byte, 1), 1);
        pthread_join(later.thread, NULL);
    }
    return 0;
}

TEST(poll_finds_the_one_that_is_ready)
{
    run_everywhere(wait_for_one_of_many);
}

static int find_several(void *unused)
{
    struct pollfd fds[MANY];
    char byte;
    (void)unused;
    watch_all(fds);
    for (int i = 0; i < MANY; i += 3)
        ck_assert_int_eq(weft_write(pipes[i][1], "x", 1), 1);
    ck_assert_int_eq(weft_poll(fds, MANY), 7);
    ck_assert_int_eq(weft_poll(fds, MANY), 7); /* a level */
    for (int i = 0; i < MANY; i += 3)
        ck_assert_int_eq(weft_read(pipes[i][0], &byte, 1), 1);
    return 0;
}

TEST(poll_counts_all_that_are_ready)
{
    run_everywhere(find_several);
}

static int odd_descriptors(void *unused)
{
    struct later later;
    char byte;
    (void)unused;
    write_later(&later, pipes[0][1]);
    struct pollfd fds[] = { { -1, POLLIN, 0x7f },
                            { pipes[0][0], POLLIN, 0 },
                            { pipes[0][0], POLLIN, 0 }, /* the same again */
                            { pipes[0][0], 0, 0 } };
    ck_assert_int_eq(weft_poll(fds, 4), 2);
    ck_assert_int_eq(fds[0].revents, 0);
    ck_assert_int_eq(fds[1].revents, POLLIN);
    ck_assert_int_eq(fds[2].revents, POLLIN);
    ck_assert_int_eq(fds[3].revents, 0);
    pthread_join(later.thread, NULL);
    ck_assert_int_eq(weft_read(pipes[0][0], &byte, 1), 1);

    struct pollfd closed[] = { { 100000, POLLIN, 0 }, { pipes[1][0], POLLIN, 0 } };
    ck_assert_int_eq(weft_poll(closed, 2), 1);
    ck_assert_int_eq(closed[0].revents, POLLNVAL);
    ck_assert_int_eq(weft_poll(fds, 0), -EINVAL);
    return 0;
}

TEST(poll_takes_descriptors_that_are_negative_doubled_or_closed)
{
    run_everywhere(odd_descriptors);
}

static int both_directions(void *unused)
{
    struct stream stream;
    char byte;
    (void)unused;
    stream_open(TCP4, &stream);
    struct pollfd pfd = { stream.writer, POLLIN | POLLOUT, 0 };
    ck_assert_int_eq(weft_poll(&pfd, 1), 1);
    ck_assert_int_eq(pfd.revents, POLLOUT);
    pfd.events = POLLIN;
    struct later later;
    write_later(&later, stream.reader);
    ck_assert_int_eq(weft_poll(&pfd, 1), 1);
    ck_assert_int_eq(pfd.revents, POLLIN);
    pthread_join(later.thread, NULL);
    ck_assert_int_eq(weft_read(stream.writer, &byte, 1), 1);
    weft_shutdown(stream.reader, SHUT_WR);
    pfd.events = POLLRDHUP;
    ck_assert_int_eq(weft_poll(&pfd, 1), 1);
    ck_assert_int_eq(pfd.revents, POLLRDHUP);
    stream_close(&stream);
    return 0;
}

TEST(poll_tells_the_directions_apart)
{
    run_everywhere(both_directions);
}

static int empty(void *arg)
{
    char buf[1 << 14];
    while (recv(*(const int *)arg, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    return 0;
}

static int odd_events(void *unused)
{
    struct later later;
    struct stream stream;
    char bulk[1 << 14] = "", byte;
    weft_scope scope;
    (void)unused;
    int file = open("/dev/null", O_RDWR);
    struct pollfd fds[] = { { file, POLLPRI, 0 }, { file, 0, 0 }, { pipes[0][0], POLLIN, 0 } };
    write_later(&later, pipes[0][1]);
    ck_assert_int_eq(weft_poll(fds, 3), 1);
    ck_assert_int_eq(fds[2].revents, POLLIN);
    pthread_join(later.thread, NULL);
    ck_assert_int_eq(weft_read(pipes[0][0], &byte, 1), 1);
    weft_close(file);

    stream_open(UNIX_ABSTRACT, &stream);
    while (send(stream.writer, bulk, sizeof bulk, MSG_DONTWAIT) > 0)
        ;
    struct pollfd pfd = { stream.writer, POLLWRBAND, 0 };
    weft_scope_enter(&scope, weft_after(WEFT_MS(5)));
    ck_assert_int_eq(weft_poll(&pfd, 1), -ETIMEDOUT);
    weft_scope_leave(&scope);
    weft_task *task;
    SPAWN(empty, &stream.reader, &task);
    ck_assert_int_eq(weft_poll(&pfd, 1), 1);
    ck_assert_int_eq(pfd.revents, POLLWRBAND);
    JOIN(task, 0);
    stream_close(&stream);
    return 0;
}

TEST(poll_waits_for_events_that_some_files_never_have, .timeout = 20)
{
    ck_assert_int_eq(pipe(pipes[0]), 0);
    ck_assert_int_eq(weft_run(NULL, odd_events, NULL), 0);
}

static int time_out(void *unused)
{
    struct pollfd fds[MANY];
    weft_scope scope;
    char byte;
    (void)unused;
    watch_all(fds);
    int64_t deadline = weft_now() + WEFT_MS(15);
    weft_scope_enter(&scope, deadline);
    ck_assert_int_eq(weft_poll(fds, MANY), -ETIMEDOUT);
    ck_assert_int_ge(weft_now(), deadline);
    ck_assert(weft_scope_leave(&scope));
    ck_assert_int_eq(weft_write(pipes[3][1], "x", 1), 1); /* no waiter was left behind */
    ck_assert_int_eq(weft_read(pipes[3][0], &byte, 1), 1);
    return 0;
}

TEST(poll_ends_at_the_deadline)
{
    run_everywhere(time_out);
}

/* Readers, pollers and writers on the same descriptors. */

static int poll_and_read(void *arg)
{
    struct pollfd fds[4];
    int *left = arg;
    char byte;
    while (*left > 0) {
        for (int i = 0; i < 4; i++)
            fds[i] = (struct pollfd){ pipes[i][0], POLLIN, 0 };
        ck_assert_int_gt(weft_poll(fds, 4), 0);
        for (int i = 0; i < 4; i++) {
            if (fds[i].revents & POLLIN && read(fds[i].fd, &byte, 1) == 1)
                --*left;
        }
    }
    weft_write(pipes[0][1], "x", 1); /* for the next poller */
    return 0;
}

static int poll_together(void *unused)
{
    static int left = 2000;
    weft_task *tasks[3];
    (void)unused;
    for (int i = 0; i < 4; i++)
        fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 3; i++)
        SPAWN(poll_and_read, &left, &tasks[i]);
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(weft_write(pipes[test_random() % 4][1], "x", 1), 1);
        if (i % 7 == 0)
            weft_yield();
    }
    for (int i = 0; i < 3; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(several_tasks_poll_the_same_descriptors, .timeout = 30)
{
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(pipe(pipes[i]), 0);
    ck_assert_int_eq(run_in_turn(poll_together, NULL), 0);
}

static void do_nothing(int number)
{
    (void)number;
}

/* By a thread that has its signals unblocked. */
static void poll_among_signals(void)
{
    struct pollfd nothing = { pipes[0][0], POLLIN, 0 };
    for (int i = 0; i < 2000; i++) {
        weft_scope scope;
        weft_scope_enter(&scope, weft_after(WEFT_US(50)));
        ck_assert_int_eq(weft_poll(&nothing, 1), -ETIMEDOUT);
        weft_scope_leave(&scope);
    }
}

TEST(a_signal_ends_no_poll)
{
    struct sigaction handler = { .sa_handler = do_nothing };
    long pause = test_is_slowed() ? 5000 : 70; /* us */
    struct itimerval often = { { 0, pause }, { 0, pause } }, never = { { 0, 0 }, { 0, 0 } };
    ck_assert_int_eq(pipe(pipes[0]), 0);
    ck_assert_int_eq(sigaction(SIGALRM, &handler, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    poll_among_signals();
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
}

/* A thread that waits when the runtime stops. */

static void *poll_on_thread(void *fd)
{
    struct pollfd nothing = { *(int *)fd, POLLIN, 0 };
    struct timespec used;
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(WEFT_MS(300)));
    ck_assert_int_eq(weft_poll(&nothing, 1), -ETIMEDOUT);
    weft_scope_leave(&scope);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    ck_assert_msg(used.tv_sec == 0 && used.tv_nsec < 100000000, "it span");
    return NULL;
}

TEST(a_plain_thread_that_polls_outlives_the_runtime, .timeout = 30)
{
    int fds[2];
    pthread_t thread;
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    pthread_create(&thread, NULL, poll_on_thread, &fds[0]);
    block_for(WEFT_MS(30));
    ck_assert_int_eq(weft_stop(), 0);
    pthread_join(thread, NULL);
}
