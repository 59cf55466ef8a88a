/* A program of virtual threads that uses weft itself: handlers of signals run while its
 * threads wait in weft's own functions, which go on waiting. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <weft.h>

#define SIGNALS 10 /* into each wait */

static weft_event gate;
static atomic_uint handled;
static atomic_bool waits, ended;

/* It waits itself. */
static void on_signal(int number)
{
    (void)number;
    weft_sleep(WEFT_US(10));
    atomic_fetch_add(&handled, 1);
}

static int pass_gate(void *unused)
{
    (void)unused;
    return weft_event_wait(&gate);
}

static weft_task *behind_gate(int (*fn)(void *arg), void *arg)
{
    weft_task *task;
    return weft_spawn(fn, arg, &task) == 0 ? task : NULL;
}

static int end_of(weft_task *task)
{
    int result;
    int rc = weft_join(task, &result);
    return rc ? rc : result;
}

/* What threads wait in until the gate opens. Each returns 0. */

static int in_event(void)
{
    atomic_store(&waits, true);
    return weft_event_wait(&gate);
}

static int in_join(void)
{
    weft_task *task = behind_gate(pass_gate, NULL);
    atomic_store(&waits, true);
    return end_of(task);
}

static int in_gather(void)
{
    weft_task *tasks[] = { behind_gate(pass_gate, NULL), behind_gate(pass_gate, NULL) };
    atomic_store(&waits, true);
    ssize_t first = weft_wait_any(tasks, 2);
    int rc = weft_gather(tasks, 2, NULL);
    return first < 0 ? (int)first : rc;
}

struct lock {
    weft_mutex mutex;
    weft_event held;
};

static int hold(void *arg)
{
    struct lock *lock = arg;
    weft_mutex_lock(&lock->mutex);
    weft_event_set(&lock->held);
    int rc = weft_event_wait(&gate);
    weft_mutex_unlock(&lock->mutex);
    return rc;
}

static int in_mutex(void)
{
    struct lock lock = { WEFT_MUTEX_INIT, WEFT_EVENT_INIT };
    weft_task *holder = behind_gate(hold, &lock);
    weft_event_wait(&lock.held);
    atomic_store(&waits, true);
    int rc = weft_mutex_lock(&lock.mutex);
    if (rc == 0)
        weft_mutex_unlock(&lock.mutex);
    int holders = end_of(holder);
    return rc ? rc : holders;
}

static int start_behind_gate(void *unused)
{
    (void)unused;
    int rc = weft_event_wait(&gate);
    weft_started(7);
    return rc;
}

static int in_start(void)
{
    weft_group group;
    intptr_t value = 0;
    weft_group_enter(&group, WEFT_NEVER);
    atomic_store(&waits, true);
    int rc = weft_group_start(&group, start_behind_gate, NULL, &value);
    int left = weft_group_leave(&group);
    return rc ? rc : left ? left : value != 7;
}

static int in_group(void)
{
    weft_group group;
    weft_group_enter(&group, WEFT_NEVER);
    int rc = weft_group_spawn(&group, pass_gate, NULL);
    atomic_store(&waits, true);
    int left = weft_group_leave(&group);
    return rc ? rc : left;
}

static int supervise(unsigned flags, int (*fn)(void *arg))
{
    weft_child_spec child = {
        .name = "child", .fn = fn, .restart = WEFT_TEMPORARY, .flags = flags
    };
    weft_supervisor_spec spec = { .flags = WEFT_SUPERVISOR_UNTIL_IDLE,
                                  .children = &child,
                                  .count = 1 };
    atomic_store(&waits, true);
    return weft_supervise(&spec);
}

static int in_supervisor(void)
{
    return supervise(0, pass_gate);
}

static int in_supervisors_start(void)
{
    return supervise(WEFT_CHILD_STARTS, start_behind_gate);
}

static int in_strand_call(void)
{
    weft_strand *strand;
    int result = -1;
    int rc = weft_strand_create(&strand);
    atomic_store(&waits, true);
    if (rc == 0)
        rc = weft_strand_call(strand, pass_gate, NULL, &result);
    weft_strand_destroy(strand);
    return rc ? rc : result;
}

static void pass_in_strand(void *ret_result)
{
    *(int *)ret_result = weft_event_wait(&gate);
}

