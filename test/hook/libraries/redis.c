/* hiredis: a context for each thread.
 *
 *     redis PORT                   what has to be right
 *     redis PORT COUNT REQUESTS    load: so many requests on each connection */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "crowd.h"

#define WAITERS 500 /* as many again subscribe */
#define WRITERS 16
#define INCREMENTS 5

static int port, requests;
static atomic_uint good;
static atomic_long sum;

static redisContext *session(void)
{
    redisContext *context = redisConnect("127.0.0.1", port);
    MUST(context && context->err == 0, context ? context->errstr : "no memory");
    return context;
}

/* A command that must succeed. The caller frees the reply. */
#define ASK(context, ...) expect(context, redisCommand(context, __VA_ARGS__))

static redisReply *expect(redisContext *context, void *reply)
{
    MUST(reply, context->errstr);
    redisReply *answer = reply;
    MUST(answer->type != REDIS_REPLY_ERROR, answer->str);
    return answer;
}

static void tell(redisContext *context, const char *command)
{
    freeReplyObject(ASK(context, command));
}

/* The number after `name` in the server's INFO. */
static long info(redisContext *context, const char *name)
{
    redisReply *reply = ASK(context, "INFO clients");
    const char *found = strstr(reply->str, name);
    MUST(found, reply->str);
    long value = atol(found + strlen(name));
    freeReplyObject(reply);
    return value;
}

static long subscribers(redisContext *context)
{
    redisReply *reply = ASK(context, "PUBSUB NUMSUB news");
    long value = (long)reply->element[1]->integer;
    freeReplyObject(reply);
    return value;
}

static void take_item(void)
{
    redisContext *context = session();
    redisReply *reply = ASK(context, "BLPOP items 0");
    sum += atol(reply->element[1]->str);
    good++;
    freeReplyObject(reply);
    redisFree(context);
}

static void take_news(void)
{
    redisContext *context = session();
    void *reply;
    tell(context, "SUBSCRIBE news");
    MUST(redisGetReply(context, &reply) == REDIS_OK, context->errstr);
    redisReply *message = expect(context, reply);
    good += strcmp(message->element[2]->str, "it weaves") == 0;
    freeReplyObject(message);
    redisFree(context);
}

/* When all others wait: an item for each of one half, news for the other. */
static void give(void)
{
    redisContext *context = session();
    while (info(context, "blocked_clients:") < WAITERS || subscribers(context) < WAITERS)
        usleep(5000);
    crowd_count(2 * WAITERS);
    for (int i = 1; i <= WAITERS; i++)
        redisAppendCommand(context, "RPUSH items %d", i);
    redisAppendCommand(context, "PUBLISH news %s", "it weaves");
    for (int i = 0; i <= WAITERS; i++) {
        void *reply;
        MUST(redisGetReply(context, &reply) == REDIS_OK, context->errstr);
        freeReplyObject(expect(context, reply));
    }
    redisFree(context);
}

static void wait_or_give(size_t number)
{
    if (number == 2 * WAITERS)
        give();
    else if (number % 2)
        take_item();
    else
        take_news();
}

static void waits(void)
{
    good = 0;
    sum = 0;
    crowd_run(2 * WAITERS + 1, wait_or_give);
    printf("waits: %u of %d, the items' sum is %ld\n", good, 2 * WAITERS, sum);
}

/* Reads and writes in two steps; again when somebody else came in between. */
static void increment(redisContext *context)
{
    redisReply *reply;
    int done;
    do {
        tell(context, "WATCH counter");
        reply = ASK(context, "GET counter");
        long value = reply->str ? atol(reply->str) : 0;
        freeReplyObject(reply);
        tell(context, "MULTI");
        freeReplyObject(ASK(context, "SET counter %ld", value + 1));
        reply = ASK(context, "EXEC");
        done = reply->type == REDIS_REPLY_ARRAY;
        freeReplyObject(reply);
    } while (!done);
}

static void write_counter(size_t number)
{
    (void)number;
    redisContext *context = session();
    for (int i = 0; i < INCREMENTS; i++)
        increment(context);
    redisFree(context);
}

static void transactions(void)
{
    redisContext *context = session();
    tell(context, "DEL counter");
    crowd_run(WRITERS, write_counter);
    redisReply *reply = ASK(context, "GET counter");
    printf("transactions: %s\n", reply->str);
    freeReplyObject(reply);
    redisFree(context);
}

/* A socket's timeout ends the wait as natively; the manual has one connect again. */
static void time_out(size_t number)
{
    (void)number;
    redisContext *context = session();
    redisSetTimeout(context, (struct timeval){ .tv_usec = 100000 });
    void *reply = redisCommand(context, "BLPOP nothing 0");
    int error = errno;
    MUST(!reply && context->err == REDIS_ERR_IO && error == EAGAIN, context->errstr);
    MUST(redisReconnect(context) == REDIS_OK, context->errstr);
    tell(context, "PING");
    good++;
    redisFree(context);
}

static void timeouts(void)
{
    good = 0;
    crowd_run(WRITERS, time_out);
    printf("timeouts: %u of %d\n", good, WRITERS);
}

static void request(size_t number)
{
    redisContext *context = session();
    for (int i = 0; i < requests; i++)
        freeReplyObject(ASK(context, "SET key:%d %d", (int)number, i));
    redisFree(context);
}

int library(int argc, char **argv)
{
    port = atoi(argv[1]);
    if (argc > 3) {
        requests = atoi(argv[3]);
        crowd_run((size_t)atoi(argv[2]), request);
        return 0;
    }
    waits();
    transactions();
    timeouts();
    return 0;
}
