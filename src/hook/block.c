#include "hook/block.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/context.h"
#include "base/atomic.h"
#include "os/lock.h"

#define FIRST_TID 0x400000u  /* beyond the kernel's, which end at 2^22, */
#define LAST_TID 0x1fffffffu /* inside the lower half of FUTEX_TID_MASK */
#define KEPT 1024

/* struct pthread_key_data and struct pthread_key_struct of libc. */
struct datum {
    uintptr_t sequence;
    void *value;
};

struct key {
    uintptr_t sequence;
    void (*destructor)(void *value);
};

#define LEVEL 32 /* data in a level of specific data, and levels */

static void *(*allocate_tls)(void *block);
static void (*deallocate_tls)(void *block, bool free_tcb);
static void *(*init_tls)(void *block, bool again);
static void (*init_ctype)(void);
static void (*call_tls_dtors)(void);
static struct key *keys;
static size_t pthread_size, tid_at, specific_at, robust_at;
static ptrdiff_t rseq_at;

/* libc's own thread-locals: malloc's cache, and pointers set by start_thread(). */
static ptrdiff_t libc_at;
static size_t libc_size;

static _Atomic(uint32_t) next_tid = FIRST_TID;

static struct weft__lock kept_lock;
static void *kept[KEPT];
static unsigned kept_count;

static void *private_symbol(const char *name)
{
    return dlvsym(RTLD_DEFAULT, name, "GLIBC_PRIVATE");
}

/* libc exports where fields are for debuggers: { bits, count, offset }. */
static bool field(const char *name, size_t *ret_offset)
{
    const uint32_t *description = private_symbol(name);
    if (description)
        *ret_offset = description[2];
    return description != NULL;
}

static int find_libc(struct dl_phdr_info *info, size_t size, void *tp)
{
    (void)size;
    if (!strstr(info->dlpi_name, "/libc.so.6") || !info->dlpi_tls_data)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            libc_size = info->dlpi_phdr[i].p_memsz;
    }
    libc_at = (char *)info->dlpi_tls_data - (char *)tp;
    return 1;
}

bool weft__block_setup(void)
{
    char *self = weft__context_thread_pointer();
    allocate_tls = private_symbol("_dl_allocate_tls");
    deallocate_tls = private_symbol("_dl_deallocate_tls");
    init_tls = private_symbol("_dl_allocate_tls_init");
    init_ctype = private_symbol("__ctype_init");
    call_tls_dtors = private_symbol("__call_tls_dtors");
    keys = private_symbol("__pthread_keys");
    const uint32_t *size = private_symbol("_thread_db_sizeof_pthread");
    const ptrdiff_t *rseq = dlsym(RTLD_DEFAULT, "__rseq_offset");
    rseq_at = rseq ? *rseq : 0;
    void *robust;
    size_t robust_size;
    if (!allocate_tls || !deallocate_tls || !init_tls || !init_ctype || !call_tls_dtors || !keys ||
        !size || !field("_thread_db_pthread_tid", &tid_at) ||
        !field("_thread_db_pthread_specific", &specific_at) ||
        syscall(SYS_get_robust_list, 0, &robust, &robust_size) != 0 ||
        !dl_iterate_phdr(find_libc, self)) {
        fprintf(stderr, "weft: this C library's threads are not laid out as expected\n");
        return false;
    }
    pthread_size = *size;
    robust_at = (size_t)((char *)robust - self);
    if (*(int *)(self + tid_at) != (int)syscall(SYS_gettid) || robust_at >= pthread_size) {
        fprintf(stderr, "weft: this C library's threads are not laid out as expected\n");
        return false;
    }
    return true;
}

static uint32_t new_tid(void)
{
    uint32_t tid = weft__add(&next_tid, 1, relaxed);
    return FIRST_TID + (tid - FIRST_TID) % (LAST_TID - FIRST_TID);
}

