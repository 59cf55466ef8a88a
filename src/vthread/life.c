#include "vthread/life.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic.h"
#include "os/futex.h"
#include "vthread/block.h"
#include "vthread/tcb.h"

void weft__vthread_begin(void)
{
    errno = 0;
    h_errno = 0;
    uselocale(LC_GLOBAL_LOCALE);
    weft__layout.ctype_init();
}

static struct weft__key_value **key_blocks(void)
{
    return (void *)((char *)pthread_self() + weft__layout.blocks);
}

/* Returns whether a destructor ran, which may have set values anew. */
static bool destroy_values(struct weft__key_value *values, unsigned level)
{
    const struct weft__key *keys = &weft__layout.keys[level * WEFT__KEY_LEVEL];
    bool ran = false;
    for (unsigned i = 0; i < WEFT__KEY_LEVEL; i++) {
        void *value = values[i].value;
        if (!value)
            continue;
        values[i].value = NULL;
        void (*destroy)(void *) = keys[i].destroy; /* the key may go meanwhile */
        if (values[i].sequence == keys[i].sequence && destroy) {
            destroy(value);
            ran = true;
        }
    }
    return ran;
}

static void destroy_all_values(void)
{
    struct weft__key_value **blocks = key_blocks();
    unsigned levels = 0; /* that there are; most threads use the first, if any */
    bool ran = true;
    for (int round = 0; ran && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        ran = false;
        levels = 0;
        for (unsigned level = 0; level < WEFT__KEY_LEVEL; level++) {
            if (!blocks[level])
                continue;
            ran |= destroy_values(blocks[level], level);
            levels = level + 1;
        }
        if (ran)
            weft__layout.call_tls_dtors(); /* VT-6 */
    }
    if (ran) /* the last may have set others */
        levels = WEFT__KEY_LEVEL;
    for (unsigned level = 1; level < levels; level++) {
        free(blocks[level]);
        blocks[level] = NULL;
    }
}

/* As the kernel does for a thread that dies with robust mutexes locked. They may
 * be shared with other processes, so the wake is not private. */
static void abandon_mutexes(void)
{
    char *self = (char *)pthread_self();
    struct weft__robust_list *list = (void *)(self + weft__layout.robust);
    uint32_t tid = *(uint32_t *)(void *)(self + weft__layout.tid);
    void **link = list->first, **next;
    for (; link != (void **)list; link = next) {
        link = (void **)((uintptr_t)link & ~(uintptr_t)1); /* the mark of a PI mutex */
        next = *link;                                      /* the next owner changes it */
        _Atomic(uint32_t) *word = (void *)((char *)link + list->futex_offset);
        uint32_t value = weft__load(word, relaxed);
        if ((value & FUTEX_TID_MASK) != tid)
            continue;
        /* acq_rel: what was protected is the next owner's */
        while (!weft__cas(word, &value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, acq_rel,
                          relaxed)) {
        }
        if (value & FUTEX_WAITERS)
            syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

static void close_resolver(void)
{
    struct __res_state *state = (void *)((char *)pthread_self() + weft__layout.resolver);
    if (state->nscount == 0) /* as libc: never used */
        return;
    weft__layout.resolver_close(state);
    memset(state, 0, sizeof *state);
}

/* It may have been cancelled in the middle of binding a symbol: nobody waits for it. */
static void leave_scope(void)
{
    _Atomic(uint32_t) *scope = weft__tcb_scope((void *)pthread_self());
    /* release: what it has looked up was still there; pairs with libc's wait */
    if (weft__exchange(scope, WEFT__SCOPE_UNUSED, release) == WEFT__SCOPE_AWAITED)
        weft__futex_wake(scope, 1);
}

void weft__vthread_end(void)
{
    weft__layout.call_tls_dtors();
    destroy_all_values();
    abandon_mutexes();
    close_resolver();
    while (dlerror()) { /* tells once, then forgets */
    }
    leave_scope();
}
