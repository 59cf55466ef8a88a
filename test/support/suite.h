/* suite.h - what a test file needs.
 *
 *     #include "suite.h"
 *
 *     TEST(an_empty_queue_gives_nothing)
 *     {
 *         ck_assert_ptr_null(queue_pop(&q));
 *     }
 *
 *     TEST(a_million_items_come_out_in_order, .timeout = 300)
 *     {
 *         ...
 *     }
 *
 * That is the whole file: tests register themselves and suite.c has main().
 * Each test runs in a process of its own, made by Check, and may use every
 * ck_assert. Assertions may fail on any thread and on any stack; each of them
 * writes to a shared file, so a loop that runs millions of times compares
 * first and asserts on failure only.
 *
 * The environment:
 *     WEFT_TEST_SEED           the seed to use; printed, random by default
 *     WEFT_TEST_TIMEOUT_SCALE  multiplies every timeout (valgrind, qemu, TSan)
 *     WEFT_TEST_WORK           multiplies test_work() (soak runs; 0.1 is less)
 * The command line: names or parts of names of the tests to run; --list;
 * --no-fork for debuggers. */
#ifndef WEFT_TEST_SUITE_H
#define WEFT_TEST_SUITE_H

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct test {
    const char *name;
    void (*fn)(void);
    const char *file;
    int line;
    double timeout; /* seconds; 0: 60 */
    int signal;     /* the test passes when this signal ends it */
    struct test *next;
};

void test_register(struct test *test);

/* Defines and registers a test. After the name: further fields of struct test. */
#define TEST(...) TEST_(__VA_ARGS__, .next = 0)
#define TEST_(name_, ...) \
    static void name_(void); \
    static struct test test_of_##name_ = { \
        .name = #name_, .fn = name_, .file = __FILE__, .line = __LINE__, __VA_ARGS__ \
    }; \
    __attribute__((constructor)) static void test_register_##name_(void) \
    { \
        test_register(&test_of_##name_); \
    } \
    static void name_(void)

/* Ends the test as skipped: what it needs is not there. */
_Noreturn void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The seed of this run, the same in every test of it. */
uint64_t test_seed(void);

/* A random number that follows from the seed; any thread. */
uint64_t test_random(void);

/* How often to repeat something: `n` scaled by WEFT_TEST_WORK, at least 1. */
uint64_t test_work(uint64_t n);

/* `seconds` scaled by WEFT_TEST_TIMEOUT_SCALE: an upper bound in an assertion. */
double test_seconds(double seconds);

/* True when built with a sanitizer, or running under Valgrind or qemu as the
 * environment tells: assertions about speed or memory make no sense. */
bool test_is_slowed(void);

/* True when scripts/test-variant runs the tests under this tool: "asan", "tsan",
 * "valgrind" or "qemu", which lack an instruction or a system call here and there.
 * (WEFT_TEST_UNDER in the environment.) */
bool test_is_under(const char *tool);

/* Runs fn(arg) in a child process, which must end by `signal` (0: by exit or
 * return, with any status) after writing `text` to stderr. NULL: any text. Under
 * sanitizers, which catch them, a fault may also end in an exit status. Returns
 * the first 64 KiB that were written, until it is called again. */
#define expect_death(fn, arg, signal, text) \
    expect_death_at(__FILE__, __LINE__, fn, arg, signal, text)
const char *expect_death_at(const char *file, int line, void (*fn)(void *arg), void *arg,
                            int signal, const char *text);

#endif
