#include "vthread/layout.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/context.h"
#include "base/annotate.h"
#include "os/memory.h"
#include "vthread/tcb.h"

const char weft__no_thread[] = "there was no thread to look at";
const char weft__no_key[] = "there was no key for thread-specific data";
const char weft__no_memory[] = "there was no memory to look with";

#undef p_type /* <resolv.h>'s; <link.h> has a field of that name */

/* Ends the caller with a reason unless `condition` holds. */
#define NEED(condition, reason) \
    do { \
        if (!(condition)) \
            return reason; \
    } while (0)

static void *find(const char *name)
{
#ifdef __GLIBC__
    return dlvsym(RTLD_DEFAULT, name, "GLIBC_PRIVATE");
#else
    (void)name;
    return NULL;
#endif
}

#define NEED_SYMBOL(place, name) \
    do { \
        void *symbol_ = find(name); \
        NEED(symbol_, "libc has no " name " (static program, or not glibc)"); \
        memcpy(&(place), &symbol_, sizeof symbol_); \
    } while (0)

/* A debugger's description of a field: bits, count, offset. */
#define NEED_FIELD(place, field, size_) \
    do { \
        const uint32_t *field_; \
        NEED_SYMBOL(field_, "_thread_db_" field); \
        NEED(field_[0] == (size_)*8, "libc's " field " is of another size"); \
        (place) = field_[2]; \
    } while (0)

/* The first word of `name` describes how large something is. */
#define NEED_SIZE(name, size_) \
    do { \
        const uint32_t *found_; \
        NEED_SYMBOL(found_, "_thread_db_" name); \
        NEED(*found_ == (size_), "libc's " name " is of another size"); \
    } while (0)

/* Sanitizers keep a thread's state in thread-locals of their own, and know its
 * stack by its OS thread. */
static const char *find_obstacles(void)
{
#if defined(WEFT__TSAN) || defined(WEFT__ASAN)
    return "the library was built with a sanitizer";
#else
    NEED(!dlsym(RTLD_DEFAULT, "__asan_init") && !dlsym(RTLD_DEFAULT, "__tsan_init") &&
             !dlsym(RTLD_DEFAULT, "__msan_init"),
         "the program runs under a sanitizer");
    return NULL;
#endif
}

static const char *find_functions(struct weft__layout *layout)
{
    NEED_SYMBOL(layout->ctype_init, "__ctype_init");
    NEED_SYMBOL(layout->allocate, "_dl_allocate_tls");
    NEED_SYMBOL(layout->initialise, "_dl_allocate_tls_init");
    NEED_SYMBOL(layout->deallocate, "_dl_deallocate_tls");
    NEED_SYMBOL(layout->call_tls_dtors, "__call_tls_dtors");
    NEED_SYMBOL(layout->keys, "__pthread_keys");
    void *symbol = dlsym(RTLD_DEFAULT, "__res_nclose");
    NEED(symbol, "libc has no __res_nclose");
    memcpy(&layout->resolver_close, &symbol, sizeof symbol);
    return NULL;
}

static const char *find_fields(struct weft__layout *layout)
{
    const uint32_t *size;
    NEED_SYMBOL(size, "_thread_db_sizeof_pthread");
    layout->size = *size;
    NEED_FIELD(layout->dtv, "pthread_dtvp", sizeof(void *));
    NEED_FIELD(layout->list, "pthread_list", 2 * sizeof(void *));
    NEED_FIELD(layout->tid, "pthread_tid", sizeof(uint32_t));
    NEED_FIELD(layout->cancel, "pthread_cancelhandling", sizeof(uint32_t));
    NEED_FIELD(layout->blocks, "pthread_specific", WEFT__KEY_LEVEL * sizeof(void *));
    NEED_SIZE("dtv_dtv", 8 * sizeof(union weft__dtv));
    NEED_SIZE("__pthread_keys", 8 * sizeof(struct weft__key));
    NEED_SIZE("sizeof_pthread_key_data", sizeof(struct weft__key_value));
    NEED_SIZE("sizeof_pthread_key_data_level2", WEFT__KEY_LEVEL * sizeof(struct weft__key_value));
    NEED(layout->blocks + WEFT__KEY_LEVEL * sizeof(void *) <= layout->size &&
             layout->blocks >= WEFT__KEY_LEVEL * sizeof(struct weft__key_value),
         "libc's pthread_specific lies elsewhere");
    layout->values = layout->blocks - WEFT__KEY_LEVEL * sizeof(struct weft__key_value);
    return NULL;
}

/* The module that contains `code`, and the calling thread's copy of its TLS. */
struct module {
    uintptr_t code;
    char *tls;
    size_t id, size;
};

