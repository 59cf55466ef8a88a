#include "vthread/block.h"

#include <errno.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/context.h"
#include "base/annotate.h"
#include "base/assert.h"
#include "vthread/libc_list.h"
#include "vthread/setxid.h"
#include "vthread/tcb.h"

/* Thread numbers: beyond what the kernel gives out, and such as a thread's CPU clock can
 * name (a negative clockid_t with three bits below); light tasks have theirs above
 * (hook/self.c). A block has a range of them to itself and uses it in turns, so no two
 * live threads ever have the same, and a dead one's comes back late. */
#define TID_FIRST 4194305u /* PID_MAX_LIMIT + 1 */
#define TID_LAST 0x0fffffffu
#define TIDS_EACH 64u
#define SLOTS ((TID_LAST - TID_FIRST + 1) / TIDS_EACH)

/* From one slot to the next of a process: the golden section of them all, so that steps
 * from one process's first slot come near another's late (doc/design/vthreads.md). Has no
 * divisor in common with SLOTS: a process meets each of them once. */
#define STRIDE 2551719u

#define RETIRED_AT_ONCE 4 /* piles; some 2 ms each */

/* As linux/rseq.h has it. */
struct rseq_area {
    uint32_t cpu_id_start, cpu_id;
    uint64_t critical_section;
    uint32_t flags, node_id, mm_cid;
};
#define RSEQ_REGISTRATION_FAILED ((uint32_t)-2)

struct weft__layout weft__layout;

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER; /* for what follows */
static bool prepared;
static const char *refusal;
static _Atomic(bool) decided; /* `refusal` is constant */

static struct weft__pool descriptors;
static struct weft__depot depot;
static struct weft__lock lock;        /* for what follows */
static struct weft__magazine flushed; /* from magazines that were not full */
static uint32_t slots;                /* how many have been given out */
static uint32_t first_slot;           /* the process's number */
static _Atomic(size_t) count;

/* In each virtual thread's block: whose it is. */
static _Thread_local struct weft__block *own __attribute__((tls_model("initial-exec")));

/* And the thread pointer of the OS thread that runs it, or ran it last. */
static _Thread_local void *home __attribute__((tls_model("initial-exec")));
ptrdiff_t weft__block_home;

static struct weft__block **own_at(char *tp)
{
    char *here = weft__context_thread_pointer();
    return (struct weft__block **)(void *)(tp + ((char *)&own - here));
}

struct weft__block *weft__block_at(void *tp)
{
    return *own_at(tp);
}

size_t weft__blocks_count(void)
{
    return weft__load(&count, relaxed);
}

/* What a thread begins with besides its modules' TLS. */
static void fill(struct weft__block *block)
{
    const struct weft__layout *layout = &weft__layout;
    char *self = weft__block_self(block);
    weft__tcb_fill(block->tp, self, weft__context_thread_pointer());
    *weft__block_tid(block) = TID_FIRST + (block->slot - 1) * TIDS_EACH + block->uses++ % TIDS_EACH;
    *(uint32_t *)(void *)(self + layout->cancel) = 0;

    struct weft__key_value **blocks = (void *)(self + layout->blocks);
    blocks[0] = (void *)(self + layout->values);
    memset(blocks[0], 0, WEFT__KEY_LEVEL * sizeof *blocks[0]);

    struct weft__robust_list *robust = (void *)(self + layout->robust);
    *robust = (struct weft__robust_list){ robust, layout->futex_offset, NULL, { NULL, NULL } };
    ((void **)robust)[-1] = robust;

    *(void **)(void *)(block->tp + layout->resolver_pointer) = self + layout->resolver;
    if (layout->rseq)
        *(struct rseq_area *)(void *)(block->tp + layout->rseq) =
            (struct rseq_area){ .cpu_id = RSEQ_REGISTRATION_FAILED };
    *own_at(block->tp) = block;
}

/* malloc() does not clear: libc expects struct pthread to be, but for the dtv. */
static void clear(char *tp)
{
    char *self = tp + weft__layout.self;
    union weft__dtv **place = (void *)(self + weft__layout.dtv), *dtv = *place;
    memset(self, 0, weft__layout.size);
    *place = dtv;
}

