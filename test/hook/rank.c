/* CPUs, policies and priorities of threads, by handle, by number and in attributes. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

static int first_cpu(void)
{
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof cpus, &cpus);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &cpus))
            return i;
    }
    return -1;
}

static int only; /* a CPU that there is */

static bool is_only(const cpu_set_t *cpus)
{
    return CPU_COUNT(cpus) == 1 && CPU_ISSET(only, cpus);
}

static void *say_inherited(void *unused)
{
    cpu_set_t cpus;
    SAY(pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus));
    SAY_NUMBER(is_only(&cpus));
    return unused;
}

static void run(const pthread_attr_t *attr, void *(*fn)(void *))
{
    pthread_t thread;
    int rc = pthread_create(&thread, attr, fn, NULL);
    if (rc == 0)
        pthread_join(thread, NULL);
    printf("created: %s\n", say_error(rc));
}

static void *places(void *unused)
{
    cpu_set_t cpus, none, one;
    pthread_attr_t attr;
    CPU_ZERO(&none);
    CPU_ZERO(&one);
    CPU_SET(only, &one);
    SAY(pthread_setaffinity_np(pthread_self(), sizeof none, &none));
    SAY_ERRNO(sched_setaffinity(0, sizeof none, &none));
    SAY_ERRNO(sched_getaffinity(0, 1, &cpus));
    SAY_ERRNO(sched_setaffinity(gettid(), sizeof one, &one));
    SAY_ERRNO(sched_getaffinity(0, sizeof cpus, &cpus));
    SAY_NUMBER(is_only(&cpus));
    run(NULL, say_inherited);
    SAY(pthread_getattr_np(pthread_self(), &attr));
    SAY(pthread_attr_getaffinity_np(&attr, sizeof cpus, &cpus));
    SAY_NUMBER(is_only(&cpus));
    pthread_attr_destroy(&attr);
    SAY_NUMBER(sched_getcpu() >= 0);
    return unused;
}

static void placed_by_attributes(void)
{
    pthread_attr_t attr;
    cpu_set_t one, none;
    CPU_ZERO(&none);
    CPU_ZERO(&one);
    CPU_SET(only, &one);
    pthread_attr_init(&attr);
    pthread_attr_setaffinity_np(&attr, sizeof one, &one);
    run(&attr, say_inherited);
    pthread_attr_setaffinity_np(&attr, sizeof none, &none);
    run(&attr, say_inherited);
    pthread_attr_destroy(&attr);
}

/* What a thread sets its children have: forked ones, and other programs. */
static void *in_children(void *unused)
{
    cpu_set_t one;
    int status;
    CPU_ZERO(&one);
    CPU_SET(only, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    pid_t child = fork();
    if (child == 0) {
        cpu_set_t cpus;
        sched_getaffinity(0, sizeof cpus, &cpus);
        _exit(is_only(&cpus) ? 7 : 8);
    }
    waitpid(child, &status, 0);
    SAY_NUMBER(WEXITSTATUS(status));
    fflush(stdout);
    SAY_NUMBER(system("test $(nproc) = 1"));
    return unused;
}

static void *policies(void *unused)
{
    int policy = -1;
    struct sched_param param = { 5 }, zero = { 0 };
    SAY(pthread_getschedparam(pthread_self(), &policy, &param));
    SAY_NUMBER(policy);
    SAY_NUMBER(param.sched_priority);
    SAY(pthread_setschedparam(pthread_self(), SCHED_BATCH, &zero));
    SAY_NUMBER(sched_getscheduler(0));
    SAY_NUMBER(sched_getscheduler(gettid()));
    SAY(pthread_setschedprio(pthread_self(), 1));
    SAY(pthread_setschedprio(pthread_self(), 0));
    param.sched_priority = 1000;
    SAY(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param));
    SAY(pthread_setschedparam(pthread_self(), 77, &zero));
    SAY_ERRNO(sched_setparam(0, &param));
    SAY_ERRNO(sched_setparam(0, &zero));
    SAY_ERRNO(sched_getparam(0, &param));
    SAY_NUMBER(param.sched_priority);
    SAY(pthread_getschedparam(pthread_self(), &policy, &param));
    SAY_NUMBER(policy);
    return unused;
}

static void *say_inheritance(void *unused)
{
    pthread_attr_t attr;
    int inherits = -1;
    pthread_getattr_np(pthread_self(), &attr);
    SAY(pthread_attr_getinheritsched(&attr, &inherits));
    SAY_NUMBER(inherits);
    pthread_attr_destroy(&attr);
    return unused;
}

static void *inherit_too(void *unused)
{
    say_inheritance(NULL);
    run(NULL, say_inheritance);
    return unused;
}

static void explicit_policies(void)
{
    pthread_attr_t attr;
    struct sched_param param = { 0 };
    pthread_attr_init(&attr);
    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
    SAY(pthread_attr_setschedpolicy(&attr, SCHED_OTHER));
    SAY(pthread_attr_setschedparam(&attr, &param));
    run(&attr, policies);
    run(&attr, inherit_too);
    pthread_attr_destroy(&attr);
}

static void *idle(void *unused)
{
    return unused;
}

