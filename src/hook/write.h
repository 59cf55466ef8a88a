/* write.h - writing all of it, as blocking writes do. */
#ifndef WEFT_HOOK_WRITE_H
#define WEFT_HOOK_WRITE_H

#include "hook/call.h"

/* Writes call->buf; `call->flags` are send()'s. */
ssize_t weft__write_buffer(struct weft__fd *entry, int fd, struct weft__call *call);

/* Goes on with the vectors, of which the first `done` bytes have been written: by
 * an attempt of `call`'s. Returns the sum, or if that is 0 -errno. */
ssize_t weft__write_rest(struct weft__fd *entry, int fd, struct weft__call *call,
                         const struct iovec *iov, size_t count, size_t done);

/* The result, after the SIGPIPE that it comes with. */
ssize_t weft__write_signal(ssize_t result, int flags);

size_t weft__vector_size(const struct iovec *iov, size_t count);

#endif
