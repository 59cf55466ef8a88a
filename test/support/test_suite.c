/* The harness itself: what a failing test looks like must not depend on where
 * it fails. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void *fail_an_assertion(void *arg)
{
    (void)arg;
    ck_assert_msg(0, "said on another thread");
    return NULL;
}

static void *sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* Fails on a second thread while the first and a third one wait for ever. */
static void fail_on_a_thread(int unused)
{
    (void)unused;
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
    pthread_create(&thread, NULL, fail_an_assertion, NULL);
    sleep_for_ever(NULL);
}

static ucontext_t other_context;

static void fail_in_context(void)
{
    ck_assert_int_eq(1, 2);
}

static void fail_on_another_stack(int unused)
{
    (void)unused;
    static char stack[64 * 1024];
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    setcontext((makecontext(&other_context, fail_in_context, 0), &other_context));
}

/* Runs `fn` as a Check test and returns what Check says about it, or NULL. */
static char *message_of(void (*fn)(int), double timeout)
{
    const TTest ttest = { "inner", fn, __FILE__, __LINE__ };
    Suite *suite = suite_create("inner");
    TCase *tcase = tcase_create("inner");
    tcase_set_timeout(tcase, timeout);
    tcase_add_test(tcase, &ttest);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_SILENT);
    char *message = NULL;
    if (srunner_ntests_failed(runner)) {
        TestResult **results = srunner_failures(runner);
        message = strdup(tr_msg(results[0]));
        free(results);
    }
    srunner_free(runner);
    return message;
}

TEST(an_assertion_on_another_thread_fails_the_test)
{
    char *message = message_of(fail_on_a_thread, test_seconds(30));
    ck_assert_ptr_nonnull(message);
    ck_assert_str_eq(message, "said on another thread");
    free(message);
}

TEST(an_assertion_on_another_stack_fails_the_test)
{
    char *message = message_of(fail_on_another_stack, test_seconds(30));
    ck_assert_ptr_nonnull(message);
    ck_assert_ptr_nonnull(strstr(message, "1 == 2"));
    free(message);
}

static void hang(int unused)
{
    (void)unused;
    sleep_for_ever(NULL);
}

TEST(a_test_that_hangs_times_out)
{
    char *message = message_of(hang, 0.2);
    ck_assert_ptr_nonnull(message);
    ck_assert_ptr_nonnull(strstr(message, "imeout"));
    free(message);
}

TEST(a_signal_can_be_what_is_expected, .signal = SIGABRT)
{
    abort();
}

TEST(the_seed_decides_what_is_random)
{
    uint64_t x = test_seed() + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    ck_assert_uint_eq(test_random(), x ^ (x >> 31));
    ck_assert_uint_ne(test_random(), test_random());
}

static void complain_and_abort(void *text)
{
    fprintf(stderr, "first line\n%s\n", (const char *)text);
    abort();
}

static void leave(void *status)
{
    exit(*(int *)status);
}

TEST(a_death_is_known_by_its_signal_and_words)
{
    expect_death(complain_and_abort, (void *)"out of wool", SIGABRT, "out of wool");
    expect_death(complain_and_abort, (void *)"out of wool", SIGABRT, NULL);
    int status = 3;
    expect_death(leave, &status, 0, NULL);
}

static void wrong_signal(int unused)
{
    (void)unused;
    expect_death(complain_and_abort, (void *)"out of wool", SIGTERM, NULL);
}

static void wrong_words(int unused)
{
    (void)unused;
    expect_death(complain_and_abort, (void *)"out of wool", SIGABRT, "out of yarn");
}

static void no_death(int unused)
{
    (void)unused;
    int status = 0;
    expect_death(leave, &status, SIGABRT, NULL);
}

TEST(another_death_than_expected_fails_the_test)
{
    void (*wrong[])(int) = { wrong_signal, wrong_words, no_death };
    const char *says[] = { "expected signal 15, got signal 6", "expected \"out of yarn\"",
                           "expected signal 6, got exit status 0" };
    for (int i = 0; i < 3; i++) {
        char *message = message_of(wrong[i], test_seconds(30));
        ck_assert_ptr_nonnull(message);
        ck_assert_msg(strstr(message, says[i]) != NULL, "%s", message);
        free(message);
    }
}
