#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tasks.h"

static weft_strand *strand;
static weft_task *watcher;
static int pair[2];
static int bytes; /* the strand's */

static void open_pair(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(weft_strand_create(&strand), 0);
    bytes = 0;
}

static void close_pair(void)
{
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    weft_close(pair[0]);
    weft_close(pair[1]);
}

static void send_bytes(int count)
{
    ck_assert_int_eq(send(pair[1], "xxxxxxxx", (size_t)count, 0), count);
}

/* One at a time: the rest is there still. */
static void take_byte(void *unused)
{
    char byte;
    (void)unused;
    ck_assert_ptr_eq(weft_strand_self(), strand);
    ck_assert_int_eq(recv(pair[0], &byte, 1, MSG_DONTWAIT), 1);
    bytes++;
}

static int bytes_taken(void *unused)
{
    (void)unused;
    return bytes;
}

static void await_bytes(int count)
{
    int taken = 0;
    while (taken != count) {
        ck_assert_int_eq(weft_strand_call(strand, bytes_taken, NULL, &taken), 0);
        ck_assert_int_le(taken, count);
        weft_sleep(WEFT_US(100));
    }
}

static int read_by_level(void *unused)
{
    open_pair();
    ck_assert_int_eq(weft_strand_watch(strand, pair[0], POLLIN, take_byte, NULL, &watcher), 0);
    send_bytes(5);
    await_bytes(5);
    send_bytes(3);
    await_bytes(8);
    weft_cancel(watcher);
    JOIN(watcher, -ECANCELED);
    close_pair();
    (void)unused;
    return 0;
}

TEST(a_reader_is_called_as_long_as_there_is_something)
{
    weft_config config = { .workers = 2 };
    ck_assert_int_eq(run_tasks(1, read_by_level, NULL), 0);
    ck_assert_int_eq(run_tasks(4, read_by_level, NULL), 0);
    ck_assert_int_eq(weft_start(&config), 0);
    read_by_level(NULL);
    ck_assert_int_eq(weft_stop(), 0);
}

static int turns;

/* Always ready: others have their turn all the same. */
static void write_nothing(void *unused)
{
    (void)unused;
    turns++;
}

static int remove_writer(void *unused)
{
    (void)unused;
    for (int before = turns; turns < before + 10;)
        ck_assert_int_eq(weft_yield(), 0);
    weft_cancel(watcher);
    int last = turns;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(weft_yield(), 0);
    ck_assert_int_eq(turns, last);
    return 0;
}

static int write_for_a_while(void *unused)
{
    weft_task *remover;
    open_pair();
    ck_assert_int_eq(weft_strand_watch(strand, pair[0], POLLOUT, write_nothing, NULL, &watcher), 0);
    ck_assert_int_eq(weft_strand_spawn(strand, remove_writer, NULL, &remover), 0);
    JOIN(remover, 0);
    JOIN(watcher, -ECANCELED);
    close_pair();
    (void)unused;
    return 0;
}

TEST(a_writer_is_not_called_once_a_task_of_the_strand_has_cancelled_it)
{
    ck_assert_int_eq(run_tasks(1, write_for_a_while, NULL), 0);
    ck_assert_int_eq(run_tasks(4, write_for_a_while, NULL), 0);
}

static int close_under_watcher(void *unused)
{
    open_pair();
    ck_assert_int_eq(weft_strand_watch(strand, pair[0], POLLIN, take_byte, NULL, &watcher), 0);
    send_bytes(1);
    await_bytes(1);
    weft_close(pair[0]);
    JOIN(watcher, -EBADF);
    ck_assert_int_eq(weft_strand_destroy(strand), 0);
    weft_close(pair[1]);
    (void)unused;
    return 0;
}

static int watch_no_descriptor(void *unused)
{
    open_pair();
    ck_assert_int_eq(weft_strand_watch(strand, -1, POLLIN, take_byte, NULL, &watcher), -EBADF);
    close_pair();
    (void)unused;
    return 0;
}

TEST(a_negative_descriptor_is_not_watched)
{
    ck_assert_int_eq(run_tasks(1, watch_no_descriptor, NULL), 0);
}

TEST(closing_a_descriptor_ends_its_watcher)
{
    ck_assert_int_eq(run_tasks(2, close_under_watcher, NULL), 0);
}
