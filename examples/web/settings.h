/* settings.h - what the command line says. */
#ifndef WEB_SETTINGS_H
#define WEB_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
    const char *address;
    const char *root;      /* the folder to serve, or NULL */
    const char *port_file; /* where to write the address once listening, or NULL */
    unsigned workers;      /* 0: one per CPU */
    unsigned max_connections;
    size_t max_head; /* bytes of a request's head */
    size_t max_body;
    uint64_t max_store;    /* bytes of keys and values */
    int64_t idle_patience; /* the durations are in nanoseconds */
    int64_t head_patience;
    int64_t body_patience;
    int64_t write_patience;
    int64_t grace; /* how long requests may go on after a signal to stop */
    bool quiet;
};

/* Fills in the defaults and what `argv` says. Returns 0 to go on; 1 when help
 * was asked for and given; or -EINVAL after a message about the mistake. */
int settings_parse(struct settings *settings, int argc, char **argv);

#endif
