#include "os/barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

_Atomic(bool) weft__barrier_asymmetric;

void weft__barrier_setup(void)
{
    bool registered = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    /* relaxed: threads of an executor may be about; who has to do with workers comes after */
    weft__store(&weft__barrier_asymmetric, registered, relaxed);
}

void weft__barrier_heavy(void)
{
    if (!weft__load(&weft__barrier_asymmetric, relaxed))
        weft__barrier_light();
    else if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
        weft__panic("membarrier() is not allowed any more"); /* others run without fences */
}
