/* Tasks on many workers that share a counter, which is plain data: in a strand, or, with the
 * argument `without`, in none. Built with TSan, which has to report the second and must not
 * report the first: so it knows a strand by its atomics, and is not blind to tasks. */
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define TASKS 1000
#define ROUNDS 20

static int counter;

static int increment(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        counter++;
        weft_yield();
    }
    return 0;
}

static int increment_all(void *strand)
{
    weft_group group;
    weft_attr attr = { .strand = strand };
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < TASKS; i++)
        weft_group_spawn_with(&group, &attr, increment, NULL);
    return weft_group_leave(&group);
}

int main(int argc, char **argv)
{
    weft_config config = { .workers = 8 };
    weft_strand *strand;
    bool without = argc > 1 && strcmp(argv[1], "without") == 0;
    if (weft_strand_create(&strand) < 0 ||
        weft_run(&config, increment_all, without ? NULL : strand) < 0)
        return 1;
    weft_strand_destroy(strand);
    printf("%d of %d\n", counter, TASKS * ROUNDS);
    return !without && counter != TASKS * ROUNDS;
}
