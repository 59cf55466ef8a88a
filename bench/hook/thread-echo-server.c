/* thread-echo-server: a thread for each connection, plain blocking C that knows
 * nothing of weft. Prints the port. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 4096

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buf[BUFFER];
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0 && write(fd, buf, (size_t)n) == n)
        ;
    close(fd);
    return NULL;
}

int main(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t id;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (pthread_create(&id, NULL, serve, (void *)(intptr_t)fd) != 0)
            return 1;
        pthread_detach(id);
    }
}
