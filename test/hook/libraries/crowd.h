/* crowd.h - for programs that use a library in many threads at once, whoever makes
 * these: crowd_threads.c takes pthreads and knows nothing of weft, crowd_tasks.c
 * takes its tasks. What such a program prints is the same in either way. */
#ifndef WEFT_TEST_LIBRARIES_CROWD_H
#define WEFT_TEST_LIBRARIES_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* The program's own part, in a thread of the same kind as the crowd's. Returns
 * main()'s result. */
int library(int argc, char **argv);

/* Calls fn(0) ... fn(count - 1), each in a thread of its own, and returns when all
 * have returned. */
void crowd_run(size_t count, void (*fn)(size_t number));

/* So many sessions in which the server sleeps for a second: fn() opens one, has it sleep,
 * and says whether it did. Prints whether they slept at once. */
void crowd_sleep(size_t count, bool (*fn)(void));

/* Tells the driver, on standard error, how many kernel threads there are. Called
 * while `waiting` threads of the crowd are known to wait in the library. */
void crowd_count(size_t waiting);

/* Seconds of the monotonic clock. */
double crowd_clock(void);

/* What has to hold; else the program ends and says what did not, and why. */
#define MUST(condition, why) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, (why)); \
            exit(1); \
        } \
    } while (0)

#endif
