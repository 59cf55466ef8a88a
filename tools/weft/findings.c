#include "findings.h"

#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"

#define WIDTH 96

#define NAME(family, name) #name,
static const char *const names[CALLS] = { WEFT__FAMILIES(NAME) };

#define PLACES "sets what is remembered, but says neither where nor when a thread runs"

/* What works otherwise than natively: calls that the hook leaves to libc, and some of
 * its own. */
static const struct {
    const char *name, *what;
    bool limit; /* something does not work, rather than blocks for a while */
} beyond[] = {
    { "clone", "makes threads or processes that are no virtual threads", true },
    { "__clone2", "makes threads or processes that are no virtual threads", true },
    { "pthread_mutexattr_setpshared",
      "may have locks shared between processes, which block a carrier", false },
    { "pthread_mutexattr_setrobust", "may have robust mutexes, which block a carrier", false },
    { "pthread_mutexattr_setprotocol",
      "may have mutexes with a priority protocol: inheriting ones become ordinary ones", false },
    { "flock", "blocks a carrier in", false },
    { "lockf", "blocks a carrier in", false },
    { "lockf64", "blocks a carrier in", false },
    { "msgrcv", "blocks a carrier in", false },
    { "msgsnd", "blocks a carrier in", false },
    { "semop", "blocks a carrier in", false },
    { "semtimedop", "blocks a carrier in", false },
    { "mq_receive", "blocks a carrier in", false },
    { "mq_timedreceive", "blocks a carrier in", false },
    { "mq_send", "blocks a carrier in", false },
    { "mq_timedsend", "blocks a carrier in", false },
    { "aio_suspend", "blocks a carrier in", false },
    { "lio_listio", "blocks a carrier in", false },
    { "vmsplice", "blocks a carrier in", false },
    { "tcdrain", "blocks a carrier in", false },
    { "pthread_setaffinity_np", PLACES, false },
    { "sched_setaffinity", PLACES, false },
    { "pthread_attr_setaffinity_np", PLACES, false },
    { "pthread_setschedparam", PLACES, false },
    { "pthread_setschedprio", PLACES, false },
    { "sched_setscheduler", PLACES, false },
    { "nice", "sets what is the carrier's of the moment", false },
    { "setpriority", "sets what is the carrier's of the moment", false },
    { "dlopen", "loads what this check has not seen", false },
};

#define BEYOND (sizeof beyond / sizeof *beyond)

