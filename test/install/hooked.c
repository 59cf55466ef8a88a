/* Light tasks that call libc's sleep: with the hook they suspend, on one worker. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>
#include <weft.h>

static int nap(void *unused)
{
    (void)unused;
    return usleep(200000);
}

static int program(void *unused)
{
    weft_task *first, *second;
    int64_t begin = weft_now();
    (void)unused;
    if (weft_spawn(nap, NULL, &first) != 0 || weft_spawn(nap, NULL, &second) != 0)
        return 1;
    weft_join(first, NULL);
    weft_join(second, NULL);
    puts(weft_now() - begin < WEFT_MS(390) ? "both slept at once" : "one after the other");
    return 0;
}

int main(void)
{
    weft_config config = { .workers = 1 };
    return weft_run(&config, program, NULL);
}
