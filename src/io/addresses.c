/* Lists of addresses, in one piece: libc's own can only be made and freed by libc. */
#include <stdlib.h>
#include <string.h>

#include "io/resolve.h"
#include "weft/net.h"

#define ALIGNED(size) (((size) + 15) & ~(size_t)15)

static size_t name_size(const struct addrinfo *one)
{
    return one->ai_canonname ? strlen(one->ai_canonname) + 1 : 0;
}

static size_t size_of(const struct addrinfo *one)
{
    return ALIGNED(sizeof *one) + ALIGNED(one->ai_addrlen) + ALIGNED(name_size(one));
}

static void copy_one(struct addrinfo *to, const struct addrinfo *from)
{
    char *address = (char *)to + ALIGNED(sizeof *to);
    char *name = address + ALIGNED(from->ai_addrlen);
    *to = *from;
    memcpy(address, from->ai_addr, from->ai_addrlen);
    to->ai_addr = (struct sockaddr *)(void *)address;
    if (from->ai_canonname)
        to->ai_canonname = memcpy(name, from->ai_canonname, name_size(from));
}

struct addrinfo *weft__addresses_copy(const struct addrinfo *list)
{
    size_t size = 0;
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        size += size_of(at);
    char *room = malloc(size);
    struct addrinfo *first = (struct addrinfo *)(void *)room;
    for (const struct addrinfo *at = list; room && at; at = at->ai_next) {
        struct addrinfo *copy = (struct addrinfo *)(void *)room;
        room += size_of(at);
        copy_one(copy, at);
        copy->ai_next = at->ai_next ? (struct addrinfo *)(void *)room : NULL;
    }
    return first;
}

void weft_freeaddrinfo(struct addrinfo *list)
{
    free(list);
}