/* Threads that have ended. */
static void gone(void)
{
    pthread_t thread;
    int policy;
    struct sched_param param;
    pthread_create(&thread, NULL, idle, NULL);
    SAY(pthread_join(thread, NULL));
    SAY_NUMBER(pthread_getschedparam(thread, &policy, &param) != 0);
    SAY_NUMBER(pthread_detach(thread) != 0);
}

/* What the kernel is told about a thread by its number, without libc. */

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t niceness;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

#define IOPRIO_PROCESS 1

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    signalled = number;
}

static void say_attributes(pid_t tid)
{
    struct attributes attr = { .size = sizeof attr };
    struct sched_param param = { -1 };
    SAY_ERRNO(syscall(SYS_sched_getattr, tid, &attr, sizeof attr, 0));
    SAY_NUMBER(attr.policy);
    SAY_NUMBER(attr.flags);
    SAY_NUMBER(attr.priority);
    SAY_NUMBER(syscall(SYS_sched_getscheduler, tid));
    SAY_ERRNO(syscall(SYS_sched_getparam, tid, &param));
    SAY_NUMBER(param.sched_priority);
}

static void set_attributes(pid_t tid)
{
    struct attributes attr = { .size = sizeof attr };
    struct sched_param zero = { 0 };
    say_attributes(tid);
    syscall(SYS_sched_getattr, tid, &attr, sizeof attr, 0); /* the niceness is to stay */
    SAY_ERRNO(syscall(SYS_sched_setattr, tid, &attr, 0));
    SAY_ERRNO(syscall(SYS_sched_setattr, tid, NULL, 0));
    attr.policy = 77;
    SAY_ERRNO(syscall(SYS_sched_setattr, tid, &attr, 0));
    attr.policy = SCHED_BATCH;
    SAY_ERRNO(syscall(SYS_sched_setattr, tid, &attr, 0));
    say_attributes(tid);
    SAY_NUMBER(sched_getscheduler(tid));
    SAY_ERRNO(syscall(SYS_sched_setscheduler, tid, SCHED_OTHER, &zero));
    SAY_ERRNO(syscall(SYS_sched_setparam, tid, &zero));
    say_attributes(tid);
}

static void set_places(pid_t tid)
{
    cpu_set_t one, cpus;
    CPU_ZERO(&one);
    CPU_ZERO(&cpus);
    CPU_SET(only, &one);
    SAY_ERRNO(syscall(SYS_sched_setaffinity, tid, sizeof one, &one));
    SAY_NUMBER(syscall(SYS_sched_getaffinity, tid, sizeof cpus, &cpus));
    SAY_NUMBER(is_only(&cpus));
    SAY_ERRNO(syscall(SYS_sched_getaffinity, tid, 1, &cpus));
}

static void ask_for_the_rest(pid_t tid)
{
    struct timespec interval;
    struct rlimit limit;
    SAY_ERRNO(sched_rr_get_interval(tid, &interval));
    SAY_ERRNO(syscall(SYS_sched_rr_get_interval, tid, &interval));
    SAY_ERRNO(syscall(SYS_prlimit64, tid, RLIMIT_NOFILE, NULL, &limit));
    SAY_NUMBER(getpriority(PRIO_PROCESS, (id_t)tid));
    SAY_NUMBER(syscall(SYS_getpriority, PRIO_PROCESS, tid));
    SAY_ERRNO(setpriority(PRIO_PROCESS, (id_t)tid, getpriority(PRIO_PROCESS, (id_t)tid)));
    SAY_ERRNO(setpriority(PRIO_PROCESS, 99999999, 0));
    SAY_NUMBER(syscall(SYS_ioprio_get, IOPRIO_PROCESS, tid) >= 0);
}

static void *by_number(void *tid)
{
    pid_t own = tid ? *(pid_t *)tid : (pid_t)syscall(SYS_gettid);
    set_attributes(own);
    set_places(own);
    ask_for_the_rest(own);
    return NULL;
}

static void *signal_oneself(void *unused)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &action, NULL);
    signalled = 0;
    SAY_ERRNO(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
    SAY_NUMBER(signalled);
    SAY_ERRNO(syscall(SYS_tkill, 99999999, 0));
    SAY_ERRNO(syscall(SYS_tkill, 0, 0));
    return unused;
}

static struct {
    pid_t tid;
    sem_t begun, end;
} other;

static void *be_another(void *unused)
{
    cpu_set_t cpus;
    other.tid = (pid_t)syscall(SYS_gettid);
    sem_post(&other.begun);
    sem_wait(&other.end);
    CPU_ZERO(&cpus);
    SAY_NUMBER(sched_getaffinity(0, sizeof cpus, &cpus));
    SAY_NUMBER(is_only(&cpus));
    return unused;
}

static void about_another(void)
{
    pthread_t thread;
    sem_init(&other.begun, 0, 0);
    sem_init(&other.end, 0, 0);
    pthread_create(&thread, NULL, be_another, NULL);
    sem_wait(&other.begun);
    by_number(&other.tid);
    SAY_ERRNO(syscall(SYS_tkill, other.tid, 0));
    sem_post(&other.end);
    pthread_join(thread, NULL);
}

int main(void)
{
    only = first_cpu();
    run(NULL, places);
    placed_by_attributes();
    run(NULL, in_children);
    run(NULL, policies);
    explicit_policies();
    gone();
    run(NULL, by_number);
    run(NULL, signal_oneself);
    about_another();
    by_number(NULL);
    signal_oneself(NULL);
    return 0;
}
