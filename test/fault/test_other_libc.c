/* A C library that lacks something, or has it elsewhere: there are no virtual
 * threads then, and there is a reason. */
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "vthreads.h"

static int calls, lacking, wrong;
static const char *victim;

void *__real_dlvsym(void *handle, const char *name, const char *version);
void *__wrap_dlvsym(void *handle, const char *name, const char *version);
void *__wrap_dlvsym(void *handle, const char *name, const char *version)
{
    static uint32_t altered[3];
    void *symbol = __real_dlvsym(handle, name, version);
    calls++;
    if (calls == lacking)
        return NULL;
    if (calls == wrong && strncmp(name, "_thread_db_", 11) == 0) {
        memcpy(altered, symbol, strncmp(name + 11, "sizeof", 6) ? 12 : 4);
        altered[strncmp(name + 11, "sizeof", 6) && !strstr(name, "_dtv") && !strstr(name, "_keys")
                    ? 2
                    : 0] += 16;
        victim = name;
        return altered;
    }
    return symbol;
}

/* How often the layout asks. */
static int count_calls(void)
{
    struct weft__layout layout;
    memset(&layout, 0, sizeof layout);
    const char *refusal = weft__layout_find(&layout);
    if (refusal)
        test_skip("%s", refusal);
    return calls;
}

TEST(each_missing_symbol_is_a_reason)
{
    int last = count_calls();
    ck_assert_int_gt(last, 12);
    for (int n = 1; n <= last; n++) {
        struct weft__layout layout;
        memset(&layout, 0, sizeof layout);
        calls = 0;
        lacking = n;
        const char *refusal = weft__layout_find(&layout);
        ck_assert_ptr_nonnull(refusal);
        ck_assert_ptr_nonnull(strstr(refusal, "libc has no "));
    }
}

TEST(each_field_that_lies_elsewhere_is_a_reason)
{
    int last = count_calls();
    for (int n = 1; n <= last; n++) {
        struct weft__layout layout;
        memset(&layout, 0, sizeof layout);
        calls = 0;
        wrong = n;
        victim = NULL;
        const char *refusal = weft__layout_find(&layout);
        /* A larger struct pthread is no contradiction, and may not be searched. */
        if (victim && !strstr(victim, "sizeof_pthread"))
            ck_assert_msg(refusal, "%s may lie elsewhere", victim);
    }
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

TEST(the_spawn_fails_and_light_tasks_run)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    lacking = 1;
    ck_assert_int_eq(weft_start(NULL), 0);
    ck_assert_int_eq(weft_spawn_with(&attr, nothing, NULL, &task), -ENOTSUP);
    ck_assert_ptr_nonnull(weft_virtual_thread_refusal());
    SPAWN(nothing, NULL, &task);
    JOIN(task, 0);
    ck_assert_int_eq(weft_stop(), 0);
}
