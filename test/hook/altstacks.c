/* Alternative signal stacks: each thread of the kernel's keeps its own. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "say.h"

#define THREADS 6
#define ROUNDS 100
#define SEEN 64

static struct {
    char thread[32];
    void *stack;
} seen[SEEN];
static int count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int stop;
static volatile long work;

/* The kernel's thread that this is now. */
static void who(char *ret_thread, size_t size)
{
    ssize_t length = readlink("/proc/thread-self", ret_thread, size - 1);
    ret_thread[length > 0 ? length : 0] = 0;
}

static void note(const char *thread, void *stack)
{
    int i = 0;
    while (i < count && strcmp(seen[i].thread, thread) != 0)
        i++;
    if (i == SEEN)
        return;
    strcpy(seen[i].thread, thread);
    seen[i].stack = stack;
    count += i == count;
}

static void look(void)
{
    char before[32], after[32];
    stack_t stack;
    pthread_mutex_lock(&mutex);
    who(before, sizeof before);
    syscall(SYS_sigaltstack, NULL, &stack);
    who(after, sizeof after);
    if (strcmp(before, after) == 0)
        note(before, stack.ss_flags & SS_DISABLE ? NULL : stack.ss_sp);
    pthread_mutex_unlock(&mutex);
}

/* May be resumed in another thread of the kernel's, where it returns. */
static void linger(int number)
{
    (void)number;
    usleep(2000);
}

static void *compute(void *unused)
{
    while (!stop) {
        for (int i = 0; i < 300000; i++)
            work += i;
        look();
    }
    return unused;
}

static int alive(const char thread[32])
{
    char path[sizeof seen->thread + 8];
    strcpy(stpcpy(path, "/proc/"), thread);
    return access(path, F_OK) == 0;
}

static int count_shared(void)
{
    int shared = 0;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < i; j++)
            shared += seen[i].stack && seen[i].stack == seen[j].stack && alive(seen[i].thread) &&
                      alive(seen[j].thread);
    }
    pthread_mutex_unlock(&mutex);
    return shared;
}

static void lingering(void)
{
    struct sigaction action = { .sa_handler = linger, .sa_flags = SA_RESTART };
    pthread_t threads[THREADS];
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, compute, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++)
            pthread_kill(threads[i], SIGUSR1);
        usleep(5000);
    }
    SAY_NUMBER(count_shared());
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static stack_t inside;

static void look_inside(int number)
{
    (void)number;
    sigaltstack(NULL, &inside);
}

static void disarming(void)
{
    static char room[65536];
    stack_t stack = { .ss_sp = room, .ss_size = sizeof room, .ss_flags = (int)(1u << 31) };
    struct sigaction action = { .sa_handler = look_inside, .sa_flags = SA_ONSTACK };
    sigaction(SIGUSR2, &action, NULL);
    SAY_ERRNO(sigaltstack(&stack, NULL));
    raise(SIGUSR2);
    SAY_NUMBER(inside.ss_flags);
    SAY_ERRNO(sigaltstack(NULL, &stack));
    SAY_NUMBER(stack.ss_sp == room);
    SAY_NUMBER(stack.ss_flags);
}

int main(void)
{
    disarming();
    lingering();
    return 0;
}