/* struct pthread of a thread that has not run. x86_64. */
static void fill_in(char *block)
{
    char *self = weft__context_thread_pointer();
    *(void **)block = block;
    *(void **)(block + 0x10) = block;
    *(int *)(block + 0x18) = 1;                            /* multiple_threads */
    memcpy(block + 0x28, self + 0x28, 2 * sizeof(void *)); /* stack and pointer guards */
    *(uint32_t *)(block + tid_at) = new_tid();
    void **specific = (void **)(block + specific_at);
    specific[0] = (char *)specific - LEVEL * sizeof(struct datum);
    *(void **)(block + robust_at) = block + robust_at;
    *(void **)(block + robust_at - sizeof(void *)) = block + robust_at;
    *(long *)(block + robust_at + sizeof(void *)) = *(long *)(self + robust_at + sizeof(void *));
    if (rseq_at)
        *(int *)(block + rseq_at + 4) = -1; /* cpu_id: not registered */
}

/* As libc does with a stack from its cache, but for libc's own thread-locals:
 * malloc's cache stays with the block. */
static void renew(char *block)
{
    struct {
        void *value, *to_free;
    } *dtv = *(void **)(block + 8);
    size_t count = (size_t)dtv[-1].value;
    for (size_t i = 1; i <= count; i++)
        free(dtv[i].to_free);
    memset(dtv, 0, (count + 1) * sizeof *dtv);
    memset(block, 0, pthread_size);
    *(void **)(block + 8) = dtv;
    char own[libc_size];
    memcpy(own, block + libc_at, libc_size);
    init_tls(block, true);
    memcpy(block + libc_at, own, libc_size);
}

static void *take_kept(void)
{
    weft__lock_acquire(&kept_lock);
    void *block = kept_count ? kept[--kept_count] : NULL;
    weft__lock_release(&kept_lock);
    return block;
}

void *weft__block_create(void)
{
    char *block = take_kept();
    if (block)
        renew(block);
    else
        block = allocate_tls(NULL);
    if (block)
        fill_in(block);
    return block;
}

void weft__block_destroy(void *block)
{
    weft__lock_acquire(&kept_lock);
    bool keep = kept_count < KEPT;
    if (keep)
        kept[kept_count++] = block;
    weft__lock_release(&kept_lock);
    if (!keep)
        deallocate_tls(block, true);
}

uint32_t weft__block_tid(const void *block)
{
    return *(const uint32_t *)((const char *)block + tid_at);
}

void weft__block_begin(void)
{
    init_ctype();
}

/* One round; a destructor may set data again. */
static bool destroy_data(void **specific)
{
    bool some = false;
    for (size_t level = 0; level < LEVEL; level++) {
        struct datum *data = specific[level];
        for (size_t i = 0; data && i < LEVEL; i++) {
            struct key *key = &keys[level * LEVEL + i];
            void *value = data[i].value;
            data[i].value = NULL;
            if (!value || data[i].sequence != key->sequence || !key->destructor)
                continue;
            key->destructor(value);
            some = true;
        }
    }
    return some;
}

void weft__block_end(void)
{
    void **specific = (void **)((char *)weft__context_thread_pointer() + specific_at);
    call_tls_dtors();
    for (int round = 0; round < _POSIX_THREAD_DESTRUCTOR_ITERATIONS; round++) {
        if (!destroy_data(specific))
            break;
    }
    for (size_t level = 1; level < LEVEL; level++) {
        free(specific[level]);
        specific[level] = NULL;
    }
}

void weft__block_settle(void *block)
{
    char *at = block;
    *(int *)(at + tid_at) = (int)syscall(SYS_set_tid_address, at + tid_at);
    syscall(SYS_set_robust_list, at + robust_at, 3 * sizeof(void *));
}

void *weft__block_at(void *block, const void *here)
{
    return (char *)block + ((const char *)here - (char *)weft__context_thread_pointer());
}
