/* Programs choose numbers of descriptors themselves, and close those that they do not
 * know: nothing that threads wait with gets lost. */
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fds.h"

static int ends[2];
static ssize_t got;

static void *reader(void *unused)
{
    char byte;
    got = read(ends[0], &byte, 1);
    return unused;
}

static void wait_at_ends(void)
{
    pthread_t thread;
    SAY(pthread_create(&thread, NULL, reader, NULL));
    usleep(20000);
    SAY_NUMBER(write(ends[1], "x", 1));
    SAY(pthread_join(thread, NULL));
    SAY_NUMBER(got);
}

static void wait_here(void)
{
    SAY_ERRNO(pipe(ends));
    wait_at_ends();
}

/* Where no function of libc's tells that a number now stands for something else. */
static void direct_calls(void)
{
    int old, other[2];
    wait_here();
    old = ends[0];
    SAY_ERRNO(syscall(SYS_close, ends[0]));
    SAY_ERRNO(syscall(SYS_close, ends[1]));
    SAY_ERRNO(syscall(SYS_pipe2, ends, 0));
    SAY_NUMBER(ends[0] == old);
    wait_at_ends();
    SAY_ERRNO(syscall(SYS_close_range, ends[0], ends[1], 0));
    SAY_ERRNO(syscall(SYS_pipe2, ends, 0));
    SAY_NUMBER(ends[0] == old);
    wait_at_ends();
    SAY_ERRNO(syscall(SYS_pipe2, other, 0));
    SAY_NUMBER(syscall(SYS_dup3, other[0], ends[0], 0) == ends[0]);
    SAY_NUMBER(syscall(SYS_dup3, other[1], ends[1], 0) == ends[1]);
    close(other[0]);
    close(other[1]);
    wait_at_ends();
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    for (int fd = 3; fd < 300; fd++) {
        if (dup2(0, fd) != fd)
            printf("dup2 onto %d: %s\n", fd, say_error(errno));
    }
    SAY_ERRNO(close_range(3, 200, 0));
    wait_here();
    for (int fd = 3; fd < 5000; fd++)
        close(fd);
    wait_here();
    SAY_NUMBER(ends[0]);
    closefrom(3);
    wait_here();
    SAY_ERRNO(close_range(3, ~0u, 0));
    wait_here();
    SAY_NUMBER(ends[0]);
    SAY_ERRNO(dup3(0, 50, O_CLOEXEC));
    SAY_NUMBER(fcntl(0, F_DUPFD, 3));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        closefrom(3);
        _exit(open("/dev/null", O_RDONLY));
    }
    int status;
    waitpid(child, &status, 0);
    SAY_NUMBER(WEXITSTATUS(status));
    wait_here();
    direct_calls();
    return 0;
}
