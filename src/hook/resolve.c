/* Names and addresses: libc's own look-ups, in a helper (helper.h). They read files,
 * ask servers and wait for them in calls that nobody can interpose.
 *
 * What is a number already is left to libc at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "hook/helper.h"
#include "hook/interposed.h"
#include "hook/resolve.h"
#include "hook/thread.h"

/* getaddrinfo() */

struct address_job {
    struct weft__errand help;
    const char *node, *service;
    const struct addrinfo *hints;
    struct addrinfo copied, *list;
    int rc;
    char room[];
};

static void find_address(struct weft__errand *help)
{
    struct address_job *job = (struct address_job *)help;
    job->rc = weft__real_getaddrinfo(job->node, job->service, job->hints, &job->list);
}

static void lose_addresses(struct weft__errand *help)
{
    struct address_job *job = (struct address_job *)help;
    if (job->rc == 0 && job->list)
        freeaddrinfo(job->list);
}

/* Never inlined: errno's place may be another thread's after a suspension. */
static WEFT_NOINLINE int cut_short(struct weft__errand *help, int error)
{
    weft__errand_drop(help);
    errno = error;
    return EAI_SYSTEM;
}

bool weft__resolve_number(const char *node)
{
    struct in6_addr address;
    return inet_pton(AF_INET, node, &address) == 1 || inet_pton(AF_INET6, node, &address) == 1;
}

WEFT__INTERPOSE int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                                struct addrinfo **ret_list)
{
    if (!weft__hook_task() || !node || weft__resolve_number(node))
        return weft__real_getaddrinfo(node, service, hints, ret_list);
    struct address_job *job = weft__errand_create(
        sizeof *job + weft__errand_size(node) + weft__errand_size(service), find_address);
    if (!job)
        return EAI_MEMORY;
    char *room = job->room;
    job->node = weft__errand_copy(&room, node, weft__errand_size(node));
    job->service = weft__errand_copy(&room, service, weft__errand_size(service));
    if (hints)
        job->copied = *hints;
    job->hints = hints ? &job->copied : NULL;
    job->help.lose = lose_addresses;
    int rc = weft__errand_in_scope(&job->help, "getaddrinfo");
    if (rc)
        return cut_short(&job->help, rc);
    rc = job->rc;
    if (rc == 0) {
        *ret_list = job->list;
        job->list = NULL;
    } else {
        weft__errand_errors(&job->help);
    }
    weft__errand_drop(&job->help);
    return rc;
}

/* getnameinfo() */

struct name_job {
    struct weft__errand help;
    struct sockaddr_storage address;
    socklen_t address_size, host_size, service_size;
    char *host, *service; /* NULL: not wanted */
    int flags, rc;
    char room[];
};

static void find_name(struct weft__errand *help)
{
    struct name_job *job = (struct name_job *)help;
    job->rc = weft__real_getnameinfo((struct sockaddr *)&job->address, job->address_size, job->host,
                                     job->host_size, job->service, job->service_size, job->flags);
}

WEFT__INTERPOSE int getnameinfo(const struct sockaddr *address, socklen_t address_size, char *host,
                                socklen_t host_size, char *service, socklen_t service_size,
                                int flags)
{
    size_t host_room = host ? host_size : 0, service_room = service ? service_size : 0;
    if (!weft__hook_task() || flags & NI_NUMERICHOST || host_room == 0 ||
        address_size > sizeof(struct sockaddr_storage))
        return weft__real_getnameinfo(address, address_size, host, host_size, service, service_size,
                                      flags);
    struct name_job *job = weft__errand_create(sizeof *job + host_room + service_room, find_name);
    if (!job)
        return EAI_MEMORY;
    memcpy(&job->address, address, address_size);
    job->address_size = address_size;
    job->host = job->room;
    job->host_size = host_size;
    job->service = service ? job->room + host_room : NULL;
    job->service_size = service_size;
    job->flags = flags;
    int rc = weft__errand_in_scope(&job->help, "getnameinfo");
    if (rc)
        return cut_short(&job->help, rc);
    rc = job->rc;
    if (rc == 0) {
        strcpy(host, job->host);
        if (service_room)
            strcpy(service, job->service);
    } else {
        weft__errand_errors(&job->help);
    }
    weft__errand_drop(&job->help);
    return rc;
}
