/* Asking threads where they are: observe/interrupt.c, with one who asks and two who answer,
 * late as it may be. */
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/atomic.h"
#include "suite.h"

/* Broken on purpose: who is asked looks and then begins; who is tired does not look
 * whether the answer has begun. */
static enum {
    NOTHING,
    TWO_STEPS,
    NO_LOOK,
} mutation;

enum { ASKER, FIRST, SECOND };
#define NUMBER(thread) ((uint32_t)(100 + (thread)))

static bool sent[SECOND + 1], asker_gone;
static unsigned writer;

static bool cas(_Atomic(uint32_t) *word, uint32_t *expected, uint32_t value)
{
    bool answers = model_self() != ASKER;
    if ((mutation == TWO_STEPS && answers) || (mutation == NO_LOOK && !answers && value == 0)) {
        uint32_t now = weft__load(word, seq_cst);
        if (answers ? now != *expected : (now == 2)) { /* DONE */
            *expected = now;
            return false;
        }
        weft__store(word, value, seq_cst);
        return true;
    }
    return weft__cas(word, expected, value, seq_cst, seq_cst);
}

static int send(uint32_t number)
{
    model_step();
    sent[number - NUMBER(0)] = true;
    return 0;
}

static int write_frames(void **frames)
{
    model_assert(writer == 0, "ASK-2");
    writer = model_self();
    frames[0] = (void *)(uintptr_t)NUMBER(writer);
    model_step();
    frames[1] = (void *)(uintptr_t)NUMBER(writer);
    model_assert(writer == model_self(), "ASK-2");
    writer = 0;
    return 2;
}

static void on_signal(int number, siginfo_t *info, void *context);

/* The handler is there. */
static void look_at_action(struct sigaction *ret_now)
{
    if (ret_now)
        ret_now->sa_sigaction = on_signal;
}

#define sigaction(number, action, ret_now) look_at_action(((void)(action), (ret_now)))
#define gettid() NUMBER(model_self())
#define syscall(call, process, tid, number) send((uint32_t)(tid))
#define backtrace(frames, size) write_frames(frames)
#undef weft__cas
#define weft__cas(word, expected, value, success, failure) cas(word, expected, value)
#include "observe/interrupt.c"

bool weft__futex_wait(_Atomic(uint32_t) *word, uint32_t value, int64_t deadline)
{
    return model_futex_wait(word, value, deadline != INT64_MAX);
}

void weft__futex_wake(_Atomic(uint32_t) *word, int count)
{
    model_futex_wake(word, count);
}

int64_t weft__clock_real(void)
{
    return 0;
}

static bool is_sent(void *arg)
{
    return asker_gone || *(bool *)arg;
}

static void answer_when_asked(void)
{
    static ucontext_t context; /* what is in it is the same for all */
    model_wait(is_sent, &sent[model_self()]);
    if (sent[model_self()])
        on_signal(SIGPROF, NULL, &context);
}

static void ask_for(unsigned thread)
{
    struct weft__trace trace;
    weft__trace_interrupt(&trace, (int)NUMBER(thread));
    if (trace.depth == 0)
        return;
    model_assert(writer == 0, "ASK-2");
    model_assert(answer[0] == answer[1] && answer[0] == (void *)(uintptr_t)NUMBER(thread), "ASK-1");
}

static void ask_both(void)
{
    ask_for(FIRST);
    ask_for(SECOND);
    asker_gone = true;
}

static void reset(void)
{
    state = IDLE;
    interrupts = true;
    memset(sent, 0, sizeof sent);
    memset(answer, 0, sizeof answer);
    asker_gone = false;
    writer = 0;
    model_name(state);
}

static struct model asking = { .setup = reset,
                               .body = { ask_both, answer_when_asked, answer_when_asked },
                               .preemptions = 4 };

TEST(ASK_1_and_2_an_answer_is_whole_and_of_who_was_asked, .timeout = 300)
{
    model_check(&asking);
}

TEST(ASK_2_needs_one_step_to_begin)
{
    mutation = TWO_STEPS;
    model_check_fails(&asking, "ASK-");
}

TEST(ASK_2_needs_a_look_before_giving_up)
{
    mutation = NO_LOOK;
    model_check_fails(&asking, "ASK-");
}
