/* weft exec: becomes the program, with the hook preloaded. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "tool.h"

#define WORKERS_MAX 1024

enum { WORKERS = 256, STATS, TRACE, CHECK, HELP };

static const struct option options[] = {
    { "workers", required_argument, NULL, WORKERS },
    { "stats", no_argument, NULL, STATS },
    { "trace-calls", no_argument, NULL, TRACE },
    { "check", no_argument, NULL, CHECK },
    { "help", no_argument, NULL, HELP },
    { 0 },
};

static const char help[] =
    "usage: weft exec [--workers N] [--stats] [--trace-calls] [--] PROGRAM [ARGUMENTS...]\n"
    "       weft exec --check [--] PROGRAM\n"
    "\n"
    "Runs an unmodified program with its threads as virtual threads.\n"
    "  --workers N     run them on N cores, 1 to 1024 (WEFT_WORKERS; default: all)\n"
    "  --stats         at the end, say on standard error what was done how often\n"
    "  --trace-calls   say on standard error which call parked a thread for how long\n"
    "  --check         do not run it: say what of it will work\n"
    "\n"
    "Exit status: the program's; 125, 126, 127: weft failed, the program cannot be run\n"
    "under weft, there is no such program. --check: 0 all is well, 1 with limits, 2 not\n"
    "at all.\n";

int tool_fail(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("weft exec: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

static bool is_number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && value >= 1 && value <= WORKERS_MAX;
}

/* As the hook reads them. */
static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value && *value != '0';
}

struct request {
    struct hook hook;
    const char *workers; /* NULL: as the environment says */
    bool check, help;
};

static int parse(struct request *request, int argc, char **argv)
{
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
        switch (option) {
        case WORKERS:
            request->workers = optarg;
            break;
        case STATS:
            request->hook.stats = true;
            break;
        case TRACE:
            request->hook.trace = true;
            break;
        case CHECK:
            request->check = true;
            break;
        case HELP:
        case 'h':
            request->help = true;
            return 0;
        case ':':
            return tool_fail(TOOL_FAILED, "%s wants a value", argv[optind - 1]);
        default:
            if (optopt > 0 && optopt < WORKERS) /* a letter: there may be others around it */
                return tool_fail(TOOL_FAILED, "unknown option -%c; see weft exec --help", optopt);
            return tool_fail(TOOL_FAILED, "unknown option %s; see weft exec --help",
                             argv[optind - 1]);
        }
    }
    if (optind == argc)
        return tool_fail(TOOL_FAILED, "no program given; see weft exec --help");
    const char *source = "--workers";
    if (!request->workers) {
        source = "WEFT_WORKERS";
        request->workers = getenv(source);
        if (request->workers && !*request->workers)
            request->workers = NULL; /* as the library takes it */
    }
    if (request->workers && !is_number(request->workers))
        return tool_fail(TOOL_FAILED, "%s: '%s' is not a number from 1 to %d", source,
                         request->workers, WORKERS_MAX);
    return 0;
}

static int run(const struct request *request, char **arguments)
{
    struct program program;
    int rc = program_find(*arguments, &program);
    if (rc)
        return rc;
    const char *refusal = program_refusal(&program);
    if (refusal)
        return tool_fail(TOOL_CANNOT_RUN, "%s cannot run under weft: %s", *arguments, refusal);
    if (request->workers && setenv("WEFT_WORKERS", request->workers, 1) != 0)
        return tool_fail(TOOL_FAILED, "%s", strerror(errno));
    rc = hook_environment(&request->hook);
    if (rc)
        return rc;
    execv(program.path, arguments);
    return tool_fail(TOOL_CANNOT_RUN, "%s: %s", *arguments, strerror(errno));
}

int tool_exec(int argc, char **argv)
{
    struct request request = { 0 };
    int rc = parse(&request, argc, argv);
    if (rc)
        return rc;
    if (request.help) {
        fputs(help, stdout);
        return 0;
    }
    /* What is not run has nothing to count. What a counted program runs is counted. */
    request.hook.stats = !request.check && (request.hook.stats || is_set("WEFT_STATS"));
    request.hook.trace = !request.check && (request.hook.trace || is_set("WEFT_TRACE_CALLS"));
    rc = hook_find(&request.hook);
    if (rc)
        return rc;
    return request.check ? tool_check(&request.hook, argv + optind) : run(&request, argv + optind);
}