static bool number(struct weft__block *block)
{
    if (block->slot)
        return true;
    weft__lock_acquire(&lock);
    if (slots == 0)
        first_slot = (uint32_t)getpid();
    if (slots < SLOTS)
        block->slot = 1 + (uint32_t)((first_slot + (uint64_t)slots++ * STRIDE) % SLOTS);
    weft__lock_release(&lock);
    return block->slot;
}

static struct weft__block *create(void)
{
    struct weft__block *block = weft__pool_take(&descriptors, NULL);
    if (!block)
        return NULL;
    block->tp = number(block) ? weft__layout.allocate(NULL) : NULL;
    if (!block->tp) {
        weft__pool_give(&descriptors, NULL, block);
        return NULL;
    }
    clear(block->tp);
    fill(block);
    weft__add(&count, 1, relaxed);
    return block;
}

static union weft__dtv *dtv_of(const struct weft__block *block)
{
    return *(union weft__dtv **)(void *)(weft__block_self(block) + weft__layout.dtv);
}

/* VT-4: as for a thread on one of nptl's cached stacks, but libc's own part stays,
 * which holds malloc's cache and arena. */
static void renew(struct weft__block *block)
{
    char kept[WEFT__LIBC_TLS_MAX], *libc = block->tp + weft__layout.libc;
    union weft__dtv *dtv = dtv_of(block);
    memset(dtv, 0, (dtv[-1].number + 1) * sizeof *dtv);
    memcpy(kept, libc, weft__layout.libc_size);
    weft__layout.initialise(block->tp, true);
    memcpy(libc, kept, weft__layout.libc_size);
    fill(block);
}

static struct weft__block *of_link(struct weft__free *link)
{
    return weft__container_of(link, struct weft__block, link);
}

/* Initialised once more after libc can find it: LIST-2. */
static struct weft__block *make(void)
{
    struct weft__block *block = create();
    if (!block)
        return NULL;
    weft__libc_list_add(weft__block_self(block));
    renew(block);
    return block;
}

static struct weft__free *take_flushed(void)
{
    weft__lock_acquire(&lock);
    struct weft__free *link = weft__magazine_take(&flushed, &depot);
    weft__lock_release(&lock);
    return link;
}

struct weft__block *weft__block_take(struct weft__magazine *magazine)
{
    struct weft__free *link = weft__magazine_take(magazine, &depot);
    if (weft__unlikely(!link))
        link = take_flushed();
    if (weft__unlikely(!link))
        return make();
    struct weft__block *block = of_link(link);
    renew(block);
    return block;
}

void weft__block_give(struct weft__magazine *magazine, struct weft__block *block)
{
    union weft__dtv *dtv = dtv_of(block);
    for (size_t i = 1; i <= dtv[-1].number; i++) {
        free(dtv[i].to_free); /* loaded libraries' thread-locals */
        dtv[i].to_free = NULL;
    }
    weft__magazine_give(magazine, &depot, &block->link);
}

void weft__block_unlist(struct weft__block *block)
{
    weft__libc_list_remove(weft__block_self(block));
}

void weft__block_set_stack(struct weft__block *block, void *low, size_t size, size_t guard)
{
    *(struct weft__stack_fields *)(void *)(weft__block_self(block) + weft__layout.stack) =
        (struct weft__stack_fields){ low, size, guard, guard };
}

void weft__blocks_flush(struct weft__magazine *magazine)
{
    struct weft__free *link;
    if (magazine->spare)
        weft__depot_push(&depot, magazine->spare);
    magazine->spare = NULL;
    weft__lock_acquire(&lock);
    while ((link = magazine->pile)) {
        magazine->pile = link->next;
        weft__magazine_give(&flushed, &depot, link);
    }
    weft__lock_release(&lock);
    magazine->count = 0;
}

/* VT-5: a real thread takes what the block's last thread left in libc's part, as
 * if it were its own, and dies of it. */
static void *inherit(void *arg)
{
    struct weft__block *block = arg;
    char *tp = weft__context_thread_pointer();
    void **resolver = (void *)(tp + weft__layout.resolver_pointer), *state = *resolver;
    memcpy(tp + weft__layout.libc, block->tp + weft__layout.libc, weft__layout.libc_size);
    *resolver = state;
    return NULL;
}

static void unmake(struct weft__block *block)
{
    weft__layout.deallocate(block->tp, true);
    block->tp = NULL;
    weft__add(&count, (size_t)-1, relaxed);
    weft__pool_give(&descriptors, NULL, block);
}

