/* load.h - what the parts of the load generator share. */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <weft.h>

#include "histogram.h"
#include "reply.h"

#define REFERENCE_MAX (256 * 1024)

enum failure {
    FAILED_CONNECT, /* no connection */
    FAILED_WRITE,
    FAILED_READ,
    FAILED_CLOSED,  /* the server closed where it should not have */
    FAILED_TIMEOUT, /* no answer within `patience` */
    FAILED_STATUS,  /* another status than expected */
    FAILED_CONTENT, /* another body than expected */
    FAILURES,
};

/* The run. Fixed before the clients start. */
struct load {
    const char *address;
    const char *path;
    unsigned connections;
    unsigned slow;
    int64_t duration;
    int64_t slow_delay; /* between the bytes of the slowest client */
    int64_t patience;   /* for one answer */
    int64_t end;        /* weft_now() at which clients stop asking */
    bool quiet;
    bool get_only;        /* ask for `path`, store nothing */
    int reference_status; /* what the first request for `path` got */
    size_t reference_size;
    char reference[REFERENCE_MAX];
};

/* One keep-alive client. Its task alone writes to it; the progress task reads
 * what is atomic, everything else is read when the client has ended. */
struct client {
    const struct load *load;
    unsigned number;
    uint64_t random;
    unsigned version; /* of the value last stored under the client's key */
    atomic_uint_fast64_t answers;
    atomic_uint_fast64_t failed;
    uint64_t failures[FAILURES];
    struct histogram latencies;
    struct wire wire;
};

/* One slow client, and what it got. */
struct slow_client {
    const struct load *load;
    int64_t delay; /* between two bytes */
    unsigned attempts;
    unsigned answered;    /* 200 */
    unsigned timed_out;   /* 408 */
    unsigned turned_away; /* 503 */
    unsigned closed;      /* without a word */
    unsigned unfinished;  /* still at it when the run was over */
    uint64_t failures[FAILURES];
    struct wire wire;
};

/* Task functions; the argument is a client. */
int client_main(void *arg);
int slow_client_main(void *arg);

/* Asks for `load->path` and keeps the answer, for clients to compare theirs
 * with. Suspends. Returns 0, or an error after a message. */
int load_fetch_reference(struct load *load);

/* Prints a line each half second until the end. */
struct progress {
    const struct load *load;
    const struct client *clients;
    unsigned count;
};
int progress_main(void *arg);

/* Prints the results. Returns true when nothing failed. */
bool load_report(const struct load *load, const struct client *clients, unsigned client_count,
                 const struct slow_client *slow, int64_t elapsed);

#endif
