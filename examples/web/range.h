/* range.h - the Range header (RFC 9110, section 14). */
#ifndef WEB_RANGE_H
#define WEB_RANGE_H

#include <stdint.h>

struct range {
    uint64_t first;
    uint64_t length;
};

/* Reads a Range header's value for a file of `size` bytes. Returns 1 and the
 * range; 0 when there is none that we serve, so the whole file is the answer;
 * or -ERANGE when the file has no such bytes. */
int range_parse(const char *value, uint64_t size, struct range *ret_range);

#endif
