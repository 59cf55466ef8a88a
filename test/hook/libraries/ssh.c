/* libssh2: a session for each thread, in which a command runs.
 *
 *     ssh PORT USER KEY                    what has to be right
 *     ssh PORT USER KEY COUNT COMMANDS     load: so many commands in each session */
#include <arpa/inet.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crowd.h"

#define CLIENTS 20

static const char *user, *key;
static unsigned port;
static atomic_uint good;
static int commands;

static int connect_to(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "no connection");
    return fd;
}

static const char *reason(LIBSSH2_SESSION *session)
{
    char *text;
    libssh2_session_last_error(session, &text, NULL, 0);
    return text;
}

/* Runs a command and compares what it prints. */
static void run(LIBSSH2_SESSION *session, const char *command, const char *expected)
{
    char output[256];
    size_t size = 0;
    LIBSSH2_CHANNEL *channel = libssh2_channel_open_session(session);
    MUST(channel, reason(session));
    MUST(libssh2_channel_exec(channel, command) == 0, reason(session));
    for (ssize_t got = 1; got > 0; size += (size_t)got) {
        got = libssh2_channel_read(channel, output + size, sizeof output - 1 - size);
        MUST(got >= 0, reason(session));
    }
    output[size] = 0;
    libssh2_channel_close(channel);
    libssh2_channel_wait_closed(channel);
    good += strcmp(output, expected) == 0 && libssh2_channel_get_exit_status(channel) == 0;
    libssh2_channel_free(channel);
}

static void visit(size_t number)
{
    char command[64], expected[64];
    int fd = connect_to();
    LIBSSH2_SESSION *session = libssh2_session_init();
    MUST(session, "no memory");
    MUST(libssh2_session_handshake(session, fd) == 0, reason(session));
    MUST(libssh2_userauth_publickey_fromfile(session, user, NULL, key, NULL) == 0, reason(session));
    snprintf(command, sizeof command, "sleep 0.2; echo %zu", number);
    snprintf(expected, sizeof expected, "%zu\n", number);
    for (int i = 0; i < commands; i++)
        run(session, command, expected);
    libssh2_session_disconnect(session, "done");
    libssh2_session_free(session);
    close(fd);
}

int library(int argc, char **argv)
{
    port = (unsigned)atoi(argv[1]);
    user = argv[2];
    key = argv[3];
    MUST(libssh2_init(0) == 0, "libssh2_init");
    commands = argc > 5 ? atoi(argv[5]) : 2;
    crowd_run(argc > 5 ? (size_t)atoi(argv[4]) : CLIENTS, visit);
    if (argc <= 5)
        printf("commands: %u of %d\n", good, CLIENTS * commands);
    libssh2_exit();
    return 0;
}
