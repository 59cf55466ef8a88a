#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "sockets.h"
#include "tasks.h"

static int accept_and_look(void *unused)
{
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    char address[64], client_name[64], peer_name[64];
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    (void)unused;
    weft_local_address(listener, address, sizeof address);
    int client = weft_dial(address);
    int server = weft_accept(listener, (struct sockaddr *)&peer, &size);
    ck_assert_int_ge(server, 0);
    ck_assert_uint_eq(size, sizeof peer);
    weft_local_address(client, client_name, sizeof client_name);
    weft_address_format((struct sockaddr *)&peer, size, peer_name, sizeof peer_name);
    ck_assert_str_eq(client_name, peer_name);
    weft_peer_address(server, peer_name, sizeof peer_name);
    ck_assert_str_eq(client_name, peer_name);
    for (int i = 0; i < 2; i++) {
        int fd = i ? client : server;
        ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    }
    weft_close(client);
    weft_close(server);
    return weft_close(listener);
}

TEST(accepting_tells_who_it_is)
{
    ck_assert_int_eq(weft_run(NULL, accept_and_look, NULL), 0);
    accept_and_look(NULL);
}

static int be_refused(void *unused)
{
    char address[64];
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    (void)unused;
    weft_local_address(listener, address, sizeof address);
    weft_close(listener);
    ck_assert_int_eq(weft_dial(address), -ECONNREFUSED);
    ck_assert_int_eq(weft_dial("unix:@weft-test-nobody"), -ECONNREFUSED);
    ck_assert_int_eq(weft_dial("unix:/tmp/weft-test/no/such"), -ENOENT);
    return 0;
}

TEST(connecting_to_nobody_is_refused)
{
    ck_assert_int_eq(weft_run(NULL, be_refused, NULL), 0);
    be_refused(NULL);
}

static int connect_twice(void *unused)
{
    struct stream stream;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    (void)unused;
    stream_open(TCP4, &stream);
    getsockname(stream.listener, (struct sockaddr *)&address, &size);
    ck_assert_int_eq(weft_connect(stream.writer, (struct sockaddr *)&address, size), -EISCONN);
    stream_close(&stream);
    return 0;
}

TEST(what_is_connected_cannot_be_connected)
{
    ck_assert_int_eq(weft_run(NULL, connect_twice, NULL), 0);
}

/* A queue that is full: the connection neither comes nor fails. */
static int connect_in_vain(void *unused)
{
    weft_scope scope;
    int fds[8], count = 0;
    int listener = weft_listen("unix:@weft-test-vain", 1, 0);
    (void)unused;
    for (bool expired = false; !expired && count < 8; count++) {
        weft_scope_enter(&scope, weft_now() + WEFT_MS(30));
        fds[count] = weft_dial("unix:@weft-test-vain");
        if (fds[count] < 0)
            ck_assert_int_eq(fds[count], -ETIMEDOUT);
        expired = weft_scope_leave(&scope);
    }
    ck_assert_int_lt(count, 8);
    for (int i = 0; i < count - 1; i++)
        weft_close(fds[i]);
    return weft_close(listener);
}

TEST(connecting_in_vain_ends_at_the_deadline)
{
    ck_assert_int_eq(weft_run(NULL, connect_in_vain, NULL), 0);
}

/* No descriptors left */

static double cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int accept_patiently(void *listener)
{
    return weft_accept(*(int *)listener, NULL, NULL);
}

static int exhaust(void *unused)
{
    struct rlimit limit = { 256, 256 };
    static int hogs[256];
    int count = 0, listener = weft_listen("unix:@weft-test-few", 0, 0);
    int clients[2] = { weft_socket(AF_UNIX, SOCK_STREAM, 0), weft_dial("unix:@weft-test-few") };
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((hogs[count] = dup(listener)) >= 0)
        count++;
    ck_assert_int_eq(errno, EMFILE);
    double before = cpu_seconds();
    SPAWN(accept_patiently, &listener, &task);
    weft_sleep(WEFT_MS(300));
    if (!test_is_slowed())
        ck_assert(cpu_seconds() - before < 0.05);
    for (int i = 0; i < count; i++)
        close(hogs[i]);
    int connection;
    ck_assert_int_eq(weft_join(task, &connection), 0);
    ck_assert_int_ge(connection, 0);
    weft_close(connection);
    weft_close(clients[0]);
    weft_close(clients[1]);
    return weft_close(listener);
}

TEST(accepting_without_free_descriptors_waits_and_recovers)
{
    if (test_is_under("valgrind") || test_is_under("qemu"))
        test_skip("the tool has ideas of its own about the limit");
    ck_assert_int_eq(weft_run(NULL, exhaust, NULL), 0);
}

static int exhaust_and_close(void *unused)
{
    struct rlimit limit = { 256, 256 };
    static int hogs[256];
    int count = 0, listener = weft_listen("unix:@weft-test-closed", 0, 0);
    int other = weft_listen("unix:@weft-test-other", 0, 0), number = listener;
    int clients[2] = { weft_dial("unix:@weft-test-closed"), weft_dial("unix:@weft-test-other") };
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((hogs[count] = dup(other)) >= 0)
        count++;
    SPAWN(accept_patiently, &listener, &task);
    weft_sleep(WEFT_MS(20));
    weft_close(listener);
    ck_assert_int_eq(dup2(other, number), number);
    for (int i = 0; i < count; i++)
        close(hogs[i]);
    JOIN(task, -EBADF); /* nothing of the other's */
    weft_close(number);
    weft_close(other);
    weft_close(clients[0]);
    return weft_close(clients[1]);
}

