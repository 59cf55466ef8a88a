/* weft/channel.h - channels: queues between tasks and plain threads.
 *
 * A channel carries elements of one size, in order, from any number of senders to any
 * number of receivers. It holds up to its capacity; then senders wait, so a fast
 * producer gets no further ahead than that. With capacity 0 each sender waits for its
 * receiver. Elements are copied, as bytes.
 *
 * WEFT_CHANNEL() gives a channel the type of its elements, which the compiler checks:
 *
 *     WEFT_CHANNEL(jobs, struct job);
 *
 *     jobs *queue;
 *     rc = jobs_create(16, &queue);
 *     ...
 *     rc = jobs_send(queue, (struct job){ 1 });       in any task or thread
 *     while (jobs_receive(queue, &job) == 0)          in another one
 *         ...
 *     jobs_close(queue);                              no more will come
 *     jobs_destroy(queue);
 *
 * A channel may be destroyed when nobody waits at it or will use it again: by who has
 * received the last element, for instance, even if its sender is still on his way out. */
#ifndef WEFT_CHANNEL_H
#define WEFT_CHANNEL_H

#include <weft/common.h>

WEFT__BEGIN

/* A channel. */
typedef struct weft_channel weft_channel;

/* As capacity: no limit but memory. Only where something else bounds what is sent. */
#define WEFT_UNBOUNDED SIZE_MAX

/* Creates a channel for elements of `size` bytes (0: what is sent carries nothing but
 * itself) which holds up to `capacity` of them. *ret_channel is the caller's. Any
 * caller; never suspends.
 * Returns 0 or -ENOMEM. */
WEFT_API int weft_channel_create(size_t size, size_t capacity, weft_channel **ret_channel)
    WEFT__NONNULL(3);

/* Destroys a channel, with all elements in it. NULL is ignored. Builds with assertions
 * abort if somebody waits at it. Any caller; never suspends. */
WEFT_API void weft_channel_destroy(weft_channel *channel);

/* Sends a copy of the element at `element`; a receiver that waits gets it at once.
 *
 * Suspends (blocks a plain thread) while the channel is full; a cancellation point.
 * Returns 0, -EPIPE (closed, before or while it waits; not sent), -ETIMEDOUT or
 * -ECANCELED (the surrounding scope; not sent), or -ENOMEM (an unbounded channel cannot
 * grow; a plain thread's first wait, and memory is out). */
WEFT_API int weft_channel_send(weft_channel *channel, const void *element) WEFT__NONNULL(1);

/* Receives the oldest element to `ret_element`. In any other case what is there is
 * undefined.
 *
 * Suspends (blocks a plain thread) while the channel is empty; a cancellation point.
 * Returns 0, -EPIPE (closed, and all has been received), -ETIMEDOUT or -ECANCELED (the
 * surrounding scope; nothing was taken), or -ENOMEM (a plain thread's first wait, and
 * memory is out). */
WEFT_API int weft_channel_receive(weft_channel *channel, void *ret_element) WEFT__NONNULL(1);

/* The same without waiting: -EAGAIN where they would. Any task or plain thread; never
 * suspend. */
WEFT_API int weft_channel_try_send(weft_channel *channel, const void *element) WEFT__NONNULL(1);
WEFT_API int weft_channel_try_receive(weft_channel *channel, void *ret_element) WEFT__NONNULL(1);

/* Closes it: nothing more is sent, senders that wait get -EPIPE; receivers get what is
 * in it, and then -EPIPE. Any task or plain thread; never suspends.
 * Returns 0, or -EALREADY. */
WEFT_API int weft_channel_close(weft_channel *channel) WEFT__NONNULL(1);

/* The number of elements in it, at a moment. Any task or plain thread; never suspends. */
WEFT_API size_t weft_channel_count(const weft_channel *channel) WEFT__NONNULL(1);

/* Defines the type `name`, a channel of `type`, and static functions name_create(capacity,
 * ret_channel), name_destroy(), name_send(channel, element), name_receive(channel,
 * ret_element), name_try_send(), name_try_receive(), name_close(), name_count(), which do
 * as their namesakes above. name_untyped() gives the channel for functions that take
 * any. A semicolon follows. In C++ `type` must be trivially copyable. */
#define WEFT_CHANNEL(name, type) \
    WEFT__COPIED_AS_BYTES(type) \
    typedef struct name name; \
    WEFT__MAYBE_UNUSED static inline weft_channel *name##_untyped(const name *channel) \
    { \
        return (weft_channel *)(uintptr_t)channel; \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_create(size_t capacity, name **ret_channel) \
    { \
        weft_channel *weft__channel; \
        int weft__rc = weft_channel_create(sizeof(type), capacity, &weft__channel); \
        if (weft__rc == 0) \
            *ret_channel = (name *)(void *)weft__channel; \
        return weft__rc; \
    } \
    WEFT__MAYBE_UNUSED static inline void name##_destroy(name *channel) \
    { \
        weft_channel_destroy(name##_untyped(channel)); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_send(name *channel, type element) \
    { \
        return weft_channel_send(name##_untyped(channel), &element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_receive(name *channel, type *ret_element) \
    { \
        return weft_channel_receive(name##_untyped(channel), ret_element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_send(name *channel, type element) \
    { \
        return weft_channel_try_send(name##_untyped(channel), &element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_receive(name *channel, type *ret_element) \
    { \
        return weft_channel_try_receive(name##_untyped(channel), ret_element); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_close(name *channel) \
    { \
        return weft_channel_close(name##_untyped(channel)); \
    } \
    WEFT__MAYBE_UNUSED static inline size_t name##_count(const name *channel) \
    { \
        return weft_channel_count(name##_untyped(channel)); \
    } \
    struct name##_is_a_channel

WEFT__END

#endif
