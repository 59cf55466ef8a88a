/* sleepers - ten tasks sleep for a second each, at the same time, on one worker. */
#include <stdio.h>
#include <weft.h>

#define SLEEPERS 10

static int sleeper(void *arg)
{
    (void)arg;
    return weft_sleep(WEFT_S(1));
}

static int run(void *arg)
{
    weft_task *tasks[SLEEPERS];
    int64_t begin = weft_now();

    (void)arg;
    for (int i = 0; i < SLEEPERS; i++) {
        if (weft_spawn(sleeper, NULL, &tasks[i]) < 0)
            return 1;
    }
    for (int i = 0; i < SLEEPERS; i++)
        weft_join(tasks[i], NULL);
    printf("%d sleeps of 1 s took %.0f s\n", SLEEPERS, (double)(weft_now() - begin) / 1e9);
    return 0;
}

int main(void)
{
    weft_config config = { .workers = 1 };

    return weft_run(&config, run, NULL) == 0 ? 0 : 1;
}
