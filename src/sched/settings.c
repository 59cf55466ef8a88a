#include "sched/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/stack.h"
#include "os/cpus.h"
#include "sched/worker.h"

#define GRACE 5000000000
#define WATCHDOG_MOST 86400000 /* milliseconds */

static int complain(const char *what, const char *value, const char *range)
{
    fprintf(stderr, "weft: %s: '%s' is not %s\n", what, value, range);
    return -EINVAL;
}

static bool starts_with_digit(const char *text)
{
    return *text >= '0' && *text <= '9';
}

/* A whole number, decimal or with 0x, and an optional K, M or G; false: something else. */
static bool parse_number(const char *text, bool suffixes, uint64_t *ret_value)
{
    char *end;
    errno = 0;
    bool hexadecimal = text[0] == '0' && (text[1] | 0x20) == 'x';
    unsigned long long value = strtoull(text, &end, hexadecimal ? 16 : 10);
    if (!starts_with_digit(text) || errno != 0)
        return false;
    unsigned shift = 0;
    if (suffixes && *end) {
        const char *units = "KMG", *unit = strchr(units, *end & ~0x20);
        if (!unit)
            return false;
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    *ret_value = (uint64_t)value << shift;
    return *end == 0 && *ret_value >> shift == value;
}

static int from_environment(const char *name, bool suffixes, uint64_t least, uint64_t most,
                            const char *range, uint64_t *ret_value)
{
    const char *text = getenv(name);
    *ret_value = 0;
    if (!text || !*text)
        return 0;
    if (!parse_number(text, suffixes, ret_value) || *ret_value < least || *ret_value > most)
        return complain(name, text, range);
    return 0;
}

static unsigned usable(void)
{
    unsigned cpus = weft__cpus_usable();
    return cpus < WEFT__WORKERS_MAX ? cpus : WEFT__WORKERS_MAX;
}

static int settle_workers(weft_config *config)
{
    uint64_t workers;
    if (config->workers > WEFT__WORKERS_MAX) {
        char value[16];
        snprintf(value, sizeof value, "%u", config->workers);
        return complain("weft_config.workers", value, "a number from 1 to 1024");
    }
    if (!config->workers) {
        int rc = from_environment("WEFT_WORKERS", false, 1, WEFT__WORKERS_MAX,
                                  "a number from 1 to 1024", &workers);
        if (rc)
            return rc;
        config->workers = workers ? (unsigned)workers : usable();
    }
    if (config->seed || config->flags & WEFT_VIRTUAL_CLOCK)
        config->workers = 1;
    return 0;
}

static int settle_stack_size(weft_config *config)
{
    uint64_t size = config->stack_size;
    if (!size) {
        int rc = from_environment("WEFT_STACK_SIZE", true, WEFT__STACK_MIN, WEFT__STACK_MAX,
                                  "a size from 32K to 1G", &size);
        if (rc)
            return rc;
    } else if (!weft__stack_size_valid(size)) {
        char value[24];
        snprintf(value, sizeof value, "%llu", (unsigned long long)size);
        return complain("weft_config.stack_size", value, "a size from 32K to 1G");
    }
    if (!size)
        size = WEFT__STACK_DEFAULT;
    config->stack_size = weft__stack_size(size);
    return 0;
}

static int settle_limit(const char *name, const char *variable, unsigned standard, unsigned *limit)
{
    uint64_t asked = *limit;
    char value[16];
    if (*limit > WEFT__BLOCKING_MAX) {
        snprintf(value, sizeof value, "%u", *limit);
        return complain(name, value, "a number from 1 to 65536");
    }
    if (!asked) {
        int rc = from_environment(variable, false, 1, WEFT__BLOCKING_MAX,
                                  "a number from 1 to 65536", &asked);
        if (rc)
            return rc;
    }
    *limit = asked ? (unsigned)asked : standard;
    return 0;
}

static int settle_blocking_stack(weft_config *config)
{
    size_t size = config->blocking_stack_size;
    char value[24];
    if (!size)
        return from_environment("WEFT_BLOCKING_STACK_SIZE", true, WEFT__STACK_MIN, WEFT__STACK_MAX,
                                "a size from 32K to 1G", &config->blocking_stack_size);
    if (weft__stack_size_valid(size))
        return 0;
    snprintf(value, sizeof value, "%llu", (unsigned long long)size);
    return complain("weft_config.blocking_stack_size", value, "a size from 32K to 1G");
}

static int settle_blocking(weft_config *config)
{
    if (!config->blocking_idle)
        config->blocking_idle = WEFT__BLOCKING_IDLE;
    int rc = settle_limit("weft_config.blocking_threads", "WEFT_BLOCKING_THREADS",
                          WEFT__BLOCKING_THREADS, &config->blocking_threads);
    if (rc == 0)
        rc = settle_limit("weft_config.blocking_dns_threads", "WEFT_BLOCKING_DNS_THREADS",
                          WEFT__BLOCKING_DNS_THREADS, &config->blocking_dns_threads);
    return rc ? rc : settle_blocking_stack(config);
}

static int settle_carriers(weft_config *config)
{
    char value[16];
    if (config->carriers_more > WEFT__CARRIERS_MORE) {
        snprintf(value, sizeof value, "%u", config->carriers_more);
        return complain("weft_config.carriers_more", value, "a number from 1 to 1024");
    }
    if (!config->carriers_more)
        config->carriers_more = WEFT__CARRIERS_MORE;
    if (!config->carrier_idle)
        config->carrier_idle = WEFT__CARRIER_IDLE;
    return 0;
}

bool weft__files_by_pool;

static int settle_files(void)
{
    const char *text = getenv("WEFT_FILES");
    bool set = text && *text;
    weft__files_by_pool = set && strcmp(text, "pool") == 0;
    if (set && !weft__files_by_pool && strcmp(text, "ring") != 0)
        return complain("WEFT_FILES", text, "'pool' or 'ring'");
    return 0;
}

struct weft__watchdog_wish weft__watchdog_wish;

static int settle_watchdog(void)
{
    const char *text = getenv("WEFT_WATCHDOG");
    char *end;
    weft__watchdog_wish = (struct weft__watchdog_wish){ 0 };
    if (!text || !*text)
        return 0;
    unsigned long ms = strtoul(text, &end, 10);
    bool interrupts = strcmp(end, ",interrupt") == 0;
    if (!starts_with_digit(text) || (*end && !interrupts) || ms > WATCHDOG_MOST)
        return complain("WEFT_WATCHDOG", text,
                        "a number of milliseconds up to a day's, or one and ',interrupt'");
    weft__watchdog_wish = (struct weft__watchdog_wish){ (int64_t)ms * 1000000, interrupts };
    return 0;
}

static int check_time(const char *name, int64_t time)
{
    char value[24];
    if (time >= 0)
        return 0;
    snprintf(value, sizeof value, "%lld", (long long)time);
    return complain(name, value, "a time of 0 or more");
}

/* What has no other meaning than that the caller is wrong. */
static int check_fields(const weft_config *config)
{
    static const uintptr_t zero[sizeof config->reserved / sizeof *config->reserved];
    char value[16];
    if (config->flags & ~(WEFT_VIRTUAL_CLOCK | WEFT_NO_CRASH_REPORT | WEFT_NO_HAND_OFF)) {
        snprintf(value, sizeof value, "0x%x", config->flags);
        return complain("weft_config.flags", value, "a sum of known flags");
    }
    if (memcmp(config->reserved, zero, sizeof zero) != 0)
        return complain("weft_config.reserved", "something", "zero");
    int rc = check_time("weft_config.grace", config->grace);
    if (rc == 0)
        rc = check_time("weft_config.blocking_idle", config->blocking_idle);
    return rc ? rc : check_time("weft_config.carrier_idle", config->carrier_idle);
}

int weft__settings(const weft_config *asked, weft_config *ret_config)
{
    memset(ret_config, 0, sizeof *ret_config);
    if (asked)
        *ret_config = *asked;
    int rc = check_fields(ret_config);
    if (rc == 0 && !ret_config->seed)
        rc = from_environment("WEFT_SEED", false, 1, UINT64_MAX, "a number above 0",
                              &ret_config->seed);
    if (!ret_config->grace)
        ret_config->grace = GRACE;
    if (rc == 0)
        rc = settle_workers(ret_config);
    if (rc == 0)
        rc = settle_stack_size(ret_config);
    if (rc == 0)
        rc = settle_files();
    if (rc == 0)
        rc = settle_watchdog();
    if (rc == 0)
        rc = settle_carriers(ret_config);
    return rc ? rc : settle_blocking(ret_config);
}
