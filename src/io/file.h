/* file.h - who makes a call on a file: the rules are at the head of file_call.h. */
#ifndef WEFT_IO_FILE_H
#define WEFT_IO_FILE_H

#include "io/file_call.h"

/* Looks at the scope, and has the call made; repeats it after EINTR. Suspends; a cancellation
 * point. Returns what it returns, or -errno. */
int64_t weft__file_do(const struct weft__file_call *call);

/* The same for calls without which something would be left behind: no cancellation point. */
int64_t weft__file_do_firmly(const struct weft__file_call *call);

/* close(2), which may wait for a server, whatever is in force. For descriptors that nobody else
 * has seen. Returns 0 or an error; it is closed in either case. Suspends. */
int weft__file_close(int fd);

/* close(2) at once, of what closes without waiting. Nothing ends it: no cancellation point of
 * pthread_cancel()'s either. */
void weft__file_shut(int fd);

struct weft__file_identity {
    uint64_t device, inode;
};

/* What statx() tells of a file: its type, as DT_..., and which it is. `flags`: AT_... Suspends; a
 * cancellation point. Returns 0 or an error. */
int weft__file_type(int folder, const char *path, int flags, unsigned char *ret_type,
                    struct weft__file_identity *ret_identity);

#endif
