#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/resolve.h"
#include "os/error.h"
#include "weft/io.h"
#include "weft/net.h"

#define BOTH 0x100u /* beside weft_listen()'s flags: IPv6, and IPv4 too */

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -weft__error() : 0;
}

/* A socket's file that nobody listens behind any more. */
static void remove_stale(const struct sockaddr_un *un, socklen_t size)
{
    struct stat st;
    if (!un->sun_path[0] || lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)un, size) < 0 && weft__error() == ECONNREFUSED)
        unlink(un->sun_path);
    close(fd);
}

static int listen_at(int domain, const struct sockaddr *address, socklen_t size, int backlog,
                     unsigned flags)
{
    int fd = weft_socket(domain, SOCK_STREAM, 0);
    if (fd < 0)
        return fd;
    int rc = domain == AF_UNIX ? 0 : set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == 0 && domain == AF_INET6 && flags & BOTH)
        rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (rc == 0 && flags & WEFT_REUSEPORT)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (rc == 0 && bind(fd, address, size) < 0)
        rc = -weft__error();
    if (rc == 0 && listen(fd, backlog > 0 ? backlog : SOMAXCONN) < 0)
        rc = -weft__error();
    if (rc == 0)
        return fd;
    weft_close(fd);
    return rc;
}

/* At the first address of the family that can be had; AF_UNSPEC: of any. */
static int listen_at_one(const struct addrinfo *list, int family, int backlog, unsigned flags)
{
    int fd = -EADDRNOTAVAIL;
    for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        if (family == AF_UNSPEC || family == at->ai_family)
            fd = listen_at(at->ai_family, at->ai_addr, at->ai_addrlen, backlog, flags);
    }
    return fd;
}

int weft_listen(const char *address, int backlog, unsigned flags)
{
    struct weft__address_text parts;
    if (flags & ~WEFT_REUSEPORT || weft__address_parse(address, &parts))
        return -EINVAL;
    if (parts.is_unix) {
        remove_stale(&parts.un, parts.un_size);
        return listen_at(AF_UNIX, (struct sockaddr *)&parts.un, parts.un_size, backlog, flags);
    }
    struct addrinfo *list;
    int fd = weft__resolve(&parts, true, &list);
    if (fd)
        return fd;
    fd = *parts.host ? -EADDRNOTAVAIL : listen_at_one(list, AF_INET6, backlog, flags | BOTH);
    if (fd < 0)
        fd = listen_at_one(list, AF_UNSPEC, backlog, flags);
    weft_freeaddrinfo(list);
    return fd;
}

static int connect_to(int domain, const struct sockaddr *address, socklen_t size)
{
    int fd = weft_socket(domain, SOCK_STREAM, 0);
    if (fd < 0)
        return fd;
    int rc = domain == AF_UNIX ? 0 : set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rc == 0)
        rc = weft_connect(fd, address, size);
    if (rc == 0)
        return fd;
    weft_close(fd);
    return rc;
}

int weft_dial(const char *address)
{
    struct weft__address_text parts;
    if (weft__address_parse(address, &parts))
        return -EINVAL;
    if (parts.is_unix)
        return connect_to(AF_UNIX, (struct sockaddr *)&parts.un, parts.un_size);
    struct addrinfo *list;
    int fd = weft__resolve(&parts, false, &list);
    if (fd)
        return fd;
    fd = -EADDRNOTAVAIL;
    for (struct addrinfo *at = list; at; at = at->ai_next) {
        fd = connect_to(at->ai_family, at->ai_addr, at->ai_addrlen);
        if (fd >= 0)
            break;
    }
    weft_freeaddrinfo(list);
    return fd;
}
