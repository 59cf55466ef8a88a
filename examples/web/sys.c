/* sys.c - the system calls that the service makes itself. */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* See the header: a frame of its own for each reading of errno. */
#define OWN_FRAME __attribute__((noinline))

OWN_FRAME int sys_open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

OWN_FRAME int sys_open_below(int root_fd, const char *path, struct sys_file *ret_file)
{
    /* O_NONBLOCK: opening a FIFO must not hold the thread. */
    const struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    struct stat status;

    if (fd < 0)
        return -errno;
    if (fstat((int)fd, &status) < 0) {
        int error = errno;

        close((int)fd);
        return -error;
    }
    ret_file->fd = (int)fd;
    ret_file->is_folder = S_ISDIR(status.st_mode);
    ret_file->is_regular = S_ISREG(status.st_mode);
    ret_file->size = (uint64_t)status.st_size;
    return 0;
}

OWN_FRAME ssize_t sys_read_at(int fd, void *buf, size_t size, uint64_t offset)
{
    ssize_t count;

    do {
        count = pread(fd, buf, size, (off_t)offset);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

void sys_close(int fd)
{
    close(fd);
}

OWN_FRAME int sys_eventfd(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return fd < 0 ? -errno : fd;
}

OWN_FRAME int sys_set_nodelay(int fd)
{
    int on = 1;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ? -errno : 0;
}

uint64_t sys_raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            return soft;
    }
    return limit.rlim_cur;
}

uint64_t sys_resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");

    if (!statm)
        return 0;
    if (fscanf(statm, "%*s %lu", &pages) != 1)
        pages = 0;
    fclose(statm);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

OWN_FRAME int sys_write_line(const char *path, const char *line)
{
    FILE *file = fopen(path, "we");

    if (!file)
        return -errno;
    fprintf(file, "%s\n", line);
    return fclose(file) == 0 ? 0 : -errno;
}
