/* A worker: takes one request after the other and does what it says. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/template.h"
#include "weft/scope.h"

/* What it exits with, when the program is no more, or does not listen. */
#define LOST 1

/* The call's shared memory. */
struct views {
    unsigned count;
    int fds[WEFT_PROCESS_SHARED_MAX];
    void *data[WEFT_PROCESS_SHARED_MAX];
    size_t sizes[WEFT_PROCESS_SHARED_MAX];
};

static int data_socket = -1;
static struct weft__mark *mark;

/* A child that a job forks must not keep it open; in that child's children the number is
 * another file's. */
static void close_in_child(void)
{
    if (data_socket >= 0)
        close(data_socket);
    data_socket = -1;
}

/* TEMPLATE-3. Who changes his user is not killed any more: it is asked for again. */
static void tie_to(pid_t template)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != template)
        _exit(LOST);
}

static void read_all(void *to, size_t size)
{
    while (size) {
        ssize_t n = recv(data_socket, to, size, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            _exit(LOST);
        if (n > 0) {
            to = (char *)to + n;
            size -= (size_t)n;
        }
    }
}

static void skip(size_t size)
{
    char dropped[4096];
    while (size) {
        size_t part = size < sizeof dropped ? size : sizeof dropped;
        read_all(dropped, part);
        size -= part;
    }
}

/* One message, as a rule. */
static void send_reply(const struct weft__reply *reply, const void *result, size_t size)
{
    struct iovec parts[2] = { { (void *)(uintptr_t)reply, sizeof *reply },
                              { (void *)(uintptr_t)result, size } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    while (parts[0].iov_len || parts[1].iov_len) {
        ssize_t n = sendmsg(data_socket, &message, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            _exit(LOST);
        for (int i = 0; i < 2 && n > 0; i++) {
            size_t part = parts[i].iov_len < (size_t)n ? parts[i].iov_len : (size_t)n;
            parts[i].iov_base = (char *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            n -= (ssize_t)part;
        }
    }
}

static void take_request(struct weft__request *request, struct views *views)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof views->fds)];
    } ancillary;
    struct iovec iov = { request, sizeof *request };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = ancillary.room,
                              .msg_controllen = sizeof ancillary.room };
    ssize_t n;
    do {
        n = recvmsg(data_socket, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        _exit(LOST);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    size_t size = header ? header->cmsg_len - CMSG_LEN(0) : 0;
    if (size)
        memcpy(views->fds, CMSG_DATA(header), size);
    views->count = (unsigned)(size / sizeof *views->fds);
    read_all((char *)request + n, sizeof *request - (size_t)n);
}

/* 0 or an error. The descriptors are not needed longer. */
static int map_views(const struct weft__request *request, struct views *views)
{
    int rc = views->count == request->shared_count ? 0 : -EMFILE;
    for (unsigned i = 0; i < views->count; i++) {
        views->sizes[i] = request->shared_sizes[i];
        views->data[i] =
            mmap(NULL, views->sizes[i], PROT_READ | PROT_WRITE, MAP_SHARED, views->fds[i], 0);
        if (views->data[i] == MAP_FAILED)
            rc = -ENOMEM;
        close(views->fds[i]);
    }
    return rc;
}

static void unmap_views(struct views *views)
{
    for (unsigned i = 0; i < views->count; i++) {
        if (views->data[i] != MAP_FAILED)
            munmap(views->data[i], views->sizes[i]);
    }
}

static void run(const struct weft__request *request, weft_process_job *job,
                struct weft__reply *reply)
{
    weft__store(&mark->begun, request->number, relaxed); /* our end pairs with its load */
    reply->value = request->fn(job);
    reply->size = job->result_size;
    if (job->result_size > request->result_max)
        reply->error = -EMSGSIZE;
    fflush(NULL); /* it may be killed at any time from now on */
}

static void serve(const struct weft__request *request, struct views *views)
{
    struct weft__reply reply = { .number = request->number, .error = map_views(request, views) };
    void *arg = malloc(request->arg_size ? request->arg_size : 1);
    void *result = malloc(request->result_max ? request->result_max : 1);
    if (!arg || !result)
        reply.error = -ENOMEM;
    if (arg)
        read_all(arg, request->arg_size);
    else
        skip(request->arg_size);
    weft_process_job job = { .arg = arg,
                             .arg_size = request->arg_size,
                             .result = result,
                             .result_max = request->result_max,
                             .shared = views->data,
                             .shared_sizes = views->sizes,
                             .shared_count = views->count };
    if (reply.error == 0)
        run(request, &job, &reply);
    unmap_views(views);
    send_reply(&reply, result, reply.error ? 0 : reply.size);
    free(arg);
    free(result);
}

static void get_ready(pid_t template)
{
    sigset_t none;
    int no_other = -1;
    setpgid(0, 0);
    tie_to(template);
    prctl(PR_SET_NAME, "weft-worker");
    weft__process_renew(&data_socket, &no_other);
    pthread_atfork(NULL, NULL, close_in_child);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Scopes that the program was in are not the jobs'. */
void weft__worker_main(int data, struct weft__mark *shared, pid_t template,
                       const struct weft__worker_init *init)
{
    weft_scope shield;
    struct weft__request request;
    struct views views;
    data_socket = data;
    mark = shared;
    get_ready(template);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    struct weft__reply ready = { .error = init->fn ? init->fn(init->arg) : 0 };
    send_reply(&ready, NULL, 0);
    for (;;) {
        tie_to(template);
        take_request(&request, &views);
        serve(&request, &views);
    }
}
