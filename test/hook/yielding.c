/* Only under weft exec, on one worker, with counted_yield.c: sched_yield() goes on to the
 * kernel if nobody else runs here, since who is waited for may be elsewhere. */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define TIMES 1000

static void *yield_often(void *unused)
{
    for (int i = 0; i < TIMES; i++)
        sched_yield();
    return unused;
}

int main(void)
{
    atomic_int *kernel_yields = dlsym(RTLD_DEFAULT, "kernel_yields");
    pthread_t threads[4];
    yield_often(NULL);
    int alone = atomic_exchange(kernel_yields, 0);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, yield_often, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    int together = atomic_load(kernel_yields);
    printf("1..2\n%sok 1 - alone: %d of %d\n", alone > TIMES / 2 ? "" : "not ", alone, TIMES);
    printf("%sok 2 - together: %d of %d\n", together < TIMES / 2 ? "" : "not ", together,
           4 * TIMES);
    return 0;
}
