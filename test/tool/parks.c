/* A thread that sleeps and then wakes main, who waits. By "_exit" it ends that way;
 * by "fork" a child of it does that ends by exit(); by "join" main waits for its end. */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool done;

static void *run(void *unused)
{
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    pthread_mutex_lock(&lock);
    done = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return unused;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    pthread_t thread;
    if (strcmp(how, "fork") == 0 && fork() == 0)
        exit(0);
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        return 1;
    sched_yield(); /* gives way, and does not park */
    pthread_mutex_lock(&lock);
    while (!done && strcmp(how, "join") != 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    if (strcmp(how, "_exit") == 0)
        _exit(3);
    return 3;
}
