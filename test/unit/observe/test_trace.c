/* Where a thread is that does not say so itself. Linked so that its functions' names are
 * exported. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/compiler.h"
#include "observe/stall.h"
#include "observe/trace.h"
#include "os/thread_state.h"
#include "tasks.h"

static atomic_int tid;
static atomic_bool stop;
static _Atomic(const void *) culprit_goes_on; /* where its call returns to */

static bool shows_culprit(const struct weft__trace *trace)
{
    for (unsigned i = 0; i < trace->depth; i++) {
        if (trace->frames[i] == atomic_load(&culprit_goes_on))
            return true;
    }
    return false;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    atomic_store(&tid, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    while (atomic_load(&tid) == 0)
        ;
    return thread;
}

/* Of one that sleeps */

static uintptr_t stack_top;

static WEFT_NOINLINE void wait_for(int fd)
{
    uint64_t count;
    atomic_store(&culprit_goes_on, __builtin_return_address(0));
    atomic_store(&tid, gettid());
    ck_assert_int_eq(read(fd, &count, sizeof count), sizeof count);
}

WEFT_NOINLINE void *culprit_that_sleeps(void *fd);

WEFT_NOINLINE void *culprit_that_sleeps(void *fd)
{
    stack_top = (uintptr_t)__builtin_frame_address(0);
    wait_for(*(int *)fd);
    return fd;
}

static bool may_look(void)
{
    int from = 7, to = 0;
    struct iovec here = { &to, sizeof to }, there = { &from, sizeof from };
    bool copies = process_vm_readv(getpid(), &here, 1, &there, 1, 0) == sizeof to;
    return copies && !test_is_under("qemu") && !test_is_under("valgrind");
}

TEST(the_calls_of_a_thread_that_sleeps_are_on_its_stack)
{
    if (!may_look())
        test_skip("nobody tells");
    struct weft__thread_call call;
    struct weft__trace trace;
    int fd = eventfd(0, 0);
    pthread_t thread = start(culprit_that_sleeps, &fd);
    while (!weft__thread_sleeps_in(atomic_load(&tid), &call) || call.number < 0)
        usleep(1000);
    weft__trace_scan(&trace, call.pc, call.sp, stack_top);
    ck_assert_ptr_eq(trace.frames[0], (void *)call.pc);
    ck_assert(shows_culprit(&trace));
    ck_assert(!trace.exact);
    ck_assert_int_eq(write(fd, &(uint64_t){ 1 }, 8), 8);
    pthread_join(thread, NULL);
    weft__thread_state_finish();
}

TEST(a_stack_that_has_gone_does_no_harm)
{
    struct weft__trace trace;
    size_t size = 65536;
    char *low = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(low, MAP_FAILED);
    munmap(low, size);
    weft__trace_scan(&trace, 4711, (uintptr_t)low, (uintptr_t)low + size);
    ck_assert_uint_eq(trace.depth, 1);
    ck_assert_ptr_eq(trace.frames[0], (void *)4711);
}

TEST(words_that_follow_no_call_are_none)
{
    struct weft__trace trace;
    uintptr_t words[200];
    for (int i = 0; i < 200; i++)
        words[i] = i % 2 ? (uintptr_t)words + (uintptr_t)i : (uintptr_t)getpid;
    weft__trace_scan(&trace, 4711, (uintptr_t)words, (uintptr_t)(words + 200));
    ck_assert_uint_eq(trace.depth, 1);
}

/* Of one that runs */

static void *quiet_spin(void *unused)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    atomic_store(&tid, gettid());
    while (!atomic_load(&stop))
        ;
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL); /* too late: ASK-1 */
    return unused;
}

static WEFT_NOINLINE void spin(void)
{
    atomic_store(&culprit_goes_on, __builtin_return_address(0));
    atomic_store(&tid, gettid());
    while (!atomic_load(&stop))
        ;
}

WEFT_NOINLINE void *culprit_that_spins(void *unused);

WEFT_NOINLINE void *culprit_that_spins(void *unused)
{
    spin();
    atomic_store(&stop, true);
    return unused;
}

