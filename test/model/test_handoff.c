/* Hand-offs: sched/carrier.c, handoff.c, retire.c, idle.c and share.c, with one worker, two
 * carriers, the monitor and a plain thread that wakes a pinned task.
 *
 * A task runs as a function that its carrier calls where it would switch to it;
 * what a task does between two suspensions is one call. */
#define WORLD_HAS_SCHEDULE
#define WORLD_HAS_TIMERS
#define WORLD_HAS_CARRIERS
#include "world.h"

#include <dirent.h>

#include "sched/section.h"
#include "suite.h"

/* Broken on purpose: who stops serving does not look into its inbox; who posts
 * looks at the state before it puts; nobody is woken for a claim; the seat of a task
 * that has lost its worker is given back; a task that goes home is not counted until
 * it runs; who has claimed a worker may lose it at once; who has seen a section does not
 * look again; one that has ended leaves its mark; who pins a task to another's carrier counts it
 * after the choice; a carrier ends whatever its state is, or while tasks are pinned to it; it is
 * used again before its thread has ended. */
static enum {
    NOTHING,
    NO_LOOK,
    LOOKS_FIRST,
    NO_NOTICE,
    SEAT_GIVEN_BACK,
    COUNTED_SHORTLY,
    PASSED_ROUND,
    ONE_LOOK,
    MARK_LEFT,
    COUNTED_LATE,
    ENDS_BLINDLY,
    NOT_COUNTED,
    REVIVED_EARLY,
} mutation;

#define weft__is_claimed(worker) \
    (mutation == PASSED_ROUND ? weft__load(&weft__rt.claims, relaxed) : weft__is_claimed(worker))

#include "sched/queue.c"

/* A post's steps: adding comes after the look. */
static struct weft_task *late_post;

static void post(struct weft__inbox *inbox, struct weft__inbox_node *node)
{
    if (mutation == LOOKS_FIRST)
        late_post = weft__container_of(node, struct weft_task, inbox);
    else
        weft__inbox_put(inbox, node);
}

static void look(struct weft__carrier *carrier)
{
    weft__carrier_has_post(carrier);
    if (late_post)
        weft__inbox_put(&carrier->inbox, &late_post->inbox);
    late_post = NULL;
}

#define weft__inbox_put(inbox, node) post(inbox, node)
#define weft__carrier_has_post(carrier) look(carrier)
#include "sched/share.c"
#undef weft__inbox_put
#undef weft__carrier_has_post

#include "sched/idle.c"

enum { REBORN = 3 };

/* Of each thread: the carrier it is, whether it has ended; and the one that REBORN is to be. */
static unsigned carrier_of_thread[WORLD_THREADS];
static bool thread_over[WORLD_THREADS];
static struct weft__carrier *reborn;
static bool may_be_born; /* else the carriers that are there have to do */

static int start_thread(struct weft__carrier *carrier)
{
    model_step();
    if (!may_be_born)
        return EAGAIN;
    model_assert(thread_over[carrier - carriers], "CARRIER-6");
    may_be_born = false;
    reborn = carrier;
    return 0;
}

/* Its tid is its number. */
static bool is_over(int tid)
{
    model_step();
    errno = ESRCH;
    return mutation == REVIVED_EARLY || thread_over[tid];
}

void weft__monitor_add(struct weft__errand *errand)
{
    (void)errand;
}

void weft__monitor_call(void)
{
}

void weft__look_for_deadlock(void)
{
}

static bool for_section;  /* the monitor takes workers for these only */
static bool section_open; /* the one task that has one */

static void hand_seat_over(struct weft__seat *seat)
{
    model_assert(!for_section || section_open, "SECTION-2");
    if (mutation == SEAT_GIVEN_BACK)
        weft__seat_give_back(seat);
    else
        weft__seat_hand_over(seat);
}

#define pthread_create(thread, attr, fn, arg) start_thread(arg)
#define weft__inbox_empty(inbox) (mutation == NO_LOOK || weft__inbox_empty(inbox))
#define weft__notify() (mutation == NO_NOTICE ? (void)0 : weft__notify())
#define weft__seat_hand_over(seat) hand_seat_over(seat)
#define weft__section_of(worker) (mutation == ONE_LOOK ? section : weft__section_of(worker))
#include "sched/handoff.c"
#undef weft__section_of
#undef weft__inbox_empty
#undef weft__notify
#undef weft__seat_hand_over

