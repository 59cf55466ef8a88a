/* Children that fail at any moment, under load: they are started again as their supervisors'
 * strategies say, and no message that was acknowledged is lost. WEFT_TEST_WORK=30 makes it
 * half a minute. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tasks.h"

#define BRANCHES 3
#define WORKERS 4 /* in each branch */
#define BOXES (BRANCHES * WORKERS)
#define SENDERS 6
#define THREADS 2 /* of the senders, plain */
#define CAPACITY 8

WEFT_MAILBOX(numbers, int64_t);

/* A box is its worker's, whichever run of it. */
struct place {
    numbers *box;
    atomic_llong acknowledged, received, dropped;
    pthread_mutex_t mutex;
    weft_actor *actor; /* who works here now: a reference; under the mutex */
    bool runs;         /* as the supervisor says */
};

static struct place places[BOXES];
static atomic_int left, crashes, violations;
static atomic_bool over;

static void violated(bool condition)
{
    if (condition)
        atomic_fetch_add(&violations, 1);
}

static void move_in(struct place *place, weft_actor *actor)
{
    pthread_mutex_lock(&place->mutex);
    weft_actor *before = place->actor;
    place->actor = actor ? weft_actor_retain(actor) : NULL;
    pthread_mutex_unlock(&place->mutex);
    weft_actor_release(before);
}

static weft_actor *who_is_in(struct place *place)
{
    pthread_mutex_lock(&place->mutex);
    weft_actor *actor = place->actor ? weft_actor_retain(place->actor) : NULL;
    pthread_mutex_unlock(&place->mutex);
    return actor;
}

static bool is_odd(const int64_t *number, void *unused)
{
    (void)unused;
    return *number % 2;
}

static int receive(struct place *place, int64_t *ret_number)
{
    int rc;
    if (test_random() % 4)
        return numbers_receive(place->box, ret_number);
    rc = numbers_receive_match(place->box, is_odd, NULL, ret_number);
    return rc == -ENOBUFS ? numbers_receive(place->box, ret_number) : rc;
}

/* What it has received it has accounted for before it fails. */
static int work(void *arg)
{
    struct place *place = arg;
    move_in(place, weft_actor_self());
    for (;;) {
        int64_t number;
        int rc = receive(place, &number);
        if (rc)
            return rc;
        atomic_fetch_add(&place->received, number);
        uint64_t draw = test_random() % 256;
        if (draw < 3)
            atomic_fetch_add(&crashes, 1);
        if (draw == 0)
            return -EIO;
        if (draw == 1)
            weft_exit(-EIO);
        if (draw == 2)
            return 0; /* a permanent one is to go on all the same */
        if (draw < 20)
            weft_yield();
    }
}

/* What a branch's supervisor does. */
struct branch {
    weft_supervisor_spec spec;
    weft_child_spec children[WORKERS];
    char names[WORKERS][2];
    int running;
    bool falling; /* some have ended, and none has been started since */
};

static struct branch branches[BRANCHES];

static void check_order(struct branch *branch, int child)
{
    if (branch->spec.strategy == WEFT_ONE_FOR_ALL)
        violated(branch->running > 0);
    for (int i = child; branch->spec.strategy == WEFT_REST_FOR_ONE && i < WORKERS; i++)
        violated(places[(branch - branches) * WORKERS + i].runs);
}

static void follow(const weft_supervisor_event *event)
{
    struct branch *branch = event->arg;
    int child = event->child[0] - 'a';
    struct place *place = &places[(branch - branches) * WORKERS + child];
    switch (event->kind) {
    case WEFT_CHILD_STARTED:
        violated(place->runs);
        if (branch->falling)
            check_order(branch, child);
        branch->falling = false;
        place->runs = true;
        branch->running++;
        break;
    case WEFT_CHILD_ENDED:
        violated(!place->runs);
        branch->falling = true;
        place->runs = false;
        branch->running--;
        break;
    case WEFT_CHILD_REFUSES:
        violated(true);
        break;
    case WEFT_SUPERVISOR_GIVES_UP:
        break; /* the top starts it again */
    }
}

static const char *const branch_names[] = { "one for one", "one for all", "rest for one" };

