/* Light tasks in interposed calls, that wait and that only give way, while others keep
 * the carriers from coming back: each task finds its thread again. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weft.h>

#define TASKS 24
#define ROUNDS 100
#define OFTEN 300 /* each of these spends more than a task's budget */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int ended, moved;

static void give_way(int pipe[2])
{
    char byte = 0;
    for (int i = 0; i < OFTEN; i++) {
        if (write(pipe[1], &byte, 1) != 1 || read(pipe[0], &byte, 1) != 1)
            abort();
    }
}

static void look(int pipe[2])
{
    struct pollfd pfd = { .fd = pipe[1], .events = POLLOUT };
    fd_set set;
    FD_ZERO(&set);
    for (int i = 0; i < OFTEN; i++) {
        if (poll(&pfd, 1, -1) != 1)
            abort();
    }
    for (int i = 0; i < OFTEN; i++) {
        FD_SET(pipe[1], &set);
        if (select(pipe[1] + 1, NULL, &set, NULL, NULL) != 1)
            abort();
    }
}

static void wait_for_nothing(int epoll)
{
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, 1) != 0)
        abort();
}

static void hold(void)
{
    pthread_mutex_lock(&mutex);
    usleep(10);
    pthread_mutex_unlock(&mutex);
}

static void yield(void)
{
    weft_yield();
    weft_sleep(WEFT_MS(1));
}

/* Whatever moves a task between the calls is allowed to. */
static int work(void *arg)
{
    static _Thread_local char here;
    int pipe_ends[2], epoll = epoll_create1(0), number = (int)(intptr_t)arg;
    if (pipe(pipe_ends) < 0)
        abort();
    for (int i = 0; i < ROUNDS; i++) {
        pthread_once_t once = PTHREAD_ONCE_INIT;
        long before = syscall(SYS_gettid);
        char *volatile thread = &here;
        switch ((i + number) % 6) {
        case 0:
            give_way(pipe_ends);
            continue;
        case 1:
            look(pipe_ends);
            continue;
        case 2:
            wait_for_nothing(epoll);
            break;
        case 3:
            hold();
            continue;
        case 4:
            pthread_once(&once, yield);
            break;
        default:
            usleep(50);
        }
        if (syscall(SYS_gettid) != before || thread != &here)
            atomic_fetch_add(&moved, 1);
        weft_yield();
    }
    close(epoll);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    atomic_fetch_add(&ended, 1);
    return 0;
}

/* Threads that a light task creates are virtual, the first one of the process, too. */
static void *start(void *arg)
{
    usleep(10);
    return arg;
}

static int create(void)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, start, &mutex) != 0)
        return -1;
    return pthread_join(thread, &result) == 0 && result == &mutex ? 0 : -1;
}

/* Loses its worker again and again: those who are pinned to its carrier have to wait. */
static int hog(void *unused)
{
    while (atomic_load(&ended) < TASKS) {
        int64_t end = weft_now() + WEFT_MS(15);
        while (weft_now() < end)
            ;
        weft_yield();
    }
    return unused != NULL;
}

static int program(void *unused)
{
    weft_task *tasks[TASKS], *hogs;
    if (create() != 0 || weft_spawn(hog, NULL, &hogs) != 0)
        return 1;
    for (int i = 0; i < TASKS; i++) {
        if (weft_spawn(work, (void *)(intptr_t)i, &tasks[i]) != 0)
            return 1;
    }
    for (int i = 0; i < TASKS; i++)
        weft_join(tasks[i], NULL);
    weft_join(hogs, NULL);
    printf("%d ended, %d moved inside a call\n", atomic_load(&ended), atomic_load(&moved));
    return unused != NULL;
}

int main(void)
{
    weft_config config = { .workers = 2 };
    return weft_run(&config, program, NULL);
}
