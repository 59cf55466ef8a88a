#include "io/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft/net.h"

static int parse_unix(const char *path, struct weft__address_text *parts)
{
    size_t length = strlen(path), offset = offsetof(struct sockaddr_un, sun_path);
    if (length == 0 || length >= sizeof parts->un.sun_path || strcmp(path, "@") == 0)
        return -EINVAL;
    parts->is_unix = true;
    parts->un.sun_family = AF_UNIX;
    memcpy(parts->un.sun_path, path, length + 1);
    parts->un_size = (socklen_t)(offset + length + 1);
    if (*path == '@') { /* abstract: a zero byte instead, and no terminator */
        parts->un.sun_path[0] = 0;
        parts->un_size--;
    }
    return 0;
}

/* The C library takes numbers modulo 65536, and with blanks in front. */
static bool port_valid(const char *port)
{
    if (port[strspn(port, "0123456789")] == 0)
        return *port && strtoul(port, NULL, 10) <= UINT16_MAX;
    return isalpha((unsigned char)*port);
}

/* "host:port", "[host]:port", ":port" */
static int parse_inet(const char *text, struct weft__address_text *parts)
{
    const char *host = text, *host_end, *colon;
    if (*text == '[') {
        host++;
        host_end = strchr(host, ']');
        colon = host_end ? host_end + 1 : NULL;
        if (!colon || *colon != ':')
            return -EINVAL;
    } else {
        colon = host_end = strchr(text, ':');
        if (!colon || strchr(colon + 1, ':')) /* a bare IPv6 address is ambiguous */
            return -EINVAL;
    }
    size_t host_size = (size_t)(host_end - host), port_size = strlen(colon + 1);
    if (host_size >= sizeof parts->host || port_size >= sizeof parts->port ||
        !port_valid(colon + 1))
        return -EINVAL;
    memcpy(parts->host, host, host_size);
    memcpy(parts->port, colon + 1, port_size);
    return 0;
}

int weft__address_parse(const char *text, struct weft__address_text *ret_parts)
{
    memset(ret_parts, 0, sizeof *ret_parts);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, ret_parts);
    return parse_inet(text, ret_parts);
}

static int format_unix(const struct sockaddr_un *un, socklen_t size, char *buf, size_t room)
{
    size_t offset = offsetof(struct sockaddr_un, sun_path);
    int length = size > offset ? (int)(size - offset) : 0;
    if (length > 0 && un->sun_path[0] == 0)
        return snprintf(buf, room, "unix:@%.*s", length - 1, un->sun_path + 1);
    return snprintf(buf, room, "unix:%.*s", length, un->sun_path);
}

/* "%eth0", "%7" for an interface that is no more, or nothing. */
static void format_scope(unsigned scope, char *buf, size_t room)
{
    char name[IF_NAMESIZE];
    *buf = 0;
    if (scope && if_indextoname(scope, name))
        snprintf(buf, room, "%%%s", name);
    else if (scope)
        snprintf(buf, room, "%%%u", scope);
}

int weft_address_format(const struct sockaddr *address, socklen_t address_size, char *buf,
                        size_t size)
{
    char host[INET6_ADDRSTRLEN], scope[1 + IF_NAMESIZE];
    const struct sockaddr_in *in4 = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    switch (address->sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in4->sin_addr, host, sizeof host);
        return snprintf(buf, size, "%s:%u", host, ntohs(in4->sin_port));
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) { /* of a socket for both */
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof host);
            return snprintf(buf, size, "%s:%u", host, ntohs(in6->sin6_port));
        }
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        format_scope(in6->sin6_scope_id, scope, sizeof scope);
        return snprintf(buf, size, "[%s%s]:%u", host, scope, ntohs(in6->sin6_port));
    case AF_UNIX:
        return format_unix((const void *)address, address_size, buf, size);
    default:
        return snprintf(buf, size, "?");
    }
}

static int format_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *), char *buf,
                     size_t size)
{
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (get(fd, (struct sockaddr *)&storage, &length) < 0)
        return -errno;
    return weft_address_format((struct sockaddr *)&storage, length, buf, size);
}

int weft_local_address(int fd, char *buf, size_t size)
{
    return format_of(fd, getsockname, buf, size);
}

int weft_peer_address(int fd, char *buf, size_t size)
{
    return format_of(fd, getpeername, buf, size);
}
