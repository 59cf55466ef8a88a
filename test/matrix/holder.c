#include "holder.h"

#include <pthread.h>

#include "blocking.h"

static pthread_t holder;
static struct gate gate;

static void *hold(void *kind)
{
    weft_blocking_attr attr = { .kind = kind };
    ck_assert_int_eq(weft_blocking_with(&attr, pass_gate, &gate, NULL), 0);
    return kind;
}

void holder_start(weft_blocking_kind *kind)
{
    atomic_store(&gate.begun, 0);
    atomic_store(&gate.open, false);
    ck_assert_int_eq(pthread_create(&holder, NULL, hold, kind), 0);
    while (!atomic_load(&gate.begun))
        block_for(WEFT_US(50));
}

void holder_let_go(void)
{
    atomic_store(&gate.open, true);
}

void holder_join(void)
{
    pthread_join(holder, NULL);
}
