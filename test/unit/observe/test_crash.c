#include "suite.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mem/stack.h"
#include "sched/task.h"
#include "tasks.h"

/* The reports of sanitizers come first, and their frames are larger. */
static void skip_if_instrumented(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    test_skip("sanitizers report crashes themselves");
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    test_skip("sanitizers report crashes themselves");
#endif
#endif
}

static weft_config config;

static void run_task(void *fn)
{
    weft_run(&config, *(int (**)(void *))fn, NULL);
}

static void expect_task_to_die(int (*fn)(void *), int signal, const char *text)
{
    expect_death(run_task, &fn, signal, text);
}

static int recurse(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth > 1 << 20 ? 0 : recurse(depth + 1) + frame[0];
}

static int overflowing(void *unused)
{
    (void)unused;
    weft_set_name("deep");
    return recurse(0);
}

TEST(a_stack_overflow_names_the_task_and_its_stack)
{
    skip_if_instrumented();
    expect_task_to_die(overflowing, SIGSEGV, "'deep'");
    expect_task_to_die(overflowing, SIGSEGV, "overflowed its stack of 256 KiB");
    config.stack_size = 64 << 10;
    expect_task_to_die(overflowing, SIGSEGV, "overflowed its stack of 64 KiB");
}

static int run_with_stack(size_t size, const char *name, int (*fn)(void *))
{
    weft_attr attr = { .stack_size = size, .name = name };
    weft_task *task;
    ck_assert_int_eq(weft_spawn_with(&attr, fn, NULL, &task), 0);
    return weft_join(task, NULL);
}

static int overflow_odd(void *unused)
{
    (void)unused;
    return run_with_stack(512 << 10, "odd", overflowing);
}

TEST(an_overflow_of_a_stack_of_another_size_is_reported)
{
    skip_if_instrumented();
    expect_task_to_die(overflow_odd, SIGSEGV, "overflowed its stack of 512 KiB");
}

/* A frame that reaches so far below its stack that the guard is not touched: what is there is
 * made to fault. */
static int step_over_the_guard(void *unused)
{
    struct weft__stack *stack = weft_self()->stack;
    size_t beyond = 64 << 10;
    void *below = mmap(stack->low - beyond, beyond, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)unused;
    if (below != stack->low - beyond)
        return 0; /* something else is, which is not ours to break */
    volatile char frame[(size_t)((char *)&below - stack->low) + beyond / 2];
    frame[0] = 1;
    return frame[0];
}

/* Too large to be recycled, so that it is mapped alone. */
static int overflow_by_a_large_frame(void *unused)
{
    (void)unused;
    return run_with_stack(32 << 20, "large", step_over_the_guard);
}

TEST(a_frame_larger_than_the_guard_is_an_overflow)
{
    skip_if_instrumented();
    if (test_is_under("valgrind"))
        test_skip("Valgrind takes so large a frame for another stack");
    config.workers = 1;
    expect_task_to_die(overflow_by_a_large_frame, SIGSEGV, "overflowed its stack of 32768 KiB");
}

#define TIMES_5(text) text text text text text

/* As Bazel and Nix have them. */
static const char far_away[] = TIMES_5(TIMES_5(TIMES_5("/deep"))) "/file.c:12 fn";

static int overflow_far_away(void *unused)
{
    weft_task *task;
    (void)unused;
    ck_assert_int_eq(weft_spawn_at(far_away, NULL, overflowing, NULL, &task), 0);
    return weft_join(task, NULL);
}

TEST(what_has_happened_is_said_behind_a_long_path)
{
    skip_if_instrumented();
    int (*fn)(void *) = overflow_far_away;
    const char *said = expect_death(run_task, &fn, SIGSEGV, "overflowed its stack of 256 KiB\n");
    ck_assert_ptr_nonnull(strstr(said, "(spawned at ..."));
    ck_assert_ptr_nonnull(strstr(said, "/deep/file.c:12)"));
}

static int aborting(void *unused)
{
    (void)unused;
    abort();
}

static volatile int *volatile nowhere = (volatile int *)0x18;

static int faulting(void *unused)
{
    (void)unused;
    *nowhere = 1;
    return 0;
}

static int dividing(void *zero)
{
    raise(SIGFPE);
    return zero != NULL;
}

TEST(a_crash_names_the_task)
{
    skip_if_instrumented();
    expect_task_to_die(aborting, SIGABRT, "died of SIGABRT in task ");
    expect_task_to_die(aborting, SIGABRT, "'main'");
    expect_task_to_die(faulting, SIGSEGV, "died of SIGSEGV at 0x18 in task ");
    expect_task_to_die(dividing, SIGFPE, "died of SIGFPE in task ");
}

