/* The n-th call that can fail fails, for every n: each time the error is a clean
 * one, nothing leaks, and the next attempt works. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tasks.h"

static atomic_int calls;   /* since it was set to 0 */
static atomic_int failing; /* the number of the call that fails; 0: none */
static atomic_int failed;
static atomic_bool out; /* all fail */
static const char *victim;

static bool fails(const char *function)
{
    if (atomic_load(&out))
        return true;
    if (atomic_load(&failing) == 0)
        return false;
    if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&failing))
        return false;
    victim = function;
    atomic_fetch_add(&failed, 1);
    return true;
}

#define WRAP(type, name, parameters, arguments, failure, error) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        if (fails(#name)) { \
            errno = error; \
            return failure; \
        } \
        return __real_##name arguments; \
    }

/* What mmap() is where files may be large. */
WRAP(void *, mmap64, (void *at, size_t size, int prot, int flags, int fd, off_t offset),
     (at, size, prot, flags, fd, offset), MAP_FAILED, ENOMEM)
WRAP(void *, malloc, (size_t size), (size), NULL, ENOMEM)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)
WRAP(void *, aligned_alloc, (size_t align, size_t size), (align, size), NULL, ENOMEM)
WRAP(int, epoll_create1, (int flags), (flags), -1, EMFILE)
WRAP(int, eventfd, (unsigned value, int flags), (value, flags), -1, EMFILE)
WRAP(int, epoll_ctl, (int epoll, int op, int fd, struct epoll_event *event), (epoll, op, fd, event),
     -1, ENOMEM)
WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg),
     (thread, attr, fn, arg), EAGAIN, 0)

