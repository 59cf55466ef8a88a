#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/context.h"
#include "base/annotate.h"
#include "engine.h"

#define STACK_SIZE ((size_t)256 << 10)
#define STEPS 3000
#define WATCHED 3 /* a spin loop looks at no more */

enum state {
    READY,
    SPINNING, /* until memory changes */
    WAITING,  /* until ready(arg) */
    SLEEPING, /* on a futex */
    ENDED,
};

static struct thread {
    struct weft__context context;
    struct weft__annotation annotation;
    enum state state;
    unsigned long seen; /* SPINNING: how often others had changed memory */
    bool (*ready)(void *arg);
    void *arg;
    const volatile void *word;
    bool timed, timed_out;
    unsigned long own_changes;
    const volatile void *watched[WATCHED]; /* the last loads */
    unsigned loads;
    char *stack;
    unsigned valgrind_id;
} threads[MODEL_THREADS];

static struct weft__context main_context;
static struct weft__annotation main_annotation;
static jmp_buf on_failure;
static unsigned count, steps, barren;
static int preemptions;
static unsigned long changes;

const struct model *model_running;
unsigned running_thread = NOBODY;
int preemption_bound;
char failure[400];

unsigned thread_count(const struct model *model)
{
    unsigned n = 0;
    while (n < MODEL_THREADS && model->body[n])
        n++;
    return n;
}

static void switch_to(unsigned from, unsigned to, bool for_ever)
{
    struct weft__context *here = from == NOBODY ? &main_context : &threads[from].context;
    struct weft__context *there = to == NOBODY ? &main_context : &threads[to].context;
    struct weft__annotation *left = from == NOBODY ? &main_annotation : &threads[from].annotation;
    struct weft__annotation *next = to == NOBODY ? &main_annotation : &threads[to].annotation;
    running_thread = to;
    weft__annotate_leave(left, next, for_ever);
    if (for_ever)
        weft__context_jump(there);
    weft__context_switch(here, there);
    weft__annotate_arrive(left);
}

void model_fail(const char *format, ...)
{
    unsigned self = running_thread;
    running_thread = NOBODY; /* no more steps */
    va_list args;
    va_start(args, format);
    vsnprintf(failure, sizeof failure, format, args);
    va_end(args);
    if (self == NOBODY)
        longjmp(on_failure, 1);
    switch_to(self, NOBODY, true);
    abort();
}

void memory_changed(void)
{
    changes++;
    barren = 0;
    if (running_thread < NOBODY)
        threads[running_thread].own_changes++;
}

static bool is_ready(unsigned i)
{
    struct thread *thread = &threads[i];
    if (thread->state == WAITING) {
        unsigned self = running_thread;
        running_thread = NOBODY;
        bool ready = thread->ready(thread->arg);
        running_thread = self;
        return ready;
    }
    return thread->state == READY ||
           (thread->state == SPINNING && changes - thread->own_changes != thread->seen);
}

/* Whether a thread spins on something that this one has buffered. */
static bool is_watched(unsigned i)
{
    for (unsigned k = 0; k < count; k++)
        for (unsigned n = 0; threads[k].state == SPINNING && n < WATCHED; n++)
            if (memory_has_buffered(i, threads[k].watched[n]))
                return true;
    return false;
}

void schedule_watch(const volatile void *address)
{
    struct thread *self = &threads[running_thread];
    self->watched[self->loads++ % WATCHED] = address;
}

static bool flush_all(void)
{
    bool some = false;
    for (unsigned i = 0; i < count; i++) {
        some |= memory_buffered(i) > 0;
        memory_drain(i);
    }
    return some;
}

/* Nobody can go on. Spinners may: their loops may be bounded. */
static void rouse_spinners(void)
{
    bool some = false;
    for (unsigned i = 0; i < count; i++) {
        if (threads[i].state == SPINNING) {
            threads[i].state = READY;
            some = true;
        }
    }
    if (!some || ++barren > 4) {
        char who[80] = "";
        static const char *const names[] = { "ready", "spins", "waits", "sleeps", "ended" };
        for (unsigned i = 0; i < count; i++)
            snprintf(who + strlen(who), sizeof who - strlen(who), " T%u %s", i,
                     names[threads[i].state]);
        model_fail("%s:%s", some ? "livelock" : "deadlock", who);
    }
}

enum { RUN, FLUSH = 16, TIMEOUT = 32 };

/* What may happen next; the first one is what changes least. */
static unsigned list_options(unsigned char options[4 * MODEL_THREADS])
{
    unsigned n = 0, self = running_thread;
    bool goes_on = self < NOBODY && is_ready(self);
    bool may_switch = !goes_on || preemption_bound < 0 || preemptions < preemption_bound;
    if (goes_on)
        options[n++] = (unsigned char)(RUN + self);
    for (unsigned i = 0; may_switch && i < count; i++)
        if (i != self && is_ready(i))
            options[n++] = (unsigned char)(RUN + i);
    for (unsigned i = 0; i < count; i++)
        if (is_watched(i))
            options[n++] = (unsigned char)(FLUSH + i);
    for (unsigned i = 0; may_switch && i < count; i++)
        if (threads[i].state == SLEEPING && threads[i].timed)
            options[n++] = (unsigned char)(TIMEOUT + i);
    return n;
}