#define syscall(number, process, tid, signal) (is_over(tid) ? -1 : 0)
#define getpid() 0
#define pthread_join(thread, result) (void)(thread)
#define WEFT__CARRIER_SPARE \
    (mutation == ENDS_BLINDLY ? weft__load(&carrier->state, relaxed) : WEFT__CARRIER_SPARE)
#include "sched/retire.c"
#undef WEFT__CARRIER_SPARE

static void run(struct weft_task *task);

/* Returns whether the caller has to return, since its stack is left. */
static bool switch_to(struct weft__context *to)
{
    struct weft_task *task = weft__container_of(to, struct weft_task, context);
    if (task->flags & WEFT__TASK_IDLE)
        return true;
    run(task);
    return false;
}

static void go_home(struct weft_task *task)
{
    if (mutation == COUNTED_SHORTLY)
        weft__add(&weft__rt.away, (uint32_t)-1, seq_cst);
    weft__ready_outside(task);
}

static void take_own(struct weft__worker *worker)
{
    if (mutation == PASSED_ROUND)
        weft__take_inbox(worker);
    else
        weft__take_own_first(worker);
}

/* world.h has the first two, idle.c the third. */
struct weft_task *thread_self(void);
#define weft__self thread_self
#define index_of index_of_carrier
#define tell tell_of_carrier
#define weft__annotate_arrive(annotation) (void)(annotation)
#define weft__annotate_leave(from, to, ending) (void)(from), (void)(to)
#define weft__context_switch(from, to) \
    if (switch_to(to)) \
    return
#define weft__ready_outside(task) go_home(task)
#define weft__take_own_first(worker) take_own(worker)
#include "sched/carrier.c"
#undef weft__self
#undef weft__ready_outside

void (*weft__on_deadlock)(void);

enum { LONG, BEHIND, PINNED, WORK };

static struct weft_task work[WORK];
static bool came_home[WORK], ended[WORK], has_section[WORK], poked[WORLD_THREADS];
static struct weft_task *current_of[WORLD_THREADS];
static unsigned idle_turns, user; /* who touches the worker, + 1 */

uint64_t weft__tasks_alive(void)
{
    return 1; /* nobody sleeps for good before all have ended */
}

bool weft__has_work(struct weft__worker *worker)
{
    return worker->ready.head != NULL;
}

/* With a tick at each pick. */
struct weft_task *weft__next(struct weft__worker *worker)
{
    struct weft_task *task;
    while (!weft__is_claimed(worker) && (task = weft__queue_take(&worker->ready))) {
        model_assert(!weft__load(&task->on_cpu, acquire), "CARRIER-2");
        if (!task->carrier || task->carrier == worker->carrier)
            return task;
        weft__ready_outside(task);
    }
    return NULL;
}

static bool is_poked(void *arg)
{
    return *(bool *)arg;
}

bool weft__poll(struct weft__worker *worker, struct weft__worker *owner, int64_t timeout)
{
    (void)owner;
    model_assert(timeout < 0, "no timers here");
    model_note("sleeps");
    model_wait(is_poked, &poked[worker->index]);
    poked[worker->index] = false;
    return false;
}

void weft__poller_wake(struct weft__poller *poller)
{
    model_step();
    poked[weft__container_of(poller, struct weft__worker, poller) - workers] = true;
}

/* The search goes round: with nothing found, and no sleep. */
bool weft__expire_timers(struct weft__worker *worker, struct weft__worker *owner, int64_t now)
{
    (void)worker, (void)owner, (void)now;
    if (idle_turns++ > 1)
        model_spin();
    return false;
}

void weft__drop_disarmed(struct weft__worker *worker)
{
    (void)worker;
}

int64_t weft__wheel_next(const struct weft__wheel *wheel)
{
    (void)wheel;
    return INT64_MAX;
}

void weft_event_set(weft_event *event)
{
    (void)event;
}

void weft__clock_advance(int64_t when)
{
    (void)when;
}

static void close_all(void)
{
    weft__store(&weft__rt.closing, true, seq_cst);
    weft__poller_wake(&workers[0].poller);
    weft__dismiss_carriers();
}

static bool all_ended(void)
{
    for (int i = 0; i < WORK; i++) {
        if (!ended[i])
            return false;
    }
    return true;
}

void weft__bury(struct weft__worker *worker, struct weft_task *task)
{
    (void)worker;
    model_assert(!ended[task - work], "a task runs once");
    ended[task - work] = true;
    model_note("task %u has ended", (unsigned)(task - work));
    if (all_ended())
        close_all();
}

