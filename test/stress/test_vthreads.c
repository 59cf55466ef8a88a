/* Virtual threads and light tasks, mixed. After whatever suspends, everything that
 * belongs to a thread is as it was. Light tasks fail the same checks, which shows
 * that these can fail. */
#include "suite.h"

#include <errno.h>
#include <locale.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/list.h"
#include "io/fd.h"
#include "os/lock.h"
#include "sched/task.h"
#include "vthreads.h"

#define THREADS 48
#define SLOTS 64

static _Thread_local int word = 42;
static _Thread_local char room[300];
static pthread_key_t key;
static atomic_int wrong;
static atomic_ullong begun, destroyed, objects_destroyed, moves;
static _Atomic(pthread_t) alive[THREADS];
static pthread_mutex_t shared[8]; /* error-checking */
static atomic_int holders[8];
static _Atomic(char *) slots[SLOTS];

/* What the thread-locals of one thread should be. */
struct expected {
    bool count_only; /* do not fail, count */
    bool ending;     /* its thread-specific data is being destroyed */
    uint64_t random;
    int number, error;
    pthread_t self;
    locale_t locale;
    char *low, *high; /* of the stack */
    long carrier;
    pthread_mutex_t recursive;
    int depth, fd;
};

static uint32_t draw(struct expected *e)
{
    e->random = e->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(e->random >> 33);
}

static void expect(struct expected *e, bool holds, const char *what)
{
    if (holds)
        return;
    if (!e->count_only)
        ck_abort_msg("%s has changed", what);
    atomic_fetch_add(&wrong, 1);
}

/* Not inlined: a light task's addresses of thread-locals must be looked up anew. */
static __attribute__((noinline)) void check(struct expected *e)
{
    expect(e, errno == e->error, "errno");
    expect(e, word == e->number, "a thread-local variable");
    expect(e, room[e->number % 300] == (char)e->number, "a thread-local array");
    expect(e, *module_word() == e->number, "a loaded library's thread-local variable");
    expect(e, pthread_getspecific(key) == (e->ending ? NULL : e), "thread-specific data");
    expect(e, pthread_equal(pthread_self(), e->self), "pthread_self()");
    expect(e, uselocale(0) == e->locale, "the locale");
    if (e->count_only)
        return;
    char local;
    expect(e, &local > e->low && &local < e->high, "the stack");
    long carrier = syscall(SYS_gettid);
    if (e->carrier != carrier)
        atomic_fetch_add(&moves, 1);
    e->carrier = carrier;
    errno = e->error;
}

static __attribute__((noinline)) void change(struct expected *e)
{
    e->number = word = *module_word() = (int)(draw(e) & 0xffff);
    room[e->number % 300] = (char)e->number;
    e->error = errno = 1 + (int)(draw(e) % 100);
}

/* Where tasks wait for a plain thread to send them on, in random order: it has no
 * worker, so they go round all of them. */
struct traveller {
    struct weft__list link;
    struct weft__waiter *waiter;
    uint64_t ticket;
};

static struct {
    struct weft__lock lock;
    struct weft__list travellers;
    unsigned count;
    sem_t some;
} crossroads = { .travellers = WEFT__LIST_INIT(crossroads.travellers) };

static void travel(void)
{
    struct traveller self = { .waiter = weft__waiter_self() };
    self.ticket = weft__wait_begin(self.waiter, "crossroads", 0);
    weft__lock_acquire(&crossroads.lock);
    weft__list_append(&crossroads.travellers, &self.link);
    crossroads.count++;
    weft__lock_release(&crossroads.lock);
    sem_post(&crossroads.some);
    weft__outside(1); /* no deadlock: a plain thread wakes us */
    ck_assert_int_eq(weft__wait_park(self.waiter, WEFT_NEVER), WEFT__EVENT);
    weft__outside(-1);
}

/* Under the lock. */
static struct traveller *any_traveller(void)
{
    struct weft__list *link = crossroads.travellers.next;
    for (uint64_t i = test_random() % crossroads.count; i > 0; i--)
        link = link->next;
    weft__list_remove(link);
    crossroads.count--;
    return weft__container_of(link, struct traveller, link);
}

static void *send_on(void *unused)
{
    for (;;) {
        while (sem_wait(&crossroads.some) != 0)
            ;
        weft__lock_acquire(&crossroads.lock);
        struct traveller *next = crossroads.count ? any_traveller() : NULL;
        weft__lock_release(&crossroads.lock);
        if (!next)
            return unused; /* told to end */
        ck_assert(weft__wait_fire(next->waiter, next->ticket, WEFT__EVENT));
    }
}

static void suspend(struct expected *e)
{
    char byte = 1;
    switch (draw(e) % 8) {
    case 0:
        weft_sleep(1 + draw(e) % 200000);
        break;
    case 2:
    case 3:
    case 4:
        travel();
        break;
    case 1:
        if (e->fd >= 0) { /* its light partner sends it back */
            ck_assert(weft_write(e->fd, &byte, 1) == 1);
            ck_assert(weft_read(e->fd, &byte, 1) == 1);
        }
        break;
    default:
        weft_yield();
    }
}