static bool retire(struct weft__block *block)
{
    sigset_t all, before;
    pthread_t heir;
    weft__libc_list_remove(weft__block_self(block)); /* LIST-3: and then a thread is made */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&heir, NULL, inherit, block);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        weft__libc_list_add(weft__block_self(block)); /* whoever takes it initialises it */
        return false;
    }
    pthread_join(heir, NULL);
    unmake(block);
    return true;
}

static void retire_pile(struct weft__free *pile)
{
    for (struct weft__free *next; pile; pile = next) {
        struct weft__block *block = of_link(pile);
        next = pile->next;
        if (retire(block))
            continue;
        weft__lock_acquire(&lock);
        weft__magazine_give(&flushed, &depot, &block->link);
        weft__lock_release(&lock);
    }
}

bool weft__blocks_trim(void)
{
    size_t surplus = weft__depot_surplus(&depot), piles = (surplus + 1) / 2;
    if (piles > RETIRED_AT_ONCE)
        piles = RETIRED_AT_ONCE;
    for (; piles > 0; piles--) {
        struct weft__free *pile = weft__depot_pop(&depot);
        if (!pile)
            break;
        retire_pile(pile);
    }
    return surplus > 0;
}

/* Kept blocks are found by pointers into their middle, which looks like a leak. */
__attribute__((destructor)) static void unmake_all(void)
{
    if (!weft__annotate_on_valgrind())
        return;
    for (struct weft__free *link; (link = take_flushed());) {
        weft__libc_list_remove(weft__block_self(of_link(link)));
        unmake(of_link(link));
    }
    weft__libc_list_close();
}

/* A block that was made as any other, seen by libc: it has to find the stack. */
static const char *try_block(void)
{
    struct weft__block *block = create();
    if (!block)
        return weft__no_memory;
    char *const stack = (char *)block; /* any address will do */
    pthread_attr_t attr;
    void *low = NULL;
    size_t size = 0;
    weft__block_set_stack(block, stack, 3 << 20, 1 << 20);
    uint32_t tid = *weft__block_tid(block);
    *weft__block_tid(block) = (uint32_t)syscall(SYS_gettid);
    int rc = pthread_getattr_np((pthread_t)(uintptr_t)weft__block_self(block), &attr);
    *weft__block_tid(block) = tid;
    if (rc == 0) {
        pthread_attr_getstack(&attr, &low, &size);
        pthread_attr_destroy(&attr);
    }
    unmake(block); /* nobody has run on it: nothing to inherit */
    if (rc == ENOMEM)
        return weft__no_memory;
    return rc == 0 && low == stack + (1 << 20) && size == 2 << 20
               ? NULL
               : "pthread_getattr_np() does not find the stack of a block of ours";
}

static const char *look(void)
{
    const char *found = weft__layout_find(&weft__layout);
    if (!found)
        found = try_block();
    if (!found)
        found = weft__libc_list_open();
    return found ? found : weft__setxid_adopt(&home);
}

/* -ENOTSUP is for good, a shortage is not. */
static int error_of(const char *found)
{
    if (!found)
        return 0;
    if (found == weft__no_memory)
        return -ENOMEM;
    return found == weft__no_thread || found == weft__no_key ? -EAGAIN : -ENOTSUP;
}

static void prepare(void)
{
    if (prepared)
        return;
    weft__pool_init(&descriptors, sizeof(struct weft__block));
    weft__context_choose_write();
    weft__block_home = (char *)&home - (char *)weft__context_thread_pointer();
    prepared = true;
}

static WEFT_NOINLINE const char *decide(void)
{
    pthread_mutex_lock(&looking);
    if (!weft__load(&decided, relaxed)) {
        prepare();
        refusal = look();
        int rc = error_of(refusal);
        /* release: pairs with the acquire in weft__vthread_find() */
        weft__store(&decided, rc == 0 || rc == -ENOTSUP, release);
    }
    const char *found = refusal;
    pthread_mutex_unlock(&looking);
    return found;
}

int weft__vthread_find(const char **ret_refusal)
{
    /* acquire: what was found, or why nothing was */
    *ret_refusal = weft__likely(weft__load(&decided, acquire)) ? refusal : decide();
    return error_of(*ret_refusal);
}
