#include "suite.h"

#include <execinfo.h>
#include <stdlib.h>
#include <string.h>

#include "arch/context.h"
#include "weft.h"

#define STACK 65536
#define MANY 100

struct coroutine {
    struct weft__context context, back;
    uint64_t in, out;
    double real;
    bool done;
    void *stack;
};

static void resume(struct coroutine *c)
{
    weft__context_switch(&c->back, &c->context);
}

static void suspend(struct coroutine *c)
{
    weft__context_switch(&c->context, &c->back);
}

static void prepare(struct coroutine *c, void (*main)(void *))
{
    c->stack = aligned_alloc(16, STACK);
    weft__context_prepare(&c->context, (char *)c->stack + STACK, main, c);
}

static void count(void *arg)
{
    struct coroutine *c = arg;
    for (uint64_t i = 0;; i++) {
        c->out = i * c->in;
        suspend(c);
    }
}

/* The instrumentation of sanitizers wants to know of each switch. */
static void skip_if_instrumented(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    test_skip("sanitizers do not know these contexts");
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    test_skip("sanitizers do not know these contexts");
#endif
#endif
}

TEST(a_context_starts_with_its_argument_and_goes_on_where_it_was)
{
    skip_if_instrumented();
    struct coroutine c = { .in = 7 };
    prepare(&c, count);
    for (uint64_t i = 0; i < 1000; i++) {
        resume(&c);
        ck_assert_uint_eq(c.out, i * 7);
    }
    free(c.stack);
}

/* More live values than there are registers, whole and real. */
static void mix(void *arg)
{
    struct coroutine *c = arg;
    uint64_t v[16];
    double d[16];
    for (unsigned i = 0; i < 16; i++) {
        v[i] = c->in + i;
        d[i] = (double)c->in / (i + 1);
    }
    for (int round = 0; round < 200; round++) {
        suspend(c);
        for (unsigned i = 0; i < 16; i++) {
            v[i] = v[i] * 6364136223846793005u + v[(i + 1) % 16];
            d[i] = d[i] * 0.5 + d[(i + 1) % 16];
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        c->out ^= v[i];
        c->real += d[i];
    }
    c->done = true;
    suspend(c);
}

static void mix_alone(uint64_t in, uint64_t *ret_out, double *ret_real)
{
    struct coroutine c = { .in = in };
    prepare(&c, mix);
    while (!c.done)
        resume(&c);
    *ret_out = c.out;
    *ret_real = c.real;
    free(c.stack);
}

TEST(many_contexts_keep_their_registers_apart)
{
    skip_if_instrumented();
    static struct coroutine c[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        c[i].in = test_random();
        prepare(&c[i], mix);
    }
    /* Locals of this frame live through the switches as well. */
    uint64_t a = test_seed(), b = a * 3, d = a ^ 5, e = a + 9, f = a - 1, g = ~a;
    for (unsigned left = MANY; left > 0;) {
        unsigned i = (unsigned)(test_random() % MANY);
        if (c[i].done)
            continue;
        resume(&c[i]);
        left -= c[i].done;
    }
    ck_assert(b == a * 3 && d == (a ^ 5) && e == a + 9 && f == a - 1 && g == ~a);
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t out;
        double real;
        mix_alone(c[i].in, &out, &real);
        ck_assert_uint_eq(c[i].out, out);
        ck_assert(memcmp(&c[i].real, &real, sizeof real) == 0);
        free(c[i].stack);
    }
}

static void descend(struct coroutine *c, int depth)
{
    volatile char frame[64];
    memset((char *)frame, depth, sizeof frame);
    if (depth == 0) {
        for (int i = 0; i < 10; i++)
            suspend(c);
        return;
    }
    descend(c, depth - 1);
    for (size_t i = 0; i < sizeof frame; i++)
        c->out += (unsigned char)frame[i];
}

static void deep(void *arg)
{
    struct coroutine *c = arg;
    descend(c, 100);
    c->done = true;
    suspend(c);
}

TEST(a_switch_deep_down_returns_through_all_frames)
{
    skip_if_instrumented();
    struct coroutine c = { 0 };
    prepare(&c, deep);
    while (!c.done)
        resume(&c);
    ck_assert_uint_eq(c.out, 64 * (100 * 101 / 2));
    free(c.stack);
}

static void check_alignment(void *arg)
{
    struct coroutine *c = arg;
    _Alignas(16) char local[16];
    char *volatile at = local;
    c->out = (uintptr_t)at % 16;
    c->real = strtod("0.5", NULL); /* libc uses aligned moves */
    suspend(c);
}

TEST(a_context_starts_with_an_aligned_stack)
{
    skip_if_instrumented();
    struct coroutine c = { .out = 1 };
    prepare(&c, check_alignment);
    resume(&c);
    ck_assert_uint_eq(c.out, 0);
    ck_assert(c.real == 0.5);
    free(c.stack);
}

static _Thread_local int own;

TEST(the_thread_pointer_can_be_read_and_written)
{
    if (test_is_under("valgrind"))
        test_skip("Valgrind does not know the instruction");
    void *tp = weft__context_thread_pointer();
    own = 5;
    ck_assert_ptr_nonnull(tp);
    ck_assert(labs((char *)&own - (char *)tp) < 1 << 20);
    weft__context_set_thread_pointer(tp);
    ck_assert_ptr_eq(weft__context_thread_pointer(), tp);
    ck_assert_int_eq(own, 5);
}

#define FRAMES 64

static void *trace[FRAMES];
static int frames;

static WEFT_NOINLINE int take_trace(void *arg)
{
    if (!arg)
        weft_yield();
    frames = backtrace(trace, FRAMES);
    return frames; /* not a tail call */
}

/* The function is the last but for the runtime's, and then it ends. */
static void expect_trace_of(int (*fn)(void *))
{
    bool found = false;
    ck_assert_int_gt(frames, 1);
    ck_assert_int_lt(frames, 20);
    for (int i = 0; i < frames; i++) {
        uintptr_t offset = (uintptr_t)trace[i] - (uintptr_t)fn;
        found |= offset < 256;
    }
    ck_assert(found);
}

TEST(a_backtrace_of_a_task_ends_and_shows_its_function)
{
    ck_assert_int_gt(weft_run(NULL, take_trace, &own), 1);
    expect_trace_of(take_trace);
    ck_assert_int_gt(weft_run(NULL, take_trace, NULL), 1);
    expect_trace_of(take_trace);
}
