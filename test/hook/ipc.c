/* System V's semaphores, queues and shared memory, between threads and processes. */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "fds.h"

#define THREADS 4
#define ROUNDS 25

static int set, queue;
static long *counter;
static atomic_int handled;
static pthread_t first;

struct message {
    long type;
    char text[64];
};

/* libc leaves it to its callers. */
union semun {
    int value;
    struct semid_ds *status;
};

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static int change(unsigned short number, short by, short flags)
{
    struct sembuf operation = { number, by, flags };
    return semop(set, &operation, 1);
}

static void count(int number)
{
    (void)number;
    handled++;
}

static void *interrupt(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(pthread_kill(first, SIGUSR1));
    return unused;
}

/* Runs fn() in another process; its status. */
static int in_child(int (*fn)(void))
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(fn());
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Semaphores */

static void *raise_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(change(0, 1, 0));
    return unused;
}

static void *lower_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(change(0, -1, 0));
    return unused;
}

static void *remove_later(void *unused)
{
    while (semctl(set, 0, GETNCNT) == 0)
        usleep(1000);
    NOTE_CALL(semctl(set, 0, IPC_RMID));
    return unused;
}

static int lower_for_good(void)
{
    return change(0, -1, SEM_UNDO) == 0 ? 5 : 1;
}

static int raise_soon(void)
{
    usleep(A_WHILE);
    return change(1, 1, 0) == 0 ? 6 : 1;
}

static void *wait_for_child(void *unused)
{
    NOTE_CALL(change(1, -1, 0));
    return unused;
}

static void semaphores(void)
{
    struct sembuf both[2] = { { 0, -1, 0 }, { 1, -1, 0 } };
    struct timespec begin, time = { 0, 30000000 };
    set = semget(IPC_PRIVATE, 2, 0600);
    SAY_NUMBER(set >= 0);
    SAY_CALL(change(0, -1, IPC_NOWAIT));
    SAY_CALL(change(2, -1, IPC_NOWAIT));
    SAY_CALL(semctl(set, 0, SETVAL, (union semun){ .value = 1 << 20 }));
    start(raise_later, NULL);
    SAY_CALL(change(0, -1, 0));
    finish();
    begin = now();
    SAY_CALL(semtimedop(set, both, 1, &time));
    SAY_NUMBER(took_ms(begin, 29));
    SAY_CALL(change(1, 1, 0));
    start(raise_later, NULL);
    SAY_CALL(semop(set, both, 2));
    finish();
    SAY_CALL(change(0, 1, 0));
    start(lower_later, NULL);
    SAY_CALL(change(0, 0, 0));
    finish();
    start(interrupt, NULL);
    SAY_CALL(change(0, -1, 0));
    finish();
    SAY_NUMBER(handled);
}

static void semaphores_of_processes(void)
{
    SAY_CALL(change(0, 1, 0));
    SAY_NUMBER(in_child(lower_for_good));
    SAY_CALL(semctl(set, 0, GETVAL)); /* undone */
    SAY_CALL(change(0, -1, 0));
    start(wait_for_child, NULL);
    SAY_NUMBER(in_child(raise_soon));
    finish();
    start(remove_later, NULL);
    SAY_CALL(change(0, -1, 0));
    finish();
    SAY_CALL(change(0, 1, 0));
}

/* Queues */

static int put(long type, const char *text, int flags)
{
    struct message message = { .type = type };
    strcpy(message.text, text);
    return msgsnd(queue, &message, strlen(text) + 1, flags);
}

static void get(long type, size_t size, int flags)
{
    struct message message = { 0 };
    errno = 0;
    ssize_t n = msgrcv(queue, &message, size, type, flags);
    printf("got: %zd %ld '%s' %s\n", n, message.type, n > 0 ? message.text : "",
           n < 0 ? say_error(errno) : "");
}

static void *put_later(void *text)
{
    usleep(A_WHILE);
    NOTE_CALL(put(3, text, 0));
    return NULL;
}

