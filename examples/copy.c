/* copy - copies a big file with several chunks in flight, and once more by one call.
 *
 * Each task takes the next chunk, reads it and writes it to the same place, so that the disk
 * always has something to do. While they wait for it others could run on their worker. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft.h>

#define SIZE ((int64_t)16 << 20)
#define CHUNK ((int64_t)1 << 20)
#define IN_FLIGHT 4

struct copy {
    int from, to;
    _Atomic(int64_t) next; /* where the next chunk begins */
};

static int copy_chunks(void *arg)
{
    struct copy *copy = arg;
    char *buffer = malloc(CHUNK);
    int64_t at;
    int rc = buffer ? 0 : -ENOMEM;

    while (rc == 0 && (at = atomic_fetch_add(&copy->next, CHUNK)) < SIZE) {
        rc = weft_pread_all(copy->from, buffer, CHUNK, at, NULL);
        if (rc == 0)
            rc = weft_pwrite_all(copy->to, buffer, CHUNK, at, NULL);
    }
    free(buffer);
    return rc;
}

static int copy_by_tasks(const char *from, const char *to)
{
    struct copy copy = { weft_file_open(from, O_RDONLY, 0),
                         weft_file_open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600), 0 };
    int rc = copy.from < 0 ? copy.from : copy.to < 0 ? copy.to : 0;
    weft_group group;

    if (rc == 0) {
        weft_group_enter(&group, WEFT_NEVER);
        for (int i = 0; i < IN_FLIGHT; i++)
            weft_group_spawn(&group, copy_chunks, &copy);
        rc = weft_group_leave(&group); /* the first error has stopped the others */
    }
    if (rc == 0)
        rc = weft_fsync(copy.to);
    weft_close(copy.from);
    weft_close(copy.to);
    return rc;
}

static int say_progress(void *reports, int64_t done, int64_t size)
{
    ++*(int *)reports;
    return done <= size ? 0 : -EIO;
}

/* As weft has it: nobody ever sees a part of it, and holes stay holes. */
static int copy_by_call(const char *from, const char *to)
{
    int reports = 0;
    weft_copy_attr attr = { .flags = WEFT_COPY_SYNC, .progress = say_progress, .arg = &reports };
    int rc = weft_file_copy(AT_FDCWD, from, AT_FDCWD, to, &attr);

    if (reports)
        printf("it has told how far it had come\n");
    return rc;
}

static void compare(const char *from, const char *to, int rc)
{
    void *one = NULL, *other = NULL;
    size_t size = 0, other_size = 0;

    if (rc == 0)
        rc = weft_file_load(AT_FDCWD, from, SIZE, &one, &size);
    if (rc == 0)
        rc = weft_file_load(AT_FDCWD, to, SIZE, &other, &other_size);
    if (rc == 0)
        printf("%zu bytes, %s\n", other_size,
               size == other_size && memcmp(one, other, size) == 0 ? "equal" : "not equal");
    else
        printf("%s\n", strerror(-rc));
    free(one);
    free(other);
}

static int make(const char *path)
{
    uint32_t *data = malloc(SIZE), value = 1;
    int rc = data ? 0 : -ENOMEM;

    for (int64_t i = 0; data && i < SIZE / 4; i++)
        data[i] = value = value * 1664525 + 1013904223;
    if (rc == 0)
        rc = weft_file_save(AT_FDCWD, path, data, SIZE, 0600, NULL);
    free(data);
    return rc;
}

static int run(void *unused)
{
    char folder[] = "/tmp/weft-copy-XXXXXX";
    int rc;

    (void)unused;
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return -errno;
    rc = make("from");
    if (rc == 0) {
        compare("from", "to", copy_by_tasks("from", "to"));
        compare("from", "to", copy_by_call("from", "to"));
    }
    weft_dir_remove_all(AT_FDCWD, folder);
    return rc;
}

int main(void)
{
    return weft_run(NULL, run, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