static int panicking(void *unused)
{
    (void)unused;
    weft_unpin();
    return 0;
}

TEST(a_panic_names_the_task_once)
{
    skip_if_instrumented();
    int (*fn)(void *) = panicking;
    const char *said = expect_death(run_task, &fn, SIGABRT, "weft_unpin: not pinned");
    ck_assert_ptr_null(strstr(strstr(said, "in task ") + 1, "in task "));
}

static void handler(int number)
{
    static const char message[] = "the program's own handler\n";
    ssize_t n = write(STDERR_FILENO, message, sizeof message - 1);
    _exit(n > 0 ? 100 + number : 1);
}

static void run_with_handler(void *fn)
{
    signal(SIGSEGV, handler);
    run_task(fn);
}

TEST(the_disposition_of_before_has_the_last_word)
{
    skip_if_instrumented();
    int (*fn)(void *) = faulting;
    expect_death(run_with_handler, &fn, 0, "the program's own handler");
}

static struct sigaction chained;

static void chain(int number, siginfo_t *info, void *context)
{
    static int calls;
    if (++calls > 5)
        _exit(99);
    chained.sa_sigaction(number, info, context);
}

static void restart_behind_a_handler(void *fn)
{
    struct sigaction action = { .sa_sigaction = chain, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    int number = *(int (**)(void *))fn == faulting ? SIGSEGV : SIGABRT;
    weft_start(&config);
    sigaction(number, &action, &chained);
    weft_stop();
    run_task(fn);
}

TEST(a_handler_that_calls_ours_of_an_earlier_start_ends_the_process)
{
    skip_if_instrumented();
    int (*fns[])(void *) = { faulting, aborting };
    for (int i = 0; i < 2; i++) {
        const char *said =
            expect_death(restart_behind_a_handler, &fns[i], i == 0 ? SIGSEGV : SIGABRT, "died of ");
        ck_assert_ptr_null(strstr(strstr(said, "died of ") + 1, "died of "));
    }
}

/* Handlers that call ours and go on: the next crash is told, too. */

static sigjmp_buf back;

static void recover(int number, siginfo_t *info, void *context)
{
    chained.sa_sigaction(number, info, context);
    siglongjmp(back, 1);
}

static int crash_twice(void *unused)
{
    struct sigaction action = { .sa_sigaction = recover, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(SIGSEGV, &action, &chained);
    if (!sigsetjmp(back, 1))
        return faulting(unused);
    sigaction(SIGSEGV, &chained, NULL);
    return faulting(unused);
}

static void crash_again(void *unused)
{
    (void)unused;
    run_task(&(int (*)(void *)){ crash_twice });
}

TEST(a_crash_after_one_that_was_survived_is_told)
{
    skip_if_instrumented();
    const char *said = expect_death(crash_again, NULL, SIGSEGV, "died of SIGSEGV at 0x18 in ");
    ck_assert_ptr_nonnull(strstr(strstr(said, "died of ") + 1, "died of "));
}

static void start_and_be_killed(void *number)
{
    weft_start(&config);
    kill(getpid(), *(int *)number);
    block_for(WEFT_MS(500));
}

TEST(a_signal_from_outside_kills_as_ever)
{
    skip_if_instrumented();
    int numbers[] = { SIGABRT, SIGSEGV };
    for (int i = 0; i < 2; i++)
        expect_death(start_and_be_killed, &numbers[i], numbers[i], NULL);
}

/* Dies with a status of its own when the dispositions are as they were. */
static void look_at_dispositions(void *flags)
{
    struct sigaction during, after;
    config.flags = *(unsigned *)flags;
    signal(SIGBUS, handler);
    weft_start(&config);
    sigaction(SIGBUS, NULL, &during);
    weft_stop();
    sigaction(SIGBUS, NULL, &after);
    bool ours = during.sa_handler != handler;
    if (after.sa_handler == handler && ours == (config.flags == 0))
        raise(SIGUSR1);
}

TEST(dispositions_are_put_back_or_left_alone)
{
    skip_if_instrumented();
    unsigned flags[] = { 0, WEFT_NO_CRASH_REPORT };
    for (int i = 0; i < 2; i++)
        expect_death(look_at_dispositions, &flags[i], SIGUSR1, NULL);
    config.flags = WEFT_NO_CRASH_REPORT;
    expect_task_to_die(faulting, SIGSEGV, NULL);
}
