#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static void panic(void *number)
{
    weft__panic("it is %d", *(int *)number);
}

TEST(a_panic_says_why_and_aborts)
{
    int number = 42;
    expect_death(panic, &number, SIGABRT, "weft: it is 42\n");
}

static void check(void *number)
{
    WEFT_CHECK(*(int *)number == 1);
}

TEST(a_check_aborts_only_when_it_fails)
{
    int number = 1;
    expect_death(check, &number, 0, NULL);
    number = 2;
    expect_death(check, &number, SIGABRT, "check failed: *(int *)number == 1");
}

static void panic_at_length(void *text)
{
    weft__panic("%s", (const char *)text);
}

TEST(a_long_message_is_cut)
{
    static char text[4000];
    memset(text, 'x', sizeof text - 1);
    expect_death(panic_at_length, text, SIGABRT, "xxxxxxxx\n");
}

#ifndef NDEBUG
static void invariant(void *unused)
{
    (void)unused;
    WEFT_ASSERT(1 + 1 == 3, "SUM-1");
}

TEST(a_broken_invariant_is_named)
{
    expect_death(invariant, NULL, SIGABRT, "invariant SUM-1 broken: 1 + 1 == 3");
}
#endif

static void context(void)
{
    fprintf(stderr, "more about it\n");
}

static void panic_with_context(void *unused)
{
    (void)unused;
    weft__panic_context = context;
    weft__panic("no");
}

TEST(a_panic_is_followed_by_its_context)
{
    expect_death(panic_with_context, NULL, SIGABRT, "weft: no\nmore about it\n");
}
