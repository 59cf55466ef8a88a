/* calls: what one call costs, in nanoseconds of CPU time, when it does not have to wait.
 * bench/hook/calls-table runs it as everything that a thread can be.
 *
 *     calls [ROUNDS] */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t sem;

static void nothing(void)
{
}

/* The kernel knows shorter ways for processes of one thread, which are no comparison. */
static void *another(void *unused)
{
    pause();
    return unused;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

#define MEASURE(name, call) \
    do { \
        double begin = now(); \
        for (long i = 0; i < rounds; i++) \
            sum += (long)(call); \
        printf("%-24s %8.0f\n", name, (now() - begin) / (double)rounds); \
    } while (0)

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 200000, sum = 0;
    int pair[2], ends[2], null = open("/dev/null", O_RDWR), file = open("/proc/self/exe", O_RDONLY);
    int events = eventfd(1, EFD_SEMAPHORE), set = epoll_create1(0);
    char buf[64] = "";
    struct epoll_event event = { EPOLLOUT, { 0 } };
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe(ends) < 0)
        return 1;
    epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event);
    struct pollfd one = { pair[0], POLLOUT, 0 };
    struct timespec zero = { 0, 0 };
    sigset_t mask;
    fd_set fds;
    FD_ZERO(&fds);
    FD_SET(pair[0], &fds);
    pthread_t thread;
    if (pthread_create(&thread, NULL, another, NULL) != 0)
        return 1;
    sem_init(&sem, 0, 0);
    pthread_once(&once, nothing);
    MEASURE("mutex lock+unlock", (pthread_mutex_lock(&mutex), pthread_mutex_unlock(&mutex)));
    MEASURE("mutex trylock+unlock", (pthread_mutex_trylock(&mutex), pthread_mutex_unlock(&mutex)));
    MEASURE("rwlock rdlock+unlock",
            (pthread_rwlock_rdlock(&rwlock), pthread_rwlock_unlock(&rwlock)));
    MEASURE("rwlock wrlock+unlock",
            (pthread_rwlock_wrlock(&rwlock), pthread_rwlock_unlock(&rwlock)));
    MEASURE("cond signal", pthread_cond_signal(&cond));
    MEASURE("cond broadcast", pthread_cond_broadcast(&cond));
    MEASURE("sem post+wait", (sem_post(&sem), sem_wait(&sem)));
    MEASURE("once, done", pthread_once(&once, nothing));
    MEASURE("sched_yield, alone", sched_yield());
    MEASURE("nanosleep of 0", nanosleep(&zero, NULL));
    MEASURE("pthread_sigmask, asked", pthread_sigmask(SIG_BLOCK, NULL, &mask));
    MEASURE("pthread_testcancel", (pthread_testcancel(), 0));
    MEASURE("unix write+read", (write(pair[0], buf, 64), read(pair[1], buf, 64)));
    MEASURE("unix send+recv", (send(pair[0], buf, 64, 0), recv(pair[1], buf, 64, 0)));
    MEASURE("pipe write+read", (write(ends[1], buf, 64), read(ends[0], buf, 64)));
    MEASURE("eventfd write+read", (eventfd_write(events, 1), read(events, buf, 8)));
    MEASURE("/dev/null write", write(null, buf, 64));
    MEASURE("file read of 0", read(file, buf, 0));
    MEASURE("poll, ready", poll(&one, 1, -1));
    MEASURE("select, ready", select(pair[0] + 1, NULL, &fds, NULL, NULL));
    MEASURE("epoll_wait, ready", epoll_wait(set, &event, 1, -1));
    MEASURE("fcntl F_GETFL", fcntl(null, F_GETFL));
    MEASURE("dup+close", close(dup(null)));
    return sum == 42;
}
