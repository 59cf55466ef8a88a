/* weft/task.h - tasks: spawning, joining, yielding, names, pinning.
 *
 * A task is a function with a stack of its own. It may move to another OS
 * thread inside any weft_ function that suspends, and only there; so nothing
 * that belongs to a thread (errno, thread_local, a locked pthread mutex) may
 * be kept across such a call, unless the task is pinned. The floating-point
 * environment (rounding mode, exception masks) belongs to the thread as well:
 * a task that changes it restores it before it suspends. */
#ifndef WEFT_TASK_H
#define WEFT_TASK_H

#include <weft/common.h>

WEFT__BEGIN

/* A task. The handle that weft_spawn() hands out is owned by the caller and is
 * used up by weft_join(), weft_detach() or weft_gather(): then it is void, as a pointer
 * after free(), and may stand for another task at any time. Builds with assertions abort,
 * with a line that says so, as long as it does not. */
typedef struct weft_task weft_task;

struct weft_future; /* weft/future.h */
struct weft_group;  /* weft/group.h */
struct weft_strand; /* weft/strand.h */

/* Never move to another OS thread: pinned from the first instruction on. */
#define WEFT_PINNED 0x1u

/* A virtual thread: a task that is a pthread to whatever code runs on it. It has
 * its own thread-local block, which moves with it: errno, thread_local variables,
 * pthread_self(), thread-specific data and their destructors, the ownership of
 * pthread mutexes and the locale are kept across functions that suspend, on
 * whatever OS thread it goes on. pthread_exit() ends it, with result 0; any other task's
 * OS thread would end, so there it aborts. For code that you did not compile, or that
 * keeps thread-locals.
 *
 * Costs a block of some 5 KiB more (recycled), about 0.2 us to begin and to end,
 * and some 15 ns for each switch from or to one. Needs glibc, on x86_64 or
 * aarch64, and no sanitizer; else spawning one gives -ENOTSUP, and
 * weft_virtual_thread_refusal() says why.
 *
 * The kernel does not know it: gettid(), signal masks, affinity and priorities
 * are its carrier's at the moment, and pthread functions that ask the kernel about
 * a thread by its number (pthread_kill(), pthread_getattr_np(), ...) give ESRCH. */
#define WEFT_VIRTUAL_THREAD 0x2u

/* How to spawn. All zero means: the defaults. Copied. */
typedef struct weft_attr {
    const char *name; /* up to 15 bytes are kept; NULL: the function's name */
    /* Bytes of address space for its stack, 32 KiB to 1 GiB, of which the lowest 16 KiB (a
     * page, where that is larger) are a guard. 0: the runtime's. Stacks of that size and of the
     * first three others that are asked for, up to 16 MiB, are recycled; those of further sizes
     * are mapped and unmapped, some microseconds each time. */
    size_t stack_size;
    unsigned flags;             /* WEFT_PINNED, WEFT_VIRTUAL_THREAD */
    struct weft_strand *strand; /* run in this strand, of any thread; NULL: in none */
    uintptr_t reserved[3];      /* must be zero */
} weft_attr;

/* Longest task name, without its terminator. */
#define WEFT_NAME_MAX 15

/* Spawns a task that runs fn(arg).
 *
 * `ret_task` receives the handle; NULL: nobody will join, the task is detached.
 * The task gets its stack when it first runs, so a task that waits for its turn
 * costs its control block only. Never suspends.
 * Returns 0, -ENOMEM, -EINVAL (attributes out of range), -EPERM (no runtime is
 * running), -ENOTSUP (a virtual thread, which this process cannot have) or -EAGAIN (the
 * first virtual thread, and no OS thread or pthread key was to be had to find that out). */
#define weft_spawn(fn, arg, ret_task) weft_spawn_at(WEFT__SITE(fn), NULL, fn, arg, ret_task)

/* weft_spawn() with attributes; `attr` may be NULL. */
#define weft_spawn_with(attr, fn, arg, ret_task) \
    weft_spawn_at(WEFT__SITE(fn), attr, fn, arg, ret_task)

/* What the macros above call. `site` is "file:line function", as dumps show it;
 * it is kept, not copied. */
WEFT_API int weft_spawn_at(const char *site, const weft_attr *attr, int (*fn)(void *arg), void *arg,
                           weft_task **ret_task) WEFT__NONNULL(1, 3);

/* As weft_spawn_at(), but the task gets a copy of the `size` bytes at `args`,
 * aligned as malloc() aligns, which it owns until it ends. For WEFT_TASK(). */
WEFT_API int weft_spawn_copy(const char *site, const weft_attr *attr, int (*fn)(void *args),
                             const void *args, size_t size, weft_task **ret_task)
    WEFT__NONNULL(1, 3, 4);

