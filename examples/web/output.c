/* output.c - what goes out on a connection, gathered and sent by the bufferful. */
#include "output.h"

#include <string.h>
#include <weft.h>

void output_init(struct output *output, int fd, int64_t patience)
{
    output->fd = fd;
    output->error = 0;
    output->patience = patience;
    output->used = 0;
    output->sent = 0;
}

int output_flush(struct output *output)
{
    weft_scope scope;
    size_t done = 0;

    if (output->error == 0 && output->used > 0) {
        /* A peer that reads slowly, or not at all, keeps a task and a buffer
         * for this long and no longer. */
        weft_scope_enter(&scope, weft_now() + output->patience);
        output->error = weft_write_all(output->fd, output->data, output->used, &done);
        weft_scope_leave(&scope);
        output->sent += done;
    }
    output->used = 0;
    return output->error;
}

char *output_space(struct output *output, size_t *ret_size)
{
    if (output->used == OUTPUT_SIZE)
        output_flush(output);
    *ret_size = OUTPUT_SIZE - output->used;
    return output->data + output->used;
}

void output_filled(struct output *output, size_t size)
{
    output->used += size;
}

void output_write(struct output *output, const void *data, size_t size)
{
    const char *from = data;

    while (size > 0 && output->error == 0) {
        size_t room;
        char *to = output_space(output, &room);
        size_t part = size < room ? size : room;

        memcpy(to, from, part);
        output_filled(output, part);
        from += part;
        size -= part;
    }
}

void output_text(struct output *output, const char *text)
{
    output_write(output, text, strlen(text));
}

/* Not snprintf(): its frames take more than a kilobyte of stack, and what a
 * stack has touched once an idle connection goes on holding. */
void output_number(struct output *output, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    output_write(output, digits + at, sizeof digits - at);
}