static void *get_later(void *unused)
{
    struct message message;
    usleep(A_WHILE);
    NOTE_CALL(msgrcv(queue, &message, sizeof message.text, 0, 0));
    return unused;
}

static void *end_queue_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(msgctl(queue, IPC_RMID, NULL));
    return unused;
}

static int put_soon(void)
{
    usleep(A_WHILE);
    return put(8, "from a child", 0) == 0 ? 7 : 1;
}

static void *wait_for_message(void *unused)
{
    struct message message = { 0 };
    NOTE_CALL(msgrcv(queue, &message, sizeof message.text, 8, 0));
    NOTE_CALL(strcmp(message.text, "from a child"));
    return unused;
}

static void queues(void)
{
    size_t all = sizeof(struct message) - sizeof(long);
    queue = msgget(IPC_PRIVATE, 0600);
    SAY_NUMBER(queue >= 0);
    get(0, all, IPC_NOWAIT);
    SAY_CALL(put(0, "wrong", 0));
    SAY_CALL(put(5, "five", 0));
    SAY_CALL(put(2, "two", 0));
    SAY_CALL(put(9, "nine", 0));
    get(2, all, 0);
    get(-6, all, 0);
    get(9, 2, 0);
    get(4, all, IPC_NOWAIT);
    get(4, 3, MSG_EXCEPT | MSG_NOERROR);
    start(put_later, "awaited");
    get(3, all, 0);
    finish();
    start(interrupt, NULL);
    get(0, all, 0);
    finish();
    SAY_NUMBER(handled);
    start(wait_for_message, NULL);
    SAY_NUMBER(in_child(put_soon));
    finish();
}

static void full_queue(void)
{
    struct msqid_ds status;
    SAY_CALL(msgctl(queue, IPC_STAT, &status));
    status.msg_qbytes = 256;
    SAY_CALL(msgctl(queue, IPC_SET, &status));
    int sent = 0;
    while (put(1, "some text that fills it up", IPC_NOWAIT) == 0)
        sent++;
    SAY_NUMBER(sent);
    SAY_CALL(put(1, "some text that fills it up", IPC_NOWAIT));
    start(get_later, NULL);
    SAY_CALL(put(1, "some text that had to wait", 0));
    finish();
    start(end_queue_later, NULL);
    SAY_CALL(put(1, "some text that never comes", 0));
    finish();
    SAY_CALL(put(1, "gone", 0));
}

/* Memory, under a semaphore. */

static void *add(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        change(0, -1, 0);
        long seen = *counter;
        if (i % 5 == 0)
            usleep(100);
        *counter = seen + 1;
        change(0, 1, 0);
    }
    return unused;
}

static int add_in_child(void)
{
    add(NULL);
    return 8;
}

static void memory(void)
{
    pthread_t threads[THREADS];
    struct shmid_ds status;
    int segment = shmget(IPC_PRIVATE, sizeof *counter, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
    counter = shmat(segment, NULL, 0);
    SAY_NUMBER(counter != (void *)-1);
    SAY_CALL(change(0, 1, 0));
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, add, NULL);
    SAY_NUMBER(in_child(add_in_child));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(*counter);
    SAY_CALL(shmctl(segment, IPC_STAT, &status));
    SAY_NUMBER(status.shm_nattch);
    SAY_NUMBER(status.shm_lpid == getpid() || status.shm_cpid == getpid());
    SAY_CALL(shmdt(counter));
    SAY_CALL(shmdt(counter));
    SAY_CALL(shmctl(segment, IPC_RMID, NULL));
    SAY_NUMBER(shmat(segment, NULL, 0) == (void *)-1);
    SAY_CALL(semctl(set, 0, IPC_RMID));
}

int main(void)
{
    struct sigaction action = { .sa_handler = count };
    setvbuf(stdout, NULL, _IONBF, 0);
    first = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    semaphores();
    semaphores_of_processes();
    queues();
    full_queue();
    memory();
    return 0;
}
