/* route.c - which part of the service answers a request. */
#include "route.h"

#include <string.h>

#include "respond.h"

bool route_reads_only(struct exchange *exchange)
{
    unsigned method = exchange->request.parser.method;

    if (method == HTTP_GET || method == HTTP_HEAD)
        return true;
    respond_not_allowed(exchange, "GET, HEAD");
    return false;
}

void route(struct exchange *exchange)
{
    const char *path = exchange->request.path;

    if (strcmp(path, "/stats") == 0)
        stats_answer(exchange);
    else if (strcmp(path, "/kv") == 0 || strcmp(path, "/kv/") == 0)
        keys_answer(exchange);
    else if (strncmp(path, "/kv/", 4) == 0)
        key_answer(exchange, path + 4);
    else
        files_answer(exchange, path);
}
