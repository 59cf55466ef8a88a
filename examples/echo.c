/* echo - a TCP server and its clients in one process, a task per connection. */
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define CLIENTS 100
#define ROUNDS 50

/* Reads and writes as if it had a thread to itself. */
WEFT_TASK(serve, int, fd)
{
    char buffer[1024];
    ssize_t count;

    while ((count = weft_read(fd, buffer, sizeof buffer)) > 0) {
        if (weft_write_all(fd, buffer, (size_t)count, NULL) < 0)
            break;
    }
    return weft_close(fd);
}

WEFT_TASK(serve_all, int, listener)
{
    int fd;

    while ((fd = weft_accept(listener, NULL, NULL)) >= 0) {
        if (weft_spawn_args(NULL, serve, fd) < 0)
            weft_close(fd);
    }
    return 0; /* the listening socket was shut down */
}

/* Returns how many messages came back as they were sent. */
WEFT_TASK(ask, const char *, address, int, number)
{
    char message[64];
    char answer[64];
    int good = 0;
    int fd = weft_dial(address);

    if (fd < 0)
        return 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = (size_t)snprintf(message, sizeof message, "client %d round %d", number, i);

        if (weft_write_all(fd, message, size, NULL) < 0 ||
            weft_read_all(fd, answer, size, NULL) < 0)
            break;
        good += memcmp(message, answer, size) == 0;
    }
    weft_close(fd);
    return good;
}

static int run(void *arg)
{
    weft_task *server;
    weft_task *clients[CLIENTS];
    char address[64];
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    int total = 0;

    (void)arg;
    if (listener < 0 || weft_local_address(listener, address, sizeof address) < 0 ||
        weft_spawn_args(&server, serve_all, listener) < 0)
        return 1;
    for (int i = 0; i < CLIENTS; i++) {
        if (weft_spawn_args(&clients[i], ask, address, i) < 0)
            return 1;
    }
    for (int i = 0; i < CLIENTS; i++) {
        int good;

        weft_join(clients[i], &good);
        total += good;
    }
    weft_shutdown(listener, SHUT_RDWR);
    weft_join(server, NULL);
    weft_close(listener);
    printf("%d clients: %d of %d messages came back\n", CLIENTS, total, CLIENTS * ROUNDS);
    return 0;
}

int main(void)
{
    return weft_run(NULL, run, NULL) == 0 ? 0 : 1;
}
