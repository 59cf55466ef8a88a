/* clock.h - what time it is. */
#ifndef WEFT_TIME_CLOCK_H
#define WEFT_TIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds: the monotonic clock, or virtual time while that is on. */
int64_t weft__clock_now(void);

/* The monotonic clock, always. */
int64_t weft__clock_real(void);

/* Virtual time starts at the real time's next tick and stands still until it is moved. */
void weft__clock_make_virtual(bool on);
bool weft__clock_is_virtual(void);

/* Moves virtual time forward to `when`; earlier times are ignored. */
void weft__clock_advance(int64_t when);

#endif
