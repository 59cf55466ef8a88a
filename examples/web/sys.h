/* sys.h - the system calls that the service makes itself.
 *
 * A task may go on in another thread after any weft_ call that suspends, and a
 * compiler may keep errno's address across such a call. So nobody but the
 * functions here reads errno: none of them suspends, none is inlined, and all
 * report errors as weft does, as negative errno values. */
#ifndef WEB_SYS_H
#define WEB_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A file or folder that was opened for reading. */
struct sys_file {
    int fd;
    bool is_folder;
    bool is_regular;
    uint64_t size;
};

/* Opens the folder at `path`. Returns the descriptor or an error. */
int sys_open_folder(const char *path);

/* Opens `path` below the folder `root_fd` and looks at it. Nothing outside the
 * folder is reached, neither by dots nor by symbolic links (-EXDEV). */
int sys_open_below(int root_fd, const char *path, struct sys_file *ret_file);

/* Reads from a regular file, which does what the kernel does at once. */
ssize_t sys_read_at(int fd, void *buf, size_t size, uint64_t offset);

void sys_close(int fd);

/* An eventfd that starts at 0. Returns the descriptor or an error. */
int sys_eventfd(void);

/* Sends each segment of `fd`'s connections, and those it accepts, at once. */
int sys_set_nodelay(int fd);

/* Raises the limit on open descriptors as far as it goes. Returns the limit. */
uint64_t sys_raise_descriptor_limit(void);

/* Bytes of memory that this process has in RAM; 0 when /proc does not tell. */
uint64_t sys_resident_bytes(void);

/* Creates or replaces the file `path` with one line. Returns 0 or an error. */
int sys_write_line(const char *path, const char *line);

#endif
