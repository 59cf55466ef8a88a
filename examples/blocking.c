/* blocking - library calls that block a thread, on threads that are there for it.
 *
 * Nine calls of 30 ms that hang, three at a time, and meanwhile files are read and the task
 * goes on; one call is given up before it begins, and one that has begun is left alone. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <weft.h>

#define LOOK_UPS 9

/* What a library does that knows nothing of weft. */
static int ask_server(void *milliseconds)
{
    struct timespec pause = { .tv_nsec = 1000000 * (long)(intptr_t)milliseconds };

    nanosleep(&pause, NULL);
    return 42;
}

static int count_lines(void *path)
{
    FILE *file = fopen(path, "r");
    int lines = 0;

    if (!file)
        return -errno;
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

/* The calls of a kind hold up one another, and no others. */
static void read_while_servers_hang(void)
{
    weft_blocking_attr servers = { 0 }, files = { .kind = weft_blocking_files() };
    weft_future *futures[LOOK_UPS];
    int lines, sum = 0;

    if (weft_blocking_kind_create(3, 0, &servers.kind) < 0)
        return;
    for (int i = 0; i < LOOK_UPS; i++)
        if (weft_blocking_submit_with(&servers, ask_server, (void *)30, &futures[i]) < 0)
            return;
    if (weft_blocking_with(&files, count_lines, "/proc/self/stat", &lines) == 0)
        printf("a file was read: %d line\n", lines);
    for (int i = 0; i < LOOK_UPS; i++) {
        intptr_t answer = 0;

        weft_future_wait(futures[i], &answer);
        weft_future_release(futures[i]);
        sum += (int)answer;
    }
    printf("all have answered: %d\n", sum);
    weft_blocking_kind_destroy(servers.kind);
}

static atomic_int cleaned_up;

static void clean_up(void *arg, int result)
{
    (void)arg;
    (void)result;
    atomic_store(&cleaned_up, 1);
}

/* A deadline: the call cannot be stopped, but nobody need wait for it. */
static void leave_one_alone(void)
{
    weft_blocking_attr attr = { .flags = WEFT_BLOCKING_ABANDON, .abandoned = clean_up };
    weft_scope scope;
    int rc = 0;

    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(5)))
        rc = weft_blocking_with(&attr, ask_server, (void *)500, NULL);
    printf("after 5 ms: %s\n", strerror(-rc));
    while (!atomic_load(&cleaned_up))
        weft_sleep(WEFT_MS(1));
    printf("when it had ended it was cleaned up after\n");
}

static int run(void *arg)
{
    (void)arg;
    read_while_servers_hang();
    leave_one_alone();
    return 0;
}

int main(void)
{
    return weft_run(NULL, run, NULL);
}