static int is_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct module *module = arg;
    bool contains = false;
    size_t tls_size = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && module->code - start < header->p_memsz)
            contains = true;
        if (header->p_type == PT_TLS)
            tls_size = header->p_memsz;
    }
    if (!contains)
        return 0;
    module->tls = info->dlpi_tls_data;
    module->id = info->dlpi_tls_modid;
    module->size = tls_size;
    return 1;
}

static struct module libc_module(const struct weft__layout *layout)
{
    struct module module = { .code = (uintptr_t)layout->ctype_init };
    dl_iterate_phdr(is_module, &module);
    return module;
}

static const char *find_libc(struct weft__layout *layout)
{
    struct module libc = libc_module(layout);
    NEED(libc.tls, "libc has no thread-locals");
    NEED(libc.size <= WEFT__LIBC_TLS_MAX, "libc has more thread-locals than expected");
    NEED((char *)&errno - libc.tls >= 0 && (size_t)((char *)&errno - libc.tls) < libc.size,
         "errno is not where libc's thread-locals are");
    layout->libc = libc.tls - (char *)weft__context_thread_pointer();
    layout->libc_size = libc.size;
    return NULL;
}

/* What follows runs on a real thread that has just begun. */
struct probe {
    struct weft__layout *layout;
    const void *model; /* the thread pointer of the one that asks */
    size_t guard;      /* of the probe's stack */
    char *self, *tp;
    const char *refusal;
};

static const char *probe_head(struct probe *probe)
{
    struct weft__layout *layout = probe->layout;
    layout->self = probe->self - probe->tp;
    NEED(weft__tcb_valid(probe->tp, probe->self, probe->model),
         "the head of a thread's block is not as expected");
    NEED(*(uint32_t *)(probe->self + layout->tid) == (uint32_t)syscall(SYS_gettid),
         "a thread's number is not in its pthread_tid");
    NEED(*(uint32_t *)(probe->self + layout->cancel) == 0, "a thread begins as cancelled");
    return NULL;
}

/* The thread is the newest, so before it comes the list's head. Others may come
 * and go meanwhile, under a lock that is not ours. */
static const char *probe_list(struct probe *probe)
{
    void *volatile *link = (void *)(probe->self + probe->layout->list);
    for (int tries = 0; tries < 1000; tries++) {
        void *volatile *before = link[1];
        if (before && *before == (void *)link)
            return NULL;
    }
    return "a thread is not in libc's list where expected";
}

static const char *probe_modules(struct probe *probe)
{
    struct weft__layout *layout = probe->layout;
    struct module libc = libc_module(layout);
    union weft__dtv *dtv = *(union weft__dtv **)(probe->self + layout->dtv);
    NEED(libc.tls == probe->tp + layout->libc && libc.size == layout->libc_size,
         "libc's thread-locals are not at the same place in all threads");
    NEED(dtv && dtv[-1].number >= libc.id && dtv[-1].number < 1u << 20 &&
             dtv[libc.id].address == libc.tls && !dtv[libc.id].to_free,
         "a thread's table of modules is not as expected");
    return NULL;
}

/* The head of the robust list is alone and points to itself, from both sides. The
 * kernel, unless it is qemu, confirms. */
static const char *probe_robust(struct probe *probe)
{
    struct weft__layout *layout = probe->layout;
    size_t at = (layout->tid + sizeof(uint32_t) + 7) / 8 * 8 + sizeof(void *);
    struct weft__robust_list *list = (void *)(probe->self + at);
    NEED(list->first == list && ((void **)list)[-1] == list && !list->pending &&
             list->futex_offset < 0 && -list->futex_offset < (long)sizeof(pthread_mutex_t),
         "a thread's list of robust mutexes is not as expected");
    void *kernels;
    size_t size;
    NEED(syscall(SYS_get_robust_list, 0, &kernels, &size) < 0 || kernels == list,
         "the kernel has another list of robust mutexes");
    NEED(at + sizeof *list == layout->cancel, "the cleanup handlers are not where expected");
    layout->robust = at;
    layout->futex_offset = list->futex_offset;
    return NULL;
}

static void destroy_nothing(void *value)
{
    (void)value;
}

static const char *check_key(struct probe *probe, pthread_key_t key)
{
    const struct weft__layout *layout = probe->layout;
    struct weft__key_value **blocks = (void *)(probe->self + layout->blocks);
    NEED((char *)blocks[0] == probe->self + layout->values,
         "a thread's first block of specific data is not as expected");
    NEED(pthread_setspecific(key, probe) == 0, weft__no_memory);
    struct weft__key_value *value = &blocks[key / WEFT__KEY_LEVEL][key % WEFT__KEY_LEVEL];
    NEED(value->value == probe && value->sequence == layout->keys[key].sequence &&
             layout->keys[key].destroy == destroy_nothing,
         "thread-specific data is not where expected");
    pthread_setspecific(key, NULL);
    return NULL;
}