/* What only the holder of the worker's seat may touch. */
static void touch(struct weft_task *task)
{
    struct weft__carrier *carrier = &carriers[carrier_of_thread[model_self()]];
    model_assert(weft__carrier_of(task) == carrier && task->worker->carrier == carrier,
                 "CARRIER-1");
    model_assert(!task->carrier || task->carrier == carrier, "PIN-1");
    model_assert(user == 0, "SEAT-4");
    user = model_self() + 1;
    model_step();
    model_assert(user == model_self() + 1, "SEAT-4");
    user = 0;
}

/* Its own code. Returns whether it has its worker still; else it is elsewhere. */
static bool run_code(struct weft_task *task)
{
    weft__seat_leave(task->seat);
    model_step();
    if (weft__seat_enter(task->seat))
        return true;
    model_note("task %u goes home", (unsigned)(task - work));
    came_home[task - work] = true;
    weft__come_home(task);
    return false;
}

/* As weft_blocking_begin() and weft_blocking_end(). */
static bool run_section(struct weft_task *task)
{
    has_section[task - work] = false;
    weft__section_mark(task->worker);
    section_open = true;
    bool has_worker = run_code(task);
    if (has_worker && mutation != MARK_LEFT)
        weft__section_unmark(task->worker);
    section_open = false;
    return has_worker;
}

static void run(struct weft_task *task)
{
    idle_turns = 0;
    weft__arrive(task);
    if (came_home[task - work] && mutation != COUNTED_SHORTLY)
        weft__add(&weft__rt.away, (uint32_t)-1, relaxed); /* as in weft__come_home() */
    came_home[task - work] = false;
    touch(task);
    if (has_section[task - work] && !run_section(task))
        return;
    if (!run_code(task))
        return;
    touch(task);
    task->flags |= WEFT__TASK_ENDING;
    weft__hand_over(task->worker, task, &task->worker->carrier->idle);
}

static void be_over(struct weft__carrier *carrier)
{
    for (int i = 0; i < WORK; i++)
        model_assert(ended[i] || work[i].carrier != carrier, "CARRIER-5");
    model_step();
    thread_over[model_self()] = true;
    model_note("the thread of carrier %u ends", carrier_of_thread[model_self()]);
}

static void go_on(struct weft__carrier *carrier)
{
    do {
        take_over(carrier);
        serve(carrier);
    } while (weft__await_worker(carrier));
    be_over(carrier);
}

static struct weft__carrier *own_carrier(void)
{
    struct weft__carrier *carrier = &carriers[carrier_of_thread[model_self()]];
    carrier->current = &current_of[model_self()];
    return carrier;
}

static void serving(void)
{
    go_on(own_carrier());
}

static void spare(void)
{
    struct weft__carrier *carrier = own_carrier();
    if (weft__await_worker(carrier))
        go_on(carrier);
    else
        be_over(carrier);
}

static bool is_born(void *unused)
{
    (void)unused;
    return reborn || weft__rt.closing;
}

static void reborn_carrier(void)
{
    model_wait(is_born, NULL);
    if (!reborn)
        return;
    carrier_of_thread[model_self()] = (unsigned)(reborn - carriers);
    go_on(own_carrier());
}

static void monitor(void)
{
    weft__hand_off(&workers[0], weft__load(&workers[0].switches, relaxed), 0);
}

static void monitor_twice(void)
{
    monitor();
    monitor();
}

static void monitor_of_sections(void)
{
    for (int i = 0; i < 2; i++) {
        uint64_t switches = weft__load(&workers[0].switches, relaxed);
        uint64_t section = weft__section_of(&workers[0]);
        if (section)
            weft__hand_off(&workers[0], switches, section);
    }
}

static void monitor_that_collects(void)
{
    collect();
    monitor();
    collect();
    monitor();
}

static void poster(void)
{
    weft__ready_outside(&work[PINNED]);
}

/* As a plain thread spawns a task with WEFT_PINNED. */
static void spawner(void)
{
    struct weft__carrier *carrier;
    if (mutation == COUNTED_LATE) {
        carrier = weft__rt.worker[0].carrier;
        weft__add(&carrier->pinned_by_others, 1, relaxed);
    } else {
        carrier = weft__choose_carrier();
    }
    work[PINNED].carrier = carrier;
    weft__ready_outside(&work[PINNED]);
}

