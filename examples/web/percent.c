/* percent.c - percent-encoding of URL paths (RFC 3986). */
#include "percent.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int percent_decode(const char *text, size_t size, char *to)
{
    const char *end = text + size;
    char *start = to;

    while (text < end) {
        char byte = *text++;

        if (byte == '%') {
            int high = text < end ? hex_digit(text[0]) : -1;
            int low = end - text >= 2 ? hex_digit(text[1]) : -1;

            if (high < 0 || low < 0)
                return -EINVAL;
            byte = (char)(high << 4 | low);
            text += 2;
        }
        if (byte == '\0')
            return -EINVAL;
        *to++ = byte;
    }
    *to = '\0';
    return (int)(to - start);
}

int percent_encode(struct blob *to, const char *text, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    int error = 0;

    for (size_t i = 0; i < size && error == 0; i++) {
        unsigned char byte = (unsigned char)text[i];
        const char escape[3] = { '%', hex[byte >> 4], hex[byte & 15] };

        if (isalnum(byte) || strchr("-._~/", byte))
            error = blob_append(to, &text[i], 1);
        else
            error = blob_append(to, escape, sizeof escape);
    }
    return error;
}
