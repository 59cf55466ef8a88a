/* Files as a whole: into memory, and out of it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/replacement.h"
#include "io/file.h"
#include "weft/file.h"

#define ROOM_FIRST ((size_t)4 << 10)

struct text {
    char *data;
    size_t size, room;
};

static int make_room(struct text *text, size_t room)
{
    char *data = realloc(text->data, room + 1); /* and the zero */
    if (!data)
        return -ENOMEM;
    text->data = data;
    text->room = room;
    return 0;
}

/* Reads to the end, from which the file's own size may be far, but not beyond `most`. The first
 * piece is not small: some files in /proc have no second one. */
static int read_whole(int fd, size_t most, size_t size, struct text *text)
{
    size_t room = size < ROOM_FIRST ? ROOM_FIRST : size;
    int64_t n = 1;
    while (n > 0 && text->size < most) {
        if (text->size == text->room) {
            int rc = make_room(text, room < most ? room : most);
            if (rc)
                return rc;
            room = room < most / 2 ? 2 * room : most;
        }
        struct weft__file_call call = { .verb = WEFT__FILE_READ,
                                        .fd = fd,
                                        .buf = text->data + text->size,
                                        .size = text->room - text->size,
                                        .offset = -1 };
        n = weft__file_do(&call);
        text->size += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? (int)n : 0;
}

static int load(int fd, size_t limit, struct text *text)
{
    struct stat file;
    int rc = weft_fstat(fd, &file);
    if (rc)
        return rc;
    size_t most = limit < SIZE_MAX - 1 ? limit + 1 : limit; /* a byte more shows what is more */
    if (file.st_size > 0 && (uint64_t)file.st_size > limit)
        return -EFBIG;
    rc = read_whole(fd, most, (size_t)file.st_size + 1, text); /* the same shows the end */
    return rc == 0 && text->size > limit ? -EFBIG : rc;
}

int weft_file_load(int folder, const char *path, size_t limit, void **ret_data, size_t *ret_size)
{
    struct text text = { 0 };
    struct weft__file_call call = {
        .verb = WEFT__FILE_OPEN, .fd = folder, .path = path, .flags = O_RDONLY | O_CLOEXEC
    };
    int fd = (int)weft__file_do(&call);
    if (fd < 0)
        return fd;
    int rc = load(fd, limit, &text);
    weft__file_shut(fd); /* nothing is to be written */
    if (rc) {
        free(text.data);
        return rc;
    }
    text.data[text.size] = 0;
    *ret_data = text.data;
    if (ret_size)
        *ret_size = text.size;
    return 0;
}

int weft_file_save(int folder, const char *path, const void *data, size_t size, mode_t mode,
                   bool *ret_replaced)
{
    struct weft__replacement new = { .replaced = false };
    int rc = weft__replacement_begin(&new, folder, path, mode);
    if (rc == 0) {
        rc = weft_pwrite_all(new.fd, data, size, 0, NULL);
        if (rc == 0)
            rc = weft__replacement_commit(&new, false, true);
        weft__replacement_finish(&new);
    }
    if (ret_replaced)
        *ret_replaced = new.replaced;
    return rc;
}
