/* Preloaded: what goes on in other threads has time to get in between. Libc's own functions,
 * not those that weft has in their place. */
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>

typedef int dup2_fn(int fd, int to);
typedef int sleep_fn(clockid_t clock, int flags, const struct timespec *time,
                     struct timespec *left);

int dup2(int fd, int to)
{
    struct timespec time = { 0, 50000000 };
    ((sleep_fn *)dlsym(RTLD_NEXT, "clock_nanosleep"))(CLOCK_MONOTONIC, 0, &time, NULL);
    return ((dup2_fn *)dlsym(RTLD_NEXT, "dup2"))(fd, to);
}
