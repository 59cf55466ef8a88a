/* weft/net.h - listening and dialling by name.
 *
 * An address is one string:
 *
 *     "127.0.0.1:8080"  "localhost:http"  "example.org:443"
 *     "[::1]:8080"      ":8080" (all interfaces, IPv6 and IPv4)
 *     "127.0.0.1:0" (a free port)   "[fe80::1%eth0]:8080" (of a link)
 *     "unix:/run/x.sock"  "unix:@name" (abstract)
 *
 * Names are looked up by the C library, on a thread of the blocking pool
 * (weft_blocking_dns()), while the task is suspended; those who look up the same at the same
 * time share that. A name that does not exist is -ENOENT, a name server that does
 * not answer -EAGAIN, one that fails -EIO, a malformed address -EINVAL. */
#ifndef WEFT_NET_H
#define WEFT_NET_H

#include <sys/socket.h>

#include <weft/common.h>

/* weft_listen(): let several sockets share the port, the kernel spreads. */
#define WEFT_REUSEPORT 0x1u

WEFT__BEGIN

struct addrinfo; /* netdb.h */

/* getaddrinfo(3), with its arguments: what `host` and `service` stand for, either of which
 * may be NULL, as may `hints`. *ret_list is the caller's, for weft_freeaddrinfo() and not for
 * freeaddrinfo(3).
 *
 * Suspends; a cancellation point. Any task or plain thread.
 * Returns 0 or an error: those above, -EINVAL (also: unknown service, hints that make no
 * sense), or -ENOMEM. */
WEFT_API int weft_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                              struct addrinfo **ret_list) WEFT__NONNULL(4);

/* Frees such a list. NULL is ignored. Any caller; never suspends. */
WEFT_API void weft_freeaddrinfo(struct addrinfo *list);

/* Opens a stream socket that listens at `address`, with SO_REUSEADDR. A unix
 * path that nobody listens on any more is replaced. `backlog` 0 or less: the
 * system's limit. `flags`: WEFT_REUSEPORT.
 *
 * Suspends; a cancellation point. Any task or plain thread.
 * Returns the descriptor (weft_accept(), weft_close()) or an error: those above,
 * and what socket(2), bind(2) and listen(2) report (-EADDRINUSE, -EACCES, ...). */
WEFT_API int weft_listen(const char *address, int backlog, unsigned flags) WEFT__NONNULL(1);

/* Connects a stream socket to `address`, trying what the name stands for in
 * turn. TCP_NODELAY is set.
 *
 * Suspends; a cancellation point. Any task or plain thread.
 * Returns the descriptor or an error: those above, or the last attempt's
 * (-ECONNREFUSED, -ENETUNREACH, ...). */
WEFT_API int weft_dial(const char *address) WEFT__NONNULL(1);

/* Writes `address` to `buf` in the form above; "?" for a family it does not
 * know. Terminated and cut to `size`. Never suspends.
 * Returns the length without the cut, as snprintf(). */
WEFT_API int weft_address_format(const struct sockaddr *address, socklen_t address_size, char *buf,
                                 size_t size) WEFT__NONNULL(1, 3);

/* The address that `fd` is bound to, or connected to, written as by
 * weft_address_format(). Never suspend. Return the length or an error. */
WEFT_API int weft_local_address(int fd, char *buf, size_t size) WEFT__NONNULL(2);
WEFT_API int weft_peer_address(int fd, char *buf, size_t size) WEFT__NONNULL(2);

WEFT__END

#endif