static const char *probe_keys(struct probe *probe)
{
    pthread_key_t key;
    NEED(pthread_key_create(&key, destroy_nothing) == 0, weft__no_key);
    const char *refusal = check_key(probe, key);
    pthread_key_delete(key);
    return refusal;
}

/* Four words in a row that say what pthread_getattr_np() says. */
static const char *probe_stack(struct probe *probe)
{
    struct weft__layout *layout = probe->layout;
    pthread_attr_t attr;
    void *low;
    size_t size, guard;
    int rc = pthread_getattr_np(pthread_self(), &attr);
    NEED(rc != ENOMEM, weft__no_memory);
    NEED(rc == 0, "pthread_getattr_np() fails");
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_getguardsize(&attr, &guard);
    pthread_attr_destroy(&attr);
    NEED(guard == probe->guard, "a thread's guard is not what was asked for");
    char *end = (char *)low + size; /* where libc puts the block */
    NEED(probe->self >= (char *)low && probe->self <= end - layout->size,
         "a thread's block is not on its stack, or larger than expected");
    size_t at = 0, found = 0;
    for (; at + sizeof(struct weft__stack_fields) <= layout->size; at += sizeof(void *)) {
        struct weft__stack_fields *fields = (void *)(probe->self + at);
        if (fields->reported_guard == guard && fields->guard == guard &&
            fields->size - guard == size && (char *)fields->low + guard == low) {
            layout->stack = at;
            found++;
        }
    }
    NEED(found == 1, "a thread's stack is not to be found in its block");
    return NULL;
}

/* Of libc's thread-locals only the resolver's pointer leads into the thread's own
 * block: weft__block_retire() relies on that. */
static const char *probe_resolver(struct probe *probe)
{
    struct weft__layout *layout = probe->layout;
    char *state = (char *)__res_state();
    NEED(state > probe->self && state + sizeof(struct __res_state) <= probe->self + layout->size,
         "the resolver's state is not in the thread's block");
    layout->resolver = (size_t)(state - probe->self);
    size_t found = 0;
    for (size_t at = 0; at + sizeof(void *) <= layout->libc_size; at += sizeof(void *)) {
        char *word = *(char **)(probe->tp + layout->libc + at);
        if (word < probe->self || word >= probe->self + layout->size)
            continue;
        NEED(word == state, "libc's thread-locals lead into the thread's block");
        layout->resolver_pointer = layout->libc + (ptrdiff_t)at;
        found++;
    }
    NEED(found == 1, "the resolver's state is not where libc looks for it");
    return NULL;
}

/* The area lies in the block, and tells this thread's CPU or that it cannot. */
static const char *probe_rseq(struct probe *probe)
{
    struct weft__layout *layout = probe->layout;
    const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset"); /* glibc 2.35 */
    layout->rseq = offset ? *offset : 0;
    if (layout->rseq == 0)
        return NULL;
    const uint32_t *cpu = (void *)(probe->tp + layout->rseq + sizeof(uint32_t));
    int32_t number = (int32_t) * (volatile const uint32_t *)cpu;
    NEED(number >= -2 && number < 1 << 20, "the rseq area is not where __rseq_offset says");
    return NULL;
}

static void *probe_main(void *arg)
{
    static const char *(*const probes[])(struct probe *) = {
        probe_head, probe_list,  probe_modules,  probe_robust,
        probe_keys, probe_stack, probe_resolver, probe_rseq,
    };
    struct probe *probe = arg;
    probe->self = (char *)pthread_self();
    probe->tp = weft__context_thread_pointer();
    for (size_t i = 0; i < sizeof probes / sizeof *probes && !probe->refusal; i++)
        probe->refusal = probes[i](probe);
    return NULL;
}

/* On a stack of an unlikely size, with a guard of an unlikely one: above 64 KiB,
 * which is the least that aarch64's libc installs, whatever it reports. */
static const char *probe_thread(struct weft__layout *layout)
{
    size_t page = weft__memory_page();
    struct probe probe = { .layout = layout,
                           .model = weft__context_thread_pointer(),
                           .guard = ((size_t)64 << 10) + 3 * page };
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, ((size_t)256 << 10) + 7 * page);
    pthread_attr_setguardsize(&attr, probe.guard);
    sigfillset(&all); /* handlers run on the program's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, &attr, probe_main, &probe);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    NEED(rc == 0, weft__no_thread);
    pthread_join(thread, NULL);
    return probe.refusal;
}

const char *weft__layout_find(struct weft__layout *layout)
{
    const char *refusal = find_obstacles();
    if (!refusal)
        refusal = find_functions(layout);
    if (!refusal)
        refusal = find_fields(layout);
    if (!refusal)
        refusal = find_libc(layout);
    return refusal ? refusal : probe_thread(layout);
}
