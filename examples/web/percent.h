/* percent.h - percent-encoding of URL paths (RFC 3986). */
#ifndef WEB_PERCENT_H
#define WEB_PERCENT_H

#include <stddef.h>

#include "blob.h"

/* Decodes `text` to `to`, which has room for `size` bytes and a terminator.
 * Returns the decoded length or -EINVAL: a broken escape, or a NUL byte. */
int percent_decode(const char *text, size_t size, char *to);

/* Appends `text` encoded, so that it can stand in a URL's path or on a line.
 * Returns 0 or -ENOMEM. */
int percent_encode(struct blob *to, const char *text, size_t size);

#endif
