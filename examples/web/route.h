/* route.h - which part of the service answers a request.
 *
 * Each answers exchange->request into exchange->output, completely, and may
 * suspend while it does. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include "exchange.h"

void route(struct exchange *exchange);

void files_answer(struct exchange *exchange, const char *path);
void keys_answer(struct exchange *exchange);
void key_answer(struct exchange *exchange, const char *key);
void stats_answer(struct exchange *exchange);

/* GET or HEAD; answers anything else with 405. */
bool route_reads_only(struct exchange *exchange);

#endif
