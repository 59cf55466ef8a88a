/* stop_signal.c - SIGINT and SIGTERM as something a task can wait for. */
#include "stop_signal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "sys.h"

static int event_fd = -1;

/* A handler may interrupt anything, weft itself included. It writes to a
 * descriptor and leaves the rest to the task that reads it. */
static void handle(int signal_number)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t count = write(event_fd, &one, sizeof one);

    (void)signal_number;
    (void)count; /* fails only when 2^64 signals wait to be read */
    errno = saved;
}

int stop_signal_catch(void)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };

    event_fd = sys_eventfd();
    if (event_fd < 0)
        return event_fd;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0)
        return -errno;
    return event_fd;
}
