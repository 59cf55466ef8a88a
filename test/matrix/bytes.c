#include "bytes.h"

#include <sys/socket.h>

void open_pair(struct stage *stage)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    stage->fd = pair[0];
    stage->peer = pair[1];
}

void close_pair(struct stage *stage)
{
    weft_close(stage->fd);
    weft_close(stage->peer);
}

void send_byte(struct stage *stage)
{
    ck_assert_int_eq(send(stage->peer, "x", 1, 0), 1);
}

bool take_byte(struct stage *stage)
{
    char byte;
    return recv(stage->fd, &byte, 1, MSG_DONTWAIT) == 1;
}

int ends_by_byte(void *arg)
{
    struct stage *stage = arg;
    char byte;
    ssize_t rc = weft_read(stage->fd, &byte, 1);
    return rc == 1 ? RESULT : (int)rc;
}
