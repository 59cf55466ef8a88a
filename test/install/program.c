/* What a user might write first. Compiled as C99, C11 and C++17. */
#include <stdio.h>
#include <weft.h>

static int total;

WEFT_TASK(add, int, a, int, b)
{
    (void)weft_yield();
    total += a * b;
    return 0;
}

static int count(void *arg)
{
    int *place = (int *)arg;
    *place += 1;
    return *place;
}

/* The words that the headers make of scopes and groups. */
static int groups(void)
{
    weft_group group = WEFT_GROUP_INIT;
    weft_scope scope;
    int place = 0;
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(1))) {
        WEFT_WITH_GROUP (&group, WEFT_NEVER)
            (void)weft_group_spawn(&group, count, &place);
        if (weft_sleep(WEFT_S(100)) < 0)
            break;
        return 0;
    }
    return weft_group_result(&group) == 0 && place == 1 && weft_scope_timed_out(&scope) &&
           weft_deadline() == WEFT_NEVER;
}

static int program(void *arg)
{
    weft_task *first, *second, *third;
    int result = 0;
    int place = 1;
    (void)arg;
    if (weft_spawn_args(&first, add, 2, 3) != 0 || weft_join(first, NULL) != 0)
        return 1;
    if (weft_spawn(count, &place, &second) != 0 || weft_join(second, &result) != 0)
        return 1;
    if (weft_spawn_args(&third, add, 4, 5) != 0 || weft_join(third, NULL) != 0)
        return 1;
    if (!groups())
        return 1;
    if (result != 2 || total != 26 || weft_sleep(WEFT_US(1)) != 0)
        return 1;
    printf("weft %s: 3 tasks\n", weft_version());
    return 0;
}

int main(void)
{
    return weft_run(NULL, program, NULL);
}
