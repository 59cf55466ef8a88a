/* weft/mailbox.h - mailboxes: a queue with one receiver, who may choose, and an owner.
 *
 * What a process has in Erlang. Anybody sends, tasks and plain threads; one receives, the
 * oldest message or the oldest that it is looking for, and leaves the others in their
 * order. A mailbox is bounded, so whoever sends too fast waits. Messages are copied,
 * as bytes.
 *
 * WEFT_MAILBOX() gives a mailbox the type of its messages, which the compiler checks:
 *
 *     WEFT_MAILBOX(orders, struct order);
 *
 *     orders *box;
 *     rc = orders_create(16, &box);
 *     ...
 *     rc = orders_send(box, (struct order){ 1 });     in any task or thread
 *     while (orders_receive(box, &order) == 0)        in the owner
 *         ...
 *     orders_destroy(box);                            nobody reads here any more
 *
 * Senders may outlive the owner: each holds a reference, and gets -EPIPE once the owner has
 * destroyed the box. An actor (weft/actor.h) does that for its own when it ends.
 *
 * Acknowledged is not lost: a message whose sending returned 0 is received, or it is in
 * the box, or it was there when that was destroyed; then it was counted, and handed to the
 * function of weft_mailbox_on_drop(). At each moment
 *
 *     sent = received + dropped + count                (weft_mailbox_look())
 *
 * A signal's handler must not leave a call that receives by a jump: the box would take its
 * caller for one who still does. */
#ifndef WEFT_MAILBOX_H
#define WEFT_MAILBOX_H

#include <weft/channel.h>
#include <weft/common.h>

WEFT__BEGIN

/* A mailbox. */
typedef struct weft_mailbox weft_mailbox;

/* How many messages a mailbox holds unless told. */
#define WEFT_MAILBOX_CAPACITY 64

/* Creates a mailbox for messages of `size` bytes, which holds up to `capacity` of them; 0:
 * WEFT_MAILBOX_CAPACITY; WEFT_UNBOUNDED: no limit but memory. *ret_box is the caller's, who
 * is its owner. Any caller; never suspends.
 * Returns 0 or -ENOMEM. */
WEFT_API int weft_mailbox_create(size_t size, size_t capacity, weft_mailbox **ret_box)
    WEFT__NONNULL(3);

/* Ends it: nothing is sent any more, senders that wait get -EPIPE, and what is in it is
 * dropped. The owner's reference is used up; senders' are good still. NULL is ignored. The
 * owner, while nobody receives. Suspends only where the function of weft_mailbox_on_drop()
 * does; never suspends without one.
 * Returns how many messages were dropped. */
WEFT_API size_t weft_mailbox_destroy(weft_mailbox *box);

/* From now on each message that is dropped is handed to fn(message, arg) before it goes,
 * the oldest first: to count it, answer it, release what it points to. NULL: to nobody.
 * The owner, before others know the box; never suspends. Of an actor's own box it is called
 * where the actor ends, and must not suspend. */
WEFT_API void weft_mailbox_on_drop(weft_mailbox *box, void (*fn)(void *message, void *arg),
                                   void *arg) WEFT__NONNULL(1);

/* One reference more, for a sender; returns the box. And one less; the last one, the
 * owner's counted, releases it; NULL is ignored. Any caller that has one; never suspend. */
WEFT_API weft_mailbox *weft_mailbox_retain(weft_mailbox *box) WEFT__NONNULL(1);
WEFT_API void weft_mailbox_release(weft_mailbox *box);

/* Sends a copy of the message at `message`.
 *
 * Suspends (blocks a plain thread) while the box is full; a cancellation point. The owner
 * that sends to its own full box waits for ever.
 * Returns 0, -EPIPE (closed or destroyed, before or while it waits; not sent), -ETIMEDOUT
 * or -ECANCELED (the surrounding scope; not sent), or -ENOMEM (not sent). */
WEFT_API int weft_mailbox_send(weft_mailbox *box, const void *message) WEFT__NONNULL(1);

/* Receives the oldest message to `ret_message`. In any other case what is there is
 * undefined.
 *
 * Suspends (blocks a plain thread) while the box is empty; a cancellation point.
 * Returns 0, -EPIPE (closed, and all has been received), -EBUSY (somebody else receives),
 * -ETIMEDOUT or -ECANCELED (the surrounding scope; nothing was taken), or -ENOMEM (a plain
 * thread's first wait, and memory is out). */
WEFT_API int weft_mailbox_receive(weft_mailbox *box, void *ret_message) WEFT__NONNULL(1);

/* Receives the oldest message for which matches(message, arg) is true, and leaves the
 * others where they are; waits for it if there is none. Each message is shown once per
 * call, in order; `matches` may look at it until it returns, and must not use the box.
 *
 * Suspends (blocks a plain thread) while there is none; a cancellation point.
 * Returns as weft_mailbox_receive(), -EPIPE when nothing that is in the closed box matches;
 * or -ENOBUFS (the box is full of messages that do not match: nothing can come before
 * something is received). */
WEFT_API int weft_mailbox_receive_match(weft_mailbox *box,
                                        bool (*matches)(const void *message, void *arg), void *arg,
                                        void *ret_message) WEFT__NONNULL(1, 2);

