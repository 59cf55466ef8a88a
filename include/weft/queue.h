/* weft/queue.h - queues of work, in the shape of Python's queue.Queue.
 *
 * A channel (weft/channel.h) passes elements on; a queue also knows when the work that
 * they stand for has been done, and its elements may leave in another order: the newest
 * first, or by comparison. It holds up to its capacity; then who puts waits. Elements are
 * of one size, and copied as bytes. For tasks and plain threads in any mix.
 *
 *     WEFT_QUEUE(jobs, struct job);
 *
 *     jobs *queue;
 *     rc = jobs_create(16, NULL, &queue);
 *     ...
 *     rc = jobs_put(queue, (struct job){ 1 });        in any task or thread
 *     while (jobs_get(queue, &job) == 0) {            in others
 *         work_on(&job);
 *         jobs_task_done(queue);
 *     }
 *     rc = jobs_join(queue);                          all that was put is done
 *     jobs_shutdown(queue, false);                    no more will come
 *     jobs_destroy(queue);
 *
 * A queue may be destroyed when nobody waits at it or will use it again: by who has got
 * the last element or has joined, for instance, even if who has put it, or was done with
 * it, is still on his way out. */
#ifndef WEFT_QUEUE_H
#define WEFT_QUEUE_H

#include <weft/channel.h>

WEFT__BEGIN

/* A queue. */
typedef struct weft_queue weft_queue;

/* Which element leaves first. */
enum weft_queue_order {
    WEFT_QUEUE_FIFO,     /* the oldest */
    WEFT_QUEUE_LIFO,     /* the newest */
    WEFT_QUEUE_PRIORITY, /* the first by comparison; of equal ones the oldest */
};

/* What kind of queue. All zero: first in, first out. Copied. */
typedef struct weft_queue_attr {
    enum weft_queue_order order;
    /* As for qsort(): negative: `a` leaves before `b`. For WEFT_QUEUE_PRIORITY, else NULL.
     * Called under a lock: short, calls no function of weft's, and nothing else that may wait
     * or leave by a jump, locks of libc's included. */
    int (*compare)(const void *a, const void *b);
    /* Called with each element that leaves without having been got: by
     * weft_queue_shutdown() and weft_queue_destroy(), in their caller, in no certain order.
     * Does not suspend. NULL: nothing has to be released. */
    void (*drop)(void *element);
    uintptr_t reserved[4]; /* must be zero */
} weft_queue_attr;

/* Creates a queue for elements of `size` bytes (0: what is put carries nothing but itself)
 * which holds up to `capacity` of them: at least 1; WEFT_UNBOUNDED: no limit but memory.
 * `attr` may be NULL. *ret_queue is the caller's. Any caller; never suspends.
 * Returns 0, -EINVAL (no capacity; an order that there is not; a comparison that is
 * missing, or is not asked for) or -ENOMEM. */
WEFT_API int weft_queue_create(size_t size, size_t capacity, const weft_queue_attr *attr,
                               weft_queue **ret_queue) WEFT__NONNULL(4);

/* Destroys a queue; what is in it is dropped. NULL is ignored. Builds with assertions
 * abort if somebody waits to put or to get. Any caller; never suspends. */
WEFT_API void weft_queue_destroy(weft_queue *queue);

/* Puts a copy of the element at `element` into the queue; a getter who waits has it at
 * once. Those who wait for room get it in the order in which they came.
 *
 * Suspends (blocks a plain thread) while the queue is full; a cancellation point.
 * Returns 0, -EPIPE (shut down, before or while it waits; not put), -ETIMEDOUT or
 * -ECANCELED (the surrounding scope; not put), or -ENOMEM (an unbounded queue cannot
 * grow; a plain thread's first wait, and memory is out). */
WEFT_API int weft_queue_put(weft_queue *queue, const void *element) WEFT__NONNULL(1);

/* Gets the element whose turn it is to `ret_element`; it is under way until
 * weft_queue_task_done(). In any other case what is there is undefined. Those who wait get
 * theirs in the order in which they came.
 *
 * Suspends (blocks a plain thread) while the queue is empty; a cancellation point.
 * Returns 0, -EPIPE (shut down, and nothing is left), -ETIMEDOUT or -ECANCELED (the
 * surrounding scope; nothing was taken), or -ENOMEM (a plain thread's first wait, and
 * memory is out). */
