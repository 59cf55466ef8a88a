/* What the watchdog says on stderr. */
#include "observe/stall.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "observe/report.h"
#include "observe/trace.h"

static const char *call_name(long number)
{
    static const struct {
        long number;
        const char *name;
    } names[] = {
        { SYS_read, "read" },
        { SYS_write, "write" },
        { SYS_readv, "readv" },
        { SYS_writev, "writev" },
        { SYS_pread64, "pread64" },
        { SYS_pwrite64, "pwrite64" },
        { SYS_openat, "openat" },
        { SYS_fsync, "fsync" },
        { SYS_fdatasync, "fdatasync" },
        { SYS_flock, "flock" },
        { SYS_fcntl, "fcntl" },
        { SYS_ioctl, "ioctl" },
        { SYS_futex, "futex" },
        { SYS_nanosleep, "nanosleep" },
        { SYS_clock_nanosleep, "clock_nanosleep" },
        { SYS_ppoll, "ppoll" },
        { SYS_pselect6, "pselect6" },
        { SYS_epoll_pwait, "epoll_pwait" },
#ifdef SYS_poll
        { SYS_poll, "poll" },
        { SYS_select, "select" },
        { SYS_epoll_wait, "epoll_wait" },
#endif
        { SYS_connect, "connect" },
        { SYS_accept, "accept" },
        { SYS_accept4, "accept4" },
        { SYS_sendto, "sendto" },
        { SYS_sendmsg, "sendmsg" },
        { SYS_recvfrom, "recvfrom" },
        { SYS_recvmsg, "recvmsg" },
        { SYS_wait4, "wait4" },
        { SYS_waitid, "waitid" },
        { SYS_rt_sigtimedwait, "rt_sigtimedwait" },
        { SYS_rt_sigsuspend, "rt_sigsuspend" },
        { SYS_semtimedop, "semtimedop" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    return NULL;
}

static void put_what(struct weft__line *line, const weft_stall *stall)
{
    if (!stall->blocked) {
        weft__line_string(line, "it computes");
        return;
    }
    weft__line_string(line, "it is blocked");
    if (stall->call < 0)
        return;
    const char *name = call_name(stall->call);
    weft__line_string(line, name ? " in " : " in system call ");
    if (name)
        weft__line_string(line, name);
    else
        weft__line_number(line, (uint64_t)stall->call);
    weft__line_string(line, ", from ");
    weft__line_hex(line, (uintptr_t)stall->pc);
}

static void say_calls(const weft_stall *stall)
{
    struct weft__line line = { 0 };
    if (!stall->depth)
        return;
    weft__line_string(&line, stall->exact ? "weft:   its calls, the innermost first:"
                                          : "weft:   its calls, by the words on its stack, and "
                                            "perhaps some of earlier ones:");
    weft__line_write(&line, STDERR_FILENO);
    for (unsigned i = 0; i < stall->depth; i++) {
        weft__line_string(&line, "weft:     ");
        weft__line_code(&line, stall->stack[i]);
        weft__line_write(&line, STDERR_FILENO);
    }
}

void weft__stall_say(struct weft_task *task, const weft_stall *stall)
{
    struct weft__line line = { 0 };
    weft__line_string(&line, " has not suspended for ");
    weft__line_duration(&line, stall->duration);
    weft__line_string(&line, ": ");
    put_what(&line, stall);
    weft__line_string(&line, ", on thread ");
    weft__line_number(&line, (uint64_t)stall->thread);
    line.text[line.length < WEFT__LINE ? line.length : WEFT__LINE - 1] = 0;
    weft__report_task(STDERR_FILENO, "", task, line.text);
    say_calls(stall);
}
