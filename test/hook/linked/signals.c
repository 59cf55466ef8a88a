/* Threads that are not weft's are signalled all the time, also where they hold a lock of
 * the library's that the handler wants: they share semaphores with tasks, and handlers
 * post them. Some block all signals at once afterwards, or end. What is pending comes one
 * after the other where handlers block it. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft.h>

#define THREADS 3
#define ROUNDS 300
#define SHORT_LIVES 300

static sem_t shared, answers;
static atomic_bool done;
static atomic_long handled, elsewhere, taken, interrupted;
static pthread_t threads[THREADS];

static void on_directed(int number, siginfo_t *info, void *context)
{
    int error = errno;
    (void)number;
    (void)context;
    elsewhere += !pthread_equal(threads[info->si_value.sival_int], pthread_self());
    sem_post(&shared);
    handled++;
    sem_post(&answers);
    errno = error;
}

static void on_anybody(int number)
{
    (void)number;
    sem_post(&shared);
    taken++;
}

static void use(void)
{
    struct sigaction action;
    sem_post(&shared);
    while (sem_wait(&shared) != 0)
        interrupted++;
    sigaction(SIGUSR1, NULL, &action);
}

static void *use_and_block(void *unused)
{
    sigset_t all, before;
    sigfillset(&all);
    while (!done) {
        use();
        pthread_sigmask(SIG_BLOCK, &all, &before);
        sched_yield();
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return unused;
}

static void *use_once(void *unused)
{
    use();
    return unused;
}

static int wait_as_task(void *unused)
{
    (void)unused;
    while (!done) {
        while (sem_wait(&shared) != 0)
            interrupted++;
        sem_post(&shared);
        weft_yield();
    }
    return 0;
}

static void await_answers(int count)
{
    while (count-- > 0)
        while (sem_wait(&answers) != 0)
            interrupted++;
}

/* What is sent to the process goes to threads that are about to end; what is left to us. */
static long send_to_anybody(void)
{
    long sent = 0;
    sigset_t others;
    sigemptyset(&others);
    sigaddset(&others, SIGRTMIN + 2);
    pthread_sigmask(SIG_BLOCK, &others, NULL);
    for (int i = 0; i < SHORT_LIVES; i++) {
        pthread_t thread;
        pthread_sigmask(SIG_UNBLOCK, &others, NULL);
        int rc = pthread_create(&thread, NULL, use_once, NULL);
        pthread_sigmask(SIG_BLOCK, &others, NULL);
        if (rc == 0) {
            sent += sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ 0 }) == 0;
            pthread_join(thread, NULL);
        }
    }
    pthread_sigmask(SIG_UNBLOCK, &others, NULL);
    return sent;
}

static int turns[4], count;

static void on_turn(int number)
{
    turns[count++ % 4] = number;
}

static void *take_turns(void *unused)
{
    struct sigaction action = { .sa_handler = on_turn };
    sigset_t before;
    sigfillset(&action.sa_mask);
    pthread_sigmask(SIG_BLOCK, &action.sa_mask, &before);
    for (int number = SIGRTMIN + 6; number >= SIGRTMIN + 3; number--) {
        sigaction(number, &action, NULL);
        pthread_kill(pthread_self(), number);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (int i = 0; i < 4; i++)
        turns[i] -= SIGRTMIN;
    return unused;
}

static void in_turn(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, take_turns, NULL) == 0)
        pthread_join(thread, NULL);
    printf("%d, %d, %d and %d came in turn\n", turns[0], turns[1], turns[2], turns[3]);
}

int main(void)
{
    struct sigaction directed = { .sa_sigaction = on_directed,
                                  .sa_flags = SA_SIGINFO | SA_RESTART },
                     anybody = { .sa_handler = on_anybody, .sa_flags = SA_RESTART };
    weft_config config = { .workers = 2 };
    weft_task *tasks[2];
    long failed = 0;
    sem_init(&shared, 0, 1);
    sem_init(&answers, 0, 0);
    sigaction(SIGRTMIN + 1, &directed, NULL);
    sigaction(SIGRTMIN + 2, &anybody, NULL);
    if (weft_start(&config) != 0)
        return 1;
    for (int i = 0; i < 2; i++)
        if (weft_spawn(wait_as_task, NULL, &tasks[i]) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, use_and_block, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++)
            failed += pthread_sigqueue(threads[i], SIGRTMIN + 1, (union sigval){ i }) != 0;
        await_answers(THREADS);
    }
    done = true;
    for (int i = 0; i < THREADS + 2; i++)
        sem_post(&shared); /* whoever waits */
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        weft_join(tasks[i], NULL);
    long sent = send_to_anybody();
    in_turn();
    weft_stop();
    printf("%ld signals were handled, %ld elsewhere, %ld could not be sent\n", handled, elsewhere,
           failed);
    printf("%ld calls were interrupted, %ld signals lost\n", interrupted, sent - taken);
    return 0;
}
