/* exchange.h - a connection's working memory while it has something to answer.
 *
 * A connection that waits for its next request holds no exchange, only its
 * task. That is what makes 10,000 idle connections cheap. */
#ifndef WEB_EXCHANGE_H
#define WEB_EXCHANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "counters.h"
#include "output.h"
#include "request.h"

#define INPUT_SIZE 8192

struct server;

struct exchange {
    struct exchange *next; /* in the cache */
    struct server *server;
    struct counter_shard *counters;
    int fd;
    bool keep_alive;   /* the connection outlives the response */
    size_t input_used; /* how much of the input was parsed */
    size_t input_size;
    time_t date_second; /* the second that `date` stands for */
    char date[32];
    struct request request;
    struct output output;
    char input[INPUT_SIZE];
};

/* Exchanges kept for the next connection that gets something to do. */
struct exchange_cache {
    pthread_mutex_t lock;
    struct exchange *first;
    unsigned count;
};

void exchange_cache_init(struct exchange_cache *cache);
void exchange_cache_finish(struct exchange_cache *cache);

/* Takes an exchange, new or used; NULL when there is no memory. */
struct exchange *exchange_take(struct exchange_cache *cache);
void exchange_give(struct exchange_cache *cache, struct exchange *exchange);

#endif
