/* Listening, accepting in many threads, connecting. */
#include <stdatomic.h>
#include <sys/time.h>

#include "fds.h"

#define ACCEPTORS 8
#define CLIENTS 200

static int listener;
static struct sockaddr_in address;
static atomic_int accepted, wrong;

static void *accept_many(void *unused)
{
    for (;;) {
        char byte;
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &size);
        if (fd < 0)
            return unused;
        if (read(fd, &byte, 1) != 1 || peer.sin_family != AF_INET || write(fd, &byte, 1) != 1)
            atomic_fetch_add(&wrong, 1);
        close(fd);
        atomic_fetch_add(&accepted, 1);
    }
}

static void *dial_many(void *unused)
{
    for (int i = 0; i < CLIENTS / 4; i++) {
        char byte = 'x';
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1 || byte != 'x' ||
            read(fd, &byte, 1) != 0)
            atomic_fetch_add(&wrong, 1);
        close(fd);
    }
    return unused;
}

static void crowd(void)
{
    pthread_t acceptors[ACCEPTORS], clients[4];
    listener = listen_tcp(&address);
    for (int i = 0; i < ACCEPTORS; i++)
        pthread_create(&acceptors[i], NULL, accept_many, NULL);
    for (int i = 0; i < 4; i++)
        pthread_create(&clients[i], NULL, dial_many, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(clients[i], NULL);
    shutdown(listener, SHUT_RDWR);
    for (int i = 0; i < ACCEPTORS; i++)
        pthread_join(acceptors[i], NULL);
    close(listener);
    SAY_NUMBER(accepted);
    SAY_NUMBER(wrong);
}

static void *dial_later(void *unused)
{
    usleep(A_WHILE);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    NOTE_CALL(connect(fd, (struct sockaddr *)&address, sizeof address));
    NOTE_CALL(connect(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
    return unused;
}

static void flags(void)
{
    struct timeval time = { 0, 20000 };
    listener = listen_tcp(&address);
    SAY_CALL(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    SAY_CALL(accept(listener, NULL, NULL));
    time.tv_usec = 0;
    SAY_CALL(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    start(dial_later, NULL);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    SAY_NUMBER(fd >= 0);
    finish();
    SAY_NUMBER(fcntl(fd, F_GETFL) & O_NONBLOCK);
    SAY_NUMBER(fcntl(fd, F_GETFD));
    close(fd);
    set_nonblocking(listener, 1);
    SAY_CALL(accept(listener, NULL, NULL));
    close(listener);
    SAY_CALL(accept(listener, NULL, NULL));
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SAY_CALL(accept(fd, NULL, NULL));
    SAY_CALL(connect(fd, (struct sockaddr *)&address, sizeof address));
    SAY_CALL(connect(fd, (struct sockaddr *)&address, 1));
    set_nonblocking(fd, 1);
    SAY_CALL(connect(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
    fd = open("/dev/null", O_RDWR);
    SAY_CALL(accept(fd, NULL, NULL));
    SAY_CALL(connect(fd, (struct sockaddr *)&address, sizeof address));
    close(fd);
}

/* A listener's queue that is full does not answer. */
static void slow_connect(void)
{
    struct timeval time = { 0, 30000 };
    int fd[8];
    listener = listen_tcp(&address);
    listen(listener, 0);
    for (int i = 0; i < 8; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (i == 0)
            continue;
        set_nonblocking(fd[i], 1);
        connect(fd[i], (struct sockaddr *)&address, sizeof address);
        usleep(1000);
    }
    setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    SAY_CALL(connect(fd[0], (struct sockaddr *)&address, sizeof address));
    SAY_CALL(connect(fd[0], (struct sockaddr *)&address, sizeof address));
    SAY_NUMBER(fcntl(fd[0], F_GETFL) & O_NONBLOCK);
    for (int i = 0; i < 8; i++)
        close(fd[i]);
    close(listener);
}

static void *accept_unix(void *unused)
{
    usleep(A_WHILE);
    for (int i = 0; i < 3; i++)
        NOTE_CALL(accept(listener, NULL, NULL) >= 0);
    return unused;
}

static void unix_sockets(void)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    socklen_t size = sizeof(sa_family_t);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    SAY_CALL(bind(listener, (struct sockaddr *)&name, size));
    size = sizeof name;
    getsockname(listener, (struct sockaddr *)&name, &size);
    listen(listener, 5);
    for (int i = 0; i < 3; i++)
        SAY_CALL(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, size));
    start(accept_unix, NULL);
    finish();
    close(listener);
    SAY_CALL(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, size));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    crowd();
    flags();
    slow_connect();
    unix_sockets();
    return 0;
}
