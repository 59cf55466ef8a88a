/* Descriptors whose kind is known from the call that makes them. */
#include <fcntl.h>

#include "hook/kind.h"
#include "hook/real.h"
#include "hook/thread.h"

WEFT__INTERPOSE int socket(int domain, int type, int protocol)
{
    int fd = weft__real_socket(domain, type, protocol);
    if (fd >= 0 && weft__hook_task())
        weft__fd_renew(fd, weft__kind_of_socket(domain, type, protocol));
    return fd;
}

WEFT__INTERPOSE int socketpair(int domain, int type, int protocol, int ret_fds[2])
{
    int rc = weft__real_socketpair(domain, type, protocol, ret_fds);
    for (int i = 0; rc == 0 && i < 2 && weft__hook_task(); i++)
        weft__fd_renew(ret_fds[i], weft__kind_of_socket(domain, type, protocol));
    return rc;
}

WEFT__INTERPOSE int pipe2(int ret_fds[2], int flags)
{
    int rc = weft__real_pipe2(ret_fds, flags);
    for (int i = 0; rc == 0 && i < 2 && weft__hook_task(); i++)
        weft__fd_renew(ret_fds[i], WEFT__KIND_PIPE);
    return rc;
}

WEFT__INTERPOSE int pipe(int ret_fds[2])
{
    return pipe2(ret_fds, 0);
}

WEFT__INTERPOSE int __socket(int domain, int type, int protocol)
{
    return socket(domain, type, protocol);
}

WEFT__INTERPOSE int __pipe(int ret_fds[2])
{
    return pipe(ret_fds);
}
