/* Part of a libweft-hook.so that is broken on purpose, as WEFT_TEST_PIN says: `none`
 * pins nobody, `elsewhere` pins to another carrier. The assertions must notice. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sched/worker.h"

void __real_weft_pin(void);
void __wrap_weft_pin(void);
void __real_weft_unpin(void);
void __wrap_weft_unpin(void);

static bool is_to_pin(const char *how)
{
    const char *wanted = getenv("WEFT_TEST_PIN");
    return wanted && strcmp(wanted, how) == 0;
}

static struct weft__carrier *other_than(struct weft__carrier *carrier)
{
    return &weft__rt.carrier[carrier == weft__rt.carrier];
}

void __wrap_weft_pin(void)
{
    struct weft_task *self = weft__self();
    if (is_to_pin("none"))
        return;
    __real_weft_pin();
    if (is_to_pin("elsewhere"))
        self->carrier = other_than(self->carrier);
}

void __wrap_weft_unpin(void)
{
    if (!is_to_pin("none"))
        __real_weft_unpin();
}
