#include "hook/limit.h"

#include <errno.h>

#include "task/scope.h"

int weft__lot_park_in_scope(struct weft__bucket *bucket, struct weft__lot_node *node,
                            int64_t deadline)
{
    struct weft__ended ended = weft__scope_park(node->waiter, deadline);
    if (ended.reason == WEFT__EVENT)
        return 0;
    weft__lot_ended(bucket, node, ended.reason);
    if (ended.reason == WEFT__INTERRUPTED)
        return 0;
    int rc = weft__scope_error(node->waiter, ended);
    if (rc)
        return -rc;
    return ended.reason == WEFT__DEADLINE && ended.deadline == deadline ? ETIMEDOUT : 0;
}

int weft__lot_wait_in_scope(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline,
                            const char *what)
{
    struct weft__lot_node node;
    struct weft__bucket *bucket = weft__lot_line_up(&node, word, value, WEFT__LOT_ANY, what);
    return bucket ? weft__lot_park_in_scope(bucket, &node, deadline) : EAGAIN;
}
