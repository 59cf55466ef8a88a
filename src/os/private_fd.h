/* private_fd.h - descriptors of the library's own.
 *
 * They lie above the numbers that programs choose themselves (a shell's
 * `exec 3<file`), and are known, so that the program's calls can be kept off them. */
#ifndef WEFT_OS_PRIVATE_FD_H
#define WEFT_OS_PRIVATE_FD_H

#include <stdbool.h>

#define WEFT__PRIVATE_FDS 4096 /* of them, the numbers below are known */

/* Takes a descriptor over; returns its new number, with FD_CLOEXEC set, or `fd`
 * where there is no room above. A failure's -1 stays one. */
int weft__private_fd_take(int fd);
void weft__private_fd_close(int fd);

bool weft__private_fd(int fd);

#endif