static void set_up_branch(int number)
{
    struct branch *branch = &branches[number];
    for (int i = 0; i < WORKERS; i++) {
        branch->names[i][0] = (char)('a' + i);
        branch->children[i] = (weft_child_spec){ .name = branch->names[i],
                                                 .fn = work,
                                                 .arg = &places[number * WORKERS + i] };
    }
    branch->spec = (weft_supervisor_spec){
        .name = branch_names[number],
        .strategy = (enum weft_strategy)number,
        .max_restarts = 20, /* now and then that is not enough */
        .period = WEFT_MS(20),
        .children = branch->children,
        .count = WORKERS,
        .on_event = follow,
        .on_event_arg = branch,
    };
}

static void count_dropped(void *message, void *place)
{
    atomic_fetch_add(&((struct place *)place)->dropped, *(int64_t *)message);
}

static void set_up_place(struct place *place)
{
    pthread_mutex_init(&place->mutex, NULL);
    place->acknowledged = place->received = place->dropped = 0;
    place->runs = false;
    ck_assert_int_eq(numbers_create(CAPACITY, &place->box), 0);
    weft_mailbox_on_drop(numbers_untyped(place->box), count_dropped, place);
}

static int give(numbers *box, int64_t number)
{
    weft_scope scope;
    uint64_t draw = test_random();
    if (draw % 4 == 0)
        return numbers_try_send(box, number);
    if (draw % 4 == 1)
        return numbers_send(box, number);
    weft_scope_enter(&scope, weft_now() + (int64_t)(draw >> 8) % 50000);
    int rc = numbers_send(box, number);
    weft_scope_leave(&scope);
    return rc;
}

static int send_numbers(void *unused)
{
    (void)unused;
    int64_t number;
    while ((number = atomic_fetch_sub(&left, 1)) > 0) {
        struct place *place = &places[test_random() % BOXES];
        int rc = give(place->box, number);
        if (rc == 0)
            atomic_fetch_add(&place->acknowledged, number);
        else
            violated(rc != -EAGAIN && rc != -ETIMEDOUT);
    }
    return 0;
}

static void *send_numbers_thread(void *unused)
{
    send_numbers(unused);
    return NULL;
}

/* Cancels workers, and links them, over the branches. */
static int disturb(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        weft_actor *actor = who_is_in(&places[test_random() % BOXES]);
        weft_actor *other = who_is_in(&places[test_random() % BOXES]);
        if (actor && other && actor != other && test_random() % 4 == 0)
            violated(weft_actor_link(actor, other) != 0);
        else if (actor)
            weft_actor_cancel(actor);
        weft_actor_release(actor);
        weft_actor_release(other);
        weft_sleep(WEFT_US(200));
    }
    return 0;
}

static weft_supervisor *top;

static int run_top(void *unused)
{
    (void)unused;
    return weft_supervisor_run(top);
}

static void create_top(void)
{
    weft_child_spec children[BRANCHES];
    for (int i = 0; i < BRANCHES; i++)
        children[i] = (weft_child_spec){ .name = branch_names[i],
                                         .fn = weft_supervise,
                                         .arg = &branches[i].spec };
    weft_supervisor_spec spec = {
        .name = "top", .max_restarts = 100000, .children = children, .count = BRANCHES
    };
    ck_assert_int_eq(weft_supervisor_create(&spec, &top), 0);
}

static void send_all(void)
{
    weft_task *senders[SENDERS - THREADS], *disturber;
    pthread_t threads[THREADS];
    SPAWN(disturb, NULL, &disturber);
    for (int i = 0; i < SENDERS - THREADS; i++)
        SPAWN(send_numbers, NULL, &senders[i]);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_numbers_thread, NULL), 0);
    for (int i = 0; i < SENDERS - THREADS; i++)
        JOIN(senders[i], 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    JOIN(disturber, 0);
}

static int under_load(void *unused)
{
    weft_task *task;
    weft_supervisor_info info;
    (void)unused;
    atomic_store(&over, false);
    atomic_store(&left, (int)test_work(150000));
    for (int i = 0; i < BOXES; i++)
        set_up_place(&places[i]);
    for (int i = 0; i < BRANCHES; i++)
        set_up_branch(i);
    create_top();
    SPAWN(run_top, NULL, &task);
    send_all();
    weft_supervisor_stop(top);
    JOIN(task, 0);
    weft_supervisor_look(top, &info);
    ck_assert_uint_eq(info.starts, info.restarts + BRANCHES);
    weft_supervisor_destroy(top);
    for (int i = 0; i < BOXES; i++) {
        move_in(&places[i], NULL);
        numbers_destroy(places[i].box);
        ck_assert(!places[i].runs);
        ck_assert_int_eq(places[i].acknowledged, places[i].received + places[i].dropped);
    }
    for (int i = 0; i < BRANCHES; i++)
        ck_assert_int_eq(branches[i].running, 0);
    return 0;
}

