/* Files in random mixes: tasks and plain threads read, write, replace, copy and remove them, with
 * deadlines and cancelling at any moment, while others walk through them. Who reads a file whole
 * finds one that somebody has written whole; who writes to a place finds it there, or not, as the
 * call has said; and in the end nothing is left that nobody has made. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>

#include "files.h"

#define NAMES 6
#define WORKERS 10
#define THREADS 3
#define WRITER_FILES 4
#define RECORD 64

static uint64_t rounds;
static atomic_int at_work;

static bool is_cut_short(int64_t rc)
{
    return rc == -ETIMEDOUT;
}

static void name_of(char *name, size_t size)
{
    snprintf(name, size, "t/%d/%d", (int)(test_random() % 2), (int)(test_random() % NAMES));
}

/* A file that is whole says its size at its beginning, and is full of one letter. */
static void expect_whole(const char *data, size_t size)
{
    int said = 0;
    if (sscanf(data, "%d", &said) != 1 || (size_t)said != size)
        ck_abort_msg("a part of a file: %d of %d bytes", (int)size, said);
    for (size_t i = 8; i < size; i++) {
        if (data[i] != data[8])
            ck_abort_msg("parts of two files at %d", (int)i);
    }
}

static void save(const char *name)
{
    static const size_t sizes[] = { 9, 100, 5000, 70000 };
    size_t size = sizes[test_random() % 4];
    char *data = malloc(size);
    memset(data, 'a' + (int)(test_random() % 26), size);
    char head[16];
    snprintf(head, sizeof head, "%07d ", (int)size);
    memcpy(data, head, 8);
    int rc = weft_file_save(AT_FDCWD, name, data, size, 0600, NULL);
    if (rc && !is_cut_short(rc))
        ck_abort_msg("saving %s: %d", name, rc);
    free(data);
}

static void load(const char *name)
{
    void *data;
    size_t size;
    int rc = weft_file_load(AT_FDCWD, name, 1 << 20, &data, &size);
    if (rc == 0) {
        expect_whole(data, size);
        free(data);
    } else if (rc != -ENOENT && !is_cut_short(rc)) {
        ck_abort_msg("loading %s: %d", name, rc);
    }
}

static void copy(const char *name)
{
    char to[32];
    weft_copy_attr attr = { .flags = test_random() % 2 ? WEFT_COPY_NO_CLONE : 0 };
    name_of(to, sizeof to);
    int rc = weft_file_copy(AT_FDCWD, name, AT_FDCWD, to, &attr);
    if (rc && rc != -ENOENT && !is_cut_short(rc))
        ck_abort_msg("copying %s to %s: %d", name, to, rc);
}

static void drop(const char *name)
{
    int rc = weft_dir_remove_all(AT_FDCWD, name);
    if (rc && !is_cut_short(rc))
        ck_abort_msg("removing %s: %d", name, rc);
}

static void walk(void)
{
    weft_walk *way;
    weft_walk_entry entry;
    int rc, count = 0;
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", NULL, &way), 0);
    while ((rc = weft_walk_next(way, &entry)) > 0)
        count++;
    if (rc < 0 && !is_cut_short(rc))
        ck_abort_msg("walking: %d", rc);
    if (rc == 0 && count < 3)
        ck_abort_msg("walking found %d", count);
    weft_walk_close(way);
}

static void do_something(void)
{
    char name[32];
    name_of(name, sizeof name);
    switch (test_random() % 6) {
    case 0:
        drop(name);
        break;
    case 1:
        copy(name);
        break;
    case 2:
        walk();
        break;
    case 3:
        save(name);
        break;
    default:
        load(name);
    }
}

static int work(void *unused)
{
    for (uint64_t i = 0; i < rounds; i++) {
        weft_scope scope;
        bool hurry = test_random() % 3 == 0;
        int64_t time = (int64_t)(test_random() % WEFT_US(300));
        weft_scope_enter(&scope, hurry ? weft_after(time) : WEFT_NEVER);
        do_something();
        weft_scope_leave(&scope);
    }
    (void)unused;
    atomic_fetch_sub(&at_work, 1);
    return 0;
}

static void *work_on_thread(void *unused)
{
    work(NULL);
    return unused;
}

/* Has a file of its own, knows what is in it, and is cancelled now and then. */
static int keep_books(void *number)
{
    char name[16], record[RECORD], found[RECORD], books[16] = { 0 };
    snprintf(name, sizeof name, "b%d", (int)(intptr_t)number);
    int fd = weft_file_open(name, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    for (uint64_t i = 0; i < 2 * rounds; i++) {
        weft_scope scope;
        int place = (int)(test_random() % sizeof books);
        char value = (char)(1 + test_random() % 100);
        memset(record, value, RECORD);
        weft_scope_enter(&scope, weft_after((int64_t)(test_random() % WEFT_US(100))));
        ssize_t n = weft_pwrite(fd, record, RECORD, place * RECORD);
        weft_scope_leave(&scope);
        if (n == RECORD)
            books[place] = value;
        else if (!is_cut_short(n))
            ck_abort_msg("writing: %d", (int)n);
        n = weft_pread(fd, found, RECORD, place * RECORD);
        if (n < 0 || (n > 0 && (found[0] != books[place] || found[RECORD - 1] != books[place])))
            ck_abort_msg("reading: %d, and it is %d, not %d", (int)n, found[0], books[place]);
    }
    atomic_fetch_sub(&at_work, 1);
    return weft_close(fd);
}

static int run_mix(void *unused)
{
    pthread_t threads[THREADS];
    weft_task *tasks[WORKERS + WRITER_FILES];
    (void)unused;
    atomic_store(&at_work, THREADS + WORKERS + WRITER_FILES);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work_on_thread, NULL), 0);
    for (int i = 0; i < WORKERS; i++)
        SPAWN(work, NULL, &tasks[i]);
    for (intptr_t i = 0; i < WRITER_FILES; i++)
        SPAWN(keep_books, (void *)i, &tasks[WORKERS + i]);
    for (int i = 0; i < WORKERS + WRITER_FILES; i++)
        JOIN(tasks[i], 0);
    while (atomic_load(&at_work))
        weft_sleep(WEFT_US(100));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* Nothing under names that only saving and copying make. */
static int look_for_litter(void *unused)
{
    weft_walk *way;
    weft_walk_entry entry;
    (void)unused;
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", NULL, &way), 0);
    while (weft_walk_next(way, &entry) > 0)
        ck_assert_int_ne(entry.name[0], '.');
    weft_walk_close(way);
    return 0;
}

static void run_by(const char *way)
{
    setenv("WEFT_FILES", way, 1);
    rounds = test_work(40);
    enter_folder();
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "t/0", 0700), 0);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "t/1", 0700), 0);
    ck_assert_int_eq(run_tasks(0, run_mix, NULL), 0);
    look_for_litter(NULL);
    leave_folder();
}

TEST(files_are_whole_by_the_pool, .timeout = 200)
{
    run_by("pool");
}

TEST(files_are_whole_by_the_ring, .timeout = 200)
{
    run_by("ring");
}
