/* gethostbyname() and its relatives, in a helper. Those with a buffer of the caller's
 * get a copy of what the helper has written into another one (HELP-1). */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "hook/helper.h"
#include "hook/interposed.h"
#include "hook/resolve.h"
#include "hook/thread.h"

#define ALIGNMENT 16

struct host_job {
    struct weft__errand help;
    char *key; /* a name, or an address of `size` bytes */
    socklen_t size;
    int family;            /* 0: not asked for */
    struct hostent *found; /* libc's own: those without _r */
    struct hostent entry;  /* with: what lies in `buffer` */
    size_t buffer_size;
    int rc, h_error;
    char *buffer;
    char room[];
};

static void find_host(struct weft__errand *help)
{
    struct host_job *job = (struct host_job *)help;
    if (job->size)
        job->found = weft__real_gethostbyaddr(job->key, job->size, job->family);
    else if (job->family)
        job->found = weft__real_gethostbyname2(job->key, job->family);
    else
        job->found = weft__real_gethostbyname(job->key);
}

static void find_host_r(struct weft__errand *help)
{
    struct host_job *job = (struct host_job *)help;
    if (job->size)
        job->rc =
            weft__real_gethostbyaddr_r(job->key, job->size, job->family, &job->entry, job->buffer,
                                       job->buffer_size, &job->found, &job->h_error);
    else if (job->family)
        job->rc = weft__real_gethostbyname2_r(job->key, job->family, &job->entry, job->buffer,
                                              job->buffer_size, &job->found, &job->h_error);
    else
        job->rc = weft__real_gethostbyname_r(job->key, &job->entry, job->buffer, job->buffer_size,
                                             &job->found, &job->h_error);
}

/* Aligned as the caller's, so that as much fits in. */
static char *buffer_in(char *room, const char *callers)
{
    return room + (((uintptr_t)callers - (uintptr_t)room) & (ALIGNMENT - 1));
}

/* `size` 0: the key is a name. NULL: out of memory. */
static struct host_job *look_up(const void *key, socklen_t size, int family, const char *buffer,
                                size_t buffer_size)
{
    size_t key_size = size ? size : weft__errand_size(key);
    struct host_job *job = weft__errand_create(sizeof *job + key_size + ALIGNMENT + buffer_size,
                                               buffer_size ? find_host_r : find_host);
    if (!job)
        return NULL;
    char *room = job->room;
    job->key = weft__errand_copy(&room, key, key_size);
    job->size = size;
    job->family = family;
    job->buffer = buffer_in(room, buffer);
    job->buffer_size = buffer_size;
    weft__errand(&job->help, "gethostby*");
    return job;
}

static struct hostent *host_of(struct host_job *job)
{
    if (!job) {
        h_errno = NETDB_INTERNAL;
        errno = ENOMEM;
        return NULL;
    }
    struct hostent *found = job->found;
    if (!found)
        weft__errand_errors(&job->help);
    weft__errand_drop(&job->help);
    return found;
}

WEFT__INTERPOSE struct hostent *gethostbyname(const char *name)
{
    if (!weft__hook_task() || weft__resolve_number(name))
        return weft__real_gethostbyname(name);
    return host_of(look_up(name, 0, 0, NULL, 0));
}

WEFT__INTERPOSE struct hostent *gethostbyname2(const char *name, int family)
{
    if (!weft__hook_task() || weft__resolve_number(name))
        return weft__real_gethostbyname2(name, family);
    return host_of(look_up(name, 0, family, NULL, 0));
}

WEFT__INTERPOSE struct hostent *gethostbyaddr(const void *address, socklen_t size, int family)
{
    if (!weft__hook_task() || size == 0)
        return weft__real_gethostbyaddr(address, size, family);
    return host_of(look_up(address, size, family, NULL, 0));
}

/* What a pointer into the job's buffer is in the caller's. */
static void *moved(void *pointer, const struct host_job *job, char *buffer)
{
    return pointer ? buffer + ((char *)pointer - job->buffer) : NULL;
}

static char **moved_list(char **list, const struct host_job *job, char *buffer)
{
    list = moved(list, job, buffer);
    for (char **at = list; at && *at; at++)
        *at = moved(*at, job, buffer);
    return list;
}

static int answer(struct host_job *job, struct hostent *ret_entry, char *buffer,
                  struct hostent **ret_found, int *ret_h_error)
{
    *ret_found = NULL;
    if (!job) {
        *ret_h_error = NETDB_INTERNAL;
        return ENOMEM;
    }
    int rc = job->rc;
    *ret_h_error = job->h_error;
    if (job->found) {
        memcpy(buffer, job->buffer, job->buffer_size);
        *ret_entry = job->entry;
        ret_entry->h_name = moved(job->entry.h_name, job, buffer);
        ret_entry->h_aliases = moved_list(job->entry.h_aliases, job, buffer);
        ret_entry->h_addr_list = moved_list(job->entry.h_addr_list, job, buffer);
        *ret_found = ret_entry;
    } else {
        weft__errand_errors(&job->help);
    }
    weft__errand_drop(&job->help);
    return rc;
}

WEFT__INTERPOSE int gethostbyname_r(const char *name, struct hostent *ret_entry, char *buffer,
                                    size_t size, struct hostent **ret_found, int *ret_h_error)
{
    if (!weft__hook_task() || weft__resolve_number(name) || size == 0)
        return weft__real_gethostbyname_r(name, ret_entry, buffer, size, ret_found, ret_h_error);
    return answer(look_up(name, 0, 0, buffer, size), ret_entry, buffer, ret_found, ret_h_error);
}

WEFT__INTERPOSE int gethostbyname2_r(const char *name, int family, struct hostent *ret_entry,
                                     char *buffer, size_t size, struct hostent **ret_found,
                                     int *ret_h_error)
{
    if (!weft__hook_task() || weft__resolve_number(name) || size == 0)
        return weft__real_gethostbyname2_r(name, family, ret_entry, buffer, size, ret_found,
                                           ret_h_error);
    return answer(look_up(name, 0, family, buffer, size), ret_entry, buffer, ret_found,
                  ret_h_error);
}

WEFT__INTERPOSE int gethostbyaddr_r(const void *address, socklen_t address_size, int family,
                                    struct hostent *ret_entry, char *buffer, size_t size,
                                    struct hostent **ret_found, int *ret_h_error)
{
    if (!weft__hook_task() || address_size == 0 || size == 0)
        return weft__real_gethostbyaddr_r(address, address_size, family, ret_entry, buffer, size,
                                          ret_found, ret_h_error);
    return answer(look_up(address, address_size, family, buffer, size), ret_entry, buffer,
                  ret_found, ret_h_error);
}
