/* A crowd of weft's tasks, in a program that is linked with the hook: virtual
 * threads when the environment says CROWD=virtual, else light tasks. */
#include <string.h>
#include <weft.h>

#include "crowd.h"

#define STACK (512u << 10) /* a TLS handshake goes deep */

struct program {
    int argc;
    char **argv;
};

static weft_attr attributes = { .name = "crowd" };

typedef void member_fn(size_t number);

WEFT_TASK(member, member_fn *, fn, size_t, number)
{
    fn(number);
    return 0;
}

void crowd_run(size_t count, void (*fn)(size_t number))
{
    weft_task **members = calloc(count, sizeof(weft_task *));
    MUST(members, "no memory");
    for (size_t i = 0; i < count; i++) {
        int rc = weft_spawn_args_with(&attributes, &members[i], member, fn, i);
        MUST(rc == 0, strerror(-rc));
    }
    for (size_t i = 0; i < count; i++)
        MUST(weft_join(members[i], NULL) == 0, "its task did not run");
    free(members);
}

static int run(void *arg)
{
    struct program *program = arg;
    return library(program->argc, program->argv);
}

static int first(void *arg)
{
    weft_task *task;
    int result, rc = weft_spawn_with(&attributes, run, arg, &task);
    MUST(rc == 0, strerror(-rc));
    MUST(weft_join(task, &result) == 0, "no memory");
    return result;
}

int main(int argc, char **argv)
{
    const char *kind = getenv("CROWD");
    struct program program = { argc, argv };
    weft_config config = { .stack_size = STACK };
    if (kind && strcmp(kind, "virtual") == 0)
        attributes.flags = WEFT_VIRTUAL_THREAD;
    return weft_run(&config, first, &program);
}
