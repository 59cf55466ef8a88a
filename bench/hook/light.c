/* calls in a light task of a program that is linked with the hook. */
#include <stdlib.h>
#include <weft.h>

int bench_main(int argc, char **argv);

static struct {
    int argc;
    char **argv;
} arguments;

static int run(void *unused)
{
    exit(bench_main(arguments.argc, arguments.argv)); /* its other thread does not end */
    return unused != NULL;
}

int main(int argc, char **argv)
{
    weft_config config = { .workers = 1 };
    arguments.argc = argc;
    arguments.argv = argv;
    return weft_run(&config, run, NULL);
}
