/* resolve.h - looking names up without blocking a worker. */
#ifndef WEFT_IO_RESOLVE_H
#define WEFT_IO_RESOLVE_H

#include <netdb.h>

#include "io/address.h"

/* getaddrinfo() for stream sockets: at once when host and port are numbers, else
 * on a thread of its own. The result is the caller's, for freeaddrinfo().
 * Suspends; a cancellation point. Returns 0, or as weft/net.h says. */
int weft__resolve(const struct weft__address_text *parts, bool passive, struct addrinfo **ret_list);

#endif
