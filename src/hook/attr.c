/* Names and attributes of threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include "hook/real.h"
#include "hook/thread.h"

static bool is_main(const struct weft__thread *thread)
{
    return !thread->stack_low;
}

/* The process's own name, as ps shows it: the OS thread is the sink now. */
static int name_process(const char *name)
{
    int fd = open("/proc/self/comm", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, name, strlen(name));
    int rc = written < 0 ? errno : 0;
    close(fd);
    return rc;
}

/* As much of it as fits. 0 or an error number. */
static int set_name(struct weft__thread *thread, const char *name)
{
    strncpy(thread->name, name, sizeof thread->name - 1);
    if (thread == weft__thread_self())
        weft_set_name(thread->name);
    return is_main(thread) ? name_process(thread->name) : 0;
}

WEFT__INTERPOSE int pthread_setname_np(pthread_t id, const char *name)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__real_pthread_setname_np(id, name);
    if (strlen(name) >= sizeof thread->name)
        return ERANGE;
    return set_name(thread, name);
}

WEFT__INTERPOSE int pthread_getname_np(pthread_t id, char *buf, size_t size)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread)
        return weft__real_pthread_getname_np(id, buf, size);
    if (size < sizeof thread->name)
        return ERANGE;
    memcpy(buf, thread->name, sizeof thread->name);
    return 0;
}

/* Of a thread's name only; the rest is the process's or the carrier's. */
WEFT__INTERPOSE int prctl(int operation, ...)
{
    struct weft__thread *self = weft__thread_self();
    unsigned long at[4];
    va_list arguments;
    va_start(arguments, operation);
    for (int i = 0; i < 4; i++)
        at[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    bool names = operation == PR_SET_NAME || operation == PR_GET_NAME;
    if (!self || !names || !at[0])
        return weft__real_prctl(operation, at[0], at[1], at[2], at[3]);
    if (operation == PR_SET_NAME)
        set_name(self, (const char *)at[0]);
    else
        memcpy((char *)at[0], self->name, sizeof self->name);
    return 0;
}

WEFT__INTERPOSE int pthread_getattr_np(pthread_t id, pthread_attr_t *attr)
{
    struct weft__thread *thread = weft__thread_of(id);
    if (!thread || is_main(thread)) /* libc looks at the process's stack */
        return weft__real_pthread_getattr_np(id, attr);
    int rc = pthread_attr_init(attr);
    if (rc)
        return rc;
    pthread_attr_setstack(attr, thread->stack_low, thread->stack_size);
    pthread_attr_setguardsize(attr, thread->guard_size);
    if (weft__load(&thread->detached, relaxed))
        pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
    rc = weft__rank_describe(thread, attr);
    if (rc)
        pthread_attr_destroy(attr);
    return rc;
}
