/* Jobs: a request, and a reply, or the worker's end. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "process/hand.h"
#include "process/shared.h"
#include "weft/io.h"

static void fill_in(struct weft__request *request, int *fds, uint64_t number,
                    const weft_process_call *call)
{
    *request = (struct weft__request){ .number = number,
                                       .fn = call->fn,
                                       .arg_size = call->arg_size,
                                       .result_max = call->result_max,
                                       .shared_count = call->shared_count };
    for (unsigned i = 0; i < call->shared_count; i++) {
        request->shared_sizes[i] = call->shared[i]->size;
        fds[i] = call->shared[i]->fd;
    }
}

static void skip(struct iovec *iov, size_t n)
{
    for (int i = 0; i < 2; i++) {
        size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;
        if (part) /* else there may be nothing at all */
            iov[i].iov_base = (char *)iov[i].iov_base + part;
        iov[i].iov_len -= part;
        n -= part;
    }
}

static int send_request(struct weft__hand *hand, const weft_process_call *call)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(WEFT_PROCESS_SHARED_MAX * sizeof(int))];
    } ancillary = { .room = { 0 } };
    struct weft__request request;
    int fds[WEFT_PROCESS_SHARED_MAX];
    size_t fds_size = call->shared_count * sizeof *fds;
    struct iovec iov[2] = { { &request, sizeof request },
                            { (void *)(uintptr_t)call->arg, call->arg_size } };
    struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
    fill_in(&request, fds, hand->number, call);
    if (fds_size) {
        ancillary.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(fds_size),
                                             .cmsg_level = SOL_SOCKET,
                                             .cmsg_type = SCM_RIGHTS };
        memcpy(CMSG_DATA(&ancillary.header), fds, fds_size);
        message.msg_control = ancillary.room;
        message.msg_controllen = CMSG_SPACE(fds_size);
    }
    for (;;) { /* at first there is room: the worker has read what it was sent before */
        ssize_t n = weft_sendmsg(hand->data, &message, 0);
        if (n < 0)
            return (int)n;
        skip(iov, (size_t)n);
        message.msg_controllen = 0; /* the descriptors have gone with the first byte */
        if (iov[0].iov_len + iov[1].iov_len == 0)
            return 0;
        int rc = weft__hand_await(hand, hand->data, POLLOUT);
        if (rc)
            return rc;
    }
}

/* Usually all of it comes at once. */
static int receive_reply(struct weft__hand *hand, const weft_process_call *call,
                         struct weft__reply *reply)
{
    struct iovec iov[2] = { { reply, sizeof *reply }, { call->result, call->result_max } };
    int rc = weft__hand_await(hand, hand->data, POLLIN);
    if (rc)
        return rc;
    ssize_t n = weft_readv(hand->data, iov, 2);
    if (n <= 0)
        return n ? (int)n : -ENODATA;
    size_t got = (size_t)n, head = got < sizeof *reply ? got : sizeof *reply;
    rc = weft__hand_read(hand, (char *)reply + head, sizeof *reply - head);
    if (rc)
        return rc;
    size_t size = reply->error ? 0 : reply->size;
    got -= head;
    if (reply->number != hand->number || size > call->result_max || got > size)
        return -EPROTO;
    return got == size ? 0 : weft__hand_read(hand, (char *)call->result + got, size - got);
}

static int conclude(const struct weft__reply *reply, weft_process_outcome *outcome)
{
    outcome->begun = reply->error == 0 || reply->error == -EMSGSIZE;
    outcome->value = outcome->begun ? reply->value : 0;
    outcome->result_size = outcome->begun ? reply->size : 0;
    return reply->error;
}

static bool says_it_ended(int rc)
{
    return rc == -ENODATA || rc == -EPIPE || rc == -ECONNRESET;
}

int weft__hand_run(struct weft__hand *hand, const weft_process_call *call,
                   weft_process_outcome *outcome, bool *ret_dead)
{
    struct weft__reply reply;
    hand->number++;
    outcome->worker = hand->pid;
    int rc = send_request(hand, call);
    if (rc == 0)
        rc = receive_reply(hand, call, &reply);
    if (rc == 0)
        return conclude(&reply, outcome);
    bool known = weft__hand_end(hand);
    *ret_dead = true;
    outcome->begun = !known || hand->note.begun == hand->number; /* HAND-3 */
    if (!says_it_ended(rc))
        return rc;
    if (!known)
        return -EPIPE;
    int status = hand->note.status;
    outcome->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    outcome->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome->begun ? -EOWNERDEAD : WEFT__HAND_AGAIN;
}
