/* PAIRS pairs of threads; the two of a pair hand a token to each other ROUNDS times
 * through a mutex and a condition variable. Knows nothing of weft.
 *
 *     pairs [PAIRS [ROUNDS]]        prints nanoseconds per hand-over */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct pair {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int turn;
    long rounds;
    pthread_t thread[2];
};

struct side {
    struct pair *pair;
    int own;
};

static void *run(void *arg)
{
    struct side *side = arg;
    struct pair *pair = side->pair;
    for (long i = 0; i < pair->rounds; i++) {
        pthread_mutex_lock(&pair->mutex);
        while (pair->turn != side->own)
            pthread_cond_wait(&pair->cond, &pair->mutex);
        pair->turn = !side->own;
        pthread_cond_signal(&pair->cond);
        pthread_mutex_unlock(&pair->mutex);
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000;
    long rounds = argc > 2 ? atol(argv[2]) : 100;
    struct pair *pairs = calloc((size_t)count, sizeof *pairs);
    struct side *sides = calloc((size_t)count, 2 * sizeof *sides);
    double begin = now();
    for (int i = 0; i < 2 * count; i++) {
        struct pair *pair = &pairs[i / 2];
        if (i % 2 == 0) {
            pthread_mutex_init(&pair->mutex, NULL);
            pthread_cond_init(&pair->cond, NULL);
            pair->rounds = rounds;
        }
        sides[i] = (struct side){ pair, i % 2 };
        if (pthread_create(&pair->thread[i % 2], NULL, run, &sides[i]) != 0) {
            fprintf(stderr, "pairs: cannot create thread %d\n", i);
            return 1;
        }
    }
    for (int i = 0; i < 2 * count; i++)
        pthread_join(pairs[i / 2].thread[i % 2], NULL);
    printf("%.1f ns per hand-over\n", (now() - begin) / (2.0 * count * (double)rounds));
    free(sides);
    free(pairs);
    return 0;
}
