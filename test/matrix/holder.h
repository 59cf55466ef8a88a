/* holder.h - somebody who has the only thread of a kind of blocking calls. */
#ifndef WEFT_TEST_MATRIX_HOLDER_H
#define WEFT_TEST_MATRIX_HOLDER_H

#include "weft/blocking.h"

/* Returns when he has it. */
void holder_start(weft_blocking_kind *kind);

/* He gives it back. Also twice, by anybody. */
void holder_let_go(void);

/* Returns when he has. */
void holder_join(void);

#endif
