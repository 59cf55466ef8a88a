/* connection.h - one task per connection. */
#ifndef WEB_CONNECTION_H
#define WEB_CONNECTION_H

#include <stdbool.h>

struct server;

/* Spawns the task that serves `fd` and closes it; `refuse`: that answers 503.
 * Returns 0, or an error with `fd` still the caller's. */
int connection_spawn(struct server *server, int fd, bool refuse);

#endif
