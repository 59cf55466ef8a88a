/* calls.h - every libc function that libweft-hook.so interposes, once.
 *
 * From this list come: the table of real functions (real.h), the symbol map's
 * check (scripts/check-symbols), and the linker's --wrap options, by which
 * libweft's own calls of these names go past the interposers to libc
 * (scripts/hook-calls). One name per line; the order is the families'. */
#ifndef WEFT_HOOK_CALLS_H
#define WEFT_HOOK_CALLS_H

/* clang-format off */
#define WEFT__CALLS(CALL) \
    /* start.c */ \
    CALL(__libc_start_main) \
    /* thread.c */ \
    CALL(pthread_create) \
    CALL(pthread_join) \
    CALL(pthread_tryjoin_np) \
    CALL(pthread_timedjoin_np) \
    CALL(pthread_clockjoin_np) \
    CALL(pthread_detach) \
    CALL(pthread_exit) \
    /* mutex.c */ \
    CALL(pthread_mutex_lock) \
    CALL(pthread_mutex_trylock) \
    CALL(pthread_mutex_timedlock) \
    CALL(pthread_mutex_clocklock) \
    CALL(pthread_mutex_unlock) \
    /* protocol.c */ \
    CALL(pthread_mutex_init) \
    /* cond.c */ \
    CALL(pthread_cond_wait) \
    CALL(pthread_cond_timedwait) \
    CALL(pthread_cond_clockwait) \
    CALL(pthread_cond_signal) \
    CALL(pthread_cond_broadcast) \
    /* sem.c */ \
    CALL(sem_wait) \
    CALL(sem_timedwait) \
    CALL(sem_clockwait) \
    CALL(sem_post) \
    /* barrier.c */ \
    CALL(pthread_barrier_init) \
    CALL(pthread_barrier_wait) \
    CALL(pthread_barrier_destroy) \
    /* rwlock.c */ \
    CALL(pthread_rwlock_rdlock) \
    CALL(pthread_rwlock_wrlock) \
    CALL(pthread_rwlock_tryrdlock) \
    CALL(pthread_rwlock_trywrlock) \
    CALL(pthread_rwlock_timedrdlock) \
    CALL(pthread_rwlock_timedwrlock) \
    CALL(pthread_rwlock_clockrdlock) \
    CALL(pthread_rwlock_clockwrlock) \
    CALL(pthread_rwlock_unlock) \
    /* futex.c */ \
    CALL(syscall) \
    /* c11.c */ \
    CALL(thrd_create) \
    CALL(thrd_join) \
    CALL(thrd_detach) \
    CALL(thrd_exit) \
    CALL(thrd_sleep) \
    CALL(thrd_yield) \
    CALL(mtx_lock) \
    CALL(mtx_trylock) \
    CALL(mtx_timedlock) \
    CALL(mtx_unlock) \
    CALL(cnd_wait) \
    CALL(cnd_timedwait) \
    CALL(cnd_signal) \
    CALL(cnd_broadcast) \
    /* once.c */ \
    CALL(pthread_once) \
    CALL(call_once) \
    /* spin.c */ \
    CALL(pthread_spin_lock) \
    CALL(pthread_spin_trylock) \
    /* attr.c */ \
    CALL(pthread_setname_np) \
    CALL(pthread_getname_np) \
    CALL(prctl) \
    CALL(pthread_getattr_np) \
    /* sleep.c */ \
    CALL(sched_yield) \
    CALL(nanosleep) \
    CALL(clock_nanosleep) \
    CALL(usleep) \
    CALL(sleep) \
    /* signal.c */ \
    CALL(sigaction) \
    CALL(signal) \
    CALL(sysv_signal) \
    CALL(__sysv_signal) \
    CALL(siginterrupt) \
    CALL(__libc_current_sigrtmax) \
    /* mask.c */ \
    CALL(pthread_sigmask) \
    CALL(sigprocmask) \
    CALL(sigpending) \
    CALL(sigsuspend) \
    CALL(pause) \
    /* altstack.c */ \
    CALL(sigaltstack) \
    /* kill.c */ \
    CALL(kill) \
    CALL(killpg) \
    CALL(sigqueue) \
    CALL(pthread_kill) \
    CALL(pthread_sigqueue) \
    CALL(raise) \
    CALL(tgkill) \
    CALL(gettid) \
    /* sigwait.c */ \
    CALL(sigtimedwait) \
    CALL(sigwaitinfo) \
    CALL(sigwait) \
    /* jump.c */ \
    CALL(__sigsetjmp) \
    CALL(siglongjmp) \
    CALL(longjmp) \
    CALL(_longjmp) \
    CALL(__longjmp_chk) \
    /* cancel.c */ \
    CALL(pthread_cancel) \
    CALL(pthread_testcancel) \
    /* fork.c */ \
    CALL(_Fork) \
    CALL(vfork) \
    /* exec.c */ \
    CALL(execve) \
    CALL(execv) \
    CALL(execvp) \
    CALL(execvpe) \
    CALL(fexecve) \
    CALL(execveat) \
    CALL(execl) \
    CALL(execlp) \
    CALL(execle) \
    /* spawn.c */ \
    CALL(posix_spawn) \
    CALL(posix_spawnp) \
    CALL(popen) \
    CALL(system) \
    /* wait.c */ \
    CALL(wait4) \
    CALL(waitpid) \
    CALL(wait3) \
    CALL(wait) \
    CALL(waitid) \
    /* read.c */ \
    CALL(read) \
    CALL(readv) \
    CALL(preadv2) \
    CALL(preadv64v2) \
    CALL(eventfd_read) \
    CALL(__read) \
    CALL(__read_chk) \
    /* write.c */ \
    CALL(write) \
    CALL(writev) \
    CALL(pwritev2) \
    CALL(pwritev64v2) \
    CALL(eventfd_write) \
    CALL(__write) \
    /* receive.c */ \
    CALL(recv) \
    CALL(recvfrom) \
    CALL(recvmsg) \
    CALL(recvmmsg) \
    CALL(__recv_chk) \
    CALL(__recvfrom_chk) \
    /* send.c */ \
    CALL(send) \
    CALL(sendto) \
    CALL(sendmsg) \
    CALL(sendmmsg) \
    CALL(__send) \
    /* accept.c */ \
    CALL(accept) \
    CALL(accept4) \
    /* connect.c */ \
    CALL(connect) \
    CALL(__connect) \
    CALL(shutdown) \
    /* create.c */ \
    CALL(socket) \
    CALL(socketpair) \
    CALL(pipe) \
    CALL(pipe2) \
    CALL(__socket) \
    CALL(__pipe) \
    /* close.c */ \
    CALL(close) \
    CALL(close_range) \
    CALL(closefrom) \
    CALL(dup2) \
    CALL(dup3) \
    CALL(fclose) \
    CALL(pclose) \
    CALL(freopen) \
    CALL(freopen64) \
    CALL(mq_close) \
    CALL(closedir) \
    CALL(__close) \
    CALL(__dup2) \
    /* fork.c */ \
    CALL(__vfork) \
    /* control.c */ \
    CALL(fcntl) \
    CALL(fcntl64) \
    CALL(ioctl) \
    CALL(setsockopt) \
    CALL(__fcntl) \
    /* poll.c */ \
    CALL(poll) \
    CALL(ppoll) \
    CALL(__poll) \
    CALL(__poll_chk) \
    CALL(__ppoll_chk) \
    /* select.c */ \
    CALL(select) \
    CALL(pselect) \
    CALL(__select) \
    /* epoll.c */ \
    CALL(epoll_wait) \
    CALL(epoll_pwait) \
    CALL(epoll_pwait2) \
    /* splice.c */ \
    CALL(sendfile) \
    CALL(sendfile64) \
    CALL(splice) \
    CALL(tee) \
    /* resolve.c */ \
    CALL(getaddrinfo) \
    CALL(getnameinfo) \
    /* gai.c */ \
    CALL(gai_suspend) \
    CALL(getaddrinfo_a) \
    /* hosts.c */ \
    CALL(gethostbyname) \
    CALL(gethostbyname2) \
    CALL(gethostbyaddr) \
    CALL(gethostbyname_r) \
    CALL(gethostbyname2_r) \
    CALL(gethostbyaddr_r) \
    /* sysv.c */ \
    CALL(sighold) \
    CALL(sigrelse) \
    CALL(sigignore) \
    CALL(sigset) \
    CALL(sigblock) \
    CALL(sigsetmask) \
    CALL(siggetmask) \
    CALL(__xpg_sigpause) \
    CALL(__sigpause) \
    CALL(sigpause) \
    /* aliases.c */ \
    CALL(__nanosleep) \
    CALL(__sched_yield) \
    CALL(__sigaction) \
    CALL(__sigsuspend) \
    CALL(bsd_signal) \
    CALL(ssignal) \
    CALL(gsignal) \
    CALL(__wait) \
    CALL(__waitpid) \
    /* ids.c */ \
    CALL(setuid) \
    CALL(setgid) \
    CALL(seteuid) \
    CALL(setegid) \
    CALL(setreuid) \
    CALL(setregid) \
    CALL(setresuid) \
    CALL(setresgid) \
    CALL(setgroups) \
    CALL(initgroups) \
    /* rank.c */ \
    CALL(pthread_setschedparam) \
    CALL(pthread_getschedparam) \
    CALL(pthread_setschedprio) \
    CALL(pthread_setaffinity_np) \
    CALL(pthread_getaffinity_np) \
    CALL(sched_setscheduler) \
    CALL(sched_getscheduler) \
    CALL(sched_setparam) \
    CALL(sched_getparam) \
    CALL(sched_setaffinity) \
    CALL(sched_getaffinity) \
    /* tid.c */ \
    CALL(sched_rr_get_interval) \
    CALL(setpriority) \
    CALL(getpriority) \
    /* cputime.c */ \
    CALL(clock_gettime) \
    CALL(pthread_getcpuclockid) \
    /* timer.c */ \
    CALL(timer_create) \
    CALL(timer_delete)
/* clang-format on */

#endif
