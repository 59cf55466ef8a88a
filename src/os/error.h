/* errno in functions that suspend, where it must not be named: the compiler keeps its address, and
 * a light task that goes on may be on another thread. scripts/check-errno looks for the name. */
#ifndef WEFT_OS_ERROR_H
#define WEFT_OS_ERROR_H

/* Of the thread on which it is called. */
int weft__error(void);
void weft__error_set(int error);

#endif