TEST(accepting_without_free_descriptors_is_about_one_listener)
{
    if (test_is_under("valgrind") || test_is_under("qemu"))
        test_skip("the tool has ideas of its own about the limit");
    ck_assert_int_eq(weft_run(NULL, exhaust_and_close, NULL), 0);
}

/* Thousands at once */

static atomic_int served;

static int echo(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buf[256];
    ssize_t n;
    while ((n = weft_read(fd, buf, sizeof buf)) > 0)
        ck_assert_int_eq(weft_write_all(fd, buf, (size_t)n, NULL), 0);
    ck_assert_int_eq(n, 0);
    atomic_fetch_add(&served, 1);
    return weft_close(fd);
}

static int serve(void *listener)
{
    for (int fd; (fd = weft_accept(*(int *)listener, NULL, NULL)) >= 0;)
        SPAWN(echo, (void *)(intptr_t)fd, NULL);
    return 0;
}

static int ask(void *address)
{
    int fd = weft_dial(address);
    if (fd < 0)
        ck_abort_msg("dial: %d", fd);
    for (int round = 0; round < 5; round++) {
        char out[256], in[256];
        size_t size = 1 + test_random() % sizeof out;
        memset(out, (int)test_random(), size);
        if (weft_write_all(fd, out, size, NULL) || weft_read_all(fd, in, size, NULL) ||
            memcmp(in, out, size) != 0)
            ck_abort_msg("the echo is wrong");
        if (round == 2)
            weft_sleep(WEFT_MS(20));
    }
    return weft_close(fd);
}

static int echo_many(void *kind)
{
    char address[128];
    int count = (int)test_work(test_is_slowed() ? 500 : 2000);
    static weft_task *clients[100000];
    weft_task *server;
    stream_address(*(enum stream_kind *)kind, address, sizeof address);
    int listener = weft_listen(address, 0, 0);
    ck_assert_int_ge(listener, 0);
    weft_local_address(listener, address, sizeof address);
    atomic_store(&served, 0);
    SPAWN(serve, &listener, &server);
    for (int i = 0; i < count; i++)
        SPAWN(ask, address, &clients[i]);
    for (int i = 0; i < count; i++)
        JOIN(clients[i], 0);
    weft_close(listener);
    JOIN(server, 0);
    while (atomic_load(&served) < count)
        weft_sleep(WEFT_MS(1));
    return 0;
}

TEST(thousands_of_connections_are_served_at_once)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 5000)
        test_skip("too few descriptors");
    for (unsigned workers = 1; workers <= 4; workers *= 2) {
        enum stream_kind kinds[] = { TCP4, UNIX_ABSTRACT };
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(run_tasks(workers, echo_many, &kinds[i]), 0);
    }
}

static void *thread_asks(void *address)
{
    for (int i = 0; i < 20; i++)
        ask(address);
    return NULL;
}

TEST(plain_threads_talk_to_tasks)
{
    char address[64];
    pthread_t threads[4];
    weft_task *server;
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    weft_local_address(listener, address, sizeof address);
    ck_assert_int_eq(weft_start(NULL), 0);
    SPAWN(serve, &listener, &server);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, thread_asks, address);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    weft_close(listener);
    JOIN(server, 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(atomic_load(&served), 80);
}

static int write_until_shut(void *arg)
{
    static const char bulk[1 << 16];
    ssize_t n;
    while ((n = weft_send(*(const int *)arg, bulk, sizeof bulk, 0)) > 0)
        ;
    return (int)n;
}

static int shut_down(void *unused)
{
    (void)unused;
    for (enum stream_kind kind = TCP4; kind <= UNIX_ABSTRACT; kind++) {
        struct stream stream;
        weft_task *task;
        if (!stream_open(kind, &stream))
            continue;
        SPAWN(write_until_shut, &stream.writer, &task);
        weft_sleep(WEFT_MS(20)); /* it waits for room */
        ck_assert_int_eq(weft_shutdown(stream.writer, SHUT_WR), 0);
        JOIN(task, -EPIPE);
        stream_close(&stream);
    }
    ck_assert_int_eq(weft_shutdown(-1, SHUT_WR), -EBADF);
    return 0;
}

TEST(a_writer_that_waits_sees_the_shutdown, .timeout = 20)
{
    ck_assert_int_eq(weft_run(NULL, shut_down, NULL), 0);
}

/* A close that takes long. */

static int close_it(void *arg)
{
    return weft_close(*(const int *)arg);
}

static int linger(void *unused)
{
    static const char bulk[1 << 16];
    struct linger linger = { .l_onoff = 1, .l_linger = 1 };
    struct stream stream;
    weft_task *task;
    (void)unused;
    ck_assert(stream_open(TCP4, &stream));
    while (send(stream.writer, bulk, sizeof bulk, MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(setsockopt(stream.writer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    int64_t before = weft_now();
    SPAWN(close_it, &stream.writer, &task);
    while (fcntl(stream.writer, F_GETFD) >= 0)
        weft_yield();
    int fd = weft_socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(fd, stream.writer);
    ck_assert_int_lt(weft_now() - before, WEFT_MS(900));
    JOIN(task, 0);
    ck_assert_int_ge(weft_now() - before, WEFT_MS(900));
    weft_close(fd);
    weft_close(stream.reader);
    return weft_close(stream.listener);
}

TEST(the_next_user_of_a_number_does_not_wait_for_a_slow_close)
{
    if (test_is_under("valgrind"))
        test_skip("it lets no other thread run while close() blocks");
    ck_assert_int_eq(run_tasks(2, linger, NULL), 0);
}