/* The same three without waiting: -EAGAIN where they would. Any task or plain thread; never
 * suspend. */
WEFT_API int weft_mailbox_try_send(weft_mailbox *box, const void *message) WEFT__NONNULL(1);
WEFT_API int weft_mailbox_try_receive(weft_mailbox *box, void *ret_message) WEFT__NONNULL(1);
WEFT_API int weft_mailbox_try_receive_match(weft_mailbox *box,
                                            bool (*matches)(const void *message, void *arg),
                                            void *arg, void *ret_message) WEFT__NONNULL(1, 2);

/* Closes it: nothing more is sent, senders that wait get -EPIPE; the owner receives what is
 * in it, and then -EPIPE. Any task or plain thread; never suspends.
 * Returns 0, or -EALREADY. */
WEFT_API int weft_mailbox_close(weft_mailbox *box) WEFT__NONNULL(1);

/* What can be said of a mailbox at a moment. */
typedef struct weft_mailbox_info {
    size_t count;     /* messages in it */
    size_t capacity;  /* or WEFT_UNBOUNDED */
    unsigned senders; /* that wait */
    bool closed;
    uint64_t sent, received, dropped;
} weft_mailbox_info;

/* Looks at it; of one that was destroyed, too. Any task or plain thread; never suspends. */
WEFT_API void weft_mailbox_look(weft_mailbox *box, weft_mailbox_info *ret_info) WEFT__NONNULL(1, 2);

/* The mailbox of the actor (weft/actor.h) that calls, which is its; NULL: it has none, or
 * no actor calls. Never suspends. */
WEFT_API weft_mailbox *weft_inbox(void);

/* Defines the type `name`, a mailbox of `type`, and static functions name_create(capacity,
 * ret_box), name_destroy(), name_retain(), name_release(), name_send(box, message),
 * name_receive(box, ret_message), name_receive_match(box, matches, arg, ret_message) with
 * matches(type const *message, void *arg), name_try_send(), name_try_receive(),
 * name_try_receive_match(), name_close(), name_inbox(), which do as their namesakes above.
 * name_untyped() gives the mailbox for functions that take any. A semicolon follows. In C++
 * `type` must be trivially copyable. */
#define WEFT_MAILBOX(name, type) \
    WEFT__COPIED_AS_BYTES(type) \
    typedef struct name name; \
    struct name##_weft_choice { \
        bool (*matches)(type const *message, void *arg); \
        void *arg; \
    }; \
    WEFT__MAYBE_UNUSED static inline weft_mailbox *name##_untyped(const name *box) \
    { \
        return (weft_mailbox *)(uintptr_t)box; \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_create(size_t capacity, name **ret_box) \
    { \
        weft_mailbox *weft__box; \
        int weft__rc = weft_mailbox_create(sizeof(type), capacity, &weft__box); \
        if (weft__rc == 0) \
            *ret_box = (name *)(void *)weft__box; \
        return weft__rc; \
    } \
    WEFT__MAYBE_UNUSED static inline size_t name##_destroy(name *box) \
    { \
        return weft_mailbox_destroy(name##_untyped(box)); \
    } \
    WEFT__MAYBE_UNUSED static inline name *name##_retain(name *box) \
    { \
        return (name *)(void *)weft_mailbox_retain(name##_untyped(box)); \
    } \
    WEFT__MAYBE_UNUSED static inline void name##_release(name *box) \
    { \
        weft_mailbox_release(name##_untyped(box)); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_send(name *box, type message) \
    { \
        return weft_mailbox_send(name##_untyped(box), &message); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_receive(name *box, type *ret_message) \
    { \
        return weft_mailbox_receive(name##_untyped(box), ret_message); \
    } \
    static inline bool name##_weft_matches(const void *message, void *arg) \
    { \
        struct name##_weft_choice *weft__choice = (struct name##_weft_choice *)arg; \
        return weft__choice->matches((type const *)message, weft__choice->arg); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_receive_match( \
        name *box, bool (*matches)(type const *message, void *arg), void *arg, type *ret_message) \
    { \
        struct name##_weft_choice weft__choice = { matches, arg }; \
        return weft_mailbox_receive_match(name##_untyped(box), name##_weft_matches, &weft__choice, \
                                          ret_message); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_send(name *box, type message) \
    { \
        return weft_mailbox_try_send(name##_untyped(box), &message); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_receive(name *box, type *ret_message) \
    { \
        return weft_mailbox_try_receive(name##_untyped(box), ret_message); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_try_receive_match( \
        name *box, bool (*matches)(type const *message, void *arg), void *arg, type *ret_message) \
    { \
        struct name##_weft_choice weft__choice = { matches, arg }; \
        return weft_mailbox_try_receive_match(name##_untyped(box), name##_weft_matches, \
                                              &weft__choice, ret_message); \
    } \
    WEFT__MAYBE_UNUSED static inline int name##_close(name *box) \
    { \
        return weft_mailbox_close(name##_untyped(box)); \
    } \
    WEFT__MAYBE_UNUSED static inline name *name##_inbox(void) \
    { \
        return (name *)(void *)weft_inbox(); \
    } \
    struct name##_is_a_mailbox

WEFT__END

#endif
