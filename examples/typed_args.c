/* typed_args - spawning with several arguments, checked as a call's would be. */
#include <stdint.h>
#include <stdio.h>
#include <weft.h>

struct point {
    double x, y;
};

/* One to six parameters of any type, whole structures too. The task owns the
 * copies; what pointers point to stays the caller's. */
WEFT_TASK(scale, struct point, point, double, factor, struct point *, ret_point)
{
    ret_point->x = point.x * factor;
    ret_point->y = point.y * factor;
    return 0;
}

WEFT_TASK(sum, int8_t, a, uint16_t, b, long, c, float, d, const char *, e, int *, f)
{
    return a + b + (int)c + (int)d + e[0] - '0' + *f;
}

WEFT_TASK(once, int, number)
{
    return number;
}

static int run(void *arg)
{
    struct point point = { 1.5, -2 };
    struct point scaled;
    weft_task *tasks[3];
    weft_attr attr = { .name = "adder", .stack_size = 64 * 1024 };
    int six = 6;
    int results[3];

    (void)arg;
    if (weft_spawn_args(&tasks[0], scale, point, 2, &scaled) < 0 ||
        weft_spawn_args_with(&attr, &tasks[1], sum, 1, 2, 3, 4.5F, "5", &six) < 0 ||
        weft_spawn_args(&tasks[2], once, 42) < 0)
        return 1;
    point.x = 0; /* the task has its copy */
    for (int i = 0; i < 3; i++)
        weft_join(tasks[i], &results[i]);
    printf("scaled to %.1f, %.1f\n", scaled.x, scaled.y);
    printf("1 + 2 + 3 + 4 + 5 + 6 = %d\n", results[1]);
    printf("the answer is %d\n", results[2]);
    return 0;
}

int main(void)
{
    return weft_run(NULL, run, NULL) == 0 ? 0 : 1;
}
