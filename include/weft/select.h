/* weft/select.h - waiting for the first of several things.
 *
 *     weft_case cases[] = {
 *         weft_case_receive(work, &job),
 *         weft_case_readable(fd),
 *         weft_case_timer(weft_after(WEFT_S(1))),
 *         weft_case_event(&quit),
 *     };
 *     switch (weft_select(cases, 4)) {
 *     case 0:
 *         ... cases[0].result says whether a job came or the channel is closed ...
 *
 * Exactly one case is chosen, and only that one happens: of several channels one
 * element is taken. Where several can go on at once, chance decides, so that none is
 * starved. A set of cases may be used again and again, by one caller at a time; it
 * needs no memory but its own. Cancellation and deadlines come from scopes, as
 * everywhere. Who has several cases of the same object uses it until the call returns:
 * nobody may destroy it before. */
#ifndef WEFT_SELECT_H
#define WEFT_SELECT_H

#include <weft/channel.h>
#include <weft/common.h>
#include <weft/event.h>
#include <weft/future.h>
#include <weft/mailbox.h>
#include <weft/queue.h>
#include <weft/semaphore.h>
#include <weft/task.h>

WEFT__BEGIN

/* One thing to wait for; made by the functions below. `result` is written when the case
 * is chosen, the rest is weft's. */
typedef struct weft_case {
    int result;
    unsigned weft__kind;
    void *weft__object;
    void *weft__element;
    int64_t weft__number;
    uint64_t weft__private[8];
} weft_case;

/* Waits until one of the `count` cases can go on, and does it. A case without an object
 * (NULL, descriptor -1) never can.
 *
 * Suspends (blocks a plain thread); a cancellation point.
 * Returns the chosen case's index, -ETIMEDOUT or -ECANCELED (the surrounding scope;
 * nothing happened), -EINVAL (no case; one that none of the functions below has made; a task
 * that somebody else joins, or that is there twice), -EBUSY (a mailbox that somebody else
 * receives from, or that is there twice), -EPERM (a descriptor, and no runtime is running),
 * -ENOMEM (a plain thread's first wait, and memory is out; or a descriptor, and there is none
 * to wait with) or -ENOSPC (a descriptor, and the kernel has no epoll watch to wait with). */
WEFT_API int weft_select(weft_case *cases, size_t count);

/* The same without waiting: with a default. Any task or plain thread; never suspends.
 * Returns the chosen case's index, -EAGAIN (none can go on), or an error as
 * weft_select(). */
WEFT_API int weft_select_try(weft_case *cases, size_t count);

#define WEFT__CASE_SEND 0u
#define WEFT__CASE_RECEIVE 1u
#define WEFT__CASE_EVENT 2u
#define WEFT__CASE_TASK 3u
#define WEFT__CASE_TIMER 4u
#define WEFT__CASE_READABLE 5u
#define WEFT__CASE_WRITABLE 6u
#define WEFT__CASE_FUTURE 7u
#define WEFT__CASE_PUT 8u
#define WEFT__CASE_GET 9u
#define WEFT__CASE_MAILBOX 10u
#define WEFT__CASE_SEMAPHORE 11u

static inline weft_case weft__case_of(unsigned kind, void *object, void *element, int64_t number)
{
    weft_case made;
    made.result = 0;
    made.weft__kind = kind;
    made.weft__object = object;
    made.weft__element = element;
    made.weft__number = number;
    return made;
}

/* Sending a copy of `element`, which has to stay until the case is chosen. `result`: 0,
 * -EPIPE or -ENOMEM, as weft_channel_send(). */
static inline weft_case weft_case_send(weft_channel *channel, const void *element)
{
    return weft__case_of(WEFT__CASE_SEND, channel, (void *)(uintptr_t)element, 0);
}

/* Receiving to `ret_element`, which several cases may share. `result`: 0 or -EPIPE, as
 * weft_channel_receive(). */
static inline weft_case weft_case_receive(weft_channel *channel, void *ret_element)
{
    return weft__case_of(WEFT__CASE_RECEIVE, channel, ret_element, 0);
}

/* Putting a copy of `element`, which has to stay until the case is chosen, into a queue.
 * `result`: 0, -EPIPE or -ENOMEM, as weft_queue_put(). */
static inline weft_case weft_case_put(weft_queue *queue, const void *element)
{
    return weft__case_of(WEFT__CASE_PUT, queue, (void *)(uintptr_t)element, 0);
}

/* Getting from a queue to `ret_element`, which several cases may share. `result`: 0 or
 * -EPIPE, as weft_queue_get(). */
static inline weft_case weft_case_get(weft_queue *queue, void *ret_element)
{
    return weft__case_of(WEFT__CASE_GET, queue, ret_element, 0);
}

/* Receiving the oldest message in a mailbox to `ret_message`, which several cases may share;
 * nobody else receives from it meanwhile. `result`: 0 or -EPIPE, as
 * weft_mailbox_receive(). */
static inline weft_case weft_case_mailbox(weft_mailbox *box, void *ret_message)
{
    return weft__case_of(WEFT__CASE_MAILBOX, box, ret_message, 0);
}

/* Taking a permit. */
static inline weft_case weft_case_semaphore(weft_sem *sem)
{
    return weft__case_of(WEFT__CASE_SEMAPHORE, sem, NULL, 0);
}

/* The event is set. One that is cleared again at once may be missed, if something else wakes the
 * selector in vain at that moment. */
static inline weft_case weft_case_event(weft_event *event)
{
    return weft__case_of(WEFT__CASE_EVENT, event, NULL, 0);
}

/* The future has a result: weft_future_try() gives its value. `result`: 0, or the future's
 * error. */
static inline weft_case weft_case_future(weft_future *future)
{
    return weft__case_of(WEFT__CASE_FUTURE, future, NULL, 0);
}

/* The task, which the caller may join, has ended: weft_join() does not wait. */
static inline weft_case weft_case_task(weft_task *task)
{
    return weft__case_of(WEFT__CASE_TASK, task, NULL, 0);
}

/* The clock has reached `when`: weft_after(), or weft_now() plus a duration. */
static inline weft_case weft_case_timer(int64_t when)
{
    return weft__case_of(WEFT__CASE_TIMER, NULL, NULL, when);
}

/* Reading from the descriptor, or writing to it, would not wait. `result`: 0, or -EBADF
 * (closed) or another error of the descriptor. What weft/io.h says of descriptors holds
 * here as well. */
static inline weft_case weft_case_readable(int fd)
{
    return weft__case_of(WEFT__CASE_READABLE, NULL, NULL, fd);
}

static inline weft_case weft_case_writable(int fd)
{
    return weft__case_of(WEFT__CASE_WRITABLE, NULL, NULL, fd);
}

WEFT__END

#endif
