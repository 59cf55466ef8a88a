/* life.h - the first and the last that a virtual thread does. */
#ifndef WEFT_VTHREAD_LIFE_H
#define WEFT_VTHREAD_LIFE_H

/* On the virtual thread itself, before any other code. */
void weft__vthread_begin(void);

/* On the virtual thread itself, after all other code: destructors run, and may
 * suspend. What libc keeps for the thread is as it was found. */
void weft__vthread_end(void);

#endif
