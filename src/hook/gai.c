/* getaddrinfo_a() has threads of libc's own. Who waits for them does so in a helper
 * (helper.h), and is not interrupted by signals. */
#include <netdb.h>
#include <stdint.h>

#include "hook/helper.h"
#include "hook/real.h"
#include "hook/thread.h"

struct suspend_job {
    struct weft__errand help;
    const struct gaicb *const *list;
    struct gaicb **requests;
    int count, rc;
    const struct timespec *timeout;
    struct timespec copied;
    char room[];
};

static void suspend(struct weft__errand *help)
{
    struct suspend_job *job = (struct suspend_job *)help;
    job->rc = job->requests ? weft__real_getaddrinfo_a(GAI_WAIT, job->requests, job->count, NULL)
                            : weft__real_gai_suspend(job->list, job->count, job->timeout);
}

static struct suspend_job *create_suspend(const void *list, int count)
{
    size_t size = (size_t)count * sizeof(void *);
    struct suspend_job *job = weft__errand_create(sizeof *job + size, suspend);
    if (!job)
        return NULL;
    char *room = job->room;
    void *copied = weft__errand_copy(&room, list, size);
    job->list = copied;
    job->count = count;
    return job;
}

static int await_suspend(struct suspend_job *job, const char *what)
{
    weft__errand(&job->help, what);
    int rc = job->rc;
    weft__errand_drop(&job->help);
    return rc;
}

WEFT__INTERPOSE int gai_suspend(const struct gaicb *const list[], int count,
                                const struct timespec *timeout)
{
    if (!weft__hook_task() || count < 0)
        return weft__real_gai_suspend(list, count, timeout);
    struct suspend_job *job = create_suspend(list, count);
    if (!job)
        return EAI_MEMORY;
    if (timeout)
        job->copied = *timeout;
    job->timeout = timeout ? &job->copied : NULL;
    return await_suspend(job, "gai_suspend");
}

WEFT__INTERPOSE int getaddrinfo_a(int mode, struct gaicb *list[restrict], int count,
                                  struct sigevent *restrict event)
{
    if (!weft__hook_task() || mode != GAI_WAIT || count < 0)
        return weft__real_getaddrinfo_a(mode, list, count, event);
    struct suspend_job *job = create_suspend(list, count);
    if (!job)
        return EAI_MEMORY;
    job->requests = (struct gaicb **)(uintptr_t)job->list;
    return await_suspend(job, "getaddrinfo_a");
}
