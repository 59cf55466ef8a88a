#include "vthread/setxid.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/context.h"

#define SIGSETXID 33 /* glibc's second signal for itself; its sigaction() refuses it */

/* As the kernel has it. */
struct kernel_action {
    void (*handler)(int number, siginfo_t *info, void *context);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

static struct kernel_action libcs;
static ptrdiff_t home_at;

static void on_setxid(int number, siginfo_t *info, void *context)
{
    char *tp = weft__context_thread_pointer();
    void *home = *(void **)(void *)(tp + home_at);
    if (home)
        weft__context_set_thread_pointer(home);
    libcs.handler(number, info, context);
    if (home)
        weft__context_set_thread_pointer(tp);
}

static int action(const struct kernel_action *new, struct kernel_action *old)
{
    return (int)syscall(SYS_rt_sigaction, SIGSETXID, new, old, sizeof new->mask);
}

const char *weft__setxid_adopt(void *const *home)
{
    home_at = (const char *)home - (char *)weft__context_thread_pointer();
    struct kernel_action ours;
    if (action(NULL, &ours) < 0 || (uintptr_t)ours.handler <= (uintptr_t)SIG_IGN)
        return "glibc has no handler for its own signal 33";
    if (ours.handler == on_setxid)
        return NULL;
    libcs = ours;
    ours.handler = on_setxid;
    return action(&ours, NULL) < 0 ? "the handler of glibc's own signal 33 cannot be replaced"
                                   : NULL;
}
