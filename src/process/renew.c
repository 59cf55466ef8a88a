/* A forked process leaves behind what it has of the program's. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/fd.h"
#include "process/template.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define SIGNALS 64

static void forget_handlers(void)
{
    struct sigaction usual = { .sa_handler = SIG_DFL };
    for (int number = 1; number <= SIGNALS; number++)
        sigaction(number, &usual, NULL); /* not SIGKILL's, nor libc's own */
}

/* Before Linux 5.9. */
static void close_listed(unsigned first, unsigned last)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        unsigned fd = (unsigned)strtoul(entry->d_name, NULL, 10);
        if (fd >= first && fd <= last && (int)fd != dirfd(folder))
            close((int)fd);
    }
    closedir(folder);
}

static void close_from_to(unsigned first, unsigned last)
{
    if (first <= last && syscall(SYS_close_range, first, last, 0) < 0)
        close_listed(first, last);
}

/* Some programs close the standard descriptors, and have others under their numbers. */
static int move_up(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return moved;
}

static void open_standard(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd < 3);
    if (fd >= 0)
        close(fd);
}

/* Its weft must not know them any more, either. */
void weft__process_renew(int *kept, int *other)
{
    *kept = move_up(*kept);
    *other = move_up(*other);
    open_standard();
    bool ordered = *other < 0 || *kept < *other;
    unsigned low = (unsigned)(ordered ? *kept : *other);
    unsigned high = (unsigned)(ordered && *other >= 0 ? *other : *kept);
    forget_handlers();
    weft__fd_forget_range(3, ~0u);
    close_from_to(3, low - 1);
    close_from_to(low + 1, high - 1);
    close_from_to(high + 1, ~0u);
}
