#include "vthread/libc_list.h"

#include <sched.h>
#include <stdatomic.h>

#include "os/futex.h"
#include "vthread/tcb.h"
#include "vthreads.h"

static struct weft__magazine magazine;

static void **link_of(const char *self)
{
    return (void **)(uintptr_t)(self + weft__layout.list);
}

/* Whether libc, going on from one thread, comes by another. */
static bool leads_to(const char *from, const char *to)
{
    void **at = link_of(from);
    for (int hops = 0; hops < 100000; hops++) {
        at = *at;
        if (at == link_of(to))
            return true;
        if (at == link_of(from))
            break;
    }
    return false;
}

TEST(libc_comes_by_blocks_between_threads_of_its_own)
{
    need_virtual_threads();
    enum { SOME = 10 };
    struct weft__block *blocks[SOME];
    const char *self = (const char *)pthread_self();
    for (int i = 0; i < SOME; i++)
        blocks[i] = weft__block_take(&magazine);
    for (int i = 0; i < SOME; i++) {
        ck_assert(leads_to(self, weft__block_self(blocks[i])));
        ck_assert(leads_to(weft__block_self(blocks[i]), self));
    }
    weft__block_unlist(blocks[3]);
    ck_assert(!leads_to(self, weft__block_self(blocks[3])));
    ck_assert(leads_to(self, weft__block_self(blocks[2])));
    ck_assert(leads_to(self, weft__block_self(blocks[4])));
    weft__libc_list_add(weft__block_self(blocks[3]));
    ck_assert(leads_to(self, weft__block_self(blocks[3])));
    for (int i = 0; i < SOME; i++)
        weft__block_give(&magazine, blocks[i]);
    weft__blocks_flush(&magazine);
}

/* On a block, by its own thread pointer. */
static int word_on(struct weft__block *block, int *(*word)(void))
{
    void *tp = weft__context_thread_pointer();
    weft__context_set_thread_pointer(block->tp);
    int value = *word();
    weft__context_set_thread_pointer(tp);
    return value;
}

static void *open_module(void)
{
    void *module = dlopen(STATIC_TLS_MODULE, RTLD_NOW);
    if (!module)
        ck_abort_msg("%s", dlerror());
    return module;
}

TEST(a_library_s_static_thread_locals_are_in_blocks_that_were_there)
{
    need_virtual_threads();
    enum { SOME = 10 };
    struct weft__block *blocks[SOME];
    for (int i = 0; i < SOME; i++)
        blocks[i] = weft__block_take(&magazine);
    void *module = open_module();
    int *(*given)(void), *(*zeroed)(void);
    *(void **)&given = dlsym(module, "static_tls_given");
    *(void **)&zeroed = dlsym(module, "static_tls_zeroed");
    for (int i = 0; i < SOME; i++) {
        ck_assert_int_eq(word_on(blocks[i], given), 7);
        ck_assert_int_eq(word_on(blocks[i], zeroed), 0);
        weft__block_give(&magazine, blocks[i]);
    }
    struct weft__block *again = weft__block_take(&magazine);
    ck_assert_int_eq(word_on(again, given), 7);
    weft__block_give(&magazine, again);
    weft__blocks_flush(&magazine);
    dlclose(module);
}

static int load_and_find(void *unused)
{
    (void)unused;
    void *module = open_module();
    int (*found)(void);
    *(void **)&found = dlsym(module, "static_tls_found");
    int result = found();
    dlclose(module);
    return result;
}

static int load_on_a_virtual_thread(void *unused)
{
    return on_virtual_thread(load_and_find, unused);
}

TEST(constructors_find_them_in_the_thread_that_loads_the_library)
{
    need_virtual_threads();
    ck_assert_int_eq(run_tasks(1, load_on_a_virtual_thread, NULL), 1);
}

static void set_on(struct weft__block *block, int *(*word)(void), int value)
{
    void *tp = weft__context_thread_pointer();
    weft__context_set_thread_pointer(block->tp);
    *word() = value;
    weft__context_set_thread_pointer(tp);
}

TEST(and_in_other_namespaces_and_when_a_block_is_taken_again)
{
    need_virtual_threads();
    struct weft__block *block = weft__block_take(&magazine);
    void *module = dlmopen(LM_ID_NEWLM, STATIC_TLS_MODULE, RTLD_NOW);
    if (!module)
        ck_abort_msg("%s", dlerror());
    int *(*given)(void), *(*zeroed)(void);
    *(void **)&given = dlsym(module, "static_tls_given");
    *(void **)&zeroed = dlsym(module, "static_tls_zeroed");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(word_on(block, given), 7);
        ck_assert_int_eq(word_on(block, zeroed), 0);
        set_on(block, given, 100);
        set_on(block, zeroed, 100);
        weft__block_give(&magazine, block);
        ck_assert_ptr_eq(weft__block_take(&magazine), block);
    }
    weft__block_give(&magazine, block);
    weft__blocks_flush(&magazine);
}

static void *unload(void *module)
{
    dlclose(module);
    return module;
}

TEST(a_library_is_unloaded_when_no_thread_is_binding_a_symbol)
{
    need_virtual_threads();
    struct weft__block *block = weft__block_take(&magazine);
    _Atomic(uint32_t) *scope = weft__tcb_scope(weft__block_self(block));
    void *module = dlopen(STATIC_TLS_MODULE, RTLD_NOW | RTLD_GLOBAL);
    pthread_t unloader;
    ck_assert_ptr_nonnull(module);
    atomic_store(scope, WEFT__SCOPE_USED);
    ck_assert_int_eq(pthread_create(&unloader, NULL, unload, module), 0);
    while (atomic_load(scope) != WEFT__SCOPE_AWAITED)
        sched_yield();
    atomic_store(scope, WEFT__SCOPE_UNUSED);
    weft__futex_wake(scope, 1);
    pthread_join(unloader, NULL);
    weft__block_give(&magazine, block);
    weft__blocks_flush(&magazine);
}

static int leave_scope_used(void *unused)
{
    (void)unused;
    atomic_store(weft__tcb_scope((void *)pthread_self()), WEFT__SCOPE_USED);
    return 0;
}

static int end_in_the_middle_of_binding(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) /* the second binds nothing on its way */
        on_virtual_thread(leave_scope_used, NULL);
    void *module = dlopen(STATIC_TLS_MODULE, RTLD_NOW | RTLD_GLOBAL);
    return dlclose(module); /* waits for nobody */
}

TEST(nobody_waits_for_a_thread_that_ended_while_binding)
{
    need_virtual_threads();
    ck_assert_int_eq(run_tasks(1, end_in_the_middle_of_binding, NULL), 0);
}

static atomic_bool stop;

static void *load_all_the_time(void *unused)
{
    while (!stop)
        dlclose(open_module());
    return unused;
}

/* LIST-3: blocks are freed under a walk. */
TEST(libraries_come_and_go_while_blocks_do, .timeout = 300)
{
    need_virtual_threads();
    enum { MANY = 300 };
    static struct weft__block *blocks[MANY];
    pthread_t loader;
    pthread_create(&loader, NULL, load_all_the_time, NULL);
    for (uint64_t round = 0; round < test_work(40); round++) {
        for (int i = 0; i < MANY; i++)
            blocks[i] = weft__block_take(&magazine);
        for (int i = 0; i < MANY; i++)
            weft__block_give(&magazine, blocks[i]);
        weft__blocks_flush(&magazine);
        for (int i = 0; i < 4; i++)
            weft__blocks_trim();
    }
    stop = true;
    pthread_join(loader, NULL);
}
