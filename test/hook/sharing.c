/* Locks that are shared by processes which know nothing of each other's threads. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define FD 100

static struct shared {
    pthread_mutex_t recursive, checking, robust;
    pthread_rwlock_t rwlock;
    volatile int held, tried;
} * shared;

static void init_mutex(pthread_mutex_t *mutex, int type, int robust)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutexattr_setrobust(&attr, robust);
    SAY(pthread_mutex_init(mutex, &attr));
}

static void init(void)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    init_mutex(&shared->recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
    init_mutex(&shared->checking, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
    init_mutex(&shared->robust, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST);
    SAY(pthread_rwlock_init(&shared->rwlock, &attr));
}

static void *hold(void *arg)
{
    SAY(pthread_mutex_lock(&shared->recursive));
    SAY(pthread_mutex_lock(&shared->checking));
    SAY(pthread_mutex_lock(&shared->robust));
    SAY(pthread_rwlock_wrlock(&shared->rwlock));
    shared->held = 1;
    while (!shared->tried)
        usleep(1000);
    SAY(pthread_mutex_unlock(&shared->recursive));
    SAY(pthread_mutex_unlock(&shared->checking));
    SAY(pthread_mutex_unlock(&shared->robust));
    SAY(pthread_rwlock_unlock(&shared->rwlock));
    return arg;
}

/* As many threads came before it as before the one that holds them. */
static void *try(void *arg)
{
    struct timespec until = after_ms(CLOCK_REALTIME, 30);
    SAY(pthread_mutex_trylock(&shared->recursive));
    SAY(pthread_mutex_trylock(&shared->checking));
    SAY(pthread_mutex_trylock(&shared->robust));
    SAY(pthread_mutex_timedlock(&shared->recursive, &until));
    SAY(pthread_mutex_timedlock(&shared->checking, &until));
    SAY(pthread_mutex_timedlock(&shared->robust, &until));
    SAY(pthread_rwlock_timedrdlock(&shared->rwlock, &until));
    SAY(pthread_rwlock_timedwrlock(&shared->rwlock, &until));
    SAY(pthread_mutex_unlock(&shared->recursive));
    SAY(pthread_mutex_unlock(&shared->checking));
    SAY(pthread_mutex_unlock(&shared->robust));
    return arg;
}

static void in_other_process(char *path)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, "other", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    waitpid(child, &status, 0);
    SAY_NUMBER(status);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc == 1) {
        int fd = memfd_create("shared", 0);
        SAY_ERRNO(ftruncate(fd, sizeof *shared));
        SAY_ERRNO(dup2(fd, FD));
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, FD, 0);
    if (argc > 1) {
        pthread_create(&thread, NULL, try, NULL);
        pthread_join(thread, NULL);
        return 0;
    }
    init();
    pthread_create(&thread, NULL, hold, NULL);
    while (!shared->held)
        usleep(1000);
    in_other_process(argv[0]);
    shared->tried = 1;
    pthread_join(thread, NULL);
    return 0;
}
