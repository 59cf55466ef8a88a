/* libcurl as it is: many URLs at once, each in a task, all under one deadline.
 *
 *     fetch SECONDS URL...
 *
 * Linked with `pkg-config --libs weft-hook`, by which what libcurl and OpenSSL wait for
 * suspends the task. Prints a line for each URL, in their order. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

struct fetch {
    const char *url;
    weft_task *task;
    CURLcode code;
    long status;
    size_t size;
};

static struct fetch *fetches;
static int count;
static int64_t deadline;

static size_t measure(char *data, size_t size, size_t items, void *arg)
{
    (void)data;
    *(size_t *)arg += size * items;
    return size * items;
}

static int fetch(void *arg)
{
    struct fetch *self = arg;
    weft_scope scope;
    CURL *curl = curl_easy_init();
    if (!curl)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(curl, CURLOPT_URL, self->url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, measure);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &self->size);
    weft_scope_enter(&scope, deadline);
    self->code = curl_easy_perform(curl);
    if (weft_scope_leave(&scope) && self->code != CURLE_OK)
        self->code = CURLE_OPERATION_TIMEDOUT;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &self->status);
    curl_easy_cleanup(curl);
    return 0;
}

static void report(const struct fetch *self)
{
    if (self->code == CURLE_OK)
        printf("%s: status %ld, %zu bytes\n", self->url, self->status, self->size);
    else
        printf("%s: %s\n", self->url, curl_easy_strerror(self->code));
}

static int program(void *unused)
{
    (void)unused;
    for (int i = 0; i < count; i++) {
        if (weft_spawn(fetch, &fetches[i], &fetches[i].task) != 0)
            return 1;
    }
    for (int i = 0; i < count; i++) {
        weft_join(fetches[i].task, NULL);
        report(&fetches[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    weft_config config = { .stack_size = 512 << 10 }; /* a TLS handshake goes deep */
    if (argc < 3) {
        fprintf(stderr, "usage: %s SECONDS URL...\n", argv[0]);
        return 2;
    }
    count = argc - 2;
    fetches = calloc((size_t)count, sizeof *fetches);
    if (!fetches)
        return 1;
    for (int i = 0; i < count; i++)
        fetches[i].url = argv[i + 2];
    deadline = weft_now() + WEFT_S(1) * atoi(argv[1]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int rc = weft_run(&config, program, NULL);
    curl_global_cleanup();
    free(fetches);
    return rc;
}
