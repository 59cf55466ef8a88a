#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem/stack.h"
#include "os/cpus.h"
#include "sched/settings.h"
#include "weft.h"

static const char *const variables[] = { "WEFT_WORKERS",
                                         "WEFT_STACK_SIZE",
                                         "WEFT_SEED",
                                         "WEFT_BLOCKING_THREADS",
                                         "WEFT_BLOCKING_DNS_THREADS",
                                         "WEFT_BLOCKING_STACK_SIZE",
                                         "WEFT_FILES",
                                         "WEFT_WATCHDOG" };

#define VARIABLES ((int)(sizeof variables / sizeof *variables))

static void clear_environment(void)
{
    for (int i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
}

TEST(the_defaults_are_all_cpus_and_256_kib)
{
    weft_config config, none = { 0 };
    clear_environment();
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.workers, weft__cpus_usable());
    ck_assert_uint_eq(config.stack_size, 256 << 10);
    ck_assert_uint_eq(config.seed, 0);
    ck_assert_int_eq(weft__settings(&none, &config), 0);
    ck_assert_uint_eq(config.workers, weft__cpus_usable());
}

TEST(the_environment_fills_in_what_the_program_leaves_open)
{
    weft_config config, asked = { .workers = 3, .stack_size = 64 << 10 };
    clear_environment();
    setenv("WEFT_WORKERS", "7", 1);
    setenv("WEFT_STACK_SIZE", "1M", 1);
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.workers, 7);
    ck_assert_uint_eq(config.stack_size, 1 << 20);
    ck_assert_int_eq(weft__settings(&asked, &config), 0);
    ck_assert_uint_eq(config.workers, 3);
    ck_assert_uint_eq(config.stack_size, 64 << 10);
}

TEST(calls_that_block_have_settings)
{
    weft_config config, asked = { .blocking_threads = 3, .blocking_idle = 5 };
    clear_environment();
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.blocking_threads, 512);
    ck_assert_uint_eq(config.blocking_dns_threads, 32);
    ck_assert_int_eq(config.blocking_idle, WEFT_S(10));
    ck_assert_uint_eq(config.blocking_stack_size, 0);
    setenv("WEFT_BLOCKING_THREADS", "7", 1);
    setenv("WEFT_BLOCKING_DNS_THREADS", "8", 1);
    setenv("WEFT_BLOCKING_STACK_SIZE", "64K", 1);
    ck_assert_int_eq(weft__settings(&asked, &config), 0);
    ck_assert_uint_eq(config.blocking_threads, 3);
    ck_assert_uint_eq(config.blocking_dns_threads, 8);
    ck_assert_int_eq(config.blocking_idle, 5);
    ck_assert_uint_eq(config.blocking_stack_size, 64 << 10);
}

TEST(carriers_have_settings)
{
    weft_config config, asked = { .carriers_more = 3, .carrier_idle = 5 };
    clear_environment();
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.carriers_more, 1024);
    ck_assert_int_eq(config.carrier_idle, WEFT_S(10));
    ck_assert_int_eq(weft__settings(&asked, &config), 0);
    ck_assert_uint_eq(config.carriers_more, 3);
    ck_assert_int_eq(config.carrier_idle, 5);
}

TEST(the_pool_may_be_asked_to_make_calls_on_files)
{
    static const char *const by_ring[] = { "ring", "" };
    weft_config config;
    clear_environment();
    for (int i = 0; i < 2; i++) {
        setenv("WEFT_FILES", "pool", 1);
        ck_assert_int_eq(weft__settings(NULL, &config), 0);
        ck_assert(weft__files_by_pool);
        setenv("WEFT_FILES", by_ring[i], 1);
        ck_assert_int_eq(weft__settings(NULL, &config), 0);
        ck_assert(!weft__files_by_pool);
    }
}

