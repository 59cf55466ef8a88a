/* fds.h - a second thread that does one thing while the first waits. */
#ifndef WEFT_TEST_HOOK_FDS_H
#define WEFT_TEST_HOOK_FDS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "say.h"

/* Long enough for the first thread to be waiting. */
#define A_WHILE 20000

/* Not a macro's argument, for SAY: system calls' results and errors in one line. */
#define SAY_CALL(call) \
    do { \
        errno = 0; \
        long result = (long)(call); \
        printf("%s: %ld %s\n", #call, result, result < 0 ? say_error(errno) : ""); \
    } while (0)

/* The helper's own, which finish() says: nobody knows who of the two comes first. */
#define NOTE_CALL(call) \
    do { \
        errno = 0; \
        long result = (long)(call); \
        size_t used = strlen(notes); \
        snprintf(notes + used, sizeof notes - used, "  %s: %ld %s\n", #call, result, \
                 result < 0 ? say_error(errno) : ""); \
    } while (0)

static pthread_t helper;
static char notes[4096];

static inline void start(void *(*fn)(void *), void *arg)
{
    if (pthread_create(&helper, NULL, fn, arg) != 0)
        abort();
}

static inline void finish(void)
{
    pthread_join(helper, NULL);
    fputs(notes, stdout);
    notes[0] = 0;
}

static inline int listen_tcp(struct sockaddr_in *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof *ret_address;
    *ret_address =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || bind(fd, (struct sockaddr *)ret_address, size) < 0 || listen(fd, 100) < 0 ||
        getsockname(fd, (struct sockaddr *)ret_address, &size) < 0)
        abort();
    return fd;
}

/* Two ends of a TCP connection. */
static inline void tcp_pair(int ret_fds[2])
{
    struct sockaddr_in address;
    int listener = listen_tcp(&address);
    ret_fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(ret_fds[0], (struct sockaddr *)&address, sizeof address) < 0)
        abort();
    ret_fds[1] = accept(listener, NULL, NULL);
    close(listener);
}

static inline void set_nonblocking(int fd, int on)
{
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

#endif
