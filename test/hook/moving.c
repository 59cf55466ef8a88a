/* sendfile(), splice(), tee(). */
#include <sys/sendfile.h>

#include "fds.h"

#define SIZE (3 << 20)

static int fds[2], ends[2];
static char want[SIZE], have[SIZE];

static void *drain(void *unused)
{
    size_t done = 0;
    ssize_t n;
    usleep(A_WHILE);
    while ((n = read(fds[0], have + done, SIZE - done)) > 0)
        done += (size_t)n;
    NOTE_CALL(done);
    NOTE_CALL(memcmp(want, have, SIZE));
    return unused;
}

static void *write_later(void *text)
{
    usleep(A_WHILE);
    NOTE_CALL(write(ends[1], text, strlen(text)));
    return NULL;
}

static void send_files(int file)
{
    off_t at = 0;
    memset(have, 0, SIZE);
    start(drain, NULL);
    SAY_CALL(sendfile(fds[1], file, &at, 2 * SIZE));
    SAY_NUMBER(at);
    SAY_CALL(sendfile(fds[1], file, &at, 10));
    close(fds[1]);
    finish();
    close(fds[0]);
}

static void splices(void)
{
    char buf[64] = "";
    tcp_pair(fds);
    pipe(ends);
    start(write_later, "through a pipe");
    SAY_CALL(splice(ends[0], NULL, fds[1], NULL, 64, 0));
    finish();
    SAY_CALL(read(fds[0], buf, 64));
    puts(buf);
    int other[2];
    pipe(other);
    start(write_later, "twice");
    SAY_CALL(tee(ends[0], other[1], 64, 0));
    finish();
    SAY_CALL(read(other[0], buf, 64));
    SAY_CALL(read(ends[0], buf, 64));
    SAY_CALL(splice(ends[0], NULL, fds[1], NULL, 64, SPLICE_F_NONBLOCK));
    SAY_CALL(splice(fds[0], NULL, fds[1], NULL, 64, 0));
    close(ends[1]);
    SAY_CALL(splice(ends[0], NULL, fds[1], NULL, 64, 0));
    SAY_CALL(write(fds[1], "back", 4));
    SAY_CALL(splice(fds[0], NULL, other[1], NULL, 64, 0));
    SAY_CALL(read(other[0], buf, 64));
}

/* Which the kernel refuses at once, though nothing is there to be moved. */
static void wrong(void)
{
    int pipes[2][2];
    off64_t offset = 0;
    if (pipe(pipes[0]) < 0 || pipe(pipes[1]) < 0)
        abort();
    int null = open("/dev/null", O_RDWR);
    SAY_CALL(splice(pipes[0][0], NULL, pipes[0][1], NULL, 10, 0));
    SAY_CALL(splice(pipes[0][0], &offset, null, NULL, 10, 0));
    SAY_CALL(splice(null, NULL, pipes[0][1], &offset, 10, 0));
    SAY_CALL(splice(pipes[0][0], NULL, pipes[1][0], NULL, 10, 0));
    SAY_CALL(tee(pipes[0][0], pipes[0][1], 10, 0));
    SAY_CALL(tee(pipes[0][0], pipes[1][0], 10, 0));
    SAY_CALL(tee(pipes[0][0], null, 10, 0));
    close(null);
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    FILE *stream = tmpfile();
    for (int i = 0; i < SIZE; i++)
        want[i] = (char)(i * 131 >> 4);
    fwrite(want, 1, SIZE, stream);
    fflush(stream);
    tcp_pair(fds);
    send_files(fileno(stream));
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    send_files(fileno(stream));
    splices();
    fclose(stream);
    wrong();
    return 0;
}
