/* queue.h - queues, as select uses them. */
#ifndef WEFT_SYNC_QUEUE_H
#define WEFT_SYNC_QUEUE_H

#include "weft/queue.h"

/* Where those wait who put and get. */
weft_channel *weft__queue_channel(weft_queue *queue);

#endif
