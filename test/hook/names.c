/* Looking names and addresses up: what /etc/hosts has, numbers, errors. */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>

#include "say.h"

#define THREADS 20

static const char *address_of(const struct addrinfo *info)
{
    static _Thread_local char text[INET6_ADDRSTRLEN];
    const void *at = info->ai_family == AF_INET
                         ? (const void *)&((const struct sockaddr_in *)info->ai_addr)->sin_addr
                         : (const void *)&((const struct sockaddr_in6 *)info->ai_addr)->sin6_addr;
    return inet_ntop(info->ai_family, at, text, sizeof text);
}

static void by_name(const char *node, const char *service, int flags, int family)
{
    struct addrinfo hints = { .ai_flags = flags, .ai_family = family, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(node, service, &hints, &list);
    printf("%s %s: %s\n", node ? node : "-", service ? service : "-", rc ? gai_strerror(rc) : "ok");
    if (rc)
        return;
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        printf("    %s, port %d, %s\n", address_of(at),
               ntohs(((const struct sockaddr_in *)at->ai_addr)->sin_port),
               at->ai_canonname ? at->ai_canonname : "-");
    freeaddrinfo(list);
}

static void names(void)
{
    by_name("localhost", "80", 0, AF_INET);
    by_name("localhost", "http", AI_CANONNAME, AF_INET);
    by_name("localhost", "no such service", 0, AF_INET);
    by_name("localhost", NULL, 0, -1);
    by_name("127.0.0.1", "1", AI_NUMERICHOST, AF_UNSPEC);
    by_name("::1", "1", 0, AF_UNSPEC);
    by_name("::1", "1", 0, AF_INET);
    by_name(NULL, "1", AI_PASSIVE, AF_INET);
    by_name(NULL, NULL, 0, AF_INET);
    by_name("localhost", "1", AI_NUMERICHOST, AF_UNSPEC);
}

static void by_address(const char *address, size_t host_size, int flags)
{
    char host[200] = "", service[32] = "";
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
    inet_pton(AF_INET, address, &in.sin_addr);
    int rc = getnameinfo((struct sockaddr *)&in, sizeof in, host, (socklen_t)host_size, service,
                         sizeof service, flags);
    printf("%s: %s '%s' '%s'\n", address, rc ? gai_strerror(rc) : "ok", rc ? "" : host,
           rc ? "" : service);
}

static void addresses(void)
{
    by_address("127.0.0.1", 200, 0);
    by_address("127.0.0.1", 200, NI_NUMERICHOST | NI_NUMERICSERV);
    by_address("127.0.0.1", 3, 0);
    struct sockaddr_in in = { .sin_family = AF_INET };
    char host[10];
    printf("too short: %s\n",
           gai_strerror(getnameinfo((struct sockaddr *)&in, 3, host, sizeof host, NULL, 0, 0)));
}

static void say_host(const struct hostent *host)
{
    char text[INET6_ADDRSTRLEN];
    if (!host) {
        printf("no host: %s\n", hstrerror(h_errno));
        return;
    }
    printf("%s:", host->h_name);
    for (char **at = host->h_addr_list; *at; at++)
        printf(" %s", inet_ntop(host->h_addrtype, *at, text, sizeof text));
    putchar('\n');
}

static void hosts(void)
{
    struct in_addr local = { htonl(INADDR_LOOPBACK) };
    say_host(gethostbyname("localhost"));
    say_host(gethostbyname("127.0.0.2"));
    say_host(gethostbyname2("localhost", AF_INET));
    say_host(gethostbyaddr(&local, sizeof local, AF_INET));
}

/* Into the caller's buffer, wherever it lies and however small it is. */
static void reentrant(void)
{
    char buffer[1024];
    struct hostent entry, *found;
    struct in_addr local = { htonl(INADDR_LOOPBACK) };
    int error;
    for (size_t shift = 0; shift < 3; shift++) {
        SAY(gethostbyname_r("localhost", &entry, buffer + shift, 900, &found, &error));
        say_host(found);
        SAY_NUMBER(found == &entry && found->h_name >= buffer && found->h_name < buffer + 1024);
    }
    for (size_t size = 1; size < 40; size += 13)
        SAY(gethostbyname_r("localhost", &entry, buffer, size, &found, &error));
    SAY(gethostbyname2_r("localhost", AF_INET, &entry, buffer, sizeof buffer, &found, &error));
    say_host(found);
    SAY(gethostbyaddr_r(&local, sizeof local, AF_INET, &entry, buffer, sizeof buffer, &found,
                        &error));
    say_host(found);
}

static void requests(void)
{
    struct gaicb one = { .ar_name = "localhost", .ar_service = "1" };
    struct gaicb *list[] = { &one };
    const struct gaicb *waits[] = { &one };
    int rc = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    while (gai_suspend(waits, 1, NULL) == EAI_INTR || gai_error(&one) == EAI_INPROGRESS)
        ;
    printf("later: %s, %s\n", rc ? gai_strerror(rc) : "ok",
           gai_error(&one) ? gai_strerror(gai_error(&one)) : "ok");
    freeaddrinfo(one.ar_result);
    one.ar_result = NULL;
    printf("now: %d %d\n", getaddrinfo_a(GAI_WAIT, list, 1, NULL), gai_error(&one));
    freeaddrinfo(one.ar_result);
}

static void *look_up(void *arg)
{
    long wrong = 0;
    for (int i = 0; i < 20; i++) {
        struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list = NULL;
        char port[24];
        snprintf(port, sizeof port, "%ld", (long)arg + 1);
        wrong += getaddrinfo("localhost", port, &hints, &list) != 0;
        wrong += ntohs(((struct sockaddr_in *)list->ai_addr)->sin_port) != (long)arg + 1;
        freeaddrinfo(list);
    }
    return (void *)wrong;
}

static void many(void)
{
    pthread_t threads[THREADS];
    long wrong = 0;
    for (long i = 0; i < THREADS; i++)
        wrong += pthread_create(&threads[i], NULL, look_up, (void *)i) != 0;
    for (long i = 0; i < THREADS; i++) {
        void *result;
        wrong += pthread_join(threads[i], &result) != 0 || result;
    }
    SAY_NUMBER(wrong);
}

int main(void)
{
    names();
    addresses();
    hosts();
    reentrant();
    requests();
    many();
    return 0;
}
