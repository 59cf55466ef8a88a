#include "suite.h"

#include <sched.h>
#include <stdlib.h>

#include "os/cpus.h"
#include "weft.h"

TEST(a_quota_is_rounded_up_to_whole_cpus)
{
    ck_assert_uint_eq(weft__cpus_parse_max("100000 100000\n"), 1);
    ck_assert_uint_eq(weft__cpus_parse_max("100001 100000\n"), 2);
    ck_assert_uint_eq(weft__cpus_parse_max("150000 100000"), 2);
    ck_assert_uint_eq(weft__cpus_parse_max("400000 100000\n"), 4);
    ck_assert_uint_eq(weft__cpus_parse_max("1000 100000\n"), 1);
}

TEST(no_quota_is_zero)
{
    ck_assert_uint_eq(weft__cpus_parse_max("max 100000\n"), 0);
    ck_assert_uint_eq(weft__cpus_parse_max(""), 0);
    ck_assert_uint_eq(weft__cpus_parse_max("100000"), 0);
    ck_assert_uint_eq(weft__cpus_parse_max("-1 100000"), 0);
    ck_assert_uint_eq(weft__cpus_parse_max("100000 0"), 0);
}

TEST(there_is_a_cpu_and_not_more_than_the_affinity_mask_has)
{
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    ck_assert_uint_ge(weft__cpus_usable(), 1);
    ck_assert_uint_le(weft__cpus_usable(), (unsigned)CPU_COUNT(&set));
}

static void keep_one_cpu(void)
{
    cpu_set_t set, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    if (CPU_COUNT(&set) < 2)
        test_skip("there is one CPU anyway");
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &set))
            CPU_SET(cpu, &one);
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

TEST(a_process_bound_to_one_cpu_has_one)
{
    keep_one_cpu();
    ck_assert_uint_eq(weft__cpus_usable(), 1);
}

TEST(a_process_bound_to_one_cpu_gets_one_worker)
{
    keep_one_cpu();
    unsetenv("WEFT_WORKERS");
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_uint_eq(weft_workers(), 1);
    ck_assert_int_eq(weft_stop(), 0);
}
