/* What takes privileges to be undone: a thread asks for it without them, and no other OS
 * thread has it when that thread has ended. */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "say.h"

#define NOBODY 65534
#define PATIENCE 2000 /* ms */

static void drop(void)
{
    if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
        puts("stays privileged");
}

static void *be_idle(void *unused)
{
    struct sched_param zero = { 0 }, one = { 1 };
    SAY(pthread_setschedparam(pthread_self(), SCHED_IDLE, &one));
    SAY(pthread_setschedparam(pthread_self(), SCHED_IDLE, &zero));
    SAY_NUMBER(sched_getscheduler(0));
    return unused;
}

static void *be_idle_by_number(void *unused)
{
    struct {
        uint32_t size, policy;
        uint64_t rest[5];
    } attr = { .size = sizeof attr, .policy = SCHED_IDLE };
    SAY_ERRNO(syscall(SYS_sched_setattr, syscall(SYS_gettid), &attr, 0));
    SAY_NUMBER(sched_getscheduler(0));
    return unused;
}

static void *reset_children(void *unused)
{
    struct sched_param zero = { 0 };
    SAY_ERRNO(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &zero));
    SAY_NUMBER(sched_getscheduler(0) == (SCHED_OTHER | SCHED_RESET_ON_FORK));
    return unused;
}

static int count_changed(void)
{
    int changed = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        int tid = atoi(entry->d_name);
        changed += tid && sched_getscheduler(tid) > SCHED_OTHER;
    }
    if (tasks)
        closedir(tasks);
    return changed;
}

static void run(void *(*fn)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, NULL);
    pthread_join(thread, NULL);
    for (int i = 0; i < PATIENCE && count_changed();
         i++) /* the kernel's may last a moment longer */
        usleep(1000);
    SAY_NUMBER(count_changed());
}

int main(void)
{
    drop();
    run(be_idle);
    run(be_idle_by_number);
    run(reset_children);
    return 0;
}