TEST(sizes_may_have_a_unit)
{
    const struct {
        const char *text;
        size_t size;
    } sizes[] = { { "32768", 32768 }, { "64k", 65536 },   { "64K", 65536 },
                  { "2m", 2 << 20 },  { "1G", 1u << 30 }, { "0x10000", 65536 } };
    weft_config config;
    clear_environment();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        setenv("WEFT_STACK_SIZE", sizes[i].text, 1);
        ck_assert_int_eq(weft__settings(NULL, &config), 0);
        ck_assert_uint_eq(config.stack_size, sizes[i].size);
    }
}

TEST(a_stack_size_is_rounded_up_to_pages)
{
    weft_config config, asked = { .stack_size = (64 << 10) + 1 };
    clear_environment();
    ck_assert_int_eq(weft__settings(&asked, &config), 0);
    ck_assert_uint_eq(config.stack_size % 4096, 0);
    ck_assert_uint_gt(config.stack_size, 64 << 10);
}

TEST(a_seed_or_a_virtual_clock_means_one_worker)
{
    weft_config config;
    weft_config seed = { .workers = 8, .seed = 1 };
    weft_config clock = { .workers = 8, .flags = WEFT_VIRTUAL_CLOCK };
    clear_environment();
    ck_assert_int_eq(weft__settings(&seed, &config), 0);
    ck_assert_uint_eq(config.workers, 1);
    ck_assert_int_eq(weft__settings(&clock, &config), 0);
    ck_assert_uint_eq(config.workers, 1);
    setenv("WEFT_SEED", "12345678901234567890", 1);
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.seed, 12345678901234567890u);
    ck_assert_uint_eq(config.workers, 1);
}

static const struct {
    const char *name, *value, *message;
} bad[] = {
    { "WEFT_WORKERS", "0", "weft: WEFT_WORKERS: '0' is not a number from 1 to 1024" },
    { "WEFT_WORKERS", "1025", "'1025' is not a number from 1 to 1024" },
    { "WEFT_WORKERS", "-1", "'-1' is not" },
    { "WEFT_WORKERS", "two", "'two' is not" },
    { "WEFT_WORKERS", "2x", "'2x' is not" },
    { "WEFT_WORKERS", "2K", "'2K' is not" },
    { "WEFT_WORKERS", "99999999999999999999", "is not" },
    { "WEFT_STACK_SIZE", "31K", "weft: WEFT_STACK_SIZE: '31K' is not a size from 32K to 1G" },
    { "WEFT_STACK_SIZE", "2G", "'2G' is not" },
    { "WEFT_STACK_SIZE", "64 ", "'64 ' is not" },
    { "WEFT_STACK_SIZE", "64KB", "'64KB' is not" },
    { "WEFT_STACK_SIZE", "17179869185G", "'17179869185G' is not" },
    { "WEFT_SEED", "0", "weft: WEFT_SEED: '0' is not a number above 0" },
    { "WEFT_SEED", "-5", "'-5' is not" },
    { "WEFT_SEED", "x", "'x' is not" },
    { "WEFT_SEED", " 2", "' 2' is not" },
    { "WEFT_SEED", "+2", "'+2' is not" },
    { "WEFT_WATCHDOG", "500,foo", "weft: WEFT_WATCHDOG: '500,foo' is not" },
    { "WEFT_FILES", "thread", "weft: WEFT_FILES: 'thread' is not 'pool' or 'ring'" },
    { "WEFT_BLOCKING_THREADS", "0", "'0' is not a number from 1 to 65536" },
    { "WEFT_BLOCKING_DNS_THREADS", "65537", "weft: WEFT_BLOCKING_DNS_THREADS: '65537' is not" },
    { "WEFT_BLOCKING_STACK_SIZE", "1", "'1' is not a size from 32K to 1G" },
};

static int not_run(void *ran)
{
    *(bool *)ran = true;
    return 0;
}

