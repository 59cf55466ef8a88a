/* Creates a thread that does nothing and joins it, COUNT times; or creates BATCH,
 * then joins all. Knows nothing of weft.
 *
 *     create [COUNT [BATCH]]        prints nanoseconds per thread */
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
    double begin = now();
    for (long done = 0; done < count; done += batch) {
        for (int i = 0; i < batch; i++) {
            if (pthread_create(&threads[i], NULL, nothing, NULL) != 0) {
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
