/* say.h - for programs whose output is compared: natively and under weft exec. */
#ifndef WEFT_TEST_HOOK_SAY_H
#define WEFT_TEST_HOOK_SAY_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* One line: what was done, and the error number that came out. */
#define SAY(call) printf("%s: %s\n", #call, say_error(call))
/* For calls that return -1 and set errno. */
#define SAY_ERRNO(call) printf("%s: %s\n", #call, (call) < 0 ? say_error(errno) : "0")
#define SAY_NUMBER(value) printf("%s: %ld\n", #value, (long)(value))

static inline const char *say_error(int error)
{
    const char *name = error ? strerrorname_np(error) : "0";
    return name ? name : "?";
}

static inline struct timespec after_ms(clockid_t clock, long ms)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Whether at least that long, and not for ever, has passed since `begin`. */
static inline int took_ms(struct timespec begin, long ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double passed =
        (double)(now.tv_sec - begin.tv_sec) * 1e3 + (double)(now.tv_nsec - begin.tv_nsec) / 1e6;
    return passed >= (double)ms - 0.1 && passed < (double)ms + 5000;
}

#endif