static int in_strands_end(void)
{
    weft_strand *strand;
    int result = -1;
    int rc = weft_strand_create(&strand);
    if (rc == 0)
        rc = weft_strand_post(strand, pass_in_strand, &result);
    atomic_store(&waits, true);
    int end = weft_strand_destroy(strand);
    return rc ? rc : end ? end : result;
}

static int in_select(void)
{
    weft_case cases[] = { weft_case_event(&gate), weft_case_timer(WEFT_NEVER) };
    atomic_store(&waits, true);
    return weft_select(cases, 2);
}

static int write_behind_gate(void *pipe_end)
{
    int rc = weft_event_wait(&gate);
    return rc ? rc : write(*(int *)pipe_end, "x", 1) != 1;
}

static int in_descriptor(int (*wait)(int fd))
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    weft_task *writer = behind_gate(write_behind_gate, &ends[1]);
    atomic_store(&waits, true);
    int rc = wait(ends[0]), written = end_of(writer);
    close(ends[0]);
    close(ends[1]);
    return rc ? rc : written;
}

static int read_one(int fd)
{
    char byte;
    ssize_t n = weft_read(fd, &byte, 1);
    return n == 1 ? 0 : (int)n;
}

static int in_read(void)
{
    return in_descriptor(read_one);
}

static int poll_one(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    int n = weft_poll(&pfd, 1);
    return n == 1 ? 0 : n;
}

static int in_poll(void)
{
    return in_descriptor(poll_one);
}

/* No wait at all: it is in a queue when it does not run. */
static int in_yield(void)
{
    atomic_store(&waits, true);
    while (!weft_event_is_set(&gate))
        weft_yield();
    return 0;
}

/* The other kind, a call of libc's, ends. */
static int in_nanosleep(void)
{
    struct timespec long_time = { 1000, 0 };
    atomic_store(&waits, true);
    while (!weft_event_is_set(&gate)) {
        if (nanosleep(&long_time, NULL) == 0)
            return -1;
    }
    return 0;
}

static const struct wait {
    const char *name;
    int (*fn)(void);
} all[] = {
    { "an event", in_event },
    { "a join", in_join },
    { "waiting for any and all", in_gather },
    { "a mutex", in_mutex },
    { "a start", in_start },
    { "a group", in_group },
    { "a supervisor", in_supervisor },
    { "a supervisor whose child starts", in_supervisors_start },
    { "a call of a strand", in_strand_call },
    { "the end of a strand", in_strands_end },
    { "a select", in_select },
    { "a read", in_read },
    { "a poll", in_poll },
    { "giving way", in_yield },
    { "nanosleep(), which ends", in_nanosleep },
};
#define WAITS (sizeof all / sizeof *all)

static void *run(void *wait)
{
    int rc = ((const struct wait *)wait)->fn();
    atomic_store(&ended, true);
    return (void *)(intptr_t)rc;
}

static void signal_and_see(pthread_t thread)
{
    unsigned before = atomic_load(&handled);
    pthread_kill(thread, SIGUSR1);
    while (atomic_load(&handled) == before)
        weft_yield();
}

/* Others come while it goes on, and one ends nanosleep() for the last time; with time to do
 * something between them. */
static void test(size_t number)
{
    pthread_t thread;
    void *result;
    weft_event_clear(&gate);
    atomic_store(&waits, false);
    atomic_store(&ended, false);
    pthread_create(&thread, NULL, run, (void *)&all[number]);
    while (!atomic_load(&waits))
        weft_yield();
    for (int i = 0; i < SIGNALS; i++)
        signal_and_see(thread);
    weft_event_set(&gate);
    for (int64_t pause = WEFT_MS(1); !atomic_load(&ended); pause *= 2) {
        pthread_kill(thread, SIGUSR1);
        weft_sleep(pause);
    }
    pthread_join(thread, &result);
    printf("%sok %zu - %s # %d\n", result ? "not " : "", number + 1, all[number].name,
           (int)(intptr_t)result);
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGUSR1, &action, NULL);
    setlinebuf(stdout);
    printf("1..%zu\n", WAITS);
    for (size_t i = 0; i < WAITS; i++)
        test(i);
    return 0;
}
