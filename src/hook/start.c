/* Starting: the program's main() becomes the first virtual thread. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/observe.h"
#include "hook/real.h"
#include "hook/thread.h"
#include "os/thread_state.h"
#include "weft.h"

static struct {
    weft__main_fn *main;
    int argc;
    char **argv, **envp;
} program;

/* As `weft exec` says; else, when the object was linked or preloaded by hand, for
 * programs that have not heard of weft: others start a runtime of their own. */
static bool is_asked_for(void)
{
    const char *exec = getenv("WEFT_EXEC");
    if (exec && *exec)
        return strcmp(exec, "0") != 0;
    void *library = dlopen("libweft.so.0", RTLD_NOLOAD | RTLD_LAZY);
    if (library)
        dlclose(library);
    return !library;
}

bool weft__hook_wanted(void)
{
    return is_asked_for() && !weft__hook_traces();
}

static void *run_main(void *rank)
{
    weft__thread_self()->rank = *(struct weft__rank *)rank;
    exit(program.main(program.argc, program.argv, program.envp));
}

/* Stacks as large as the program's own attributes would make them. */
static size_t stack_size(void)
{
    pthread_attr_t attr;
    size_t size = 0;
    if (pthread_getattr_default_np(&attr) == 0) {
        pthread_attr_getstacksize(&attr, &size);
        pthread_attr_destroy(&attr);
    }
    return weft__thread_stack(size);
}

static void on_carrier(enum weft_carrier_event event, unsigned carrier, void *unused)
{
    (void)carrier;
    (void)unused;
    if (event != WEFT_CARRIER_START)
        return;
    weft__signals_carrier();
    weft__thread_state_prepare();
}

/* What libc would load when the first thread exits. With an allocator that waits, the thread
 * that loads it may be suspended with the loader's lock held, and all carriers, and the
 * monitor that is to make another one, wait for that in libc. */
static void load_the_unwinder(void)
{
    void *frame;
    backtrace(&frame, 1);
}

/* Instead of main(), which libc calls on the initial thread, after all
 * constructors. */
static int start(int argc, char **argv, char **envp)
{
    weft_config config = { .flags = WEFT_NO_CRASH_REPORT,
                           .stack_size = stack_size(),
                           .on_carrier = on_carrier };
    struct weft__rank rank;
    program.argc = argc;
    program.argv = argv;
    program.envp = envp;
    weft__self_check();
    weft__observe_start();
    const char *refusal = weft_virtual_thread_refusal();
    weft__signals_set_up();
    load_the_unwinder();
    weft__rank_start(&rank);
    int rc = refusal ? -ENOTSUP : weft_start(&config);
    if (rc == 0)
        rc = weft__thread_main(run_main, &rank);
    fprintf(stderr, "weft: cannot start: %s\n", refusal ? refusal : strerror(-rc));
    _exit(125);
}

WEFT__INTERPOSE int __libc_start_main(weft__main_fn *main, int argc, char **argv,
                                      void (*init)(void), void (*fini)(void),
                                      void (*rtld_fini)(void), void *stack_end)
{
    program.main = main;
    if (weft__check_asked() || weft__hook_wanted())
        main = start;
    else if (is_asked_for())
        setenv("WEFT_EXEC", "0", 1); /* for those that it traces: tracer.c */
    return weft__real___libc_start_main(main, argc, argv, init, fini, rtld_fini, stack_end);
}