static int find(const char *name)
{
    for (size_t i = 0; i < CALLS; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

void findings_call(struct findings *findings, const char *name, enum call_state state,
                   const char *by)
{
    int i = find(name);
    if (i < 0)
        return;
    findings->call[i].state = state;
    findings->call[i].by = by ? strdup(by) : NULL;
}

void findings_object(struct findings *findings, const char *path)
{
    if (findings->objects < OBJECTS_MAX)
        findings->object[findings->objects++] = strdup(path);
}

__attribute__((format(printf, 3, 4))) static void remark(struct findings *findings, bool limit,
                                                         const char *format, ...)
{
    char *text, *all;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    const char *before = findings->remarks ? findings->remarks : "";
    if (asprintf(&all, "%s  %s%s\n", before, limit ? "limit: " : "note: ", text) >= 0) {
        free(findings->remarks);
        findings->remarks = all;
    }
    free(text);
    findings->limited |= limit;
}

/* One object's dynamic symbols. */
struct look {
    struct findings *findings;
    bool beyond[BEYOND];
    bool allocates;
};

static void look_at_symbol(const char *name, bool defined, void *arg)
{
    struct look *look = arg;
    int call = find(name);
    if (call >= 0) /* who defines it has a use for it */
        look->findings->call[call].used = true;
    if (defined)
        look->allocates |= strcmp(name, "malloc") == 0;
    if (defined)
        return;
    for (size_t i = 0; i < BEYOND; i++)
        look->beyond[i] |= strcmp(name, beyond[i].name) == 0;
}

/* One line for all that `first` stands for. */
static void remark_uses(struct look *look, const char *object, size_t first)
{
    char list[512] = "";
    for (size_t i = first, used = 0; i < BEYOND && used < sizeof list; i++) {
        if (!look->beyond[i] || strcmp(beyond[i].what, beyond[first].what) != 0)
            continue;
        look->beyond[i] = false;
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", beyond[i].name);
    }
    remark(look->findings, beyond[first].limit, "%s %s:%s", object, beyond[first].what, list);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void look_into(struct findings *findings, const char *path)
{
    struct look look = { .findings = findings };
    const char *name = last_part(path);
    struct elf elf;
    if (elf_open(&elf, path) != 0) {
        remark(findings, false, "%s cannot be read: nothing is known of it", path);
        return;
    }
    if (!elf_symbols(&elf, look_at_symbol, &look))
        remark(findings, false, "%s has no table of symbols: nothing is known of it", name);
    if (elf_is_go(&elf))
        remark(findings, true,
               "%s is written in Go, which makes threads and system calls of its own", name);
    unsigned calls = elf_system_calls(&elf);
    if (calls)
        remark(findings, true,
               "%s makes system calls without libc (%u or more places): they block a carrier", name,
               calls);
    for (size_t i = 0; i < BEYOND; i++) {
        if (look.beyond[i])
            remark_uses(&look, name, i);
    }
    if (look.allocates)
        remark(findings, false, "%s has a malloc() of its own: each virtual thread has its caches",
               name);
    elf_close(&elf);
}

/* The C library's own parts: what they do in the kernel is what the hook is for. */
static bool is_libc(const char *path)
{
    static const char *const parts[] = { "libc.",
                                         "libm.",
                                         "libmvec.",
                                         "ld-linux",
                                         "libpthread.",
                                         "librt.",
                                         "libdl.",
                                         "libresolv.",
                                         "libnss_",
                                         "libanl.",
                                         "libBrokenLocale.",
                                         "libutil.",
                                         "linux-vdso.",
                                         "libc_malloc_debug." };
    const char *name = last_part(path);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strncmp(name, parts[i], strlen(parts[i])) == 0)
            return true;
    }
    return false;
}

void findings_look(struct findings *findings, const char *program, const char *hook)
{
    look_into(findings, program);
    for (size_t i = 0; i < findings->objects; i++) {
        const char *object = findings->object[i];
        if (!is_libc(object) && strcmp(object, hook) != 0)
            look_into(findings, object);
    }
    for (size_t i = 0; i < CALLS; i++) {
        if (!findings->call[i].used)
            continue;
        if (findings->call[i].state == CALL_SHADOWED)
            remark(findings, true, "%s is not weft's but that of %s", names[i],
                   findings->call[i].by ? findings->call[i].by : "another object");
        if (findings->call[i].state == CALL_MISSING)
            remark(findings, true, "%s is used, and nobody has it", names[i]);
    }
}

static void print_names(const struct findings *findings, const char *title, enum call_state state,
                        bool used)
{
    size_t count = 0, column = WIDTH;
    for (size_t i = 0; i < CALLS; i++)
        count += findings->call[i].state == state && findings->call[i].used == used;
    if (!count)
        return;
    printf("  %s: %zu", title, count);
    for (size_t i = 0; i < CALLS; i++) {
        if (findings->call[i].state != state || findings->call[i].used != used)
            continue;
        if (column + strlen(names[i]) >= WIDTH)
            column = (size_t)printf("\n   ") - 1;
        column += (size_t)printf(" %s", names[i]);
    }
    putchar('\n');
}

bool findings_print(const struct findings *findings, const char *program)
{
    printf("%s: %s under weft exec\n", program,
           findings->limited ? "works, with limits," : "works");
    print_names(findings, "live, and used by it or its libraries", CALL_LIVE, true);
    print_names(findings, "shadowed, and used", CALL_SHADOWED, true);
    print_names(findings, "missing, and used", CALL_MISSING, true);
    print_names(findings, "live", CALL_LIVE, false);
    print_names(findings, "shadowed", CALL_SHADOWED, false);
    print_names(findings, "missing", CALL_MISSING, false);
    if (findings->remarks)
        fputs(findings->remarks, stdout);
    return !findings->limited;
}
