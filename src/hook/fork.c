#include "hook/fork.h"

#include <pthread.h>
#include <unistd.h>

#include "arch/context.h"
#include "hook/real.h"
#include "sched/carrier.h"

bool weft__hook_forked;

static void in_child(void)
{
    weft__hook_forked = true;
    *weft__current_at(weft__context_thread_pointer()) = NULL;
}

__attribute__((constructor)) static void prepare(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

/* A vfork()ed child would forget descriptors in its parent's memory. */
WEFT__INTERPOSE pid_t vfork(void)
{
    return fork();
}

WEFT__INTERPOSE pid_t __vfork(void)
{
    return fork();
}