/* Each is held by its owner across suspensions, and nobody else has it. */
static void use_mutexes(struct expected *e)
{
    if (e->depth < 5 && draw(e) % 2) {
        expect(e, pthread_mutex_lock(&e->recursive) == 0, "a recursive mutex");
        e->depth++;
    } else if (e->depth > 0) {
        expect(e, pthread_mutex_unlock(&e->recursive) == 0, "a recursive mutex");
        e->depth--;
    }
    unsigned i = draw(e) % 8;
    if (pthread_mutex_trylock(&shared[i]) != 0) {
        expect(e, pthread_mutex_unlock(&shared[i]) == EPERM, "the owner of a mutex");
        return;
    }
    expect(e, atomic_fetch_add(&holders[i], 1) == 0, "a mutex");
    suspend(e);
    expect(e, pthread_mutex_lock(&shared[i]) == EDEADLK, "the owner of a mutex");
    suspend(e);
    expect(e, atomic_fetch_sub(&holders[i], 1) == 1, "a mutex");
    expect(e, pthread_mutex_unlock(&shared[i]) == 0, "the owner of a mutex");
}

/* Memory goes from one thread to another, who frees it. */
static void pass_memory(struct expected *e)
{
    size_t size = 1 + draw(e) % 2000;
    char *memory = malloc(size + 2);
    memcpy(memory, &(uint16_t){ (uint16_t)size }, 2);
    memset(memory + 2, (int)size, size);
    char *other = atomic_exchange(&slots[draw(e) % SLOTS], memory);
    if (!other)
        return;
    uint16_t other_size;
    memcpy(&other_size, other, 2);
    for (unsigned i = 0; i < other_size; i++)
        expect(e, other[2 + i] == (char)other_size, "passed memory");
    free(other);
}

static void destroy_value(void *value)
{
    struct expected *e = value;
    e->ending = true;
    check(e); /* its last look */
    pthread_mutex_destroy(&e->recursive);
    free(e);
    atomic_fetch_add(&destroyed, 1);
}

static void destroy_object(void *value)
{
    check(value);
    atomic_fetch_add(&objects_destroyed, 1);
}

static void expect_fresh(struct expected *e)
{
    expect(e, errno == 0, "a fresh errno");
    expect(e, word == 42 && room[draw(e) % 300] == 0, "a fresh thread-local variable");
    expect(e, *module_word() == 7, "a fresh thread-local of a loaded library");
    expect(e, pthread_getspecific(key) == NULL, "fresh thread-specific data");
    expect(e, uselocale(0) == LC_GLOBAL_LOCALE, "a fresh locale");
    for (int i = 0; i < THREADS; i++)
        expect(e, !pthread_equal(atomic_load(&alive[i]), pthread_self()), "who else lives");
}

struct start {
    int index, fd;
    uint64_t seed, rounds;
};

static struct expected *begin(struct start *start, bool light)
{
    struct expected *e = calloc(1, sizeof *e);
    e->count_only = light;
    e->random = start->seed;
    e->fd = start->fd;
    if (!light)
        expect_fresh(e);
    e->self = pthread_self();
    e->carrier = syscall(SYS_gettid);
    atomic_store(&alive[start->index], e->self);
    pthread_setspecific(key, e);
    return e;
}

static int virtual_thread(void *arg)
{
    struct start *start = arg;
    struct expected *e = begin(start, false);
    void *low;
    size_t size;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&e->recursive, &attr);
    at_thread_exit(destroy_object, e);
    ck_assert_int_eq(virtual_thread_stack(&low, &size), 0);
    e->low = low;
    e->high = e->low + size;
    locale_t locale = newlocale(LC_ALL_MASK, "C", NULL);
    uselocale(e->locale = locale);
    atomic_fetch_add(&begun, 1);
    for (uint64_t i = start->rounds; i > 0; i--) {
        change(e);
        suspend(e);
        check(e);
        pass_memory(e);
        change(e);
        use_mutexes(e);
        check(e);
    }
    while (e->depth > 0) {
        expect(e, pthread_mutex_unlock(&e->recursive) == 0, "a recursive mutex");
        e->depth--;
    }
    expect(e, pthread_mutex_unlock(&e->recursive) == EPERM, "a recursive mutex");
    uselocale(e->locale = LC_GLOBAL_LOCALE);
    freelocale(locale);
    atomic_store(&alive[start->index], 0);
    change(e);
    return 0;
}

/* Sends back what comes, and moves about. */
static int partner(void *fd)
{
    char byte;
    while (weft_read((int)(intptr_t)fd, &byte, 1) == 1) {
        weft_yield();
        ck_assert(weft_write((int)(intptr_t)fd, &byte, 1) == 1);
    }
    return weft_close((int)(intptr_t)fd);
}

