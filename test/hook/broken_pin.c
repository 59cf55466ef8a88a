/* Part of a libweft-hook.so that is broken on purpose, as WEFT_TEST_PIN says: `none`
 * pins nobody, `elsewhere` pins to another carrier. The assertions must notice. */
#include <stdlib.h>
#include <string.h>

#include "sched/worker.h"

void __real_weft_pin(void);
void __wrap_weft_pin(void);

static struct weft__carrier *other_than(struct weft__carrier *carrier)
{
    return &weft__rt.carrier[carrier == weft__rt.carrier];
}

void __wrap_weft_pin(void)
{
    struct weft_task *self = weft__self();
    const char *how = getenv("WEFT_TEST_PIN");
    __real_weft_pin();
    if (how)
        self->carrier = strcmp(how, "none") == 0 ? NULL : other_than(self->carrier);
}
