/* Calls through the ring in random mixes: deadlines and cancelling at any moment, tasks that
 * block and compute so that workers change their threads meanwhile. What a call says that it
 * did not do was not done, and no completion is lost. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file_call.h"
#include "sched/worker.h"
#include "tasks.h"

#define PARTIES 24
#define HOGS 3
#define ROUNDS 150

static int file, pipe_ends[2];
static atomic_uint done, cut_short, elsewhere;
static atomic_int running;
static atomic_long bytes_read;

/* What came of a call; a cut one has not happened. */
static int64_t make(const struct weft__file_call *call)
{
    int64_t result = WEFT__FILE_ELSEWHERE;
    if (weft__file_ring_takes(call->verb))
        result = weft__file_ring_run(call, weft__waiter_self());
    if (result == WEFT__FILE_ELSEWHERE) {
        atomic_fetch_add(&elsewhere, 1);
        weft_yield();
        return result;
    }
    atomic_fetch_add(result == -ETIMEDOUT || result == -ECANCELED ? &cut_short : &done, 1);
    return result;
}

/* A party's own place in the file, and what it must have there. */
struct place {
    uint64_t value;
    int64_t offset;
};

static void put(struct place *place)
{
    uint64_t next = place->value + 1;
    struct weft__file_call write = {
        .verb = WEFT__FILE_WRITE, .fd = file, .buf = &next, .size = 8, .offset = place->offset
    };
    int64_t result = make(&write);
    if (result == 8)
        place->value = next;
    else if (result != -ETIMEDOUT && result != -ECANCELED && result != WEFT__FILE_ELSEWHERE)
        ck_abort_msg("writing returned %ld", (long)result);
}

static void check(const struct place *place)
{
    uint64_t seen = 0;
    if (pread(file, &seen, 8, place->offset) != 8 || seen != place->value)
        ck_abort_msg("there is %lu, not %lu", seen, place->value);
}

static void get(const struct place *place)
{
    uint64_t seen = 0;
    struct weft__file_call read = {
        .verb = WEFT__FILE_READ, .fd = file, .buf = &seen, .size = 8, .offset = place->offset
    };
    int64_t result = make(&read);
    if (result == 8 && seen != place->value)
        ck_abort_msg("it has read %lu, not %lu", seen, place->value);
    if (result != 8 && seen)
        ck_abort_msg("cut short, it has read %lu", seen);
}

static void get_from_pipe(void)
{
    char bytes[4];
    struct weft__file_call read = {
        .verb = WEFT__FILE_READ, .fd = pipe_ends[0], .buf = bytes, .size = 4, .offset = -1
    };
    int64_t result = make(&read);
    if (result > 0)
        atomic_fetch_add(&bytes_read, result);
}

static void sync_file(void)
{
    int64_t result = make(&(struct weft__file_call){ .verb = WEFT__FILE_FDATASYNC, .fd = file });
    if (result > 0)
        ck_abort_msg("syncing returned %ld", (long)result);
}

/* No descriptor is lost: a cut opening has opened nothing. */
static void open_and_close(void)
{
    int64_t fd = make(&(struct weft__file_call){
        .verb = WEFT__FILE_OPEN, .fd = AT_FDCWD, .path = ".", .flags = O_RDONLY | O_CLOEXEC });
    if (fd < 0)
        return;
    ck_assert_int_eq(close((int)fd), 0);
}

static int call_once(void *arg)
{
    struct place *place = arg;
    weft_scope scope;
    weft_scope_enter(&scope, test_random() % 4
                                 ? weft_now() + (int64_t)(test_random() % WEFT_US(200))
                                 : weft_now() + WEFT_MS(20));
    switch (test_random() % 8) {
    case 0:
        sync_file();
        break;
    case 1:
        open_and_close();
        break;
    case 2:
    case 3:
        get_from_pipe();
        break;
    case 4:
    case 5:
        get(place);
        break;
    default:
        put(place);
        break;
    }
    weft_scope_leave(&scope);
    return 0;
}

static int party(void *arg)
{
    struct place *place = arg;
    for (uint64_t i = 0; i < test_work(ROUNDS); i++) {
        weft_task *task;
        if (test_random() % 3 == 0) {
            SPAWN(call_once, place, &task);
            if (test_random() % 2)
                weft_yield();
            weft_cancel(task);
            weft_join(task, NULL); /* cancelled before it ran, maybe */
        } else {
            call_once(place);
        }
        check(place);
        if (test_random() % 4 == 0 && write(pipe_ends[1], "xyz", 3) == 3)
            atomic_fetch_sub(&bytes_read, 3);
    }
    atomic_fetch_sub(&running, 1);
    return 0;
}

static int hog(void *unused)
{
    (void)unused;
    while (atomic_load(&running)) {
        if (test_random() % 2)
            block_for((int64_t)(test_random() % WEFT_MS(3)));
        else
            spin_for((int64_t)(test_random() % WEFT_MS(3)));
        weft_yield();
    }
    return 0;
}

static int look_for_ring(void *unused)
{
    (void)unused;
    return weft__file_ring_takes(WEFT__FILE_READ);
}

static unsigned under_way(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < weft__rt.workers; i++)
        sum += atomic_load(&weft__rt.worker[i].ring.under_way);
    return sum;
}

static int all_parties(void *unused)
{
    static struct place places[PARTIES];
    weft_task *tasks[PARTIES + HOGS];
    (void)unused;
    atomic_store(&running, PARTIES);
    for (int i = 0; i < PARTIES; i++) {
        places[i] = (struct place){ 1000, 4096 * i };
        ck_assert_int_eq(pwrite(file, &places[i].value, 8, places[i].offset), 8);
    }
    for (int i = 0; i < PARTIES + HOGS; i++)
        SPAWN(i < PARTIES ? party : hog, i < PARTIES ? &places[i] : NULL, &tasks[i]);
    for (int i = 0; i < PARTIES + HOGS; i++)
        JOIN(tasks[i], 0);
    while (under_way()) /* cancellings whose completion nobody has looked at */
        weft_sleep(WEFT_MS(1));
    return 0;
}

static void stress(unsigned workers)
{
    char left[65536];
    setenv("WEFT_FILES", "ring", 1);
    if (run_tasks(1, look_for_ring, NULL) == 0)
        test_skip("the kernel has no ring for us");
    file = open("/var/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK), 0);
    int descriptors = entries_of("/proc/self/fd");
    ck_assert_int_eq(run_tasks(workers, all_parties, NULL), 0);
    ck_assert_int_eq(entries_of("/proc/self/fd"), descriptors);
    ck_assert_int_eq(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK), 0);
    ssize_t rest = read(pipe_ends[0], left, sizeof left);
    ck_assert_int_eq(atomic_load(&bytes_read) + (rest > 0 ? rest : 0), 0);
    printf("# %u done, %u cut short, %u elsewhere\n", atomic_load(&done), atomic_load(&cut_short),
           atomic_load(&elsewhere));
    ck_assert_uint_gt(atomic_load(&done), 0);
}

TEST(on_one_worker, .timeout = 300)
{
    stress(1);
}

TEST(on_two_workers, .timeout = 300)
{
    stress(2);
}

TEST(on_eight_workers, .timeout = 300)
{
    stress(8);
}
