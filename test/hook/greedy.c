/* A thread that never has to wait, and drops and takes a lock around each of its calls, as an
 * interpreter does: another one gets the lock, whatever else the first does before. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TIMES 100
#define PATIENCE 20 /* s */

/* A lock in the way of CPython's: a flag under a mutex, with a wish for it after 5 ms. */
static pthread_mutex_t mutex, handed, other;
static pthread_cond_t released, taken;
static int locked, owner, changes;
static _Atomic int wanted, done;

static void set_up(void)
{
    pthread_mutex_init(&mutex, NULL);
    pthread_mutex_init(&handed, NULL);
    pthread_mutex_init(&other, NULL);
    pthread_cond_init(&released, NULL);
    pthread_cond_init(&taken, NULL);
    locked = owner = 1;
    changes = 0;
    wanted = 0;
    done = 0;
}

static struct timespec soon(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += 5000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

static void take(int me)
{
    pthread_mutex_lock(&mutex);
    while (locked) {
        int before = changes;
        struct timespec time = soon();
        if (pthread_cond_timedwait(&released, &mutex, &time) == ETIMEDOUT && locked &&
            changes == before)
            wanted = 1;
    }
    pthread_mutex_lock(&handed);
    locked = 1;
    if (owner != me) {
        owner = me;
        changes++;
    }
    pthread_cond_signal(&taken);
    pthread_mutex_unlock(&handed);
    wanted = 0;
    pthread_mutex_unlock(&mutex);
}

static void drop(int me)
{
    pthread_mutex_lock(&mutex);
    locked = 0;
    pthread_cond_signal(&released);
    pthread_mutex_unlock(&mutex);
    if (!wanted)
        return;
    pthread_mutex_lock(&handed);
    if (owner == me) {
        wanted = 0;
        pthread_cond_wait(&taken, &handed);
    }
    pthread_mutex_unlock(&handed);
}

static void *take_often(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        usleep(100);
        take(2);
        drop(2);
    }
    done = 1;
    return unused;
}

/* `before`: operations that move where the greedy one gives way. */
static void compete(int before, int ready)
{
    pthread_t thread;
    struct pollfd pfd = { .fd = ready, .events = POLLIN };
    set_up();
    pthread_create(&thread, NULL, take_often, NULL);
    usleep(10000);
    for (int i = 0; i < before; i++) {
        pthread_mutex_lock(&other);
        pthread_mutex_unlock(&other);
    }
    time_t end = time(NULL) + PATIENCE;
    while (!done) {
        if (time(NULL) > end) {
            printf("with %d before: the other one starves\n", before);
            fflush(stdout);
            _exit(1);
        }
        drop(1);
        poll(&pfd, 1, 1000);
        take(1);
    }
    drop(1);
    pthread_join(thread, NULL);
    printf("with %d before: %d times\n", before, TIMES);
}

int main(void)
{
    int fds[2];
    if (pipe(fds) != 0 || write(fds[1], "x", 1) != 1)
        return 2;
    for (int before = 0; before < 4; before++)
        compete(before, fds[0]);
    return 0;
}
