/* output.h - what goes out on a connection, gathered and sent by the bufferful.
 *
 * Errors stick: after the first one everything further is dropped, so the code
 * that builds a response reads straight on and asks once, at its end. */
#ifndef WEB_OUTPUT_H
#define WEB_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#define OUTPUT_SIZE (32 * 1024)

struct output {
    int fd;
    int error;        /* the first error: 0 or a negative errno value */
    int64_t patience; /* how long the peer may take for one bufferful, ns */
    size_t used;
    uint64_t sent; /* bytes the kernel has taken */
    char data[OUTPUT_SIZE];
};

void output_init(struct output *output, int fd, int64_t patience);

/* Add bytes; send when the buffer is full. Suspend only then. */
void output_write(struct output *output, const void *data, size_t size);
void output_text(struct output *output, const char *text);
void output_number(struct output *output, uint64_t number);

/* The free part of the buffer, at least one byte: `ret_size` receives its size.
 * output_filled() says how much of it was used. May suspend. */
char *output_space(struct output *output, size_t *ret_size);
void output_filled(struct output *output, size_t size);

/* Sends what is there. Suspends. Returns output->error. */
int output_flush(struct output *output);

#endif
