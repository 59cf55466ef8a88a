/* web-load - puts load on an HTTP service: many clients, some of them slow.
 *
 * Itself a weft program: each client is a task that connects, writes and reads
 * like a program that has only this to do. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load.h"

static const char help[] =
    "Usage: web-load [OPTION]...\n"
    "\n"
    "Put load on the web example and check every answer.\n"
    "\n"
    "  -a, --address=HOST:PORT  of the service (default 127.0.0.1:8080)\n"
    "  -p, --path=PATH          of the file to ask for (default /)\n"
    "  -c, --connections=N      clients altogether (default 1000)\n"
    "  -s, --slow=N             so many of them send a byte at a time (default 100)\n"
    "      --slow-ms=MS         between the bytes of the slowest (default 200)\n"
    "  -d, --seconds=N          how long (default 5)\n"
    "  -w, --workers=N          run tasks on N workers (default: one per CPU)\n"
    "  -g, --get-only           ask for the file only, store nothing\n"
    "  -q, --quiet              no progress lines\n"
    "  -h, --help               print this\n"
    "\n"
    "Exits with 0 when every answer was right, else 1.\n";

enum { OPT_SLOW_MS = 256 };

static const struct option options[] = {
    { "address", required_argument, NULL, 'a' },
    { "path", required_argument, NULL, 'p' },
    { "connections", required_argument, NULL, 'c' },
    { "slow", required_argument, NULL, 's' },
    { "slow-ms", required_argument, NULL, OPT_SLOW_MS },
    { "seconds", required_argument, NULL, 'd' },
    { "workers", required_argument, NULL, 'w' },
    { "get-only", no_argument, NULL, 'g' },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static unsigned number(const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || *text == '-' || value < least || value > most) {
        fprintf(stderr, "web-load: '%s' is not a number from %u to %u\n", text, least, most);
        exit(2);
    }
    return (unsigned)value;
}

static void parse_options(struct load *load, weft_config *config, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "a:p:c:s:d:w:gqh", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            load->address = optarg;
            break;
        case 'p':
            load->path = optarg;
            break;
        case 'c':
            load->connections = number(optarg, 1, 1000000);
            break;
        case 's':
            load->slow = number(optarg, 0, 1000000);
            break;
        case OPT_SLOW_MS:
            load->slow_delay = WEFT_MS(number(optarg, 1, 60000));
            break;
        case 'd':
            load->duration = WEFT_S(number(optarg, 1, 3600));
            break;
        case 'w':
            config->workers = number(optarg, 1, 1024);
            break;
        case 'g':
            load->get_only = true;
            break;
        case 'q':
            load->quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(EXIT_SUCCESS);
        default:
            fputs("Try 'web-load --help'.\n", stderr);
            exit(2);
        }
    }
    if (optind < argc || load->slow >= load->connections || strlen(load->path) > 512) {
        fputs(optind < argc                     ? "web-load: it takes options only\n"
              : load->slow >= load->connections ? "web-load: some clients must not be slow\n"
                                                : "web-load: the path is too long\n",
              stderr);
        exit(2);
    }
}

struct crowd {
    unsigned count;
    struct client *clients;
    struct slow_client *slow;
    weft_task **tasks;
};

static int crowd_create(struct crowd *crowd, const struct load *load)
{
    crowd->count = load->connections - load->slow;
    crowd->clients = calloc(crowd->count, sizeof *crowd->clients);
    crowd->slow = calloc(load->slow + 1u, sizeof *crowd->slow);
    crowd->tasks = calloc(load->connections, sizeof(weft_task *));
    if (!crowd->clients || !crowd->slow || !crowd->tasks)
        return -1;
    for (unsigned i = 0; i < crowd->count; i++) {
        crowd->clients[i].load = load;
        crowd->clients[i].number = i;
        crowd->clients[i].random = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    }
    for (unsigned i = 0; i < load->slow; i++) {
        crowd->slow[i].load = load;
        crowd->slow[i].delay = load->slow_delay * (i + 1) / load->slow;
    }
    return 0;
}

static void crowd_destroy(struct crowd *crowd)
{
    free(crowd->clients);
    free(crowd->slow);
    free(crowd->tasks);
}

/* Spawns everybody, the slow ones first, and waits for all. Returns 0 or an
 * error. */
static int crowd_run(struct crowd *crowd, const struct load *load)
{
    struct progress progress = { .load = load, .clients = crowd->clients, .count = crowd->count };
    weft_task *progress_task = NULL;
    unsigned spawned = 0;
    int error = 0;

    if (!load->quiet)
        error = weft_spawn(progress_main, &progress, &progress_task);
    for (; spawned < load->connections && error == 0; spawned += error == 0) {
        weft_task **task = &crowd->tasks[spawned];

        if (spawned < load->slow)
            error = weft_spawn(slow_client_main, &crowd->slow[spawned], task);
        else
            error = weft_spawn(client_main, &crowd->clients[spawned - load->slow], task);
    }
    for (unsigned i = 0; i < spawned; i++)
        weft_join(crowd->tasks[i], NULL);
    if (progress_task)
        weft_join(progress_task, NULL);
    return error;
}

static int run(void *arg)
{
    struct load *load = arg;
    struct crowd crowd = { 0 };
    int64_t begin;
    bool good = false;

    if (load_fetch_reference(load) < 0)
        return EXIT_FAILURE;
    printf("%u clients, %u of them slow, for %.0f s at http://%s\n", load->connections, load->slow,
           (double)load->duration / 1e9, load->address);
    fflush(stdout);
    if (crowd_create(&crowd, load) == 0) {
        begin = weft_now();
        load->end = begin + load->duration;
        if (crowd_run(&crowd, load) == 0)
            good = load_report(load, crowd.clients, crowd.count, crowd.slow, load->duration);
        else
            fputs("web-load: cannot spawn the clients\n", stderr);
    } else {
        fputs("web-load: out of memory\n", stderr);
    }
    crowd_destroy(&crowd);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct load load = {
        .address = "127.0.0.1:8080",
        .path = "/",
        .connections = 1000,
        .slow = 100,
        .duration = WEFT_S(5),
        .slow_delay = WEFT_MS(200),
        .patience = WEFT_S(10),
    };
    weft_config config = { 0 };
    struct rlimit limit;
    int result;

    parse_options(&load, &config, argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE,
                  &limit); /* without it: fewer connections, and errors that say so */
    }
    result = weft_run(&config, run, &load);
    if (result < 0)
        fprintf(stderr, "web-load: cannot run tasks: %s\n", strerror(-result));
    return result < 0 ? EXIT_FAILURE : result;
}
