/* embed - a host with threads of its own starts the runtime and hands it work.
 *
 * The host also asks to be told when carriers (the OS threads that run tasks)
 * come and go, as a language binding must, to prepare its per-thread state. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <weft.h>

#define THREADS 4
#define TASKS 100

struct carriers {
    atomic_int started;
    atomic_int stopped;
};

static void on_carrier(enum weft_carrier_event event, unsigned carrier, void *arg)
{
    struct carriers *carriers = arg;

    (void)carrier;
    if (event == WEFT_CARRIER_START)
        atomic_fetch_add(&carriers->started, 1);
    else if (event == WEFT_CARRIER_STOP)
        atomic_fetch_add(&carriers->stopped, 1);
}

WEFT_TASK(square, int, number)
{
    weft_yield();
    return number * number;
}

/* A plain thread: spawns and joins just as a task would. */
static void *host_thread(void *arg)
{
    long *sum = arg;
    weft_task *tasks[TASKS];
    int spawned = 0;

    while (spawned < TASKS && weft_spawn_args(&tasks[spawned], square, spawned) == 0)
        spawned++;
    for (int i = 0; i < spawned; i++) {
        int result;

        weft_join(tasks[i], &result);
        *sum += result;
    }
    return NULL;
}

int main(void)
{
    static struct carriers carriers;
    weft_config config = { .workers = 2, .on_carrier = on_carrier, .on_carrier_arg = &carriers };
    pthread_t threads[THREADS];
    long sums[THREADS] = { 0 };

    if (weft_start(&config) < 0)
        return 1;
    printf("%u workers run in the background\n", weft_workers());
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, host_thread, &sums[i]) != 0)
            return 1;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        printf("thread %d: the squares below %d add up to %ld\n", i, TASKS, sums[i]);
    }
    if (weft_stop() < 0)
        return 1;
    printf("every carrier that started has stopped: %s\n",
           carriers.started >= 2 && carriers.started == carriers.stopped ? "yes" : "no");
    return 0;
}
