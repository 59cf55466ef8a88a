/* exchange.c - a connection's working memory while it has something to answer. */
#include "exchange.h"

#include <stdlib.h>

/* As many as are busy at the same time in a quiet hour: a request that comes in
 * one piece and is answered from memory never suspends while it holds one. */
#define CACHED_MAX 64

void exchange_cache_init(struct exchange_cache *cache)
{
    pthread_mutex_init(&cache->lock, NULL);
    cache->first = NULL;
    cache->count = 0;
}

void exchange_cache_finish(struct exchange_cache *cache)
{
    while (cache->first) {
        struct exchange *exchange = cache->first;

        cache->first = exchange->next;
        free(exchange);
    }
    pthread_mutex_destroy(&cache->lock);
}

struct exchange *exchange_take(struct exchange_cache *cache)
{
    struct exchange *exchange;

    /* A plain mutex: nothing suspends while it is held. */
    pthread_mutex_lock(&cache->lock);
    exchange = cache->first;
    if (exchange) {
        cache->first = exchange->next;
        cache->count--;
    }
    pthread_mutex_unlock(&cache->lock);

    if (!exchange) {
        exchange = malloc(sizeof *exchange);
        if (exchange)
            exchange->date_second = -1;
    }
    return exchange;
}

void exchange_give(struct exchange_cache *cache, struct exchange *exchange)
{
    pthread_mutex_lock(&cache->lock);
    if (cache->count < CACHED_MAX) {
        exchange->next = cache->first;
        cache->first = exchange;
        cache->count++;
        exchange = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    free(exchange);
}
