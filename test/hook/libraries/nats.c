/* cnats: connections whose reading and delivering threads the library makes itself.
 *
 *     nats URL                    what has to be right
 *     nats URL COUNT REQUESTS     load: so many requests on each connection */
#include <nats/nats.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"

#define CLIENTS 50
#define REQUESTS 10
#define PATIENCE 60000 /* milliseconds */

static const char *url;
static atomic_uint good, listening;
static int requests;

static void must(natsStatus status)
{
    MUST(status == NATS_OK, natsStatus_GetText(status));
}

static natsConnection *session(void)
{
    natsConnection *connection;
    must(natsConnection_ConnectTo(&connection, url));
    return connection;
}

/* Answers with what it is asked; called in a thread of the library's. */
static void answer(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                   void *unused)
{
    (void)subscription, (void)unused;
    must(natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                                natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);
}

static void ask(natsConnection *connection, size_t number, int round)
{
    natsMsg *reply;
    char question[64];
    snprintf(question, sizeof question, "%zu asks for the %d. time", number, round);
    must(natsConnection_RequestString(&reply, connection, "echo", question, PATIENCE));
    good += strcmp(natsMsg_GetData(reply), question) == 0;
    natsMsg_Destroy(reply);
}

static void make_requests(size_t number)
{
    natsConnection *connection = session();
    for (int i = 0; i < requests; i++)
        ask(connection, number, i);
    natsConnection_Destroy(connection);
}

static void with_echo(size_t count)
{
    natsSubscription *subscription;
    natsConnection *connection = session();
    must(natsConnection_Subscribe(&subscription, connection, "echo", answer, NULL));
    must(natsConnection_Flush(connection));
    crowd_run(count, make_requests);
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
}

/* All but the last wait for the next message on a connection that they share. */
static natsConnection *shared;

static void await_news(size_t number)
{
    if (number == CLIENTS) {
        while (listening < CLIENTS)
            usleep(5000);
        must(natsConnection_PublishString(shared, "news", "it weaves"));
        return;
    }
    natsSubscription *subscription;
    natsMsg *message;
    must(natsConnection_SubscribeSync(&subscription, shared, "news"));
    must(natsConnection_Flush(shared));
    listening++;
    must(natsSubscription_NextMsg(&message, subscription, PATIENCE));
    good += strcmp(natsMsg_GetData(message), "it weaves") == 0;
    natsMsg_Destroy(message);
    natsSubscription_Destroy(subscription);
}

static void news(void)
{
    good = listening = 0;
    shared = session();
    crowd_run(CLIENTS + 1, await_news);
    natsConnection_Destroy(shared);
    printf("news: %u of %d\n", good, CLIENTS);
}

static void time_out(size_t number)
{
    natsSubscription *subscription;
    natsMsg *message;
    natsConnection *connection = session();
    (void)number;
    must(natsConnection_SubscribeSync(&subscription, connection, "nothing"));
    good += natsSubscription_NextMsg(&message, subscription, 100) == NATS_TIMEOUT;
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
}

static void timeouts(void)
{
    good = 0;
    crowd_run(CLIENTS, time_out);
    printf("timeouts: %u of %d\n", good, CLIENTS);
}

int library(int argc, char **argv)
{
    url = argv[1];
    must(nats_Open(-1));
    requests = argc > 3 ? atoi(argv[3]) : REQUESTS;
    with_echo(argc > 3 ? (size_t)atoi(argv[2]) : CLIENTS);
    if (argc <= 3) {
        printf("requests: %u of %d\n", good, CLIENTS * REQUESTS);
        news();
        timeouts();
    }
    must(nats_CloseAndWait(PATIENCE));
    return 0;
}