static bool all_ended(void)
{
    for (unsigned i = 0; i < count; i++)
        if (threads[i].state != ENDED)
            return false;
    return true;
}

/* Chooses the thread that makes the next step. NOBODY: all have ended. */
static unsigned choose_thread(void)
{
    unsigned self = running_thread;
    for (;;) {
        unsigned char options[4 * MODEL_THREADS];
        unsigned n = list_options(options);
        if (n == 0) {
            if (all_ended())
                return NOBODY;
            if (!flush_all())
                rouse_spinners();
            continue;
        }
        unsigned option = options[choose(CHOICE_SCHEDULE, n)];
        if (option >= FLUSH && option < TIMEOUT) {
            trace("a buffered store of T%u reaches memory", option - FLUSH);
            memory_flush_one(option - FLUSH);
            continue;
        }
        unsigned next = option % FLUSH;
        if (next != self && self < NOBODY && is_ready(self))
            preemptions++;
        if (option >= TIMEOUT)
            threads[next].timed_out = true;
        threads[next].state = READY;
        return next;
    }
}

static void go_on(void)
{
    unsigned self = running_thread, next = choose_thread();
    if (next != self)
        switch_to(self, next, false);
}

static void step(enum state state)
{
    if (++steps > (model_running->steps ? model_running->steps : STEPS))
        model_fail("livelock: too many steps");
    threads[running_thread].state = state;
    go_on();
}

void model_step(void)
{
    if (running_thread == NOBODY)
        return;
    memory_settle();
    step(READY);
}

void model_spin(void)
{
    if (running_thread == NOBODY)
        return;
    memory_settle();
    struct thread *self = &threads[running_thread];
    self->seen = changes - self->own_changes;
    step(SPINNING);
}

void model_wait(bool (*ready)(void *arg), void *arg)
{
    memory_settle();
    memory_drain(running_thread);
    struct thread *self = &threads[running_thread];
    self->ready = ready;
    self->arg = arg;
    trace("waits");
    step(WAITING);
}

bool model_futex_wait(const volatile void *word, uint32_t value, bool timed)
{
    model_fence();
    struct thread *self = &threads[running_thread];
    if (memcmp((const void *)(uintptr_t)word, &value, sizeof value) != 0) {
        trace("does not sleep");
        return true;
    }
    self->word = word;
    self->timed = timed;
    self->timed_out = false;
    trace("sleeps");
    step(SLEEPING);
    if (self->timed_out)
        trace("its time is over");
    return !self->timed_out;
}

void model_futex_wake(const volatile void *word, int number)
{
    model_fence();
    for (unsigned i = 0; i < count && number > 0; i++) {
        if (threads[i].state != SLEEPING || threads[i].word != word)
            continue;
        trace("wakes T%u", i);
        threads[i].state = READY;
        number--;
    }
}

unsigned model_self(void)
{
    return running_thread;
}

unsigned model_choose(unsigned n)
{
    unsigned chosen = choose(CHOICE_VALUE, n);
    trace("chooses %u", chosen);
    return chosen;
}

static void thread_main(void *arg)
{
    unsigned self = (unsigned)((struct thread *)arg - threads);
    weft__annotate_arrive(&threads[self].annotation);
    for (;;) {
        model_running->body[self]();
        memory_settle();
        trace("ends");
        threads[self].state = ENDED;
        go_on(); /* comes back in the next execution */
    }
}

void schedule_create(const struct model *model)
{
    model_running = model;
    count = thread_count(model);
    pthread_attr_t attr;
    void *low;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attr) || pthread_attr_getstack(&attr, &low, &size))
        abort();
    pthread_attr_destroy(&attr);
    weft__annotate_thread(&main_annotation, low, size);
    for (unsigned i = 0; i < count; i++) {
        struct thread *thread = &threads[i];
        memset(thread, 0, sizeof *thread);
        thread->stack =
            mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (thread->stack == MAP_FAILED)
            abort();
        thread->valgrind_id = weft__annotate_stack_add(thread->stack, STACK_SIZE);
        weft__annotate_create(&thread->annotation, thread->stack, STACK_SIZE);
        weft__context_prepare(&thread->context, thread->stack + STACK_SIZE, thread_main, thread);
    }
}

void schedule_destroy(void)
{
    for (unsigned i = 0; i < count; i++) {
        weft__annotate_destroy(&threads[i].annotation);
        weft__annotate_recycle(threads[i].stack, STACK_SIZE);
        weft__annotate_stack_remove(threads[i].valgrind_id);
        munmap(threads[i].stack, STACK_SIZE);
    }
}

bool schedule_run(void)
{
    memory_reset();
    trace_forget_names();
    failure[0] = '\0';
    steps = barren = 0;
    preemptions = 0;
    changes = 0;
    running_thread = NOBODY;
    if (setjmp(on_failure))
        return false;
    if (model_running->setup)
        model_running->setup();
    for (unsigned i = 0; i < count; i++) {
        threads[i].state = READY;
        threads[i].own_changes = 0;
        memset(threads[i].watched, 0, sizeof threads[i].watched);
    }
    switch_to(NOBODY, choose_thread(), false);
    if (failure[0])
        return false;
    for (unsigned i = 0; i < count; i++)
        memory_drain(i);
    if (model_running->check)
        model_running->check();
    return true;
}
