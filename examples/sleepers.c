/* sleepers - ten tasks sleep for a second each, at the same time, on one worker: by
 * weft_sleep(), and by sleep(3), which knows nothing of tasks and blocks its thread. A task
 * that does so keeps the thread, and the others go on with another. */
#include <stdio.h>
#include <unistd.h>
#include <weft.h>

#define SLEEPERS 10

static int sleep_in_weft(void *arg)
{
    (void)arg;
    return weft_sleep(WEFT_S(1));
}

static int sleep_in_libc(void *arg)
{
    (void)arg;
    return sleep(1) == 0 ? 0 : -1;
}

static int run_ten(int (*sleeper)(void *arg), const char *name)
{
    weft_task *tasks[SLEEPERS];
    int64_t begin = weft_now();

    for (int i = 0; i < SLEEPERS; i++) {
        if (weft_spawn(sleeper, NULL, &tasks[i]) < 0)
            return 1;
    }
    for (int i = 0; i < SLEEPERS; i++)
        weft_join(tasks[i], NULL);
    printf("%d times %s for 1 s took %.0f s\n", SLEEPERS, name, (double)(weft_now() - begin) / 1e9);
    return 0;
}

static int run(void *arg)
{
    (void)arg;
    return run_ten(sleep_in_weft, "weft_sleep()") || run_ten(sleep_in_libc, "sleep()");
}

int main(void)
{
    weft_config config = { .workers = 1 };

    return weft_run(&config, run, NULL) == 0 ? 0 : 1;
}