static void put(int task)
{
    weft__queue_append(&workers[0].ready, &work[task]);
}

static void reset(void)
{
    world_reset(1);
    weft__list_init(&weft__rt.spare);
    weft__list_init(&weft__rt.claiming);
    for (unsigned i = WORLD_THREADS; i-- > 0;)
        weft__carrier_init(&carriers[i], &workers[i]);
    weft__rt.carriers = 2;
    weft__rt.config.carriers_more = 1;
    weft__rt.config.carrier_idle = WEFT_NEVER;
    weft__list_init(&weft__rt.retired);
    weft__list_init(&weft__rt.gone);
    for (unsigned i = 0; i < WORLD_THREADS; i++) {
        carriers[i].tid = (int)i;
        carrier_of_thread[i] = i;
    }
    memset(thread_over, 0, sizeof thread_over);
    reborn = NULL;
    may_be_born = false;
    memset(work, 0, sizeof work);
    memset(came_home, 0, sizeof came_home);
    memset(ended, 0, sizeof ended);
    memset(has_section, 0, sizeof has_section);
    for_section = section_open = false;
    memset(poked, 0, sizeof poked);
    idle_turns = user = 0;
    late_post = NULL;
    model_name(work);
    model_name(carriers);
    model_name(weft__rt.claims);
    model_name(weft__rt.away);
    model_name(weft__rt.closing);
    model_name(weft__rt.carriers_lock);
    model_name(weft__rt.rescue_lock);
    model_name(weft__rt.sleepers.counts);
    model_name(carriers[0].state);
    model_name(carriers[1].state);
}

/* The pinned task is posted to carrier 0 while that loses its worker. */
static void reset_posting(void)
{
    reset();
    work[PINNED].carrier = &carriers[0];
    ended[BEHIND] = true; /* without it there is less to try */
    put(LONG);
}

static void reset_posting_behind(void)
{
    reset_posting();
    ended[BEHIND] = false;
    put(BEHIND);
}

static void nothing_is_left(void)
{
    model_assert(all_ended(), "CARRIER-3");
    model_assert(weft__rt.away == 0 && weft__rt.claims == 0, "CARRIER-1");
    model_assert(weft__rt.sleepers.counts == 0, "PARK-1");
}

static struct model posting = { .setup = reset_posting,
                                .body = { serving, spare, monitor, poster },
                                .check = nothing_is_left };

/* Store buffers leave too much to try: without them all of it, with them a part. */
static void check_both(struct model model)
{
    model_check(&model);
    model.sequential = true;
    model_check(&model);
}

/* A pinned task in its inbox while the worker sleeps is a deadlock of the model. */
TEST(CARRIER_1_to_3_a_worker_is_handed_off_while_a_pinned_task_is_woken, .timeout = 300)
{
    check_both(posting);
}

TEST(CARRIER_1_to_3_a_worker_is_handed_off_twice, .timeout = 300)
{
    posting.setup = reset_posting_behind;
    posting.body[2] = monitor_twice;
    posting.preemptions = 1;
    posting.random = 20000;
    check_both(posting);
}

TEST(CARRIER_3_needs_the_look_of_who_stops_serving)
{
    mutation = NO_LOOK;
    model_check_fails(&posting, "deadlock");
}

TEST(CARRIER_3_needs_the_post_before_the_look)
{
    mutation = LOOKS_FIRST;
    model_check_fails(&posting, "deadlock");
}

TEST(CARRIER_3_needs_a_notice_for_a_claim)
{
    mutation = NO_NOTICE;
    model_check_fails(&posting, "deadlock");
}

TEST(SEAT_4_needs_the_mark_on_the_seat)
{
    mutation = SEAT_GIVEN_BACK;
    model_check_fails(&posting, "CARRIER-1");
}

static void reset_awaited(void)
{
    reset();
    weft__rt.awaited = true;
    ended[BEHIND] = true;
    put(LONG);
    put(PINNED); /* to nothing */
}

static void false_alarm(void)
{
    model_fail("false alarm");
}

static struct model awaited = { .setup = reset_awaited,
                                .body = { serving, spare, monitor },
                                .check = nothing_is_left,
                                .preemptions = 3,
                                .sequential = true };

TEST(a_task_without_a_worker_is_no_deadlock, .timeout = 300)
{
    weft__on_deadlock = false_alarm;
    model_check(&awaited);
}

