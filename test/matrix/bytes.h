/* bytes.h - operations whose event is a byte that comes through a pair of sockets. */
#ifndef WEFT_TEST_MATRIX_BYTES_H
#define WEFT_TEST_MATRIX_BYTES_H

#include "matrix.h"

/* stage->fd and stage->peer, connected. */
void open_pair(struct stage *stage);
void close_pair(struct stage *stage);

/* To stage->fd. */
void send_byte(struct stage *stage);

/* Whether there was one that nobody has read; never waits. */
bool take_byte(struct stage *stage);

#define RESULT 7

/* A task of the stage's: RESULT when it has read a byte, else the error. */
int ends_by_byte(void *stage);

#endif