/* The same in a group. As weft_group_spawn_at() (weft/group.h); for
 * weft_group_spawn_args(). */
WEFT_API int weft_group_spawn_copy(const char *site, const weft_attr *attr,
                                   struct weft_group *group, int (*fn)(void *args),
                                   const void *args, size_t size) WEFT__NONNULL(1, 3, 4, 5);

/* The same with a future of its result. As weft_submit_at() (weft/submit.h); for
 * weft_submit_args(). Never suspends. */
WEFT_API int weft_submit_copy(const char *site, const weft_attr *attr, int (*fn)(void *args),
                              const void *args, size_t size, struct weft_future **ret_future)
    WEFT__NONNULL(1, 3, 4);

/* Why this process cannot have virtual threads: a sentence, in static storage;
 * NULL: it can. The first call, or the first spawn of one, finds out, which takes
 * some 100 us and an OS thread for that long; when that, or memory, is not to be had,
 * the next one tries again. Never suspends. */
WEFT_API const char *weft_virtual_thread_refusal(void);

/* Waits until `task` has ended and releases it. `ret_result` receives what its
 * function returned; may be NULL. One joiner per task.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -EDEADLK (a task joins itself), -ECANCELED or -ETIMEDOUT (a surrounding
 * scope was cancelled, or its deadline came first; the handle is still the caller's)
 * or -ENOMEM (there was no
 * memory for the task's stack or block, so it ended without having run, and the handle is
 * used up; or, for a thread's first wait, none to wait with). */
WEFT_API int weft_join(weft_task *task, int *ret_result) WEFT__NONNULL(1);

/* Gives the handle up: the task releases itself when it ends. NULL is ignored.
 * Never suspends. */
WEFT_API void weft_detach(weft_task *task);

/* Cancels a task: as if all of it stood in a scope that is cancelled, every
 * cancellation point in it, and in the groups that it has entered, returns -ECANCELED
 * from now on, but inside a shield (weft/scope.h). A task that has not started never
 * runs; its result is -ECANCELED. Tasks that it has spawned otherwise go on.
 *
 * `task` is a handle that has not been used up, or weft_self(). Any task or plain
 * thread; never suspends. */
WEFT_API void weft_cancel(weft_task *task) WEFT__NONNULL(1);

/* Lets other tasks run. Suspends unless nothing else can run; a cancellation
 * point. A plain thread gives up its time slice.
 * Returns 0, -ECANCELED or -ETIMEDOUT (weft/scope.h). */
WEFT_API int weft_yield(void);

/* The running task, or NULL on a plain thread. Not a handle to join. Never
 * suspends; may be called by a signal handler. */
WEFT_API weft_task *weft_self(void);

/* A number no other task of this process has had. `task` may be NULL: the
 * running one; 0 on a plain thread. Never suspends. */
WEFT_API uint64_t weft_task_id(const weft_task *task);

/* Renames the running task; up to WEFT_NAME_MAX bytes are kept. Does nothing on
 * a plain thread. Never suspends. */
WEFT_API void weft_set_name(const char *name) WEFT__NONNULL(1);

/* Writes a task's name to `buf`, terminated and cut to `size` bytes. `task` may
 * be NULL: the running one. The task must not have been released. Never suspends.
 * Returns the name's length, or -EINVAL (no task, or size is 0). */
WEFT_API int weft_get_name(const weft_task *task, char *buf, size_t size) WEFT__NONNULL(2);

/* Between weft_pin() and weft_unpin() the running task stays on its OS thread,
 * so code that keeps thread-locals across suspensions is safe. Nests; weft_unpin()
 * without weft_pin() says so and aborts. Does nothing on a plain thread. Never
 * suspends. */
WEFT_API void weft_pin(void);
WEFT_API void weft_unpin(void);

#define WEFT__SITE(fn) __FILE__ ":" WEFT__STR(__LINE__) " " #fn

/* Spawning with typed arguments.
 *
 *     WEFT_TASK(serve, int, fd, const char *, root)
 *     {
 *         ... fd and root are ordinary parameters ...
 *         return 0;
 *     }
 *
 *     weft_spawn_args(&task, serve, fd, "/srv/www");
 *
 * WEFT_TASK defines a static function of one to six parameters, given as type
 * and name in turn. weft_spawn_args() checks the arguments' types as a call
 * would, copies them into the task, as bytes, and returns as weft_spawn() does. The
 * handle's place stands first because arguments follow; NULL detaches. In C++ the
 * parameters' types must be trivially copyable. */
#define WEFT_TASK(name, ...) \
    WEFT__COUNT_PAIRS(__VA_ARGS__, 6, x, 5, x, 4, x, 3, x, 2, x, 1, x)(name, __VA_ARGS__)

#define weft_spawn_args(ret_task, name, ...) \
    name##_weft_spawn(WEFT__SITE(name), NULL, ret_task, __VA_ARGS__)