WEFT_API int weft_queue_get(weft_queue *queue, void *ret_element) WEFT__NONNULL(1);

/* The same without waiting: -EAGAIN where they would. Any task or plain thread; never
 * suspend. */
WEFT_API int weft_queue_try_put(weft_queue *queue, const void *element) WEFT__NONNULL(1);
WEFT_API int weft_queue_try_get(weft_queue *queue, void *ret_element) WEFT__NONNULL(1);

/* Says that what one weft_queue_get() got is done. Who never joins need not say so. Any
 * task or plain thread; never suspends.
 * Returns 0, or -EINVAL (said more often than elements were got). */
WEFT_API int weft_queue_task_done(weft_queue *queue) WEFT__NONNULL(1);

/* Waits until all that was put is done, which is so at first; what was done before is
 * seen. Dropped elements count as done. Who waits goes on though something new is put at
 * once; but a virtual thread in whose wait a signal's handler runs in between waits for that,
 * too.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns 0, -ETIMEDOUT or -ECANCELED (the surrounding scope), or -ENOMEM (a plain
 * thread's first wait, and memory is out). */
WEFT_API int weft_queue_join(weft_queue *queue) WEFT__NONNULL(1);

/* Shuts it down: nothing more is put, who waits to put gets -EPIPE. Getters get what is in
 * it, and then -EPIPE; or, if `immediate`, what is in it is dropped and they get -EPIPE at
 * once. Who joins still waits for what had been got before. A queue that is shut down can
 * be shut down once more, to drop what is left. Any task or plain thread; never suspends.
 * Returns 0, or -EALREADY (it was shut down before). */
WEFT_API int weft_queue_shutdown(weft_queue *queue, bool immediate) WEFT__NONNULL(1);

/* The number of elements in it, at a moment. Any task or plain thread; never suspends. */
WEFT_API size_t weft_queue_count(const weft_queue *queue) WEFT__NONNULL(1);

/* Defines the type `name`, a queue of `type`, and static functions name_create(capacity,
 * attr, ret_queue), name_destroy(), name_put(queue, element), name_get(queue,
 * ret_element), name_try_put(), name_try_get(), name_task_done(), name_join(),
 * name_shutdown(queue, immediate), name_count(), which do as their namesakes above.
 * name_untyped() gives the queue for functions that take any. A semicolon follows. In C++
 * `type` must be trivially copyable. */
#define WEFT_QUEUE(name, type) \
    WEFT__COPIED_AS_BYTES(type) \
    typedef struct name name; \
    WEFT__MAYBE_UNUSED static inline weft_queue *name##_untyped(const name *queue) \
    { \
        return (weft_queue *)(uintptr_t)queue; \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_create( \
        size_t capacity, const weft_queue_attr *attr, name **ret_queue) \
    { \
        weft_queue *weft__queue; \
        int weft__rc = weft_queue_create(sizeof(type), capacity, attr, &weft__queue); \
        if (weft__rc == 0) \
            *ret_queue = (name *)(void *)weft__queue; \
        return weft__rc; \
    } \
    WEFT__MAYBE_UNUSED static inline void name##_destroy(name *queue) \
    { \
        weft_queue_destroy(name##_untyped(queue)); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_put(name *queue, type element) \
    { \
        return weft_queue_put(name##_untyped(queue), &element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_get(name *queue, type *ret_element) \
    { \
        return weft_queue_get(name##_untyped(queue), ret_element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_put(name *queue, type element) \
    { \
        return weft_queue_try_put(name##_untyped(queue), &element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_get(name *queue, type *ret_element) \
    { \
        return weft_queue_try_get(name##_untyped(queue), ret_element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_task_done(name *queue) \
    { \
        return weft_queue_task_done(name##_untyped(queue)); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_join(name *queue) \
    { \
        return weft_queue_join(name##_untyped(queue)); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_shutdown(name *queue, bool immediate) \
    { \
        return weft_queue_shutdown(name##_untyped(queue), immediate); \
    } \
    WEFT__MAYBE_UNUSED static inline size_t name##_count(const name *queue) \
    { \
        return weft_queue_count(name##_untyped(queue)); \
    } \
    struct name##_is_a_queue

WEFT__END

#endif
