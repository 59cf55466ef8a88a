#include "observe/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROOM (WEFT__LINE - 1) /* the newline */

static void put(struct weft__line *line, const char *text, size_t size)
{
    if (size > ROOM - line->length)
        size = ROOM - line->length;
    memcpy(line->text + line->length, text, size);
    line->length += size;
}

void weft__line_string(struct weft__line *line, const char *text)
{
    put(line, text, strlen(text));
}

void weft__line_number(struct weft__line *line, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    put(line, digits + at, sizeof digits - at);
}

void weft__line_hex(struct weft__line *line, uint64_t number)
{
    char digits[19];
    size_t at = sizeof digits;
    digits[--at] = 0;
    do {
        digits[--at] = "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number);
    digits[--at] = 'x';
    digits[--at] = '0';
    weft__line_string(line, digits + at);
}

void weft__line_duration(struct weft__line *line, int64_t ns)
{
    uint64_t tenths_of_ms = ns > 0 ? (uint64_t)ns / 100000 : 0;
    if (tenths_of_ms >= 10000) {
        weft__line_number(line, tenths_of_ms / 10000);
        put(line, ".", 1);
        weft__line_number(line, tenths_of_ms / 1000 % 10);
        put(line, " s", 2);
        return;
    }
    weft__line_number(line, tenths_of_ms / 10);
    put(line, ".", 1);
    weft__line_number(line, tenths_of_ms % 10);
    put(line, " ms", 3);
}

void weft__line_pad(struct weft__line *line, size_t column)
{
    do {
        put(line, " ", 1);
    } while (line->length < column && line->length < ROOM);
}

void weft__line_write(struct weft__line *line, int fd)
{
    line->text[line->length++] = '\n';
    for (size_t done = 0; done < line->length;) {
        ssize_t n = write(fd, line->text + done, line->length - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* a report to nobody */
        done += (size_t)n;
    }
    line->length = 0;
}
