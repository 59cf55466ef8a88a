/* suite.c - runs the tests of one executable under Check and reports in TAP.
 *
 * Check forks and watches each test. The report is ours, because Check's has no
 * word for a skipped test: every test is a suite of one, whose result is printed
 * before the next one starts. */
#include "suite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT 60

/* Written by a test's process, read by main() after its end. */
struct verdict {
    char skip[256]; /* why; empty: not skipped */
};

static struct test *tests, **tests_end = &tests;
static struct verdict *verdict;
static uint64_t seed;
static atomic_uint_least64_t random_state;

void test_register(struct test *test)
{
    *tests_end = test;
    tests_end = &test->next;
}

static double environment_factor(const char *name)
{
    const char *text = getenv(name);
    double factor = text ? strtod(text, NULL) : 1;
    if (!(factor > 0)) {
        fprintf(stderr, "%s=%s: not a positive number\n", name, text);
        exit(2);
    }
    return factor;
}

double test_seconds(double seconds)
{
    return seconds * environment_factor("WEFT_TEST_TIMEOUT_SCALE");
}

uint64_t test_work(uint64_t n)
{
    double scaled = (double)n * environment_factor("WEFT_TEST_WORK");
    return scaled < 1 ? 1 : (uint64_t)scaled;
}

/* TSan calls it a race to close a descriptor that another thread reads from. Here
 * that is a feature: weft_close() wakes whoever waits. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:weft_close\n";
}

bool test_is_slowed(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    return true;
#endif
#endif
    return environment_factor("WEFT_TEST_TIMEOUT_SCALE") > 1;
}

bool test_is_under(const char *tool)
{
    const char *under = getenv("WEFT_TEST_UNDER");
    return under && strcmp(under, tool) == 0;
}

uint64_t test_seed(void)
{
    return seed;
}

uint64_t test_random(void)
{
    const uint64_t step = 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t x = atomic_fetch_add(&random_state, step) + step;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static void choose_seed(void)
{
    const char *text = getenv("WEFT_TEST_SEED");
    if (text && *text)
        seed = strtoull(text, NULL, 0);
    else if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint64_t)getpid();
}

_Noreturn void test_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->skip, sizeof verdict->skip, format, args);
    va_end(args);
    _exit(0);
}

static struct test *running;
static pid_t main_process;

static void run_test(int unused)
{
    (void)unused;
    /* A crash is expected often enough here; its memory interests nobody. */
    struct rlimit no_core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &no_core);
    /* Standard output belongs to TAP. */
    if (getpid() != main_process)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    running->fn();
}

/* On standard error, since readers of TAP drop comments. */
static void explain(const struct test *test, SRunner *runner)
{
    TestResult **results = srunner_failures(runner);
    const char *file = tr_lfile(results[0]);
    fprintf(stderr, "%s:%d: %s: %s\n    again: WEFT_TEST_SEED=%#llx\n", file ? file : test->file,
            file ? tr_lno(results[0]) : test->line, test->name, tr_msg(results[0]),
            (unsigned long long)seed);
    free(results);
}

static bool run_and_report(struct test *test, int number)
{
    running = test;
    memset(verdict, 0, sizeof *verdict);
    atomic_store(&random_state, seed);

    Suite *suite = suite_create(test->name);
    TCase *tcase = tcase_create(test->name);
    const TTest ttest = { test->name, run_test, test->file, test->line };
    tcase_set_timeout(tcase, test_seconds(test->timeout > 0 ? test->timeout : DEFAULT_TIMEOUT));
    if (test->signal)
        tcase_add_test_raise_signal(tcase, &ttest, test->signal);
    else
        tcase_add_test(tcase, &ttest);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_SILENT);

    bool passed = srunner_ntests_failed(runner) == 0;
    if (verdict->skip[0]) {
        passed = true;
        printf("ok %d - %s # SKIP %s\n", number, test->name, verdict->skip);
    } else {
        printf("%sok %d - %s\n", passed ? "" : "not ", number, test->name);
    }
    if (!passed)
        explain(test, runner);
    fflush(stdout);
    srunner_free(runner);
    return passed;
}

static bool selected(const struct test *test, char **parts, int count)
{
    for (int i = 0; i < count; i++)
        if (strstr(test->name, parts[i]))
            return true;
    return count == 0;
}

int main(int argc, char **argv)
{
    bool list = false;
    int parts = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            list = true;
        else if (strcmp(argv[i], "--no-fork") == 0)
            setenv("CK_FORK", "no", 1);
        else
            argv[++parts] = argv[i];
    }
    char **part = argv + 1;

    int planned = 0;
    for (struct test *test = tests; test; test = test->next) {
        if (!selected(test, part, parts))
            continue;
        planned++;
        if (list)
            puts(test->name);
    }
    if (list)
        return 0;
    if (planned == 0) {
        fprintf(stderr, "%s: no such test\n", argv[0]);
        return 2;
    }

    verdict =
        mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdict == MAP_FAILED) {
        perror("mmap");
        return 2;
    }
    choose_seed();
    main_process = getpid();
    printf("1..%d\n# WEFT_TEST_SEED=%#llx\n", planned, (unsigned long long)seed);
    fflush(stdout);

    int number = 0, failed = 0;
    for (struct test *test = tests; test; test = test->next)
        if (selected(test, part, parts))
            failed += !run_and_report(test, ++number);
    return failed ? 1 : 0;
}
