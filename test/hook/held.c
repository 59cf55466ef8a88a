/* Calls that wait in the kernel, where nobody can suspend them: each in a thread of its
 * own, all at once, while others go on and end one wait after the other. */
#include <mqueue.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fds.h"

#define TURNS 2000

struct message {
    long type;
    char text[8];
};

static char path[] = "/tmp/weft-held-XXXXXX", fifo[64];
static int messages, semaphores, files[2], pipes[2][2];
static mqd_t queue;
static pthread_mutex_t shared;
static atomic_int waiting, passed;

static int change_semaphore(short by)
{
    struct sembuf operation = { 0, by, 0 };
    return semop(semaphores, &operation, 1);
}

static int lock_description(int fd, int command, short type)
{
    struct flock range = { .l_type = type };
    return fcntl(fd, command, &range);
}

/* Pairs of what waits and what ends the wait. */

static int await_message(void)
{
    struct message message;
    return (int)msgrcv(messages, &message, sizeof message.text, 0, 0);
}

static int send_message(void)
{
    struct message message = { 1, "message" };
    return msgsnd(messages, &message, sizeof message.text, 0);
}

static int await_semaphore(void)
{
    return change_semaphore(-1);
}

static int raise_semaphore(void)
{
    return change_semaphore(1);
}

static int await_queue(void)
{
    char buf[16];
    return (int)mq_receive(queue, buf, sizeof buf, NULL);
}

static int send_to_queue(void)
{
    return mq_send(queue, "queued", 6, 0);
}

static int await_file(void)
{
    return flock(files[0], LOCK_EX);
}

static int unlock_file(void)
{
    return flock(files[1], LOCK_UN);
}

static int await_range(void)
{
    return lock_description(files[0], F_OFD_SETLKW, F_WRLCK);
}

static int unlock_range(void)
{
    return lock_description(files[1], F_OFD_SETLK, F_UNLCK);
}

static int await_fifo(void)
{
    int fd = open(fifo, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fd : close(fd);
}

static int open_fifo(void)
{
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? fd : close(fd);
}

static int await_stream(void)
{
    char line[16];
    FILE *stream = fdopen(pipes[0][0], "r");
    int rc = fgets(line, sizeof line, stream) ? (int)strlen(line) : -1;
    fclose(stream);
    return rc;
}

static int write_line(void)
{
    return (int)write(pipes[0][1], "line\n", 5);
}

static int await_directly(void)
{
    char byte;
    return (int)syscall(SYS_read, pipes[1][0], &byte, 1);
}

static int write_byte(void)
{
    return (int)write(pipes[1][1], "x", 1);
}

static int await_mutex(void)
{
    int rc = pthread_mutex_lock(&shared);
    return rc ? rc : pthread_mutex_unlock(&shared);
}

static int unlock_mutex(void)
{
    return pthread_mutex_unlock(&shared);
}

static struct call {
    const char *name;
    int (*wait)(void), (*end)(void);
    pthread_t thread;
    int result;
} calls[] = {
    { .name = "msgrcv", await_message, send_message },
    { .name = "semop", await_semaphore, raise_semaphore },
    { .name = "mq_receive", await_queue, send_to_queue },
    { .name = "flock", await_file, unlock_file },
    { .name = "F_OFD_SETLKW", await_range, unlock_range },
    { .name = "open", await_fifo, open_fifo },
    { .name = "fgets", await_stream, write_line },
    { .name = "a system call", await_directly, write_byte },
    { .name = "a mutex of processes", await_mutex, unlock_mutex },
};
#define CALLS (sizeof calls / sizeof *calls)

static void set_up(void)
{
    struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 16 };
    pthread_mutexattr_t mutex_attr;
    char name[32];
    messages = msgget(IPC_PRIVATE, 0600);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    snprintf(name, sizeof name, "/weft-held-%d", (int)getpid());
    queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    mq_unlink(name);
    files[0] = mkstemp(path);
    files[1] = open(path, O_RDWR | O_CLOEXEC);
    unlink(path);
    flock(files[1], LOCK_EX);
    lock_description(files[1], F_OFD_SETLK, F_WRLCK);
    snprintf(fifo, sizeof fifo, "%s.fifo", path);
    mkfifo(fifo, 0600);
    if (pipe(pipes[0]) != 0 || pipe(pipes[1]) != 0 || queue < 0 || messages < 0)
        abort();
    pthread_mutexattr_init(&mutex_attr);
    pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared, &mutex_attr);
    pthread_mutex_lock(&shared);
}

static void clean_up(void)
{
    unlink(fifo);
    msgctl(messages, IPC_RMID, NULL);
    semctl(semaphores, 0, IPC_RMID);
}

static void *make_call(void *arg)
{
    struct call *call = arg;
    waiting++;
    call->result = call->wait();
    passed++;
    return NULL;
}

/* Two threads that hand a semaphore back and forth. */
static sem_t turns[2];

static void *take_turns(void *unused)
{
    for (int i = 0; i < TURNS; i++) {
        sem_wait(&turns[0]);
        sem_post(&turns[1]);
    }
    return unused;
}

static void go_on(void)
{
    sem_init(&turns[0], 0, 0);
    sem_init(&turns[1], 0, 0);
    start(take_turns, NULL);
    for (int i = 0; i < TURNS; i++) {
        sem_post(&turns[0]);
        sem_wait(&turns[1]);
    }
    finish();
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    set_up();
    for (size_t i = 0; i < CALLS; i++)
        pthread_create(&calls[i].thread, NULL, make_call, &calls[i]);
    while (waiting < (int)CALLS)
        usleep(1000);
    go_on();
    SAY_NUMBER(passed);
    for (size_t i = 0; i < CALLS; i++) {
        int rc = calls[i].end();
        pthread_join(calls[i].thread, NULL);
        printf("%s: %d, ended by %d\n", calls[i].name, calls[i].result, rc);
        go_on();
        SAY_NUMBER(passed);
    }
    clean_up();
    return 0;
}
