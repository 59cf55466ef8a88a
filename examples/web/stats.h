/* stats.h - the service's figures. */
#ifndef WEB_STATS_H
#define WEB_STATS_H

#include <stdint.h>

struct server;

/* What one connection costs in memory: what the process holds now above what it
 * held before the first one, divided by the connections open. Meaningful when
 * many are open, and idle; 0 below 100. The kernel's share, some KiB for a
 * socket with empty buffers, comes on top. */
uint64_t stats_bytes_per_connection(struct server *server);

#endif
