/* loops - four plain threads, each with an event loop of its own, that talk to one another.
 *
 * A strand that is bound to a thread has its callbacks called by that thread and no other:
 * what they touch needs no lock, though all four run at the same time. */
#include <pthread.h>
#include <stdio.h>
#include <weft.h>

#define LOOPS 4
#define TICKS 10

static struct loop {
    weft_strand *strand;
    struct loop *next;
    pthread_t thread;
    int ticks, letters, strangers; /* only its own thread touches them */
} loops[LOOPS];

static void note_thread(struct loop *loop)
{
    loop->strangers += !pthread_equal(pthread_self(), loop->thread);
}

static void finish_if_done(struct loop *loop)
{
    if (loop->ticks == TICKS && loop->letters == TICKS)
        weft_strand_stop(loop->strand);
}

static void get_letter(void *arg)
{
    struct loop *loop = arg;

    note_thread(loop);
    loop->letters++;
    finish_if_done(loop);
}

/* As loop.call_later(): each tick arranges for the next, and writes to the neighbour. */
static void tick(void *arg)
{
    struct loop *loop = arg;

    note_thread(loop);
    weft_strand_post(loop->next->strand, get_letter, loop->next);
    if (++loop->ticks < TICKS)
        weft_strand_schedule(loop->strand, weft_after(WEFT_MS(1)), tick, loop, NULL);
    finish_if_done(loop);
}

static void *run_loop(void *arg)
{
    struct loop *loop = arg;

    loop->thread = pthread_self();
    weft_strand_post(loop->strand, tick, loop);
    weft_strand_run(loop->strand);
    return NULL;
}

int main(void)
{
    pthread_t threads[LOOPS];

    if (weft_start(NULL) != 0)
        return 1;
    for (int i = 0; i < LOOPS; i++) {
        loops[i].next = &loops[(i + 1) % LOOPS];
        if (weft_strand_create_bound(&loops[i].strand) != 0)
            return 1;
    }
    for (int i = 0; i < LOOPS; i++)
        if (pthread_create(&threads[i], NULL, run_loop, &loops[i]) != 0)
            return 1;
    for (int i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < LOOPS; i++) {
        printf("loop %d: %d ticks, %d letters, %d by another thread\n", i + 1, loops[i].ticks,
               loops[i].letters, loops[i].strangers);
        weft_strand_destroy(loops[i].strand);
    }
    return weft_stop();
}
