#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "io/address.h"
#include "sockets.h"
#include "tasks.h"

static void run_as_task_and_thread(int (*fn)(void *))
{
    ck_assert_int_eq(weft_run(NULL, fn, NULL), 0);
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(fn(NULL), 0);
    ck_assert_int_eq(weft_stop(), 0);
    ck_assert_int_eq(fn(NULL), 0);
}

static const char *const malformed[] = {
    "",
    "localhost",
    "localhost:",
    "127.0.0.1:65536",
    "127.0.0.1:99999",
    "127.0.0.1:-1",
    "127.0.0.1: 80",
    "::1:80",
    "[::1]",
    "[::1]80",
    "[::1:80",
    "unix:",
    "unix:@",
    "127.0.0.1:0x50",
    "[::1]:",
};

TEST(malformed_addresses_are_refused)
{
    char longish[400];
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        if (weft_listen(malformed[i], 0, 0) != -EINVAL || weft_dial(malformed[i]) != -EINVAL)
            ck_abort_msg("'%s' is taken", malformed[i]);
    }
    memset(longish, 'a', sizeof longish);
    memcpy(longish + 300, ":80", 4);
    ck_assert_int_eq(weft_dial(longish), -EINVAL);
    memcpy(longish, "unix:", 5);
    ck_assert_int_eq(weft_dial(longish), -EINVAL);
    ck_assert_int_eq(weft_listen("127.0.0.1:0", 0, 0x80), -EINVAL);
}

TEST(addresses_are_taken_apart)
{
    struct weft__address_text parts;
    ck_assert_int_eq(weft__address_parse("example.org:http", &parts), 0);
    ck_assert_str_eq(parts.host, "example.org");
    ck_assert_str_eq(parts.port, "http");
    ck_assert_int_eq(weft__address_parse(":65535", &parts), 0);
    ck_assert_str_eq(parts.host, "");
    ck_assert_int_eq(weft__address_parse("[fe80::1]:1", &parts), 0);
    ck_assert_str_eq(parts.host, "fe80::1");
    ck_assert_int_eq(weft__address_parse("unix:/a/b", &parts), 0);
    ck_assert(parts.is_unix);
    ck_assert_str_eq(parts.un.sun_path, "/a/b");
    ck_assert_int_eq(weft__address_parse("unix:@ab", &parts), 0);
    ck_assert_int_eq(memcmp(parts.un.sun_path, "\0ab", 3), 0);
    ck_assert_uint_eq(parts.un_size, offsetof(struct sockaddr_un, sun_path) + 3);
}

TEST(addresses_are_written_as_they_are_read)
{
    const char *const texts[] = { "127.0.0.1:0", "unix:/tmp/weft-test-format", "unix:@weft-form" };
    char buf[128], small[6];
    for (int i = 0; i < 3; i++) {
        int fd = weft_listen(texts[i], 0, 0);
        ck_assert_int_ge(fd, 0);
        int length = weft_local_address(fd, buf, sizeof buf);
        ck_assert_int_eq(length, (int)strlen(buf));
        if (i == 0) {
            ck_assert(strncmp(buf, "127.0.0.1:", 10) == 0);
            ck_assert_str_ne(buf, texts[0]);
        } else {
            ck_assert_str_eq(buf, texts[i]);
        }
        ck_assert_int_eq(weft_local_address(fd, small, sizeof small), length);
        ck_assert_uint_eq(strlen(small), 5);
        ck_assert_int_eq(weft_peer_address(fd, buf, sizeof buf), -ENOTCONN);
        weft_close(fd);
    }
    unlink(texts[1] + 5);
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(80),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    weft_address_format((struct sockaddr *)&in6, sizeof in6, buf, sizeof buf);
    ck_assert_str_eq(buf, "[::1]:80");
    in6.sin6_scope_id = if_nametoindex("lo");
    weft_address_format((struct sockaddr *)&in6, sizeof in6, buf, sizeof buf);
    ck_assert_str_eq(buf, "[::1%lo]:80");
    in6.sin6_scope_id = 1000000;
    weft_address_format((struct sockaddr *)&in6, sizeof in6, buf, sizeof buf);
    ck_assert_str_eq(buf, "[::1%1000000]:80");
    inet_pton(AF_INET6, "::ffff:1.2.3.4", &in6.sin6_addr);
    weft_address_format((struct sockaddr *)&in6, sizeof in6, buf, sizeof buf);
    ck_assert_str_eq(buf, "1.2.3.4:80");
    struct sockaddr other = { .sa_family = 99 };
    weft_address_format(&other, sizeof other, buf, sizeof buf);
    ck_assert_str_eq(buf, "?");
    ck_assert_int_eq(weft_local_address(-1, buf, sizeof buf), -EBADF);
}

