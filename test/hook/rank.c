/* CPUs, policies and priorities of threads, by handle, by number and in attributes. */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
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

int main(void)
{
    only = first_cpu();
    run(NULL, places);
    placed_by_attributes();
    run(NULL, in_children);
    run(NULL, policies);
    explicit_policies();
    gone();
    return 0;
}
