/* resolve.h - looking names up without blocking a worker. */
#ifndef WEFT_IO_RESOLVE_H
#define WEFT_IO_RESOLVE_H

#include <netdb.h>

#include "io/address.h"

/* weft_getaddrinfo() for stream sockets, of an address that was taken apart. */
int weft__resolve(const struct weft__address_text *parts, bool passive, struct addrinfo **ret_list);

/* A copy of libc's list, for weft_freeaddrinfo(). NULL: memory is out. */
struct addrinfo *weft__addresses_copy(const struct addrinfo *list);

#endif
