/* Locks of files: flock(), lockf(), fcntl(), between threads and between processes. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "fds.h"

#define THREADS 4
#define ROUNDS 15

static char path[] = "/tmp/weft-locks-XXXXXX";
static int fds[2];
static volatile long counter; /* flock() is a leaf to the compiler: calls nobody back */
static atomic_int handled;
static pthread_t first;

static int open_again(void)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        abort();
    return fd;
}

static int lock(int fd, int command, short type, off_t begin, off_t size)
{
    struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = begin, .l_len = size };
    return fcntl(fd, command, &range);
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

/* flock() */

static void *unlock_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(flock(fds[1], LOCK_UN));
    return unused;
}

static void *close_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(close(fds[1]));
    return unused;
}

static void whole_files(void)
{
    fds[0] = open_again();
    fds[1] = open_again();
    SAY_CALL(flock(fds[1], LOCK_EX));
    SAY_CALL(flock(fds[0], LOCK_SH | LOCK_NB));
    start(unlock_later, NULL);
    SAY_CALL(flock(fds[0], LOCK_SH));
    finish();
    SAY_CALL(flock(fds[1], LOCK_SH));
    SAY_CALL(flock(fds[1], LOCK_EX | LOCK_NB));
    SAY_CALL(flock(fds[1], LOCK_SH));
    start(interrupt, NULL);
    SAY_CALL(flock(fds[0], LOCK_EX));
    finish();
    SAY_NUMBER(handled);
    start(close_later, NULL);
    SAY_CALL(flock(fds[0], LOCK_EX));
    finish();
    close(fds[0]);
    SAY_CALL(flock(fds[0], LOCK_EX));
}

static void *add(void *unused)
{
    int fd = open_again();
    for (int i = 0; i < ROUNDS; i++) {
        flock(fd, LOCK_EX);
        long seen = counter;
        if (i % 5 == 0)
            usleep(100);
        counter = seen + 1;
        flock(fd, LOCK_UN);
    }
    close(fd);
    return unused;
}

static void contention(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, add, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY_NUMBER(counter);
}

/* fcntl(), by description. */

static void *unlock_description_later(void *unused)
{
    usleep(A_WHILE);
    NOTE_CALL(lock(fds[1], F_OFD_SETLK, F_UNLCK, 0, 0));
    return unused;
}

static void descriptions(void)
{
    fds[0] = open_again();
    fds[1] = open_again();
    SAY_CALL(lock(fds[1], F_OFD_SETLK, F_WRLCK, 10, 10));
    SAY_CALL(lock(fds[0], F_OFD_SETLK, F_WRLCK, 0, 10));
    SAY_CALL(lock(fds[0], F_OFD_SETLK, F_RDLCK, 19, 1));
    start(unlock_description_later, NULL);
    SAY_CALL(lock(fds[0], F_OFD_SETLKW, F_WRLCK, 0, 30));
    finish();
    close(fds[1]);
    close(fds[0]);
}

/* fcntl() and lockf(), by process: a child has the lock, says so, and ends a while later
 * or when it has another. */
static pid_t child_with_lock(off_t other)
{
    int ready[2];
    char byte;
    pipe(ready);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int rc = lock(fds[0], F_SETLK, F_WRLCK, 1, 1);
        if (rc != 0 || write(ready[1], "", 1) != 1)
            _exit(9);
        usleep(A_WHILE);
        if (other >= 0)
            _exit(lock(fds[0], F_SETLKW, F_WRLCK, other, 1) < 0 && errno == EDEADLK);
        _exit(0);
    }
    SAY_CALL(read(ready[0], &byte, 1));
    close(ready[0]);
    close(ready[1]);
    return child;
}

static int status_of(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void *lock_in_same_process(void *unused)
{
    NOTE_CALL(lock(fds[1], F_SETLK, F_WRLCK, 0, 1));
    return unused;
}

static void processes(void)
{
    struct flock asked = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    fds[0] = open_again();
    fds[1] = open_again();
    SAY_CALL(lock(fds[0], F_SETLK, F_WRLCK, 0, 1));
    start(lock_in_same_process, NULL);
    finish();
    pid_t child = child_with_lock(-1);
    SAY_CALL(fcntl(fds[0], F_GETLK, &asked));
    SAY_NUMBER(asked.l_type == F_WRLCK);
    SAY_NUMBER(asked.l_pid == child);
    SAY_CALL(lock(fds[0], F_SETLK, F_RDLCK, 1, 1));
    SAY_CALL(lock(fds[0], F_SETLKW, F_WRLCK, 1, 1));
    SAY_NUMBER(status_of(child));
    SAY_CALL(lock(fds[0], F_SETLK, F_UNLCK, 1, 1));
    child = child_with_lock(-1);
    lseek(fds[0], 1, SEEK_SET);
    SAY_CALL(lockf(fds[0], F_TEST, 1));
    SAY_CALL(lockf(fds[0], F_TLOCK, 1));
    SAY_CALL(lockf(fds[0], F_LOCK, 1));
    SAY_CALL(lockf(fds[0], F_TEST, 1));
    SAY_CALL(lockf(fds[0], F_ULOCK, 1));
    SAY_NUMBER(status_of(child));
    /* Each has what the other wants: whoever asks last is told. */
    child = child_with_lock(0);
    int rc = lock(fds[0], F_SETLKW, F_WRLCK, 1, 1), here = rc < 0 && errno == EDEADLK;
    SAY_CALL(lock(fds[0], F_SETLK, F_UNLCK, 0, 2));
    SAY_NUMBER(here + status_of(child));
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    struct sigaction action = { .sa_handler = count };
    setvbuf(stdout, NULL, _IONBF, 0);
    first = pthread_self();
    sigaction(SIGUSR1, &action, NULL);
    close(mkstemp(path));
    whole_files();
    contention();
    descriptions();
    processes();
    SAY_CALL(unlink(path));
    return 0;
}
