/* Where the preloaded objects are, and how a program is told that they are wanted:
 * by its environment. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* From the folder of this executable: as built, and as installed. */
static const char *const folders[] = { "../../src", WEFT_LIBRARIES };

/* NULL: not there. */
static char *beside(const char *own, const char *name)
{
    char candidate[2 * PATH_MAX];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(candidate, sizeof candidate, "%s/%s/%s", own, folders[i], name);
        char *path = realpath(candidate, NULL);
        if (path)
            return path;
    }
    return NULL;
}

static int check(const char *path, const char *name)
{
    if (!path)
        return tool_fail(TOOL_FAILED, "%s is not where it belongs beside this tool", name);
    if (access(path, R_OK) != 0)
        return tool_fail(TOOL_FAILED, "%s: %s", path, strerror(errno));
    if (strpbrk(path, ": "))
        return tool_fail(TOOL_FAILED, "%s: LD_PRELOAD cannot hold a path with a space or colon",
                         path);
    return 0;
}

int hook_find(struct hook *hook)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length < 0)
        return tool_fail(TOOL_FAILED, "/proc/self/exe: %s", strerror(errno));
    own[length] = 0;
    const char *folder = dirname(own);
    hook->path = beside(folder, "libweft-hook.so");
    hook->meter = beside(folder, "libweft-meter.so");
    int rc = check(hook->path, "libweft-hook.so");
    if (rc == 0 && (hook->stats || hook->trace))
        rc = check(hook->meter, "libweft-meter.so");
    return rc;
}

static bool is_ours(const struct hook *hook, const char *name, size_t size)
{
    const char *const ours[] = { hook->path, hook->meter };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        if (ours[i] && strlen(ours[i]) == size && memcmp(ours[i], name, size) == 0)
            return true;
    }
    return false;
}

/* The meter is first: it counts, and goes on to the hook. Then what was there before, without
 * those two: a program under weft may run weft. */
static char *preloads(const struct hook *hook)
{
    bool metered = hook->stats || hook->trace;
    const char *at = getenv("LD_PRELOAD");
    char *list;
    size_t size;
    FILE *stream = open_memstream(&list, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "%s%s%s", metered ? hook->meter : "", metered ? ":" : "", hook->path);
    for (at = at ? at : ""; *at; at += strspn(at, ": ")) {
        size_t length = strcspn(at, ": ");
        if (length && !is_ours(hook, at, length))
            fprintf(stream, ":%.*s", (int)length, at);
        at += length;
    }
    return fclose(stream) == 0 ? list : NULL;
}

int hook_environment(const struct hook *hook)
{
    char *list = preloads(hook);
    bool ok = list && setenv("LD_PRELOAD", list, 1) == 0 && setenv("WEFT_EXEC", "1", 1) == 0 &&
              (!hook->stats || setenv("WEFT_STATS", "1", 1) == 0) &&
              (!hook->trace || setenv("WEFT_TRACE_CALLS", "1", 1) == 0);
    free(list);
    return ok ? 0 : tool_fail(TOOL_FAILED, "%s", strerror(ENOMEM));
}