/* Dies when the value is refused as it should be. */
static void run_with_bad(void *index)
{
    bool ran = false;
    int i = *(int *)index;
    clear_environment();
    setenv(bad[i].name, bad[i].value, 1);
    if (weft_run(NULL, not_run, &ran) == -EINVAL && !ran && weft_start(NULL) == -EINVAL &&
        weft_workers() == 0)
        raise(SIGUSR1);
}

TEST(values_out_of_range_are_refused_with_a_message)
{
    for (int i = 0; i < (int)(sizeof bad / sizeof *bad); i++)
        expect_death(run_with_bad, &i, SIGUSR1, bad[i].message);
}

TEST(a_zero_in_front_does_not_make_a_number_octal)
{
    weft_config config;
    clear_environment();
    setenv("WEFT_WORKERS", "010", 1);
    setenv("WEFT_SEED", "0x10", 1);
    ck_assert_int_eq(weft__settings(&(weft_config){ .seed = 1 }, &config), 0);
    unsetenv("WEFT_SEED");
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.workers, 10);
    setenv("WEFT_SEED", "0x10", 1);
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.seed, 16);
}

static void run_with_wrong_field(void *config)
{
    if (weft_run(config, not_run, NULL) == -EINVAL)
        raise(SIGUSR1);
}

TEST(a_field_that_is_wrong_is_named)
{
    weft_config flags = { .flags = 1u << 20 }, reserved = { .reserved = { 0, 1 } };
    weft_config grace = { .grace = -1 }, blocking = { .blocking_idle = -2 };
    weft_config carrier = { .carrier_idle = -3 };
    clear_environment();
    expect_death(run_with_wrong_field, &flags, SIGUSR1, "weft_config.flags: '0x100000' is not");
    expect_death(run_with_wrong_field, &reserved, SIGUSR1, "weft_config.reserved: ");
    expect_death(run_with_wrong_field, &grace, SIGUSR1, "weft_config.grace: '-1' is not");
    expect_death(run_with_wrong_field, &blocking, SIGUSR1, "weft_config.blocking_idle: '-2'");
    expect_death(run_with_wrong_field, &carrier, SIGUSR1, "weft_config.carrier_idle: '-3'");
}

TEST(an_empty_variable_is_no_variable)
{
    weft_config config;
    for (int i = 0; i < VARIABLES; i++)
        setenv(variables[i], "", 1);
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.workers, weft__cpus_usable());
}

TEST(a_config_out_of_range_is_refused)
{
    weft_config config;
    weft_config wrong[] = { { .workers = 1025 },           { .flags = 0x80 },
                            { .stack_size = 32767 },       { .stack_size = (1u << 30) + 1 },
                            { .reserved = { 1 } },         { .reserved = { [1] = 1 } },
                            { .carrier_idle = -1 },        { .carriers_more = 1025 },
                            { .blocking_idle = -1 },       { .blocking_stack_size = 32767 },
                            { .blocking_threads = 65537 }, { .blocking_dns_threads = 65537 } };
    clear_environment();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(weft__settings(&wrong[i], &config), -EINVAL);
}

/* A machine with more CPUs than a cpu_set_t holds, and than there may be workers. */

static int machine; /* 0: this one */

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    if (!machine)
        return syscall(SYS_sched_getaffinity, pid, size, set) < 0 ? -1 : 0;
    if (size * 8 < (size_t)machine) {
        errno = EINVAL;
        return -1;
    }
    CPU_ZERO_S(size, set);
    for (int cpu = 0; cpu < machine; cpu++)
        CPU_SET_S(cpu, size, set);
    return 0;
}

TEST(there_are_no_more_workers_than_there_may_be)
{
    weft_config config;
    clear_environment();
    machine = 1024;
    if (weft__cpus_usable() < 1024)
        test_skip("there is a quota");
    machine = 5000;
    ck_assert_uint_eq(weft__cpus_usable(), 5000);
    ck_assert_int_eq(weft__settings(NULL, &config), 0);
    ck_assert_uint_eq(config.workers, 1024);
}
