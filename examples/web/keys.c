/* keys.c - the key-value API: GET, HEAD, PUT, DELETE of /kv/KEY, and /kv. */
#include <errno.h>
#include <string.h>

#include "percent.h"
#include "respond.h"
#include "route.h"
#include "server.h"
#include "store.h"

static int list_key(const char *key, size_t key_size, void *arg)
{
    struct blob *list = arg;
    int error = percent_encode(list, key, key_size);

    return error < 0 ? error : blob_append(list, "\n", 1);
}

void keys_answer(struct exchange *exchange)
{
    struct blob *list;

    if (!route_reads_only(exchange))
        return;
    list = blob_create();
    if (list && store_each(exchange->server->store, list_key, list) == 0)
        respond_bytes(exchange, HTTP_STATUS_OK, "text/plain; charset=utf-8", list->data,
                      list->size);
    else
        respond_error(exchange, HTTP_STATUS_SERVICE_UNAVAILABLE);
    blob_unref(list);
}

static void get(struct exchange *exchange, const char *key)
{
    struct blob *value = store_get(exchange->server->store, key, strlen(key));

    if (!value) {
        respond_error(exchange, HTTP_STATUS_NOT_FOUND);
        return;
    }
    /* Writing suspends when the client reads slowly. The reference keeps the
     * value while others replace or delete the key. */
    respond_bytes(exchange, HTTP_STATUS_OK, "application/octet-stream", value->data, value->size);
    blob_unref(value);
}

static void put(struct exchange *exchange, const char *key)
{
    int result;

    if (!exchange->request.has_length) {
        respond_error(exchange, HTTP_STATUS_LENGTH_REQUIRED);
        return;
    }
    result = store_put(exchange->server->store, key, strlen(key), exchange->request.body);
    if (result == -ENOSPC)
        respond_error(exchange, HTTP_STATUS_INSUFFICIENT_STORAGE);
    else if (result < 0)
        respond_error(exchange, HTTP_STATUS_SERVICE_UNAVAILABLE);
    else
        respond_empty(exchange, result == 1 ? HTTP_STATUS_CREATED : HTTP_STATUS_NO_CONTENT);
}

static void delete (struct exchange *exchange, const char *key)
{
    if (store_delete(exchange->server->store, key, strlen(key)) < 0)
        respond_error(exchange, HTTP_STATUS_NOT_FOUND);
    else
        respond_empty(exchange, HTTP_STATUS_NO_CONTENT);
}

void key_answer(struct exchange *exchange, const char *key)
{
    if (strlen(key) > STORE_KEY_MAX) {
        respond_error(exchange, HTTP_STATUS_URI_TOO_LONG);
        return;
    }
    switch (exchange->request.parser.method) {
    case HTTP_GET:
    case HTTP_HEAD:
        get(exchange, key);
        break;
    case HTTP_PUT:
        put(exchange, key);
        break;
    case HTTP_DELETE:
        delete (exchange, key);
        break;
    default:
        respond_not_allowed(exchange, "GET, HEAD, PUT, DELETE");
    }
}