/* Check allocates memory for every assertion, this for those that fail. */
#define MUST(condition) \
    do { \
        if (!(condition)) { \
            atomic_store(&out, false); \
            ck_abort_msg("call %d, %s(): %s", atomic_load(&failing), victim ? victim : "-", \
                         #condition); \
        } \
    } while (0)

static bool is_shortage(ssize_t rc)
{
    return rc == -ENOMEM || rc == -EMFILE || rc == -EAGAIN;
}

static void expect_shortage(const char *what, ssize_t rc)
{
    if (!is_shortage(rc))
        ck_abort_msg("%s returned %zd when call %d, %s(), failed", what, rc, atomic_load(&failing),
                     victim ? victim : "?");
}

/* Runs `scenario` with one failure more each time until none is left. */
static void fail_each_call(void (*scenario)(void), int at_least)
{
    weft_yield(); /* this thread's own waiter, and what is set up only once */
    atomic_store(&failing, 0);
    scenario();
    block_for(WEFT_MS(20));
    int descriptors = entries_of("/proc/self/fd"), threads = entries_of("/proc/self/task");
    int n = 0, before;
    do {
        n++;
        before = atomic_load(&failed);
        atomic_store(&calls, 0);
        atomic_store(&failing, n);
        scenario();
        atomic_store(&failing, 0);
        if (weft_workers() != 0)
            ck_abort_msg("still running after call %d, %s()", n, victim);
        ck_assert_int_eq(entries_of("/proc/self/fd"), descriptors);
        expect_threads(threads);
        scenario(); /* the next one works */
    } while (atomic_load(&failed) > before && n < 1000);
    ck_assert_int_ge(n, at_least);
    ck_assert_int_lt(n, 1000);
}

static int seven(void *unused)
{
    (void)unused;
    return 7;
}

static void start_and_stop(void)
{
    weft_config config = { .workers = 3 };
    int rc = weft_start(&config);
    if (rc == 0) {
        MUST(weft_stop() == 0);
        return;
    }
    MUST(atomic_load(&failing) > 0);
    expect_shortage("weft_start", rc);
    MUST(weft_stop() == -EINVAL);
}

TEST(starting_fails_cleanly)
{
    fail_each_call(start_and_stop, 12);
}

static void start_seeded(void)
{
    weft_config config = { .seed = 5 };
    int rc = weft_run(&config, seven, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(starting_with_a_seed_fails_cleanly)
{
    fail_each_call(start_seeded, 8);
}

static atomic_int ran;

static int count_bytes(void *bytes)
{
    atomic_fetch_add(&ran, 1);
    return ((char *)bytes)[150];
}

static int count_one(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
    weft_yield();
    return 7;
}

static void expect_result(int rc, weft_task *task, int expected, int *spawned)
{
    if (rc) {
        expect_shortage("weft_spawn", rc);
        return;
    }
    int result = 0;
    rc = weft_join(task, &result);
    if (rc == 0) {
        MUST(result == expected);
        ++*spawned;
    } else {
        expect_shortage("weft_join", rc);
    }
}

static int spawn_kinds(void *unused)
{
    weft_task *task;
    int spawned = 0;
    char bytes[200] = { [150] = 9 };
    weft_attr odd = { .stack_size = 64 << 10 };
    (void)unused;
    atomic_store(&ran, 0);
    for (int i = 0; i < 3; i++) {
        int rc = weft_spawn(count_one, NULL, &task);
        expect_result(rc, task, 7, &spawned);
    }
    int rc = weft_spawn_with(&odd, count_one, NULL, &task);
    expect_result(rc, task, 7, &spawned);
    rc = weft_spawn_copy("here", NULL, count_bytes, bytes, sizeof bytes, &task);
    expect_result(rc, task, 9, &spawned);
    MUST(atomic_load(&ran) == spawned); /* what failed has not run */
    return 7;
}

static void spawn_and_join(void)
{
    weft_config config = { .workers = 2 };
    int rc = weft_run(&config, spawn_kinds, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(spawning_fails_cleanly)
{
    fail_each_call(spawn_and_join, 10);
}

/* Tasks in a group, with arguments that fit and some that do not; each has a failure
 * to tell. */
static int fail_with_bytes(void *bytes)
{
    count_bytes(bytes);
    return -EIO;
}

static int spawn_group(void *unused)
{
    weft_group group;
    char bytes[200] = { [150] = 9 };
    int spawned = 0, results[4] = { 0 };
    (void)unused;
    atomic_store(&ran, 0);
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < 3; i++) {
        int rc = weft_group_spawn_result(&group, count_one, NULL, &results[i]);
        spawned += rc == 0;
        if (rc)
            expect_shortage("weft_group_spawn", rc);
    }
    int rc = weft_group_spawn_copy("here", NULL, &group, fail_with_bytes, bytes, sizeof bytes);
    spawned += rc == 0;
    if (rc && rc != -ECANCELED) /* a task has ended without its stack already */
        expect_shortage("weft_group_spawn_copy", rc);
    rc = weft_group_wait(&group);
    MUST(rc == -EIO || rc == 0 || rc == -ENOMEM);
    MUST(weft_group_count(&group) == 0);
    MUST(rc != -EIO || atomic_load(&ran) <= spawned);
    for (int i = 0; i < 3; i++)
        MUST(results[i] == 7 || results[i] == 0 || results[i] == -ENOMEM ||
             results[i] == -ECANCELED);
    MUST(weft_group_leave(&group) == rc);
    return 7;
}

static void spawn_in_group(void)
{
    weft_config config = { .workers = 2 };
    int rc = weft_run(&config, spawn_group, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(spawning_into_a_group_fails_cleanly)
{
    fail_each_call(spawn_in_group, 10);
}

/* Whoever has no stack, or no timer, holds up nobody who stands in line behind (STRAND-10). */
static void count_callback(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
}

static int use_strand(void *unused)
{
    weft_strand *strand;
    weft_task *tasks[2], *later;
    int spawned = 0, rcs[2];
    (void)unused;
    atomic_store(&ran, 0);
    int rc = weft_strand_create(&strand);
    if (rc) {
        expect_shortage("weft_strand_create", rc);
        return 7;
    }
    for (int i = 0; i < 2; i++) {
        weft_attr odd = { .stack_size = (size_t)(64 + 4 * i) << 10, .strand = strand };
        rcs[i] = weft_spawn_with(&odd, count_one, NULL, &tasks[i]);
    }
    rc = weft_strand_schedule(strand, weft_after(WEFT_US(50)), count_callback, NULL, &later);
    for (int i = 0; i < 2; i++)
        expect_result(rcs[i], tasks[i], 7, &spawned);
    expect_result(rc, later, 0, &spawned);
    MUST(weft_strand_destroy(strand) == 0);
    MUST(atomic_load(&ran) == spawned);
    return 7;
}

static void run_strand(void)
{
    weft_config config = { .workers = 2 };
    int rc = weft_run(&config, use_strand, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(strands_fail_cleanly)
{
    fail_each_call(run_strand, 12);
}

static int write_later(void *fd)
{
    weft_yield();
    return (int)weft_write(*(int *)fd, "x", 1);
}

static int use_sockets(void *unused)
{
    char address[64], byte;
    (void)unused;
    int listener = weft_listen("127.0.0.1:0", 0, 0);
    if (listener < 0) {
        expect_shortage("weft_listen", listener);
        return 7;
    }
    weft_local_address(listener, address, sizeof address);
    int client = weft_dial(address);
    if (client < 0) {
        expect_shortage("weft_dial", client);
        return weft_close(listener) + 7;
    }
    int server = weft_accept(listener, NULL, NULL);
    if (server < 0)
        expect_shortage("weft_accept", server);
    weft_task *task;
    if (server >= 0 && weft_spawn(write_later, &client, &task) == 0) {
        ssize_t n = weft_read(server, &byte, 1);
        if (n != 1)
            expect_shortage("weft_read", n);
        weft_join(task, NULL);
    }
    if (server >= 0)
        weft_close(server);
    weft_close(client);
    return weft_close(listener) + 7;
}

static void run_sockets(void)
{
    weft_config config = { .workers = 1 };
    int rc = weft_run(&config, use_sockets, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(sockets_fail_cleanly)
{
    fail_each_call(run_sockets, 8);
}

static int poll_many(void *unused)
{
    int fds[2];
    struct pollfd many[20];
    weft_task *task;
    (void)unused;
    MUST(pipe(fds) == 0);
    for (int i = 0; i < 20; i++)
        many[i] = (struct pollfd){ i ? -1 : fds[0], POLLIN, 0 };
    if (weft_spawn(write_later, &fds[1], &task) == 0) {
        int rc = weft_poll(many, 20);
        if (rc != 1)
            expect_shortage("weft_poll", rc);
        weft_join(task, NULL);
    }
    weft_close(fds[0]);
    weft_close(fds[1]);
    return 7;
}

static void run_poll(void)
{
    weft_config config = { .workers = 1 };
    int rc = weft_run(&config, poll_many, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(polling_fails_cleanly)
{
    fail_each_call(run_poll, 8);
}

static atomic_int called, posted; /* callbacks */

/* In a task, whatever has happened, and not in the one that was about to switch to it. */
static void count_call(weft_future *future, void *waiter)
{
    int rc = weft_future_try(future, NULL);
    MUST(rc == 0 || rc == -ENOMEM);
    MUST(weft_self() && (void *)weft_self() != waiter);
    atomic_fetch_add(&called, 1);
}

static void count_post(void *unused)
{
    (void)unused;
    atomic_fetch_add(&posted, 1);
}

/* One worker, which is ours until we wait: the callback is there before the task begins. */
static int submit_with_callback(const weft_attr *attr)
{
    weft_future *future;
    int rc = weft_submit_with(attr, count_one, NULL, &future);
    if (rc) {
        expect_shortage("weft_submit", rc);
        return 0;
    }
    int registered = weft_future_on_done(future, count_call, weft_self()) == 0;
    intptr_t value = 0;
    rc = weft_future_wait(future, &value);
    MUST((rc == 0 && value == 7) || rc == -ENOMEM);
    weft_future_release(future);
    return registered;
}

static int submit_and_post(void *unused)
{
    static weft_post_node node;
    weft_attr odd = { .stack_size = 64 << 10 }; /* one that is mapped anew */
    int registered = 0, accepted = 0;
    (void)unused;
    atomic_store(&called, 0);
    atomic_store(&posted, 0);
    weft_post_node_init(&node, count_post, NULL);
    for (int i = 0; i < 2; i++) {
        registered += submit_with_callback(NULL);
        registered += submit_with_callback(&odd);
        accepted += weft_post(count_post, NULL) == 0;
        accepted += weft_post_from_signal(&node) == 0;
        while (atomic_load(&posted) < accepted)
            weft_sleep(WEFT_US(50));
    }
    while (atomic_load(&called) < registered)
        weft_sleep(WEFT_US(50));
    MUST(atomic_load(&called) == registered && atomic_load(&posted) == accepted);
    return 7;
}

static void run_submit(void)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    int rc = weft_run(&config, submit_and_post, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(submitting_and_posting_fail_cleanly)
{
    fail_each_call(run_submit, 10);
}

#define MANY 10 /* futures: more than are waited for without memory */

static void take_next(weft_future **futures)
{
    weft_future *next;
    size_t index;
    int rc = weft_next_future(futures, MANY, &index, &next);
    if (rc) {
        expect_shortage("weft_next_future", rc);
        MUST(futures[MANY - 1]);
        return;
    }
    MUST(index == MANY - 1 && !futures[index]);
    weft_future_release(next);
}

static int wait_for_many(void *unused)
{
    weft_future *futures[MANY] = { NULL };
    int made = 0;
    (void)unused;
    for (int i = 0; i < MANY; i++)
        made += weft_future_create(&futures[i]) == 0;
    if (made == MANY) {
        MUST(weft_future_set(futures[MANY - 1], 1) == 0);
        ssize_t done = weft_wait_futures(futures, MANY, WEFT_UNTIL_FIRST);
        MUST(done == 1 || done == -ENOMEM);
        take_next(futures);
    }
    for (int i = 0; i < MANY; i++)
        weft_future_release(futures[i]);
    return 7;
}

static void run_wait_for_many(void)
{
    weft_config config = { .workers = 1, .flags = WEFT_NO_HAND_OFF };
    int rc = weft_run(&config, wait_for_many, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(waiting_for_many_futures_fails_cleanly)
{
    fail_each_call(run_wait_for_many, MANY + 2);
}

static weft_local handed_down, high, own;
static atomic_int values; /* set and not destroyed */

static void count_down(void *unused)
{
    (void)unused;
    atomic_fetch_sub(&values, 1);
}

/* What is refused has not been taken. */
static void set_value(weft_local local, void *value)
{
    void *before = weft_local_get(local);
    atomic_fetch_add(&values, 1);
    int rc = weft_local_set(local, value);
    if (rc == 0)
        return;
    expect_shortage("weft_local_set", rc);
    MUST(weft_local_get(local) == before);
    atomic_fetch_sub(&values, 1);
}

static int change_locals(void *inherited)
{
    MUST(weft_local_get(handed_down) == inherited);
    set_value(handed_down, "changed");
    return 7;
}

static int hand_down_locals(void *unused)
{
    weft_task *task;
    int spawned = 0;
    (void)unused;
    set_value(own, "own");
    set_value(handed_down, "first");
    set_value(high, "high"); /* the array grows */
    for (int i = 0; i < 2; i++) {
        void *value = weft_local_get(handed_down);
        int rc = weft_spawn(change_locals, value, &task);
        expect_result(rc, task, 7, &spawned);
        weft_local_region region;
        atomic_fetch_add(&values, 1);
        rc = weft_local_push(&region, handed_down, "region");
        if (rc == 0)
            weft_local_pop(&region);
        else
            atomic_fetch_sub(&values, 1);
        MUST(weft_local_get(handed_down) == value);
    }
    weft_attr odd = { .stack_size = 64 << 10 }; /* one that is mapped anew */
    int rc = weft_spawn_with(&odd, change_locals, weft_local_get(handed_down), NULL);
    if (rc)
        expect_shortage("weft_spawn", rc);
    return 7;
}

static void run_locals(void)
{
    weft_config config = { .workers = 1 };
    int rc = weft_run(&config, hand_down_locals, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
    MUST(atomic_load(&values) == 0);
}

TEST(task_locals_fail_cleanly)
{
    weft_local between;
    MUST(weft_local_create(&handed_down, count_down, WEFT_LOCAL_INHERITED) == 0);
    MUST(weft_local_create(&own, count_down, 0) == 0);
    for (int i = 0; i < 20; i++)
        MUST(weft_local_create(&between, NULL, 0) == 0);
    MUST(weft_local_create(&high, count_down, WEFT_LOCAL_INHERITED) == 0);
    fail_each_call(run_locals, 12);
}

WEFT_MAILBOX(downs, weft_down);

static int receive_byte(void *unused)
{
    char byte;
    (void)unused;
    int rc = weft_mailbox_receive(weft_inbox(), &byte);
    return rc ? rc : 7;
}

/* Whatever becomes of it, it ends, and who watches hears so. */
static void follow_actor(weft_actor *actor, downs *ends)
{
    weft_down down;
    int result;
    int watches = weft_actor_monitor(actor, downs_untyped(ends), NULL, NULL, NULL);
    int sent = weft_mailbox_send(weft_actor_mailbox(actor), "x");
    if (sent)
        weft_actor_cancel(actor);
    if (sent && sent != -EPIPE) /* it may have ended */
        expect_shortage("weft_mailbox_send", sent);
    MUST(weft_actor_wait(actor, &result) == 0);
    if (sent == 0 && result != 7)
        expect_shortage("an actor", result);
    if (watches)
        expect_shortage("weft_actor_monitor", watches);
    else
        MUST(downs_receive(ends, &down) == 0 && down.result == result);
    weft_actor_release(actor);
}

static int act(void *unused)
{
    weft_attr odd = { .stack_size = 64 << 10 }; /* one that is mapped anew */
    weft_mailbox *box;
    weft_actor *actor;
    downs *ends;
    (void)unused;
    int rc = downs_create(1, &ends);
    if (rc == 0 && (rc = weft_mailbox_create(1, 1, &box)))
        downs_destroy(ends);
    if (rc) {
        expect_shortage("weft_mailbox_create", rc);
        return 7;
    }
    rc = weft_actor_spawn_with(&odd, NULL, receive_byte, NULL, box, &actor);
    if (rc) {
        expect_shortage("weft_actor_spawn", rc);
        weft_mailbox_destroy(box);
    } else {
        follow_actor(actor, ends);
    }
    downs_destroy(ends);
    return 7;
}

static int supervise(void *unused)
{
    weft_attr odd = { .stack_size = 64 << 10 };
    weft_child_spec children[] = {
        { .name = "a", .fn = seven, .restart = WEFT_TEMPORARY, .attr = &odd },
        { .name = "b", .fn = seven, .restart = WEFT_TRANSIENT },
    };
    weft_supervisor_spec spec = {
        .children = children, .count = 2, .flags = WEFT_SUPERVISOR_UNTIL_IDLE, .max_restarts = 1
    };
    (void)unused;
    int rc = weft_supervise(&spec);
    if (rc)
        expect_shortage("weft_supervise", rc);
    return 7;
}

static void run_actors(void)
{
    weft_config config = { .workers = 1 };
    int rc = weft_run(&config, act, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
    rc = weft_run(&config, supervise, NULL);
    if (rc != 7)
        expect_shortage("weft_run", rc);
}

TEST(actors_fail_cleanly)
{
    fail_each_call(run_actors, 12);
}

/* Timers: who cannot have one waits all the same, busily, and lets the others run. */

static int fds[2];
static bool reading, has_read;

static int sleep_without_a_timer(void *unused)
{
    (void)unused;
    atomic_store(&out, true);
    int64_t start = weft_now();
    MUST(weft_sleep(WEFT_MS(20)) == 0);
    MUST(weft_now() - start >= WEFT_MS(20));
    MUST(atomic_load(&out)); /* it has been all the time */
    return 0;
}

static int read_without_a_timer(void *unused)
{
    weft_scope scope;
    char byte;
    (void)unused;
    reading = true;
    ssize_t n = weft_read(fds[0], &byte, 1); /* waits without a deadline, and is registered */
    MUST(n == 1);
    atomic_store(&out, true);
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_S(3600)))
        n = weft_read(fds[0], &byte, 1);
    MUST(n == 1);
    MUST(!weft_scope_timed_out(&scope));
    has_read = true;
    return 0;
}

static int time_out_without_a_timer(void *unused)
{
    weft_scope scope;
    char byte;
    ssize_t n = 0;
    int64_t start = weft_now();
    (void)unused;
    WEFT_WITH_DEADLINE (&scope, start + WEFT_MS(20))
        n = weft_read(fds[0], &byte, 1);
    MUST(n == -ETIMEDOUT);
    MUST(weft_scope_timed_out(&scope));
    MUST(weft_now() - start >= WEFT_MS(20));
    return 0;
}

static int run_without_timers(void *unused)
{
    weft_task *sleeper, *reader;
    (void)unused;
    SPAWN(sleep_without_a_timer, NULL, &sleeper);
    weft_yield();
    MUST(weft_join(sleeper, NULL) == 0);
    atomic_store(&out, false);
    SPAWN(read_without_a_timer, NULL, &reader);
    while (!reading)
        weft_yield();
    MUST(write(fds[1], "x", 1) == 1);
    while (!atomic_load(&out))
        weft_yield();
    for (int i = 0; i < 100; i++)
        weft_yield();
    MUST(!has_read);
    MUST(write(fds[1], "x", 1) == 1);
    MUST(weft_join(reader, NULL) == 0);
    time_out_without_a_timer(NULL);
    atomic_store(&out, false);
    return 7;
}

TEST(without_memory_for_a_timer_no_wait_is_shorter)
{
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(run_in_turn(run_without_timers, NULL), 7);
}
