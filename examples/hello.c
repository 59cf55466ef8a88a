/* hello - spawn tasks with arguments of any type, join them, take their results. */
#include <stdio.h>
#include <weft.h>

WEFT_TASK(greet, const char *, name, int64_t, patience, char *, ret_text)
{
    weft_sleep(patience); /* blocks this task, and no thread */
    return sprintf(ret_text, "hello, %s", name);
}

static int run(void *arg)
{
    const char *names[] = { "warp", "weft", "world" };
    weft_task *tasks[3];
    char texts[3][32];

    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (weft_spawn_args(&tasks[i], greet, names[i], WEFT_MS(10), texts[i]) < 0)
            return 1;
    }
    for (int i = 0; i < 3; i++) {
        int length;

        weft_join(tasks[i], &length);
        printf("%s (%d characters)\n", texts[i], length);
    }
    return 0;
}

int main(void)
{
    return weft_run(NULL, run, NULL) == 0 ? 0 : 1;
}
