/* blob.c - a growing run of bytes, shared by counting references. */
#include "blob.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_CAPACITY 256

struct blob *blob_create(void)
{
    struct blob *blob = calloc(1, sizeof *blob);

    if (blob)
        atomic_init(&blob->references, 1);
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    /* Relaxed: whoever hands a reference on already holds one. */
    atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
    return blob;
}

void blob_unref(struct blob *blob)
{
    /* Release and acquire pair with each other across the holders: what any of
     * them read is read before the last one frees it. */
    if (!blob || atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) != 1)
        return;
    free(blob->data);
    free(blob);
}

static int make_room(struct blob *blob, size_t size)
{
    size_t capacity = blob->capacity ? blob->capacity : SMALLEST_CAPACITY;
    char *data;

    if (size <= blob->capacity - blob->size)
        return 0;
    while (capacity - blob->size < size)
        capacity *= 2;
    data = realloc(blob->data, capacity);
    if (!data)
        return -ENOMEM;
    blob->data = data;
    blob->capacity = capacity;
    return 0;
}

int blob_append(struct blob *blob, const void *data, size_t size)
{
    int error = make_room(blob, size);

    if (error < 0)
        return error;
    if (size > 0)
        memcpy(blob->data + blob->size, data, size);
    blob->size += size;
    return 0;
}

int blob_printf(struct blob *blob, const char *format, ...)
{
    char text[512];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof text)
        return -ENOMEM;
    return blob_append(blob, text, (size_t)length);
}
