/* feeder - a plain thread feeds a task through a queue, and ends it by shutting down.
 *
 * The queue has room for four: a feeder that is faster than the task waits, a task that is
 * faster waits. Nobody polls, and there is no element that means "the end". */
#include <pthread.h>
#include <stdio.h>
#include <weft.h>

#define READINGS 1000

struct reading {
    int number;
    double value;
};
WEFT_QUEUE(readings, struct reading);

/* As from a library that has its own thread and calls back. */
static void *feed(void *arg)
{
    readings *queue = arg;

    for (int i = 1; i <= READINGS; i++) {
        if (readings_put(queue, (struct reading){ i, i / 2.0 }) != 0)
            return NULL;
    }
    readings_shutdown(queue, false); /* what is in it is still to be got */
    return NULL;
}

static int consume(void *arg)
{
    readings *queue = arg;
    struct reading reading;
    double sum = 0;
    int count = 0;

    while (readings_get(queue, &reading) == 0) {
        if (reading.number != ++count)
            return 1;
        sum += reading.value;
        readings_task_done(queue);
    }
    printf("%d readings in order, sum %.1f\n", count, sum);
    return 0;
}

int main(void)
{
    readings *queue;
    pthread_t thread;

    if (readings_create(4, NULL, &queue) != 0)
        return 1;
    if (pthread_create(&thread, NULL, feed, queue) != 0)
        return 1;
    int rc = weft_run(NULL, consume, queue);
    pthread_join(thread, NULL);
    readings_destroy(queue);
    return rc;
}
