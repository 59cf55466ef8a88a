/* Memory that processes share: a file without a name, of a size that nobody can change, so
 * that nobody's access to it fails because another one has. */
#include "process/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int make_file(size_t size)
{
    int fd = memfd_create("weft-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if ((off_t)size > 0 && ftruncate(fd, (off_t)size) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    close(fd);
    return -ENOMEM;
}

static int make(size_t size, weft_shared *shared)
{
    int fd = make_file(size);
    if (fd < 0)
        return fd;
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        close(fd);
        return -ENOMEM;
    }
    *shared = (weft_shared){ .data = data, .size = size, .fd = fd };
    return 0;
}

int weft_shared_create(size_t size, weft_shared **ret_shared)
{
    if (size == 0)
        return -EINVAL;
    weft_shared *shared = malloc(sizeof *shared);
    if (!shared)
        return -ENOMEM;
    int kept = errno, rc = make(size, shared);
    errno = kept;
    if (rc)
        free(shared);
    else
        *ret_shared = shared;
    return rc;
}

void weft_shared_destroy(weft_shared *shared)
{
    if (!shared)
        return;
    munmap(shared->data, shared->size);
    close(shared->fd);
    free(shared);
}

void *weft_shared_data(const weft_shared *shared)
{
    return shared->data;
}

size_t weft_shared_size(const weft_shared *shared)
{
    return shared->size;
}