#define weft_spawn_args_with(attr, ret_task, name, ...) \
    name##_weft_spawn(WEFT__SITE(name), attr, ret_task, __VA_ARGS__)

#define WEFT__COUNT_PAIRS(t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6, n, ...) WEFT__TASK_##n
#define WEFT__UNWRAP(...) __VA_ARGS__
#define WEFT__TASK(name, params, fields, values, uses) \
    struct name##_weft_args { \
        fields \
    }; \
    WEFT__COPIED_AS_BYTES(struct name##_weft_args) \
    static int name(params); \
    static int name##_weft_entry(void *weft__p) \
    { \
        struct name##_weft_args *weft__a = (struct name##_weft_args *)weft__p; \
        return name(uses); \
    } \
    WEFT__MAYBE_UNUSED \
    static inline int name##_weft_spawn(const char *weft__site, const weft_attr *weft__attr, \
                                        weft_task **weft__ret, params) \
    { \
        struct name##_weft_args weft__args = { values }; \
        return weft_spawn_copy(weft__site, weft__attr, name##_weft_entry, &weft__args, \
                               sizeof weft__args, weft__ret); \
    } \
    WEFT__MAYBE_UNUSED \
    static inline int name##_weft_group_spawn(const char *weft__site, const weft_attr *weft__attr, \
                                              struct weft_group *weft__group, params) \
    { \
        struct name##_weft_args weft__args = { values }; \
        return weft_group_spawn_copy(weft__site, weft__attr, weft__group, name##_weft_entry, \
                                     &weft__args, sizeof weft__args); \
    } \
    WEFT__MAYBE_UNUSED \
    static inline int name##_weft_submit(const char *weft__site, const weft_attr *weft__attr, \
                                         struct weft_future **weft__ret, params) \
    { \
        struct name##_weft_args weft__args = { values }; \
        return weft_submit_copy(weft__site, weft__attr, name##_weft_entry, &weft__args, \
                                sizeof weft__args, weft__ret); \
    } \
    static int name(params)
#define WEFT__C ,
/* clang-format off */
#define WEFT__TASK_1(name, t1, a1) \
    WEFT__TASK(name, t1 a1, \
               t1 a1;, a1, \
               weft__a->a1)
#define WEFT__TASK_2(name, t1, a1, t2, a2) \
    WEFT__TASK(name, t1 a1 WEFT__C t2 a2, \
               t1 a1; t2 a2;, a1 WEFT__C a2, \
               weft__a->a1 WEFT__C weft__a->a2)
#define WEFT__TASK_3(name, t1, a1, t2, a2, t3, a3) \
    WEFT__TASK(name, t1 a1 WEFT__C t2 a2 WEFT__C t3 a3, \
               t1 a1; t2 a2; t3 a3;, a1 WEFT__C a2 WEFT__C a3, \
               weft__a->a1 WEFT__C weft__a->a2 WEFT__C weft__a->a3)
#define WEFT__TASK_4(name, t1, a1, t2, a2, t3, a3, t4, a4) \
    WEFT__TASK(name, t1 a1 WEFT__C t2 a2 WEFT__C t3 a3 WEFT__C t4 a4, \
               t1 a1; t2 a2; t3 a3; t4 a4;, a1 WEFT__C a2 WEFT__C a3 WEFT__C a4, \
               weft__a->a1 WEFT__C weft__a->a2 WEFT__C weft__a->a3 WEFT__C weft__a->a4)
#define WEFT__TASK_5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
    WEFT__TASK(name, t1 a1 WEFT__C t2 a2 WEFT__C t3 a3 WEFT__C t4 a4 WEFT__C t5 a5, \
               t1 a1; t2 a2; t3 a3; t4 a4; t5 a5;, a1 WEFT__C a2 WEFT__C a3 WEFT__C a4 WEFT__C a5, \
               weft__a->a1 WEFT__C weft__a->a2 WEFT__C weft__a->a3 WEFT__C weft__a->a4 WEFT__C \
               weft__a->a5)
#define WEFT__TASK_6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6) \
    WEFT__TASK(name, t1 a1 WEFT__C t2 a2 WEFT__C t3 a3 WEFT__C t4 a4 WEFT__C t5 a5 WEFT__C t6 a6, \
               t1 a1; t2 a2; t3 a3; t4 a4; t5 a5; t6 a6;, \
               a1 WEFT__C a2 WEFT__C a3 WEFT__C a4 WEFT__C a5 WEFT__C a6, \
               weft__a->a1 WEFT__C weft__a->a2 WEFT__C weft__a->a3 WEFT__C weft__a->a4 WEFT__C \
               weft__a->a5 WEFT__C weft__a->a6)
/* clang-format on */

WEFT__END

#endif
