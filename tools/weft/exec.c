/* weft exec: the hook is preloaded, and told that it is wanted, by environment. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Failures that are ours and not the program's, as env(1) and nohup(1) have them. */
#define FAILED 125
#define CANNOT_RUN 126
#define NOT_FOUND 127

/* From the folder of this executable: as built, and as installed. */
static const char *const places[] = { "../../src/libweft-hook.so", WEFT_HOOK_INSTALLED };

static bool find_hook(char path[PATH_MAX])
{
    char own[PATH_MAX], candidate[2 * PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length < 0)
        return false;
    own[length] = 0;
    const char *folder = dirname(own);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(candidate, sizeof candidate, "%s/%s", folder, places[i]);
        if (realpath(candidate, path))
            return true;
    }
    return false;
}

static bool preload(const char *hook)
{
    const char *before = getenv("LD_PRELOAD");
    if (!before || !*before)
        return setenv("LD_PRELOAD", hook, 1) == 0;
    size_t size = strlen(hook) + strlen(before) + 2;
    char *both = malloc(size);
    if (!both)
        return false;
    snprintf(both, size, "%s:%s", hook, before);
    bool ok = setenv("LD_PRELOAD", both, 1) == 0;
    free(both);
    return ok;
}

/* Returns the first argument that is not an option; NULL: a wrong one. */
static char **options(char **at)
{
    for (; *at && (*at)[0] == '-'; at++) {
        if (strcmp(*at, "--") == 0)
            return at + 1;
        if (strcmp(*at, "--stats") == 0) {
            setenv("WEFT_STATS", "1", 1);
        } else if (strncmp(*at, "--workers=", 10) == 0) {
            setenv("WEFT_WORKERS", *at + 10, 1);
        } else if (strcmp(*at, "--workers") == 0 && at[1]) {
            setenv("WEFT_WORKERS", *++at, 1);
        } else {
            fprintf(stderr, "weft exec: unknown option %s\n", *at);
            return NULL;
        }
    }
    return at;
}

int tool_exec(char **arguments)
{
    char hook[PATH_MAX];
    char **program = options(arguments);
    if (!program || !*program) {
        if (program)
            fprintf(stderr, "weft exec: no program given\n");
        return FAILED;
    }
    if (!find_hook(hook)) {
        fprintf(stderr, "weft exec: libweft-hook.so is not where it should be\n");
        return FAILED;
    }
    if (setenv("WEFT_EXEC", "1", 1) != 0 || !preload(hook)) {
        perror("weft exec");
        return FAILED;
    }
    execvp(*program, program);
    fprintf(stderr, "weft exec: %s: %s\n", *program, strerror(errno));
    return errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
}
