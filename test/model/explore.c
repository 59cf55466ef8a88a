#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine.h"
#include "suite.h"

#define CHOICES 20000
#define PREEMPTIONS 2
#define EXECUTIONS 100000 /* who is not done by then only sees a corner: chance sees more */
#define RANDOM 5000
#define LESS 8    /* how much less is explored where it is slow */
#define PATIENT 4 /* how much more where there is something to be found */

/* Executions of broken code are left half-way, and so is their memory. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

/* The execution under way: its choices so far, after those it has to repeat. */
static struct {
    unsigned char taken, options;
} path[CHOICES];
static unsigned depth, at;

static bool at_random;
static uint64_t random_state;
static uint32_t switches; /* of 256 scheduling choices, how many are random */

unsigned choose(enum choice kind, unsigned options)
{
    if (options <= 1)
        return 0;
    if (at == CHOICES)
        model_fail("livelock: too many choices");
    if (at < depth) {
        if (path[at].options == 0) /* from the environment */
            path[at].options = (unsigned char)options;
        if (path[at].options != options) {
            fprintf(stderr, "model: an execution cannot be repeated: it depends on something "
                            "else than the choices\n");
            abort();
        }
    } else {
        unsigned taken = 0;
        if (at_random && (kind == CHOICE_VALUE || (weft__random(&random_state) & 255) < switches))
            taken = weft__random_below(&random_state, options);
        path[at].taken = (unsigned char)taken;
        path[at].options = (unsigned char)options;
        depth++;
    }
    return path[at++].taken;
}

/* Moves on to the next path, depth first; false: that was the last. */
static bool next_path(void)
{
    while (depth > 0 && path[depth - 1].taken + 1 == path[depth - 1].options)
        depth--;
    if (depth == 0)
        return false;
    path[depth - 1].taken++;
    return true;
}

static bool run(void)
{
    at = 0;
    return schedule_run();
}

static void exhaust(int bound, unsigned long limit, struct model_result *result)
{
    preemption_bound = bound;
    depth = 0;
    result->executions = 0;
    result->complete = false;
    do {
        if (result->executions == limit)
            return;
        result->executions++;
        if (!run()) {
            result->failed = true;
            return;
        }
    } while (next_path());
    result->complete = true;
    result->bound = bound;
}

/* First without preemptions, then with one, and so on: the simplest failure. */
static void exhaust_all(const struct model *model, unsigned long limit, struct model_result *result)
{
    int bound = model->preemptions ? model->preemptions : PREEMPTIONS;
    if (bound < 0) {
        exhaust(bound, limit, result);
        return;
    }
    result->complete = true;
    for (int b = 0; b <= bound && !result->failed && result->complete; b++)
        exhaust(b, limit, result);
}

static void sample(unsigned long times, struct model_result *result)
{
    random_state = test_random();
    at_random = true;
    preemption_bound = -1;
    for (unsigned long i = 0; i < times && !result->failed; i++) {
        depth = 0;
        switches = 256u >> (i % 5);
        result->failed = !run();
    }
    at_random = false;
}

/* Choices as digits of base 62, without the zeros at the end. */
static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* In front of them the bound, on which it depends what there is to choose. */
static void write_choices(char *string, size_t size)
{
    unsigned last = depth;
    while (last > 0 && path[last - 1].taken == 0)
        last--;
    if (last + 3 > size) { /* the seed has to do */
        snprintf(string, size, "too long");
        return;
    }
    *string++ = digits[preemption_bound + 1];
    *string++ = '.';
    for (unsigned i = 0; i < last; i++)
        *string++ = digits[path[i].taken];
    *string = '\0';
}

static unsigned value_of(char c)
{
    const char *digit = strchr(digits, c);
    return c && digit ? (unsigned)(digit - digits) : 0;
}

static void read_choices(const char *string)
{
    preemption_bound = (int)value_of(string[0]) - 1;
    string += string[0] && string[1] ? 2 : 0;
    for (depth = 0; string[depth] && depth < CHOICES; depth++) {
        path[depth].taken = (unsigned char)value_of(string[depth]);
        path[depth].options = 0;
    }
}

void model_replay(const struct model *model, const char *choices, struct model_result *ret_result)
{
    memset(ret_result, 0, sizeof *ret_result);
    read_choices(choices);
    schedule_create(model);
    tracing = true;
    ret_result->failed = !run();
    tracing = false;
    schedule_destroy();
    snprintf(ret_result->message, sizeof ret_result->message, "%s", failure);
    fprintf(stderr, "    %s\n", ret_result->failed ? failure : "no failure");
}

/* A checker is one thread, and goes the same ways everywhere: what a sanitizer or another
 * machine sees of it, it sees soon. */
static bool is_slow(void)
{
    return test_is_under("tsan") || test_is_under("asan") || test_is_under("qemu");
}

static unsigned long work(unsigned long executions)
{
    return test_work(is_slow() ? executions / LESS : executions);
}

static unsigned long limit_of(const struct model *model)
{
    return model->executions ? model->executions : EXECUTIONS;
}

static unsigned long samples_of(const struct model *model)
{
    return model->random ? model->random : RANDOM;
}

/* `limit`: of the exhaustive part; 0: none. `samples`: executions at random after it. */
static void explore(const struct model *model, unsigned long limit, unsigned long samples,
                    struct model_result *result)
{
    memset(result, 0, sizeof *result);
    result->bound = -1;
    schedule_create(model);
    if (limit)
        exhaust_all(model, limit, result);
    if (samples && !result->failed)
        sample(samples, result);
    schedule_destroy();
    if (!result->failed)
        return;
    snprintf(result->message, sizeof result->message, "%s", failure);
    write_choices(result->choices, sizeof result->choices);
}

void model_explore(const struct model *model, struct model_result *ret_result)
{
    explore(model, limit_of(model), 0, ret_result);
}

void model_check(const struct model *model)
{
    struct model_result result, again;
    const char *choices = getenv("WEFT_MODEL_REPLAY");
    bool random_only = getenv("WEFT_MODEL_RANDOM") != NULL;
    if (choices)
        model_replay(model, choices, &result);
    else
        explore(model, random_only ? 0 : work(limit_of(model)), work(samples_of(model)), &result);
    if (!result.failed) {
        if (!random_only)
            fprintf(stderr, "model: %lu executions%s; all with up to %d preemptions\n",
                    result.executions, result.complete ? "" : ", cut short", result.bound);
        return;
    }
    if (!choices) {
        fprintf(stderr, "model: %s\n  choices: %s\n  the execution:\n", result.message,
                result.choices);
        model_replay(model, result.choices, &again);
    }
    ck_abort_msg("%s", result.message);
}

void model_check_fails(const struct model *model, const char *text)
{
    struct model_result result;
    if (is_slow())
        test_skip("to find broken code takes long here, and says nothing new");
    /* As often as it takes, however little work is asked for: it ends at the first failure. */
    explore(model, PATIENT * limit_of(model), PATIENT * samples_of(model), &result);
    ck_assert_msg(result.failed, "the broken code passed %lu executions", result.executions);
    ck_assert_msg(strstr(result.message, text), "failed otherwise: %s", result.message);
}
