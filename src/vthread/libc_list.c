#include "vthread/libc_list.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "base/atomic.h"
#include "os/lock.h"
#include "os/memory.h"
#include "vthread/block.h"

#define STACK ((size_t)1 << 20) /* of which a thread that does nothing touches its end */
#define TRIES 100               /* others' threads may come in between */

/* As libc has it. */
struct link {
    _Atomic(struct link *) next;
    struct link *prev;
};

static struct weft__lock lock;
static pthread_t newer, older;

static struct link *link_of(char *self)
{
    return (struct link *)(void *)(self + weft__layout.list);
}

static struct link *link_of_thread(pthread_t thread)
{
    return link_of((char *)thread); /* LIST-1: libc finds it so, too */
}

static void *end(void *unused)
{
    return unused;
}

/* Guarded below, although nobody comes near: Valgrind would take it for one stack with memory
 * that it can read there, and others' stacks may lie in that. */
static char *map_stack(void)
{
    size_t page = weft__memory_page();
    char *stack = weft__memory_map(STACK, page, true);
    if (stack && weft__memory_guard(stack, page))
        return stack;
    if (stack)
        weft__memory_unmap(stack, STACK);
    return NULL;
}

static int start(pthread_t *ret_thread)
{
    char *stack = map_stack();
    pthread_attr_t attr;
    sigset_t all, before;
    if (!stack)
        return -1;
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack, STACK);
    sigfillset(&all); /* handlers run on the program's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(ret_thread, &attr, end, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc)
        weft__memory_unmap(stack, STACK);
    return rc;
}

static bool side_by_side(void)
{
    struct link *first = link_of_thread(newer), *second = link_of_thread(older);
    return weft__load(&first->next, acquire) == second && second->prev == first;
}

/* Again after a shortage: what there is stays. */
const char *weft__libc_list_open(void)
{
    for (int i = 0; i <= TRIES; i++) {
        pthread_t next;
        if (start(&next) != 0)
            return weft__no_thread;
        older = newer;
        newer = next;
        if (older && side_by_side())
            return NULL;
    }
    return "libc's list of threads has no place for others";
}

void weft__libc_list_close(void)
{
    if (newer)
        pthread_join(newer, NULL);
    if (older)
        pthread_join(older, NULL);
}

void weft__libc_list_add(char *self)
{
    struct link *link = link_of(self), *first = link_of_thread(newer);
    weft__lock_acquire(&lock);
    struct link *next = weft__load(&first->next, relaxed);
    link->prev = first;
    weft__store(&link->next, next, relaxed);
    next->prev = link;
    /* release: a walk of libc's reads what it has been led to after that */
    weft__store(&first->next, link, release);
    weft__lock_release(&lock);
}

void weft__libc_list_remove(char *self)
{
    struct link *link = link_of(self);
    weft__lock_acquire(&lock);
    struct link *next = weft__load(&link->next, relaxed);
    weft__store(&link->prev->next, next, release); /* as above */
    next->prev = link->prev;
    weft__lock_release(&lock);
}
