/* libcurl with OpenSSL: an easy handle for each thread.
 *
 *     curl URL TLS_URL CERTIFICATE SILENT_URL                    what has to be right
 *     curl URL TLS_URL CERTIFICATE SILENT_URL COUNT REQUESTS     load
 *
 * URL is the example service's, which keeps what it is sent; TLS_URL answers with
 * its path, behind CERTIFICATE; SILENT_URL takes connections and says nothing. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "crowd.h"

#define CLIENTS 1000
#define TLS_CLIENTS 20
#define FEW 20
#define ROUNDS 3

static const char *url, *tls_url, *certificate, *silent_url;
static atomic_uint good;
static int requests;

struct body {
    char text[256];
    size_t size;
};

static size_t keep(char *data, size_t size, size_t count, void *arg)
{
    struct body *body = arg;
    MUST(body->size + size * count < sizeof body->text, "a longer body than expected");
    memcpy(body->text + body->size, data, size * count);
    body->size += size * count;
    body->text[body->size] = 0;
    return size * count;
}

static CURL *handle(struct body *body)
{
    CURL *curl = curl_easy_init();
    MUST(curl, "no memory");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    return curl;
}

/* A request that must succeed; returns the response's status. */
static long perform(CURL *curl, struct body *body)
{
    long status;
    body->size = 0;
    body->text[0] = 0;
    CURLcode code = curl_easy_perform(curl);
    MUST(code == CURLE_OK, curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* Puts a value of its own and gets it again, over one connection. */
static void put_and_get(size_t number)
{
    struct body body;
    char address[256], value[64];
    CURL *curl = handle(&body);
    snprintf(address, sizeof address, "%s/kv/curl-%zu", url, number);
    curl_easy_setopt(curl, CURLOPT_URL, address);
    snprintf(value, sizeof value, "of thread %zu", number);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, value);
    MUST(perform(curl, &body) / 100 == 2, body.text);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    MUST(perform(curl, &body) == 200, body.text);
    good += strcmp(body.text, value) == 0;
    curl_easy_cleanup(curl);
}

static void service(void)
{
    good = 0;
    crowd_run(CLIENTS, put_and_get);
    printf("service: %u of %d values\n", good, CLIENTS);
}

static void get_over_tls(size_t number)
{
    struct body body;
    char address[256];
    CURL *curl = handle(&body);
    curl_easy_setopt(curl, CURLOPT_CAINFO, certificate);
    for (int i = 0; i < ROUNDS; i++) {
        int at = snprintf(address, sizeof address, "%s", tls_url);
        snprintf(address + at, sizeof address - (size_t)at, "/%zu/%d", number, i);
        curl_easy_setopt(curl, CURLOPT_URL, address);
        MUST(perform(curl, &body) == 200, body.text);
        good += strcmp(body.text, address + at) == 0;
    }
    curl_easy_cleanup(curl);
}

/* Without the certificate the peer is nobody's friend. */
static void distrust(void)
{
    struct body body = { .size = 0 };
    CURL *curl = handle(&body);
    curl_easy_setopt(curl, CURLOPT_URL, tls_url);
    CURLcode code = curl_easy_perform(curl);
    printf("tls: unknown peers are %s\n",
           code == CURLE_PEER_FAILED_VERIFICATION ? "refused" : curl_easy_strerror(code));
    curl_easy_cleanup(curl);
}

static void tls(void)
{
    good = 0;
    crowd_run(TLS_CLIENTS, get_over_tls);
    printf("tls: %u of %d answers\n", good, TLS_CLIENTS * ROUNDS);
    distrust();
}

/* libcurl's own timeout, and then the same handle for something that answers. */
static void time_out(size_t number)
{
    struct body body = { .size = 0 };
    CURL *curl = handle(&body);
    (void)number;
    curl_easy_setopt(curl, CURLOPT_URL, silent_url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 200L);
    CURLcode code = curl_easy_perform(curl);
    MUST(code == CURLE_OPERATION_TIMEDOUT, curl_easy_strerror(code));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    good += perform(curl, &body) == 200;
    curl_easy_cleanup(curl);
}

static void timeouts(void)
{
    good = 0;
    crowd_run(FEW, time_out);
    printf("timeouts: %u of %d\n", good, FEW);
}

/* A cache that all share, under locks that the program brings. */
static pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
static CURLSH *cache;

static void lock(CURL *curl, curl_lock_data data, curl_lock_access access, void *arg)
{
    (void)curl, (void)access, (void)arg;
    pthread_mutex_lock(&locks[data]);
}

static void unlock(CURL *curl, curl_lock_data data, void *arg)
{
    (void)curl, (void)arg;
    pthread_mutex_unlock(&locks[data]);
}

static void get_by_name(size_t number)
{
    struct body body = { .size = 0 };
    CURL *curl = handle(&body);
    (void)number;
    curl_easy_setopt(curl, CURLOPT_SHARE, cache);
    char address[256];
    snprintf(address, sizeof address, "http://localhost:%s", strrchr(url, ':') + 1);
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    good += perform(curl, &body) == 200;
    curl_easy_cleanup(curl);
}

/* Names are looked up by libcurl in a thread of its own. */
static void names(void)
{
    cache = curl_share_init();
    curl_share_setopt(cache, CURLSHOPT_LOCKFUNC, lock);
    curl_share_setopt(cache, CURLSHOPT_UNLOCKFUNC, unlock);
    curl_share_setopt(cache, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(cache, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&locks[i], NULL);
    good = 0;
    crowd_run(FEW, get_by_name);
    printf("names: %u of %d\n", good, FEW);
    curl_share_cleanup(cache);
}

/* Several transfers in each thread, by the multi interface. */
static void many(size_t number)
{
    struct body bodies[ROUNDS];
    CURL *handles[ROUNDS];
    CURLM *multi = curl_multi_init();
    int running = ROUNDS, left;
    (void)number;
    for (int i = 0; i < ROUNDS; i++) {
        bodies[i].size = 0;
        handles[i] = handle(&bodies[i]);
        curl_easy_setopt(handles[i], CURLOPT_URL, url);
        curl_easy_setopt(handles[i], CURLOPT_NOBODY, 1L);
        curl_multi_add_handle(multi, handles[i]);
    }
    while (running) {
        MUST(curl_multi_perform(multi, &running) == CURLM_OK, "multi_perform");
        if (running)
            MUST(curl_multi_poll(multi, NULL, 0, 1000, NULL) == CURLM_OK, "multi_poll");
    }
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left)) != NULL;)
        good += message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
    for (int i = 0; i < ROUNDS; i++) {
        curl_multi_remove_handle(multi, handles[i]);
        curl_easy_cleanup(handles[i]);
    }
    curl_multi_cleanup(multi);
}

static void multi(void)
{
    good = 0;
    crowd_run(FEW, many);
    printf("multi: %u of %d\n", good, FEW * ROUNDS);
}

static void get(size_t number)
{
    struct body body;
    CURL *curl = handle(&body);
    (void)number;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    for (int i = 0; i < requests; i++)
        MUST(perform(curl, &body) == 200, "not found");
    curl_easy_cleanup(curl);
}

int library(int argc, char **argv)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    url = argv[1];
    tls_url = argv[2];
    certificate = argv[3];
    silent_url = argv[4];
    if (argc > 6) {
        requests = atoi(argv[6]);
        crowd_run((size_t)atoi(argv[5]), get);
        return 0;
    }
    service();
    tls();
    timeouts();
    names();
    multi();
    return 0;
}
