/* weft/io.h - reading, writing and waiting on descriptors.
 *
 * These functions have the shape of their POSIX namesakes and wait where those
 * would block: a task suspends, a plain thread sleeps. They work on sockets,
 * pipes, terminals, eventfds and whatever else epoll takes; on regular files
 * and disks they suspend the task while the disk works, as weft/file.h says.
 *
 * On first use weft puts the open file description of what is no regular file into
 * non-blocking mode and registers it with a worker's poller; it stays so. A
 * descriptor used here is closed with weft_close(), so that whoever waits on
 * it is woken and the number can be used again. After close(2), fclose(), or dup2()
 * onto it, weft has a wrong notion of that number: it takes the next file that has it
 * for one in non-blocking mode, so a call on it may block its thread, past deadlines
 * and cancellation, and who waits on the old one is not woken.
 *
 * Interrupted system calls are repeated; EAGAIN never reaches the caller. No
 * SIGPIPE: writing to a socket whose peer is gone, or by a task to a pipe, returns
 * -EPIPE. (A plain thread that writes to a broken pipe gets the signal first.)
 *
 * Common errors, not repeated below: -EBADF (not open, or closed by
 * weft_close() while waiting), -ECANCELED or -ETIMEDOUT (a surrounding scope was
 * cancelled, or its deadline passed; nothing was transferred: weft/scope.h), -ENOMEM,
 * and what the system call itself
 * reports (-ECONNRESET, -EPIPE, -ENOTCONN, -EINVAL, ...).
 *
 * A signal's handler must not leave one of these calls by a jump.
 *
 * All but weft_shutdown(), weft_close() and the weft_socket() family suspend and
 * are cancellation points. Any task or plain thread. */
#ifndef WEFT_IO_H
#define WEFT_IO_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <weft/common.h>

WEFT__BEGIN

/* read(2), write(2), readv(2), writev(2): wait until at least one byte moved.
 * Return the number of bytes moved; reading returns 0 at the end. */
WEFT_API ssize_t weft_read(int fd, void *buf, size_t size);
WEFT_API ssize_t weft_write(int fd, const void *buf, size_t size);
WEFT_API ssize_t weft_readv(int fd, const struct iovec *iov, int iov_count);
WEFT_API ssize_t weft_writev(int fd, const struct iovec *iov, int iov_count);

/* recv(2), send(2), recvfrom(2), sendto(2), recvmsg(2), sendmsg(2). MSG_DONTWAIT
 * in `flags` is obeyed: -EAGAIN instead of waiting; MSG_OOB and MSG_ERRQUEUE never wait.
 * MSG_WAITALL waits for the whole buffer on stream sockets, and returns less at the end, before
 * an error, and where ancillary data is asked for. */
WEFT_API ssize_t weft_recv(int fd, void *buf, size_t size, int flags);
WEFT_API ssize_t weft_send(int fd, const void *buf, size_t size, int flags);
WEFT_API ssize_t weft_recvfrom(int fd, void *buf, size_t size, int flags, struct sockaddr *address,
                               socklen_t *address_size);
WEFT_API ssize_t weft_sendto(int fd, const void *buf, size_t size, int flags,
                             const struct sockaddr *address, socklen_t address_size);
WEFT_API ssize_t weft_recvmsg(int fd, struct msghdr *message, int flags);
WEFT_API ssize_t weft_sendmsg(int fd, const struct msghdr *message, int flags);

/* Move the whole buffer. `ret_done`, unless NULL, receives how many bytes were
 * moved, on failure too: a deadline that passes between two parts has moved the
 * first. weft_writev_all() changes the iovecs as it goes.
 * Return 0 or an error; weft_read_all() returns -ENODATA when the end came first. */
WEFT_API int weft_read_all(int fd, void *buf, size_t size, size_t *ret_done);
WEFT_API int weft_write_all(int fd, const void *buf, size_t size, size_t *ret_done);
WEFT_API int weft_writev_all(int fd, struct iovec *iov, int iov_count, size_t *ret_done);

/* poll(2) without a timeout: waits until one of the descriptors is ready, and
 * fills in `revents`. `fds` is not to be changed meanwhile. Returns how many are ready (at
 * least 1), or -EINVAL when `count` is 0. Regular files are always ready; negative descriptors
 * never are, and where there are no others only the surrounding scope ends the wait. */
WEFT_API int weft_poll(struct pollfd *fds, nfds_t count);

/* socket(2), close-on-exec and non-blocking. Returns the descriptor. */
WEFT_API int weft_socket(int domain, int type, int protocol);

/* accept(2): waits for a connection and returns its descriptor, close-on-exec
 * and non-blocking. `address` and `address_size` as in accept(2), may be NULL.
 * Connections that died in the queue are skipped. When descriptors or memory
 * run out it waits and tries again, 5 ms at first, up to 1 s: the connection
 * stays in the queue. */
WEFT_API int weft_accept(int fd, struct sockaddr *address, socklen_t *address_size);

/* connect(2): waits until the connection stands. After -ECANCELED or -ETIMEDOUT close
 * the socket: the attempt goes on in the kernel. */
WEFT_API int weft_connect(int fd, const struct sockaddr *address, socklen_t address_size);

/* shutdown(2). Readers that wait see the end, writers -EPIPE. Never suspends. (When the other end
 * of a unix socket shuts down for reading only, the kernel tells a writer that waits for room
 * nothing.) */
WEFT_API int weft_shutdown(int fd, int how);

/* close(2), after waking everybody who waits on `fd` with -EBADF (but not plain threads while no
 * runtime is running: these wait in poll(2)). Never suspends; as close(2) it may block, where a
 * socket lingers. Returns 0 or the error; the descriptor is gone in either case. */
WEFT_API int weft_close(int fd);

WEFT__END

#endif
