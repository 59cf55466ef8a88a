/* web - files and a key-value API over HTTP/1.1, in plain blocking style.
 *
 * Each connection is a task (connection.c) that reads a request, answers it and
 * reads the next. Deadlines are scopes around that code; nothing here knows of
 * callbacks, event loops or thread pools. Begin reading at connection.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

#include "server.h"
#include "stats.h"
#include "stop_signal.h"
#include "sys.h"

/* Descriptors for everything that is not a connection: pollers, the listening
 * socket, files being sent. */
#define SPARE_DESCRIPTORS 256

static void report(struct server *server, unsigned connections, uint64_t bytes_per_connection)
{
    if (server->settings.quiet)
        return;
    printf("stopping: %" PRIu64 " requests on %" PRIu64 " connections; %u open",
           counter_read(&server->counters, COUNT_REQUESTS),
           counter_read(&server->counters, COUNT_CONNECTIONS), connections);
    if (bytes_per_connection > 0)
        printf(", at %" PRIu64 " bytes of memory each", bytes_per_connection);
    putchar('\n');
    fflush(stdout);
}

static int announce(const struct settings *settings, const char *address)
{
    int error = 0;

    if (settings->port_file)
        error = sys_write_line(settings->port_file, address);
    if (error < 0) {
        fprintf(stderr, "web: cannot write '%s': %s\n", settings->port_file, strerror(-error));
        return error;
    }
    if (!settings->quiet) {
        printf("listening on http://%s\n", address);
        fflush(stdout);
    }
    return 0;
}

/* The first task: starts the service, waits for a signal, stops it. */
static int run(void *arg)
{
    struct server *server = arg;
    char address[128];
    uint64_t signals;
    int error;

    error = server_start(server, address, sizeof address);
    if (error == 0)
        error = announce(&server->settings, address);
    if (error == 0) {
        weft_read(server->stop_fd, &signals, sizeof signals);
        report(server, atomic_load(&server->connections), stats_bytes_per_connection(server));
    }
    if (server_stop(server) < 0 || error < 0)
        return EXIT_FAILURE;
    return EXIT_SUCCESS;
}

static int serve(const struct settings *settings, int stop_fd)
{
    static struct server server;
    weft_config config = { .workers = settings->workers };
    int result = server_init(&server, settings, stop_fd);

    if (result == 0) {
        result = weft_run(&config, run, &server);
        if (result < 0)
            fprintf(stderr, "web: cannot run tasks: %s\n", strerror(-result));
    }
    server_finish(&server);
    return result < 0 ? EXIT_FAILURE : result;
}

int main(int argc, char **argv)
{
    struct settings settings;
    uint64_t descriptors;
    int stop_fd;
    int result;

    result = settings_parse(&settings, argc, argv);
    if (result != 0)
        return result < 0 ? 2 : EXIT_SUCCESS;
    descriptors = sys_raise_descriptor_limit();
    if (descriptors < settings.max_connections + (uint64_t)SPARE_DESCRIPTORS)
        fprintf(stderr, "web: descriptors for about %" PRIu64 " connections only (ulimit -Hn)\n",
                descriptors > SPARE_DESCRIPTORS ? descriptors - SPARE_DESCRIPTORS : 0);
    stop_fd = stop_signal_catch();
    if (stop_fd < 0) {
        fprintf(stderr, "web: cannot catch signals: %s\n", strerror(-stop_fd));
        return EXIT_FAILURE;
    }
    return serve(&settings, stop_fd);
}
