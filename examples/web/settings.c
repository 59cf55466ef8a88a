/* settings.c - what the command line says. */
#include "settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft.h>

static const char help[] =
    "Usage: web [OPTION]...\n"
    "\n"
    "Serve the files of a folder and a key-value API over HTTP, one task per connection.\n"
    "\n"
    "  -a, --address=HOST:PORT  listen here; port 0: a free one (default 127.0.0.1:8080)\n"
    "  -r, --root=DIR           serve the files of this folder (default: none)\n"
    "  -w, --workers=N          run tasks on N workers (default: one per CPU)\n"
    "  -c, --max-connections=N  answer further ones with 503 (default 10000)\n"
    "      --max-head=BYTES     of request line and headers, else 431 (default 8192)\n"
    "      --max-body=BYTES     of a request's body, else 413 (default 1 MiB)\n"
    "      --max-store=BYTES    of all keys and values, else 507 (default 64 MiB)\n"
    "      --idle-ms=MS         close idle connections (default 60000)\n"
    "      --header-ms=MS       for a request's complete head, else 408 (default 5000)\n"
    "      --body-ms=MS         for a request's complete body, else 408 (default 30000)\n"
    "      --write-ms=MS        for the client to take each 32 KiB (default 10000)\n"
    "      --grace-ms=MS        for running requests once told to stop (default 5000)\n"
    "      --port-file=PATH     write HOST:PORT to this file once listening\n"
    "  -q, --quiet              print errors only\n"
    "  -h, --help               print this\n"
    "\n"
    "  GET, HEAD   /PATH        a file of the folder; index.html for a folder\n"
    "  GET, HEAD   /kv          the keys, one a line, percent-encoded\n"
    "  GET, HEAD, PUT, DELETE   /kv/KEY\n"
    "  GET, HEAD   /stats       counters, memory and workers, as JSON\n"
    "\n"
    "SIGINT or SIGTERM stops it gracefully, a second one at once.\n";

enum option_id {
    OPT_MAX_HEAD = 256,
    OPT_MAX_BODY,
    OPT_MAX_STORE,
    OPT_IDLE,
    OPT_HEADER,
    OPT_BODY,
    OPT_WRITE,
    OPT_GRACE,
    OPT_PORT_FILE,
};

static const struct option options[] = {
    { "address", required_argument, NULL, 'a' },
    { "root", required_argument, NULL, 'r' },
    { "workers", required_argument, NULL, 'w' },
    { "max-connections", required_argument, NULL, 'c' },
    { "max-head", required_argument, NULL, OPT_MAX_HEAD },
    { "max-body", required_argument, NULL, OPT_MAX_BODY },
    { "max-store", required_argument, NULL, OPT_MAX_STORE },
    { "idle-ms", required_argument, NULL, OPT_IDLE },
    { "header-ms", required_argument, NULL, OPT_HEADER },
    { "body-ms", required_argument, NULL, OPT_BODY },
    { "write-ms", required_argument, NULL, OPT_WRITE },
    { "grace-ms", required_argument, NULL, OPT_GRACE },
    { "port-file", required_argument, NULL, OPT_PORT_FILE },
    { "quiet", no_argument, NULL, 'q' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* A whole number from `least` to `most`; sets *wrong when it is none. */
static uint64_t number(const char *text, uint64_t least, uint64_t most, bool *wrong)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < least ||
        value > most) {
        fprintf(stderr, "web: '%s' is not a number from %llu to %llu\n", text,
                (unsigned long long)least, (unsigned long long)most);
        *wrong = true;
    }
    return value;
}

static int64_t milliseconds(const char *text, bool *wrong)
{
    return WEFT_MS(number(text, 1, 86400000, wrong));
}

int settings_parse(struct settings *settings, int argc, char **argv)
{
    bool wrong = false;
    int option;

    *settings = (struct settings){
        .address = "127.0.0.1:8080",
        .max_connections = 10000,
        .max_head = 8192,
        .max_body = 1u << 20,
        .max_store = 64u << 20,
        .idle_patience = WEFT_S(60),
        .head_patience = WEFT_S(5),
        .body_patience = WEFT_S(30),
        .write_patience = WEFT_S(10),
        .grace = WEFT_S(5),
    };
    while ((option = getopt_long(argc, argv, "a:r:w:c:qh", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            settings->address = optarg;
            break;
        case 'r':
            settings->root = optarg;
            break;
        case 'w':
            settings->workers = (unsigned)number(optarg, 1, 1024, &wrong);
            break;
        case 'c':
            settings->max_connections = (unsigned)number(optarg, 1, 10000000, &wrong);
            break;
        case OPT_MAX_HEAD:
            settings->max_head = number(optarg, 64, 1u << 20, &wrong);
            break;
        case OPT_MAX_BODY:
            settings->max_body = number(optarg, 1, 1u << 30, &wrong);
            break;
        case OPT_MAX_STORE:
            settings->max_store = number(optarg, 1, UINT64_MAX / 2, &wrong);
            break;
        case OPT_IDLE:
            settings->idle_patience = milliseconds(optarg, &wrong);
            break;
        case OPT_HEADER:
            settings->head_patience = milliseconds(optarg, &wrong);
            break;
        case OPT_BODY:
            settings->body_patience = milliseconds(optarg, &wrong);
            break;
        case OPT_WRITE:
            settings->write_patience = milliseconds(optarg, &wrong);
            break;
        case OPT_GRACE:
            settings->grace = milliseconds(optarg, &wrong);
            break;
        case OPT_PORT_FILE:
            settings->port_file = optarg;
            break;
        case 'q':
            settings->quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 1;
        default:
            wrong = true;
            break;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "web: unexpected argument '%s'\n", argv[optind]);
        wrong = true;
    }
    if (wrong)
        fputs("Try 'web --help'.\n", stderr);
    return wrong ? -EINVAL : 0;
}