TEST(a_task_without_a_worker_is_counted_until_it_runs, .timeout = 300)
{
    mutation = COUNTED_SHORTLY;
    weft__on_deadlock = false_alarm;
    model_check_fails(&awaited, "false alarm");
}

/* Each task is pinned to a carrier of its own, and there is one worker. */
static void reset_claiming(void)
{
    reset();
    weft__rt.carriers = 3;
    for (int i = 0; i < WORK; i++) {
        work[i].carrier = &carriers[i];
        put((i + 1) % WORK);
    }
}

static struct model claiming = { .setup = reset_claiming,
                                 .body = { serving, spare, spare },
                                 .check = nothing_is_left };

TEST(CARRIER_4_each_carrier_runs_what_it_has_claimed_a_worker_for, .timeout = 300)
{
    check_both(claiming);
}

TEST(CARRIER_4_needs_a_worker_to_be_kept_for_a_while)
{
    mutation = PASSED_ROUND;
    model_check_fails(&claiming, "livelock");
}

/* One task has a section; what comes after it and before it suspends is none. */
static void reset_sections(void)
{
    reset();
    for_section = has_section[LONG] = true;
    ended[PINNED] = true;
    put(LONG);
    put(BEHIND);
}

static struct model sections = { .setup = reset_sections,
                                 .body = { serving, spare, monitor_of_sections },
                                 .check = nothing_is_left };

TEST(SECTION_1_to_3_a_section_loses_its_worker_only_while_it_lasts, .timeout = 300)
{
    check_both(sections);
}

TEST(SECTION_2_needs_the_look_under_the_seat)
{
    mutation = ONE_LOOK;
    model_check_fails(&sections, "SECTION-2");
}

TEST(SECTION_2_needs_the_mark_to_go)
{
    mutation = MARK_LEFT;
    model_check_fails(&sections, "SECTION-2");
}

/* The spare carrier may end at any moment, and so may the one that has lost its worker,
 * but for the task that is pinned to it. */
static void reset_retiring(void)
{
    reset_posting();
    weft__rt.config.carrier_idle = 0;
    if (mutation != NOT_COUNTED)
        carriers[0].pinned = 1;
}

static struct model retiring = { .setup = reset_retiring,
                                 .body = { serving, spare, monitor_that_collects, poster },
                                 .check = nothing_is_left,
                                 .sequential = true };

TEST(CARRIER_5_a_carrier_ends_unless_a_task_is_pinned_to_it, .timeout = 300)
{
    model_check(&retiring);
}

TEST(CARRIER_5_needs_the_count)
{
    mutation = NOT_COUNTED;
    model_check_fails(&retiring, "CARRIER-5");
}

TEST(CARRIER_5_needs_the_look_at_the_state)
{
    mutation = ENDS_BLINDLY;
    model_check_fails(&retiring, "");
}

/* A plain thread pins a task to whoever serves the worker, while that gives it to the other
 * carrier, which has a task of its own. */
static void reset_spawning(void)
{
    reset();
    weft__rt.config.carrier_idle = 0;
    work[BEHIND].carrier = &carriers[1];
    carriers[1].pinned = 1;
    ended[LONG] = true;
    put(BEHIND);
}

static struct model spawning = { .setup = reset_spawning,
                                 .body = { serving, spare, spawner },
                                 .check = nothing_is_left,
                                 .sequential = true };

TEST(CARRIER_5_a_carrier_is_chosen_while_it_may_end, .timeout = 300)
{
    model_check(&spawning);
}

TEST(CARRIER_5_needs_the_count_with_the_choice)
{
    mutation = COUNTED_LATE;
    model_check_fails(&spawning, "deadlock");
}

/* What has ended is used again, with another thread. */
static void reset_reviving(void)
{
    reset_retiring();
    carriers[0].pinned = 0;
    ended[PINNED] = true;
    ended[BEHIND] = false;
    put(BEHIND);
    may_be_born = true;
}

static struct model reviving = { .setup = reset_reviving,
                                 .body = { serving, spare, monitor_that_collects, reborn_carrier },
                                 .check = nothing_is_left,
                                 .sequential = true };

TEST(CARRIER_6_a_carrier_gets_another_thread, .timeout = 300)
{
    model_check(&reviving);
}

TEST(CARRIER_6_needs_the_thread_to_have_ended)
{
    mutation = REVIVED_EARLY;
    model_check_fails(&reviving, "CARRIER-6");
}
