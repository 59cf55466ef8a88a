#include "os/error.h"

#include <errno.h>

int weft__error(void)
{
    return errno;
}

void weft__error_set(int error)
{
    errno = error;
}
