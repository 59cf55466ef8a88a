/* shared.h - memory that processes share. */
#ifndef WEFT_PROCESS_SHARED_H
#define WEFT_PROCESS_SHARED_H

#include "weft/process_pool.h"

struct weft_shared {
    void *data;
    size_t size;
    int fd;
};

#endif
