/* range.c - the Range header (RFC 9110, section 14). */
#include "range.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Reads digits at *text and moves past them. False without any, or too many. */
static bool read_number(const char **text, uint64_t *ret_number)
{
    const char *start = *text;
    uint64_t number = 0;

    while (**text >= '0' && **text <= '9' && *text - start < 18)
        number = number * 10 + (uint64_t)(*(*text)++ - '0');
    *ret_number = number;
    return *text > start;
}

int range_parse(const char *value, uint64_t size, struct range *ret_range)
{
    uint64_t first;
    uint64_t last;
    bool has_first;
    bool has_last;

    if (strncasecmp(value, "bytes=", 6) != 0)
        return 0;
    value += 6;
    has_first = read_number(&value, &first);
    if (*value++ != '-')
        return 0;
    has_last = read_number(&value, &last);
    /* Several ranges: a server may answer with everything, and we do. */
    if (*value != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
        return 0;

    if (!has_first) { /* "-N": the last N bytes */
        first = last < size ? size - last : 0;
        if (last == 0)
            return -ERANGE;
    }
    if (first >= size)
        return -ERANGE;
    ret_range->first = first;
    ret_range->length = size - first;
    if (has_first && has_last && last < size)
        ret_range->length = last - first + 1;
    return 1;
}
