/* address.h - addresses as text. */
#ifndef WEFT_IO_ADDRESS_H
#define WEFT_IO_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#define WEFT__HOST_MAX 256
#define WEFT__PORT_MAX 32

struct weft__address_text {
    bool is_unix;
    char host[WEFT__HOST_MAX]; /* "": all interfaces, or for dialling this machine */
    char port[WEFT__PORT_MAX];
    struct sockaddr_un un;
    socklen_t un_size;
};

/* Takes an address apart. Returns 0 or -EINVAL. */
int weft__address_parse(const char *text, struct weft__address_text *ret_parts);

#endif
