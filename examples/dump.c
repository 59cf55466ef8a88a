/* dump - see what the tasks of a running program are doing.
 *
 * weft_dump() writes a line per task. Numbers and times differ from run to run,
 * so this prints only which of our tasks it finds, by name; with -v all of it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

static int reader(void *arg)
{
    const int *fd = arg;
    char byte;

    return (int)weft_read(*fd, &byte, 1);
}

static int sleeper(void *arg)
{
    (void)arg;
    return weft_sleep(WEFT_S(1));
}

static void print_found(const char *dump, const char *name)
{
    printf("%s: %s\n", name, strstr(dump, name) ? "found" : "missing");
}

/* Dumps into a pipe and reads what came. */
static void look(void)
{
    static char text[16384];
    size_t size = 0;
    ssize_t count;
    int ends[2];
    int tasks;

    if (pipe(ends) < 0)
        return;
    tasks = weft_dump(ends[1]);
    close(ends[1]);
    while ((count = read(ends[0], text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)count;
    close(ends[0]);
    text[size] = '\0';

    printf("%d tasks\n", tasks);
    print_found(text, "reader");
    print_found(text, "sleeper");
    print_found(text, "dump.c");
    print_found(text, "somebody else");
}

static int run(void *arg)
{
    const bool *verbose = arg;
    weft_task *tasks[2];
    int ends[2];

    if (pipe(ends) < 0 || weft_spawn(reader, &ends[0], &tasks[0]) < 0 ||
        weft_spawn(sleeper, NULL, &tasks[1]) < 0)
        return 1;
    weft_sleep(WEFT_MS(50)); /* let them get to where they wait */
    if (*verbose)
        weft_dump(STDOUT_FILENO);
    else
        look();
    weft_close(ends[1]); /* the reader reads the end */
    weft_join(tasks[0], NULL);
    weft_join(tasks[1], NULL);
    return weft_close(ends[0]);
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;

    return weft_run(NULL, run, &verbose) == 0 ? 0 : 1;
}
