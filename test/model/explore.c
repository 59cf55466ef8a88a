#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine.h"
#include "suite.h"

#define CHOICES 20000
#define PREEMPTIONS 2
#define EXECUTIONS 400000
#define RANDOM 2000

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

static void exhaust(const struct model *model, int bound, struct model_result *result)
{
    unsigned long limit = model->executions ? model->executions : EXECUTIONS;
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
}

/* First without preemptions, then with one, and so on: the simplest failure. */
static void exhaust_all(const struct model *model, struct model_result *result)
{
    int bound = model->preemptions ? model->preemptions : PREEMPTIONS;
    if (bound < 0) {
        exhaust(model, bound, result);
        return;
    }
    for (int b = 0; b <= bound && !result->failed; b++)
        exhaust(model, b, result);
}

static void sample(const struct model *model, struct model_result *result)
{
    unsigned long times = test_work(model->random ? model->random : RANDOM);
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
static void print_choices(void)
{
    unsigned last = depth;
    fprintf(stderr, "%c.", digits[preemption_bound + 1]);
    while (last > 0 && path[last - 1].taken == 0)
        last--;
    for (unsigned i = 0; i < last; i++)
        fputc(digits[path[i].taken], stderr);
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

/* Runs the path once more, telling all; the threads' stacks are new. */
static bool tell(const struct model *model)
{
    schedule_create(model);
    tracing = true;
    bool fine = run();
    tracing = false;
    fprintf(stderr, "    %s\n", fine ? "no failure" : failure);
    schedule_destroy();
    return fine;
}

static void explore(const struct model *model, bool exhaustive, bool randomly,
                    struct model_result *result)
{
    memset(result, 0, sizeof *result);
    schedule_create(model);
    if (exhaustive)
        exhaust_all(model, result);
    if (randomly && !result->failed)
        sample(model, result);
    schedule_destroy();
    if (result->failed)
        snprintf(result->message, sizeof result->message, "%s", failure);
}

void model_explore(const struct model *model, struct model_result *ret_result)
{
    explore(model, true, false, ret_result);
}

static void replay(const struct model *model)
{
    read_choices(getenv("WEFT_MODEL_REPLAY"));
    if (!tell(model))
        ck_abort_msg("%s", failure);
}

void model_check(const struct model *model)
{
    if (getenv("WEFT_MODEL_REPLAY")) {
        replay(model);
        return;
    }
    struct model_result result;
    bool random_only = getenv("WEFT_MODEL_RANDOM") != NULL;
    explore(model, !random_only, true, &result);
    if (!result.failed) {
        if (!random_only)
            fprintf(stderr, "model: %lu executions%s\n", result.executions,
                    result.complete ? "" : ", cut short");
        return;
    }
    fprintf(stderr, "model: %s\n  choices: ", result.message);
    print_choices();
    fprintf(stderr, "\n  the execution:\n");
    tell(model);
    ck_abort_msg("%s", result.message);
}

void model_check_fails(const struct model *model, const char *text)
{
    struct model_result result;
    if (getenv("WEFT_MODEL_REPLAY"))
        return;
    explore(model, true, true, &result);
    ck_assert_msg(result.failed, "the broken code passed %lu executions", result.executions);
    ck_assert_msg(strstr(result.message, text), "failed otherwise: %s", result.message);
}
