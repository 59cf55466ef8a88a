/* vthreads.h - virtual threads for tests. */
#ifndef WEFT_TEST_VTHREADS_H
#define WEFT_TEST_VTHREADS_H

#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/context.h"
#include "suite.h"
#include "tasks.h"
#include "vthread/block.h"

static inline void need_virtual_threads(void)
{
    const char *refusal = weft_virtual_thread_refusal();
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    ck_assert_ptr_nonnull(refusal);
#endif
    if (refusal)
        test_skip("%s", refusal);
}

#define SPAWN_VIRTUAL(fn, arg, ret_task) \
    do { \
        weft_attr attr_ = { .flags = WEFT_VIRTUAL_THREAD }; \
        ck_assert_int_eq(weft_spawn_with(&attr_, fn, arg, ret_task), 0); \
    } while (0)

/* Runs fn(arg) on a virtual thread and returns its result. Called by a task. */
static inline int on_virtual_thread(int (*fn)(void *arg), void *arg)
{
    weft_task *task;
    int result;
    SPAWN_VIRTUAL(fn, arg, &task);
    ck_assert_int_eq(weft_join(task, &result), 0);
    return result;
}

static inline struct weft__block *own_block(void)
{
    return weft__block_at(weft__context_thread_pointer());
}

/* pthread_getattr_np() asks the kernel about the thread's number, which it does
 * not know: for the length of the call the thread has its carrier's. */
static inline int virtual_thread_stack(void **ret_low, size_t *ret_size)
{
    struct weft__block *block = own_block();
    pthread_attr_t attr;
    uint32_t tid = *weft__block_tid(block);
    *weft__block_tid(block) = (uint32_t)syscall(SYS_gettid);
    int rc = pthread_getattr_np(pthread_self(), &attr);
    *weft__block_tid(block) = tid;
    if (rc == 0) {
        pthread_attr_getstack(&attr, ret_low, ret_size);
        pthread_attr_destroy(&attr);
    }
    return rc;
}

/* The words of the loaded library's thread-locals, of the calling thread. */
static inline int *module_word(void)
{
    static int *(*_Atomic word)(void);
    if (!word) {
        void *module = dlopen(TLS_MODULE, RTLD_NOW);
        if (!module)
            ck_abort_msg("%s", dlerror());
        int *(*symbol)(void);
        *(void **)&symbol = dlsym(module, "tls_module_word");
        ck_assert(symbol != NULL);
        word = symbol;
    }
    return word();
}

/* What C++ compilers call for a thread_local with a destructor. */
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *module);
extern void *__dso_handle __attribute__((visibility("hidden")));

static inline void at_thread_exit(void (*destroy)(void *), void *object)
{
    ck_assert_int_eq(__cxa_thread_atexit_impl(destroy, object, &__dso_handle), 0);
}

#endif
