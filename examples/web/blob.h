/* blob.h - a growing run of bytes, shared by counting references.
 *
 * A request's body becomes the stored value, and the stored value a response,
 * without a copy: each holds a reference. Bytes are added while there is one
 * owner; from the moment a blob is shared nobody changes it. */
#ifndef WEB_BLOB_H
#define WEB_BLOB_H

#include <stdatomic.h>
#include <stddef.h>

struct blob {
    atomic_uint references;
    size_t size;
    size_t capacity;
    char *data;
};

/* An empty blob with one reference, or NULL. */
struct blob *blob_create(void);

/* Takes one more reference. Returns `blob`. */
struct blob *blob_ref(struct blob *blob);

/* Gives a reference back; the last one frees. NULL is ignored. */
void blob_unref(struct blob *blob);

/* Add bytes. Return 0 or -ENOMEM, in which case nothing was added. */
int blob_append(struct blob *blob, const void *data, size_t size);
int blob_printf(struct blob *blob, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