TEST(a_tree_of_failing_children_loses_no_message, .timeout = 600)
{
    static const unsigned workers[] = { 1, 2, 8 };
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(workers[i], under_load, NULL), 0);
    ck_assert_int_eq(atomic_load(&violations), 0);
    ck_assert_int_gt(atomic_load(&crashes), 0);
}

/* Boxes that go with their actors: what was acknowledged is received, or dropped and
 * counted; and each that watches hears of each end, once. */

static struct place shop;
static atomic_int ends;

static int serve_some(void *unused)
{
    int64_t number;
    (void)unused;
    for (uint64_t count = test_random() % 64; count > 0; count--) {
        int rc = numbers_receive(numbers_inbox(), &number);
        if (rc)
            return rc;
        atomic_fetch_add(&shop.received, number);
    }
    return test_random() % 2 ? -EIO : 0;
}

static void count_end(const weft_down *down)
{
    (void)down;
    atomic_fetch_add(&ends, 1);
}

static weft_actor *open_shop(void)
{
    numbers *box;
    weft_actor *actor;
    ck_assert_int_eq(numbers_create(CAPACITY, &box), 0);
    weft_mailbox_on_drop(numbers_untyped(box), count_dropped, &shop);
    ck_assert_int_eq(weft_actor_spawn(serve_some, NULL, numbers_untyped(box), &actor), 0);
    ck_assert_int_eq(weft_actor_monitor_call(actor, count_end, NULL, NULL), 0);
    return actor;
}

static int visit(void *unused)
{
    int64_t number;
    (void)unused;
    while ((number = atomic_fetch_sub(&left, 1)) > 0) {
        weft_actor *actor = who_is_in(&shop);
        int rc = give((numbers *)(void *)weft_actor_mailbox(actor), number);
        if (rc == 0)
            atomic_fetch_add(&shop.acknowledged, number);
        else
            violated(rc != -EAGAIN && rc != -ETIMEDOUT && rc != -EPIPE);
        weft_actor_release(actor);
    }
    weft_actor *last = who_is_in(&shop); /* nobody may come to it any more */
    weft_actor_cancel(last);
    weft_actor_release(last);
    return 0;
}

static void *visit_thread(void *unused)
{
    visit(unused);
    return NULL;
}

static int keep_shop(void *unused)
{
    weft_task *senders[SENDERS];
    pthread_t threads[THREADS];
    int opened = 1;
    (void)unused;
    shop.acknowledged = shop.received = shop.dropped = 0;
    atomic_store(&ends, 0);
    atomic_store(&left, (int)test_work(150000));
    shop.actor = open_shop();
    for (int i = 0; i < SENDERS; i++)
        SPAWN(visit, NULL, &senders[i]);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, visit_thread, NULL), 0);
    while (atomic_load(&left) > 0) {
        if (test_random() % 8 == 0)
            weft_actor_cancel(shop.actor);
        ck_assert_int_eq(weft_actor_wait(shop.actor, NULL), 0);
        weft_actor *actor = open_shop();
        move_in(&shop, actor);
        weft_actor_release(actor);
        opened++;
    }
    weft_actor_cancel(shop.actor);
    for (int i = 0; i < SENDERS; i++)
        JOIN(senders[i], 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(weft_actor_wait(shop.actor, NULL), 0);
    ck_assert_int_eq(atomic_load(&ends), opened);
    ck_assert_int_eq(shop.acknowledged, shop.received + shop.dropped);
    move_in(&shop, NULL);
    return 0;
}

TEST(actors_that_end_lose_no_message_either, .timeout = 600)
{
    static const unsigned workers[] = { 1, 2, 8 };
    pthread_mutex_init(&shop.mutex, NULL);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_tasks(workers[i], keep_shop, NULL), 0);
    ck_assert_int_eq(atomic_load(&violations), 0);
}