static int light_noise(void *stop)
{
    while (!atomic_load((atomic_bool *)stop)) {
        if (test_random() % 50 == 0)
            weft_sleep(1000);
        errno = ENOTBLK; /* its carrier's */
        weft_yield();
    }
    return 0;
}

static void run_wave(uint64_t rounds)
{
    weft_task *threads[THREADS], *partners[THREADS];
    struct start starts[THREADS];
    for (int i = 0; i < THREADS; i++) {
        int ends[2];
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        starts[i] = (struct start){ i, ends[0], test_random(), rounds };
        SPAWN(partner, (void *)(intptr_t)ends[1], &partners[i]);
        SPAWN_VIRTUAL(virtual_thread, &starts[i], &threads[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        JOIN(threads[i], 0);
        weft_close(starts[i].fd);
        JOIN(partners[i], 0);
    }
}

#define LENGTH (WEFT_S(5) / 3) /* `make torture` multiplies it: 10 minutes, all three */

static int torture(void *ret_waves)
{
    static atomic_bool stop;
    weft_task *noise[8];
    uint64_t waves = 0;
    int64_t end = weft_now() + (int64_t)test_work(LENGTH);
    for (int i = 0; i < 8; i++)
        SPAWN(light_noise, &stop, &noise[i]);
    for (; waves < 4 || weft_now() < end; waves++)
        run_wave(50); /* later ones on recycled blocks */
    atomic_store(&stop, true);
    for (int i = 0; i < 8; i++)
        JOIN(noise[i], 0);
    *(uint64_t *)ret_waves = waves;
    return 0;
}

static void set_up(void)
{
    pthread_mutexattr_t attr;
    need_virtual_threads();
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    for (int i = 0; i < 8; i++)
        pthread_mutex_init(&shared[i], &attr);
    pthread_key_create(&key, destroy_value);
    module_word();
}

static void run_with_sender(unsigned workers, int (*fn)(void *), void *arg)
{
    pthread_t sender;
    set_up();
    ck_assert_int_eq(sem_init(&crossroads.some, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&sender, NULL, send_on, NULL), 0);
    ck_assert_int_eq(run_tasks(workers, fn, arg), 0);
    sem_post(&crossroads.some);
    pthread_join(sender, NULL);
}

static void run_torture(unsigned workers)
{
    uint64_t waves = 0;
    run_with_sender(workers, torture, &waves);
    ck_assert_uint_eq(atomic_load(&begun), waves * THREADS);
    ck_assert_uint_eq(atomic_load(&destroyed), waves * THREADS);
    ck_assert_uint_eq(atomic_load(&objects_destroyed), waves * THREADS);
    if (workers > 1)
        ck_assert_uint_gt(atomic_load(&moves), 0);
    printf("# %u workers: %llu threads, %llu moves\n", workers,
           (unsigned long long)atomic_load(&begun), (unsigned long long)atomic_load(&moves));
}

TEST(what_is_a_thread_s_stays_with_it_with_one_worker, .timeout = 200)
{
    run_torture(1);
}

TEST(what_is_a_thread_s_stays_with_it_with_two_workers, .timeout = 200)
{
    run_torture(2);
}

TEST(what_is_a_thread_s_stays_with_it_with_eight_workers, .timeout = 200)
{
    run_torture(8);
}

/* The proof that the checks can fail. */

static int light_task(void *arg)
{
    struct start *start = arg;
    struct expected *e = begin(start, true);
    e->locale = uselocale(0);
    for (uint64_t i = start->rounds; i > 0; i--) {
        change(e);
        suspend(e);
        check(e);
    }
    pthread_setspecific(key, NULL);
    free(e);
    return 0;
}

static int torture_light(void *unused)
{
    weft_task *tasks[THREADS];
    struct start starts[THREADS];
    (void)unused;
    for (int i = 0; i < THREADS; i++) {
        starts[i] = (struct start){ i, -1, test_random(), 20 };
        SPAWN(light_task, &starts[i], &tasks[i]);
    }
    for (int i = 0; i < THREADS; i++)
        JOIN(tasks[i], 0);
    return 0;
}

TEST(light_tasks_fail_the_same_checks)
{
    run_with_sender(2, torture_light, NULL);
    ck_assert_int_gt(atomic_load(&wrong), 100);
}

static int set_and_yield(void *unused)
{
    errno = EXDEV;
    weft_yield();
    (void)unused;
    return errno == EXDEV;
}

TEST(a_runtime_that_starts_anew_finds_the_blocks_of_the_last)
{
    need_virtual_threads();
    size_t most = 0;
    for (int i = 0; i < 50; i++) {
        weft_config config = { .workers = 2 };
        weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
        ck_assert_int_eq(weft_start(&config), 0);
        for (int j = 0; j < 20; j++) {
            weft_task *task;
            ck_assert_int_eq(weft_spawn_with(&attr, set_and_yield, NULL, &task), 0);
            JOIN(task, 1);
        }
        ck_assert_int_eq(weft_stop(), 0);
        if (weft__blocks_count() > most)
            most = weft__blocks_count();
    }
    ck_assert_uint_lt(most, 20);
}