static void find_culprit(void)
{
    struct weft__trace trace = { .depth = 0 };
    atomic_store(&stop, false);
    pthread_t thread = start(culprit_that_spins, NULL);
    while (trace.depth == 0) /* it has had no CPU */
        weft__trace_interrupt(&trace, atomic_load(&tid));
    ck_assert_uint_ge(trace.depth, 2);
    ck_assert_ptr_eq(trace.frames[1], atomic_load(&culprit_goes_on)); /* no handler's before */
    ck_assert(trace.exact);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

static void need_signals(void)
{
    if (test_is_slowed())
        test_skip("signals come late, and answers later");
    weft__trace_warm_up();
}

TEST(the_calls_of_a_thread_that_runs_are_asked_for)
{
    need_signals();
    ck_assert_int_eq(weft__trace_allow(true), 0);
    for (int i = 0; i < 10; i++)
        find_culprit();
}

TEST(nobody_is_interrupted_unless_that_is_allowed)
{
    struct weft__trace trace = { .depth = 1 };
    weft__trace_interrupt(&trace, gettid()); /* would end the process */
    ck_assert_uint_eq(trace.depth, 0);
    ck_assert_int_eq(weft__trace_allow(true), 0);
    ck_assert_int_eq(weft__trace_allow(false), 0);
    weft__trace_interrupt(&trace, gettid());
    ck_assert_uint_eq(trace.depth, 0);
}

TEST(ASK_1_an_answer_that_comes_late_is_none)
{
    need_signals();
    struct weft__trace trace;
    ck_assert_int_eq(weft__trace_allow(true), 0);
    pthread_t thread = start(quiet_spin, NULL);
    weft__trace_interrupt(&trace, atomic_load(&tid));
    ck_assert_uint_eq(trace.depth, 0);
    raise(SIGPROF); /* another's */
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    find_culprit();
}

TEST(a_thread_that_has_gone_does_not_answer)
{
    struct weft__trace trace;
    ck_assert_int_eq(weft__trace_allow(true), 0);
    atomic_store(&stop, true);
    pthread_join(start(quiet_spin, NULL), NULL);
    weft__trace_interrupt(&trace, atomic_load(&tid));
    ck_assert_uint_eq(trace.depth, 0);
}

static void ignore(int number)
{
    (void)number;
}

TEST(a_handler_that_is_there_stays)
{
    struct sigaction now;
    ck_assert_ptr_eq(signal(SIGPROF, ignore), SIG_DFL);
    ck_assert_int_eq(weft__trace_allow(true), -EBUSY);
    sigaction(SIGPROF, NULL, &now);
    ck_assert_ptr_eq(now.sa_handler, ignore);
    ck_assert_ptr_eq(signal(SIGPROF, SIG_IGN), ignore);
    ck_assert_int_eq(weft__trace_allow(true), 0);
    ck_assert_int_eq(weft__trace_allow(true), 0);
}

TEST(nobody_is_interrupted_when_the_handler_is_gone)
{
    struct weft__trace trace = { .depth = 1 };
    ck_assert_int_eq(weft__trace_allow(true), 0);
    ck_assert(signal(SIGPROF, SIG_DFL) != SIG_ERR);
    weft__trace_interrupt(&trace, gettid()); /* would end the process */
    ck_assert_uint_eq(trace.depth, 0);
}

/* Names */

static const char *name_of(const void *address)
{
    static struct weft__line line;
    line.length = 0;
    weft__line_code(&line, address);
    line.text[line.length] = 0;
    return line.text;
}

/* A few bytes into it. */
static const void *inside(void *(*fn)(void *))
{
    return (const char *)(uintptr_t)fn + 3;
}

TEST(code_has_the_name_that_its_object_exports)
{
    ck_assert_str_eq(strchr(name_of(inside(culprit_that_sleeps)), ' ') ? "" : "no name", "");
    ck_assert_int_eq(strncmp(name_of(inside(culprit_that_sleeps)), "culprit_that_sleeps+0x3 (", 25),
                     0);
    ck_assert_int_eq(strncmp(name_of(inside(culprit_that_spins)), "culprit_that_spins+0x3 (", 24),
                     0);
}

TEST(what_is_no_code_is_a_number)
{
    char here = 0;
    ck_assert_int_eq(strncmp(name_of(&here), "0x", 2), 0);
    ck_assert_str_eq(name_of((void *)0x123), "0x123");
}

static int say(void *exact)
{
    const void *frames[] = { inside(culprit_that_spins), inside(culprit_that_sleeps) };
    weft_stall stall = {
        .duration = WEFT_MS(20), .thread = 7, .stack = frames, .depth = 2, .exact = exact != NULL
    };
    weft__stall_say(weft_self(), &stall);
    abort();
}

static void run_say(void *exact)
{
    run_tasks(1, say, exact);
}

TEST(the_lines_name_them)
{
    expect_death(run_say, NULL, SIGABRT,
                 "perhaps some of earlier ones:\nweft:     culprit_that_sp");
    expect_death(run_say, "", SIGABRT,
                 "its calls, the innermost first:\nweft:     culprit_that_sp");
    expect_death(run_say, "", SIGABRT, ")\nweft:     culprit_that_sleeps+0x3 (");
}
