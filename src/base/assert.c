#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*weft__panic_context)(void);

void weft__panic(const char *format, ...)
{
    char line[512];
    int length = snprintf(line, sizeof line, "weft: ");
    va_list args;
    va_start(args, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, args);
    va_end(args);
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        _exit(134); /* nobody hears us */
    if (weft__panic_context)
        weft__panic_context();
    abort();
}
