/* Deadlines and cancellation around libcurl: a transfer fails in time, and its handle
 * serves for the next one.
 *
 *     deadline_curl URL TLS_URL CERTIFICATE SILENT_URL */
#include <curl/curl.h>
#include <stdatomic.h>
#include <string.h>
#include <weft.h>

#include "crowd.h"

#define CLIENTS 20
#define PATIENCE 60 /* seconds; what is cut short would take for ever */

static const char *url, *silent_url;
static char silent_tls_url[128];
static atomic_uint good, entered;
static weft_scope scopes[CLIENTS];

static CURLcode perform(CURL *curl, const char *address)
{
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    return curl_easy_perform(curl);
}

/* The handle has a connection that it keeps; the transfer that ends early takes
 * another, and the next transfer either. */
static void cut_short(const char *address, int64_t delay)
{
    weft_scope scope;
    CURL *curl = curl_easy_init();
    CURLcode code = perform(curl, url);
    MUST(code == CURLE_OK, curl_easy_strerror(code));
    double begin = crowd_clock();
    WEFT_WITH_DEADLINE (&scope, weft_after(delay))
        code = perform(curl, address);
    MUST(code != CURLE_OK && weft_scope_timed_out(&scope), "the silent server has answered");
    MUST(crowd_clock() - begin < PATIENCE, "late");
    code = perform(curl, url);
    MUST(code == CURLE_OK, curl_easy_strerror(code));
    good++;
    curl_easy_cleanup(curl);
}

/* Half of the time the deadline has passed already when the transfer begins. */
static void transfer(size_t number)
{
    cut_short(silent_url, WEFT_MS(number % 2 * 200));
}

static void handshake(size_t number)
{
    cut_short(silent_tls_url, WEFT_MS(number % 2 * 200));
}

static void cancelled(size_t number)
{
    if (number == CLIENTS) {
        while (entered < CLIENTS)
            weft_sleep(WEFT_MS(5));
        for (size_t i = 0; i < CLIENTS; i++)
            weft_scope_cancel(&scopes[i]);
        return;
    }
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OK;
    WEFT_WITH_SCOPE (&scopes[number]) {
        entered++;
        code = perform(curl, silent_url);
    }
    MUST(code != CURLE_OK && weft_scope_cancelled(&scopes[number]), "it has answered");
    code = perform(curl, url);
    MUST(code == CURLE_OK, curl_easy_strerror(code));
    good++;
    curl_easy_cleanup(curl);
}

static void check(const char *what, size_t count, void (*fn)(size_t number))
{
    good = 0;
    crowd_run(count, fn);
    printf("%s: %u of %d\n", what, good, CLIENTS);
}

int library(int argc, char **argv)
{
    (void)argc;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    url = argv[1];
    silent_url = argv[4];
    snprintf(silent_tls_url, sizeof silent_tls_url, "https%s", silent_url + strlen("http"));
    check("transfers in time", CLIENTS, transfer);
    check("handshakes in time", CLIENTS, handshake);
    check("transfers cancelled", CLIENTS + 1, cancelled);
    return 0;
}
