/* text.h - writing lines without the C library's streams: in signal handlers. */
#ifndef WEFT_OBSERVE_TEXT_H
#define WEFT_OBSERVE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define WEFT__LINE 512

/* A line under construction; what does not fit is cut. */
struct weft__line {
    size_t length;
    char text[WEFT__LINE];
};

void weft__line_string(struct weft__line *line, const char *text);
void weft__line_number(struct weft__line *line, uint64_t number);

/* "0x7f03" */
void weft__line_hex(struct weft__line *line, uint64_t number);

/* "1.250 s", "3.4 ms" */
void weft__line_duration(struct weft__line *line, int64_t ns);

/* Spaces up to column `column`, at least one. */
void weft__line_pad(struct weft__line *line, size_t column);

/* Writes the line and a newline, and empties it. */
void weft__line_write(struct weft__line *line, int fd);

#endif
