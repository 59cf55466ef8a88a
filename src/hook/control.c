/* Calls that change how a descriptor waits: the kernel does it, and what is
 * remembered of modes is forgotten. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "hook/mode.h"
#include "hook/real.h"

/* Whatever the type, it fits and is passed on. */
static void *argument_of(va_list arguments)
{
    return va_arg(arguments, void *);
}

#define ARGUMENT(after) \
    va_list arguments; \
    va_start(arguments, after); \
    void *argument = argument_of(arguments); \
    va_end(arguments)

static int control(int fd, int command, void *argument)
{
    int rc = weft__real_fcntl64(fd, command, argument);
    if (command == F_SETFL)
        weft__mode_changed();
    return rc;
}

WEFT__INTERPOSE int fcntl(int fd, int command, ...)
{
    ARGUMENT(command);
    return control(fd, command, argument);
}

WEFT__INTERPOSE int fcntl64(int fd, int command, ...)
{
    ARGUMENT(command);
    return control(fd, command, argument);
}

WEFT__INTERPOSE int __fcntl(int fd, int command, ...)
{
    ARGUMENT(command);
    return control(fd, command, argument);
}

WEFT__INTERPOSE int ioctl(int fd, unsigned long request, ...)
{
    ARGUMENT(request);
    int rc = weft__real_ioctl(fd, request, argument);
    if (request == FIONBIO)
        weft__mode_changed();
    return rc;
}

WEFT__INTERPOSE int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    int rc = weft__real_setsockopt(fd, level, name, value, size);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO_OLD || name == SO_SNDTIMEO_OLD ||
                                name == SO_RCVTIMEO_NEW || name == SO_SNDTIMEO_NEW))
        weft__mode_changed();
    return rc;
}
