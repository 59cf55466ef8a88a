/* With WEFT_CHECK=1, instead of main(): says which names this process resolves to the
 * hook, and which objects it has loaded, and ends, on standard output. `weft exec --check`
 * reads it:
 *
 *     live NAME
 *     shadowed NAME BY-OBJECT
 *     missing NAME
 *     object PATH
 *     refused REASON
 *     plain REASON
 *     done */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/observe.h"
#include "hook/real.h"
#include "hook/thread.h"
#include "observe/text.h"
#include "weft.h"

static const int output = STDOUT_FILENO;

static void say(const char *word, const char *name, const char *more)
{
    struct weft__line line = { 0 };
    weft__line_string(&line, word);
    weft__line_string(&line, " ");
    weft__line_string(&line, name);
    if (more) {
        weft__line_string(&line, " ");
        weft__line_string(&line, more);
    }
    weft__line_write(&line, output);
}

/* As calls from the program and its libraries are bound: in the order of loading. */
static void check_name(void *own, const char *name)
{
    void *live = dlsym(RTLD_DEFAULT, name);
    Dl_info info;
    if (!live)
        say("missing", name, NULL);
    else if (live == dlsym(own, name))
        say("live", name, NULL);
    else
        say("shadowed", name, dladdr(live, &info) && *info.dli_fname ? info.dli_fname : "?");
}

static int say_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    if (*info->dlpi_name)
        say("object", info->dlpi_name, NULL);
    return 0;
}

static void check_names(void)
{
    Dl_info info;
    void *own = NULL;
    if (dladdr(&output, &info))
        own = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
    if (!own) {
        say("refused", "the loader does not find libweft-hook.so again", NULL);
        return;
    }
#define CHECK(name) check_name(own, #name);
    WEFT__CALLS(CHECK)
}

bool weft__check_asked(void)
{
    const char *asked = getenv("WEFT_CHECK");
    return asked && *asked;
}

void weft__self_check(void)
{
    if (!weft__check_asked())
        return;
    const char *refusal = weft_virtual_thread_refusal();
    if (refusal)
        say("refused", refusal, NULL);
    if (weft__hook_traces())
        say("plain", "it calls ptrace(): the kernel lets one OS thread trace, and no other", NULL);
    check_names();
    dl_iterate_phdr(say_object, NULL);
    say("done", "", NULL);
    _exit(0);
}
