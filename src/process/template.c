/* A template: forks workers, watches over them, reaps them. The protocol is at the head of
 * template.h. All that it has is released by its end. */
#include "process/template.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

enum { CONTROL, PROGRAM, OTHERS };

/* A worker. */
struct ward {
    pid_t pid;
    int keeper, data;
    struct weft__mark *mark;
    bool killed;
};

struct weft__template_room {
    const struct weft__worker_init *init;
    unsigned max, count;
    struct ward *wards;
    struct pollfd *fds; /* the control socket, the program's descriptor, the keepers */
};

/* The program reads both notes of a worker, or has closed the keeper: there is room. */
static void tell(int keeper, const struct weft__note *note)
{
    send(keeper, note, sizeof *note, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The first note: with a descriptor of the worker, if there can be one; too many may be on
 * their way. False: the program will not have it. */
static bool tell_made(int keeper, struct weft__note *note)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } ancillary = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS } };
    struct iovec iov = { note, sizeof *note };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
    int process = note->pid > 0 ? (int)syscall(SYS_pidfd_open, note->pid, 0) : -1;
    if (process >= 0) {
        memcpy(CMSG_DATA(&ancillary.header), &process, sizeof process);
        message.msg_control = ancillary.room;
        message.msg_controllen = sizeof ancillary.room;
    }
    bool told = sendmsg(keeper, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
    message.msg_controllen = 0;
    told = told || sendmsg(keeper, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
    if (process >= 0)
        close(process);
    return told;
}

/* A child of the program's may have a copy. */
static void hang_up(int keeper)
{
    shutdown(keeper, SHUT_RDWR);
    close(keeper);
}

static void release(struct ward *ward)
{
    if (ward->mark != MAP_FAILED)
        munmap(ward->mark, sizeof *ward->mark);
    close(ward->data);
    hang_up(ward->keeper);
}

/* Its group, and if it has left that, it: TEMPLATE-4. */
static void kill_ward(struct ward *ward)
{
    ward->killed = true;
    kill(-ward->pid, SIGKILL);
    kill(ward->pid, SIGKILL);
}

/* TEMPLATE-6. */
static void dismiss(struct weft__template_room *room, struct ward *ward, int status)
{
    /* relaxed: the worker's end is before */
    struct weft__note note = { .status = status, .begun = weft__load(&ward->mark->begun, relaxed) };
    shutdown(ward->data, SHUT_RDWR);
    tell(ward->keeper, &note);
    release(ward);
    *ward = room->wards[--room->count];
}

/* TEMPLATE-4: it is a zombie. */
static void reap_one(struct weft__template_room *room, pid_t pid)
{
    int status = 0;
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    for (unsigned i = 0; i < room->count; i++) {
        if (room->wards[i].pid == pid) {
            dismiss(room, &room->wards[i], status);
            return;
        }
    }
}

static void reap(struct weft__template_room *room, int flags)
{
    siginfo_t info = { 0 };
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | flags) == 0 && info.si_pid) {
        reap_one(room, info.si_pid);
        info.si_pid = 0;
    }
}

WEFT_NORETURN static void end(struct weft__template_room *room)
{
    for (unsigned i = 0; i < room->count; i++)
        kill_ward(&room->wards[i]);
    while (room->count)
        reap(room, 0);
    _exit(0);
}

static pid_t fork_with(struct weft__template_room *room, struct ward *ward)
{
    pid_t self = getpid();
    if (ward->mark == MAP_FAILED)
        return -ENOMEM;
    pid_t pid = fork();
    if (pid == 0)
        weft__worker_main(ward->data, ward->mark, self, room->init);
    return pid < 0 ? -errno : pid;
}

static void make_worker(struct weft__template_room *room, int keeper, int data)
{
    struct ward ward = { .keeper = keeper, .data = data };
    ward.mark =
        mmap(NULL, sizeof *ward.mark, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ward.pid = fork_with(room, &ward);
    struct weft__note note = { .pid = ward.pid };
    bool told = tell_made(keeper, &note);
    if (ward.pid < 0) {
        release(&ward);
        return;
    }
    setpgid(ward.pid, ward.pid); /* as it does itself: whoever is first */
    if (!told) {
        shutdown(keeper, SHUT_RDWR); /* the program waits for it */
        kill_ward(&ward);
    }
    room->wards[room->count++] = ward;
}

/* Without both descriptors, since there was no room for them, the program sees the keeper
 * close. */
static void take_request(struct weft__template_room *room, int control)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } ancillary;
    char byte;
    int fds[2] = { -1, -1 };
    struct iovec iov = { &byte, 1 };
    struct msghdr message = { .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = ancillary.room,
                              .msg_controllen = sizeof ancillary.room };
    ssize_t n = recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end(room);
    struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!header)
        return;
    memcpy(fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    if (fds[1] >= 0)
        make_worker(room, fds[0], fds[1]);
    else if (fds[0] >= 0)
        hang_up(fds[0]);
}

/* When there is no room for more workers, some have been killed: the next request has to
 * wait until they have ended. Who is killed need not be watched. */
static nfds_t watch(struct weft__template_room *room, int control, int program)
{
    bool full = room->count == room->max;
    room->fds[CONTROL] = (struct pollfd){ .fd = full ? -1 : control, .events = POLLIN };
    room->fds[PROGRAM] = (struct pollfd){ .fd = program, .events = POLLIN };
    for (unsigned i = 0; i < room->count; i++) {
        const struct ward *ward = &room->wards[i];
        room->fds[OTHERS + i] =
            (struct pollfd){ .fd = ward->killed ? -1 : ward->keeper, .events = POLLIN };
    }
    return OTHERS + room->count;
}

/* Signals come while it waits, and at no other time; of its children's ends it learns so. */
WEFT_NORETURN static void serve(struct weft__template_room *room, int control, int program)
{
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
        reap(room, WNOHANG);
        nfds_t count = watch(room, control, program);
        if (ppoll(room->fds, count, NULL, &none) < 0)
            continue;
        if (room->fds[PROGRAM].revents)
            end(room);
        for (unsigned i = 0; i < room->count; i++) {
            if (room->fds[OTHERS + i].revents)
                kill_ward(&room->wards[i]);
        }
        if (room->fds[CONTROL].revents)
            take_request(room, control);
    }
}

static void on_child(int number)
{
    (void)number;
}

struct weft__template_room *weft__template_room(unsigned max)
{
    struct weft__template_room *room;
    size_t wards = max * sizeof *room->wards, fds = (OTHERS + max) * sizeof *room->fds;
    room = calloc(1, sizeof *room + wards + fds);
    if (room) {
        room->max = max;
        room->wards = (struct ward *)(room + 1);
        room->fds = (struct pollfd *)(room->wards + max);
    }
    return room;
}

void weft__template_main(struct weft__template_room *room, int control, int program,
                         const struct weft__worker_init *init)
{
    struct sigaction interrupt = { .sa_handler = on_child };
    room->init = init;
    setpgid(0, 0);
    prctl(PR_SET_NAME, "weft-template");
    weft__process_renew(&control, &program);
    sigaction(SIGCHLD, &interrupt, NULL);
    serve(room, control, program);
}