static int talk_to(const char *listen_at, const char *host)
{
    char address[128], full[128], byte;
    int on = 0;
    socklen_t size = sizeof on;
    int listener = weft_listen(listen_at, 5, 0);
    if (listener < 0)
        return listener;
    weft_local_address(listener, address, sizeof address);
    snprintf(full, sizeof full, "%s%s", host, strrchr(address, ':'));
    int client = weft_dial(full);
    if (client < 0) {
        weft_close(listener);
        return client;
    }
    ck_assert_int_eq(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    ck_assert_int_ne(on, 0);
    int server = weft_accept(listener, NULL, NULL);
    ck_assert_int_eq(weft_write(client, "x", 1), 1);
    ck_assert_int_eq(weft_read(server, &byte, 1), 1);
    weft_close(client);
    weft_close(server);
    return weft_close(listener);
}

static int talk_by_name(void *unused)
{
    (void)unused;
    ck_assert_int_eq(talk_to("127.0.0.1:0", "127.0.0.1"), 0);
    ck_assert_int_eq(talk_to("localhost:0", "localhost"), 0);
    ck_assert_int_eq(talk_to(":0", "localhost"), 0);
    ck_assert_int_eq(talk_to(":0", ""), 0);
    int fd = weft_listen("[::1]:0", 0, 0);
    if (fd >= 0) {
        weft_close(fd);
        ck_assert_int_eq(talk_to("[::1]:0", "[::1]"), 0);
    }
    return 0;
}

TEST(names_and_numbers_lead_to_the_same_place)
{
    run_as_task_and_thread(talk_by_name);
}

static int look_up_nothing(void *unused)
{
    (void)unused;
    int rc = weft_dial("no-such-name.invalid:80");
    ck_assert(rc == -ENOENT || rc == -EAGAIN); /* without a name server: again */
    ck_assert_int_eq(weft_dial("127.0.0.1:nosuchservice"), -EINVAL);
    return 0;
}

TEST(names_that_do_not_exist_are_reported)
{
    run_as_task_and_thread(look_up_nothing);
}

/* Unix paths */

static int replace_path(void *unused)
{
    struct stat st;
    const char *text = "unix:/tmp/weft-test-replace", *path = text + 5;
    (void)unused;
    unlink(path);
    int fd = weft_listen(text, 0, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(weft_listen(text, 0, 0), -EADDRINUSE); /* it is alive */
    int client = weft_dial(text);
    ck_assert_int_ge(client, 0);
    weft_close(client);
    weft_close(fd);
    ck_assert_int_eq(stat(path, &st), 0); /* stale */
    ck_assert_int_eq(weft_dial(text), -ECONNREFUSED);
    fd = weft_listen(text, 0, 0);
    ck_assert_int_ge(fd, 0);
    client = weft_dial(text);
    ck_assert_int_ge(client, 0);
    weft_close(client);
    weft_close(fd);
    unlink(path);

    FILE *file = fopen(path, "w"); /* not a socket: not ours to remove */
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_int_eq(weft_listen(text, 0, 0), -EADDRINUSE);
    ck_assert_int_eq(unlink(path), 0);
    return 0;
}

TEST(a_stale_path_is_replaced_and_a_live_one_is_not)
{
    run_as_task_and_thread(replace_path);
}

TEST(a_live_path_whose_queue_is_full_is_not_replaced)
{
    const char *text = "unix:/tmp/weft-test-busy";
    unlink(text + 5);
    int fd = weft_listen(text, 1, 0), clients[2];
    for (int i = 0; i < 2; i++)
        clients[i] = weft_dial(text);
    ck_assert_int_eq(weft_listen(text, 0, 0), -EADDRINUSE);
    for (int i = 0; i < 2; i++)
        weft_close(clients[i]);
    weft_close(fd);
    unlink(text + 5);
}

TEST(a_port_can_be_shared_when_asked)
{
    char address[64];
    int first = weft_listen("127.0.0.1:0", 0, WEFT_REUSEPORT);
    ck_assert_int_ge(first, 0);
    weft_local_address(first, address, sizeof address);
    ck_assert_int_eq(weft_listen(address, 0, 0), -EADDRINUSE);
    int second = weft_listen(address, 0, WEFT_REUSEPORT);
    ck_assert_int_ge(second, 0);
    weft_close(first);
    weft_close(second);
}

static int listen_everywhere(void *unused)
{
    char text[64], address[64];
    (void)unused;
    int listener = weft_listen(":0", 0, 0);
    ck_assert_int_gt(weft_local_address(listener, text, sizeof text), 0);
    for (int six = 0; six < 2; six++) {
        snprintf(address, sizeof address, "%s%s", six ? "[::1]" : "127.0.0.1", strrchr(text, ':'));
        int client = weft_dial(address);
        if (six && (client == -EADDRNOTAVAIL || client == -ENETUNREACH || client == -EAFNOSUPPORT))
            continue; /* the machine has no IPv6 */
        ck_assert_int_ge(client, 0);
        int server = weft_accept(listener, NULL, NULL);
        ck_assert_int_gt(weft_local_address(server, text, sizeof text), 0);
        ck_assert_str_eq(text, address);
        weft_close(server);
        weft_close(client);
    }
    return weft_close(listener);
}

TEST(all_interfaces_are_those_of_both_kinds)
{
    ck_assert_int_eq(weft_run(NULL, listen_everywhere, NULL), 0);
}
