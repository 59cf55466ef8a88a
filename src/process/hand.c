/* A worker's life, from the program's side. The protocol is at the head of template.h. */
#include "process/hand.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/operation.h"
#include "os/error.h"
#include "weft/io.h"
#include "weft/scope.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* All of a process's descriptors are closed within, when it ends. */
#define ENDS_WITHIN WEFT_MS(100)

/* Both ends of its sockets: ours, and the others. */
static int open_sockets(int near[2], int far[2])
{
    int kept = weft__error(), keeper[2], data[2], rc = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, keeper) < 0) {
        rc = -weft__error();
    } else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data) < 0) {
        rc = -weft__error();
        close(keeper[0]);
        close(keeper[1]);
    } else {
        near[0] = keeper[0], far[0] = keeper[1];
        near[1] = data[0], far[1] = data[1];
        weft__fd_renew(near[0], 0);
        weft__fd_renew(near[1], 0);
    }
    weft__error_set(kept);
    return rc;
}

/* The template forks a worker with these. */
static int send_sockets(int control, const int fds[2])
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } ancillary = { .room = { 0 } };
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = ancillary.room,
                              .msg_controllen = sizeof ancillary.room };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(header), fds, 2 * sizeof(int));
    ssize_t n = weft_sendmsg(control, &message, 0);
    return n < 0 ? (int)n : 0;
}

static bool comes_later(void)
{
    return weft__error() == EAGAIN || weft__error() == EINTR;
}

/* False: there is none, and will be none. That the template has ended its own socket says, of
 * whose far end nobody has a copy. */
static bool next_note(const struct weft__hand *hand, struct weft__note *note)
{
    int kept = weft__error();
    bool ended = false;
    ssize_t n;
    for (;;) {
        n = recv(hand->keeper, note, sizeof *note, MSG_DONTWAIT);
        if (n >= 0 || !comes_later() || ended)
            break;
        struct pollfd fds[2] = { { .fd = hand->keeper, .events = POLLIN },
                                 { .fd = hand->template->control, .events = POLLIN } };
        weft__poll_firmly(fds, 2);
        ended = weft__template_ended(hand->template);
    }
    weft__error_set(kept);
    return n == (ssize_t)sizeof *note;
}

/* Who dies with the template may run on a little; who has changed his user does not die. */
static void end_process(const struct weft__hand *hand)
{
    struct pollfd ended = { .fd = hand->process, .events = POLLIN };
    int kept = weft__error();
    if (hand->process >= 0) {
        syscall(SYS_pidfd_send_signal, hand->process, SIGKILL, NULL, 0);
        while (!ended.revents)
            weft__poll_firmly(&ended, 1);
    }
    weft__error_set(kept);
}

/* The worker's end need not be the keeper's: a child of the program's may have a copy of the
 * far one. */
bool weft__hand_end(struct weft__hand *hand)
{
    weft_scope shield;
    struct weft__note note;
    bool known = false;
    weft_shutdown(hand->keeper, SHUT_WR);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    while (!known && next_note(hand, &note)) {
        known = note.pid == 0;
        hand->note = note;
    }
    if (!known)
        end_process(hand);
    weft_scope_leave(&shield);
    return known;
}

int weft__hand_await(const struct weft__hand *hand, int fd, short events)
{
    struct pollfd fds[2] = { { .fd = fd, .events = events },
                             { .fd = hand->template->control, .events = POLLIN } };
    int rc = weft_poll(fds, 2);
    if (rc < 0)
        return rc;
    if (fds[0].revents)
        return 0;
    int kept = weft__error();
    rc = poll(fds, 1, 0); /* it may have come before the template ended */
    weft__error_set(kept);
    return rc > 0 ? 0 : -ECONNRESET;
}

int weft__hand_read(const struct weft__hand *hand, void *buf, size_t size)
{
    for (size_t done = 0; done < size;) {
        int rc = weft__hand_await(hand, hand->data, POLLIN);
        if (rc)
            return rc;
        ssize_t n = weft_read(hand->data, (char *)buf + done, size - done);
        if (n <= 0)
            return n ? (int)n : -ENODATA;
        done += (size_t)n;
    }
    return 0;
}

/* With a descriptor of the worker, if the template could make one. */
static ssize_t receive_first(struct weft__hand *hand, struct weft__note *note)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } ancillary;
    struct iovec iov = { note, sizeof *note };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = ancillary.room,
                              .msg_controllen = sizeof ancillary.room };
    int rc = weft__hand_await(hand, hand->keeper, POLLIN);
    if (rc)
        return rc;
    ssize_t n = weft_recvmsg(hand->keeper, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&hand->process, CMSG_DATA(header), sizeof(int));
    return n;
}

/* It had no room for the descriptors, or is no more: of what it had, the control socket may
 * be closed last. */
static int why_no_note(const struct weft__hand *hand)
{
    weft_scope scope;
    weft_scope_enter(&scope, weft_after(ENDS_WITHIN));
    int rc = weft__hand_await(hand, -1, 0);
    weft_scope_leave(&scope);
    if (rc == -ECONNRESET)
        return -EPIPE;
    return weft_scope_timed_out(&scope) ? -EMFILE : rc;
}

/* The first note, and the first reply. */
static int await_ready(struct weft__hand *hand)
{
    struct weft__note note;
    struct weft__reply ready;
    ssize_t n = receive_first(hand, &note);
    if (n < 0 && n != -ECONNRESET)
        return (int)n;
    if (n != (ssize_t)sizeof note)
        return why_no_note(hand);
    if (note.pid < 0)
        return note.pid;
    hand->pid = note.pid;
    int rc = weft__hand_read(hand, &ready, sizeof ready);
    if (rc == -ENODATA || rc == -ECONNRESET)
        return weft__hand_end(hand) ? -EOWNERDEAD : -EPIPE;
    if (rc == 0 && ready.error)
        weft__hand_end(hand);
    return rc ? rc : ready.error;
}

int weft__hand_open(const struct weft__template *template, struct weft__hand *ret_hand)
{
    int near[2] = { -1, -1 }, far[2] = { -1, -1 };
    int rc = open_sockets(near, far);
    if (rc)
        return rc;
    *ret_hand = (struct weft__hand){
        .template = template, .keeper = near[0], .data = near[1], .process = -1
    };
    rc = send_sockets(template->control, far);
    close(far[0]);
    close(far[1]);
    if (rc == -ECONNRESET)
        rc = -EPIPE;
    if (rc == 0)
        rc = await_ready(ret_hand);
    if (rc)
        weft__hand_close(ret_hand);
    return rc;
}

/* Others may have copies of the keeper: not only closed. */
void weft__hand_close(struct weft__hand *hand)
{
    weft_shutdown(hand->keeper, SHUT_RDWR);
    weft_close(hand->keeper);
    weft_close(hand->data);
    if (hand->process >= 0)
        weft_close(hand->process);
}

bool weft__hand_is_good(const struct weft__hand *hand)
{
    char byte;
    int kept = weft__error();
    ssize_t n = recv(hand->data, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    bool good = n < 0 && comes_later();
    weft__error_set(kept);
    return good && !weft__template_ended(hand->template); /* it dies presently: TEMPLATE-3 */
}
