/* Creates a thread that does nothing and joins it, COUNT times; or creates BATCH,
 * then joins all. Knows nothing of weft.
 *
 *     create [COUNT [BATCH [KIB]]]    with stacks of so many KiB; prints nanoseconds per thread */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *nothing(void *arg)
{
    return arg;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 20000;
    int batch = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t *threads = calloc((size_t)batch, sizeof *threads);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (argc > 3 && pthread_attr_setstacksize(&attr, strtoul(argv[3], NULL, 10) << 10) != 0) {
        fprintf(stderr, "create: no stack of %s KiB\n", argv[3]);
        return 2;
    }
    double begin = now();
    for (long done = 0; done < count; done += batch) {
        for (int i = 0; i < batch; i++) {
            if (pthread_create(&threads[i], &attr, nothing, NULL) != 0) {
                fprintf(stderr, "create: cannot create a thread\n");
                return 1;
            }
        }
        for (int i = 0; i < batch; i++)
            pthread_join(threads[i], NULL);
    }
    printf("%.1f ns per thread\n", (now() - begin) / (double)count);
    free(threads);
    return 0;
}
