#include "os/barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

bool weft__barrier_asymmetric;

void weft__barrier_setup(void)
{
    weft__barrier_asymmetric =
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void weft__barrier_heavy(void)
{
    if (!weft__barrier_asymmetric)
        weft__barrier_light();
    else if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
        weft__panic("membarrier() is not allowed any more"); /* others run without fences */
}
