/* Connections: a unix socket's queue that is empty, for who accepts, or full, for who
 * connects. And a name that is looked up for as long as we like. */
#include "matrix.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char name[32]; /* in the abstract namespace */
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_size;

static void listen_at(struct stage *stage, int backlog)
{
    static int number;
    int length = snprintf(name, sizeof name, "weft-%d-%d", getpid(), number++);
    memcpy(address.sun_path + 1, name, (size_t)length);
    address_size = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)length;
    stage->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(stage->fd, (struct sockaddr *)&address, address_size), 0);
    ck_assert_int_eq(listen(stage->fd, backlog), 0);
}

static void close_listener(struct stage *stage)
{
    weft_close(stage->fd);
}

static int connect_one(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, address_size), 0);
    return fd;
}

/* Whether a connection was waiting; it is gone then. */
static bool take_one(struct stage *stage)
{
    int fd = accept4(stage->fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Accepting. */

static void open_listener(struct stage *stage)
{
    listen_at(stage, 16);
}

static long call_accept(struct stage *stage)
{
    int fd = weft_accept(stage->fd, NULL, NULL);
    if (fd >= 0)
        weft_close(fd);
    return fd;
}

static void event_accept(struct stage *stage)
{
    stage->client = connect_one();
}

static void settle_accept(struct stage *stage, long rc)
{
    bool left = take_one(stage);
    EXPECT(stage, (rc >= 0) == !left, "it returned %ld, and a connection is %s", rc,
           left ? "left" : "lost");
    close(stage->client);
}

const struct operation case_weft_accept = { .name = "weft_accept",
                                            .open = open_listener,
                                            .call = call_accept,
                                            .event = event_accept,
                                            .settle = settle_accept,
                                            .close = close_listener };

/* Connecting. */

static void open_full(struct stage *stage)
{
    listen_at(stage, 0);
}

static void arm_full(struct stage *stage)
{
    stage->peer = connect_one();
}

static void event_full(struct stage *stage)
{
    EXPECT(stage, take_one(stage), "nothing was in the queue");
    close(stage->peer);
}

static long call_connect(struct stage *stage)
{
    (void)stage;
    int fd = weft_socket(AF_UNIX, SOCK_STREAM, 0);
    int rc = weft_connect(fd, (struct sockaddr *)&address, address_size);
    weft_close(fd);
    return rc;
}

static long call_dial(struct stage *stage)
{
    char text[64];
    (void)stage;
    snprintf(text, sizeof text, "unix:@%s", name);
    int fd = weft_dial(text);
    if (fd >= 0)
        weft_close(fd);
    return fd;
}

static void settle_connect(struct stage *stage, long rc)
{
    bool came = take_one(stage);
    EXPECT(stage, (rc >= 0) == came, "it returned %ld, and a connection %s", rc,
           came ? "came" : "did not come");
}

#define CONNECTING(function, call_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_full, \
                                               .arm = arm_full, \
                                               .call = call_, \
                                               .event = event_full, \
                                               .settle = settle_connect, \
                                               .close = close_listener }

CONNECTING(weft_connect, call_connect);
CONNECTING(weft_dial, call_dial);

/* Looking names up. */

static atomic_bool closed; /* nothing is answered */
static atomic_int asked, answered;

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    if (hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, port, hints, list);
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&closed))
        block_for(WEFT_US(50));
    int rc = __real_getaddrinfo("127.0.0.1", port, hints, list);
    atomic_fetch_add(&answered, 1);
    return rc;
}

static char slow_name[32]; /* another one each time: a look-up that was given up goes on */

static void arm_names(struct stage *stage)
{
    static int number;
    (void)stage;
    snprintf(slow_name, sizeof slow_name, "a.slow.name%d:0", number++);
    atomic_store(&closed, true);
}

static long call_listen(struct stage *stage)
{
    (void)stage;
    int fd = weft_listen(slow_name, 0, 0);
    if (fd >= 0)
        weft_close(fd);
    return fd;
}

static void event_names(struct stage *stage)
{
    (void)stage;
    atomic_store(&closed, false);
}

/* That a listener was made and lost the count of descriptors would say. */
static void settle_names(struct stage *stage, long rc)
{
    (void)stage;
    (void)rc;
    while (atomic_load(&answered) != atomic_load(&asked))
        block_for(WEFT_US(50));
}

const struct operation case_weft_listen = { .name = "weft_listen",
                                            .arm = arm_names,
                                            .call = call_listen,
                                            .event = event_names,
                                            .settle = settle_names };

static long call_getaddrinfo(struct stage *stage)
{
    struct addrinfo *list;
    (void)stage;
    int rc = weft_getaddrinfo(slow_name, NULL, NULL, &list);
    if (rc == 0)
        weft_freeaddrinfo(list);
    return rc;
}

const struct operation case_weft_getaddrinfo = { .name = "weft_getaddrinfo",
                                                 .arm = arm_names,
                                                 .call = call_getaddrinfo,
                                                 .event = event_names,
                                                 .settle = settle_names };
