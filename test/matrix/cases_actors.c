/* Actors: mailboxes, waiting for an actor's end, and supervisors. */
#include "bytes.h"

#include <errno.h>
#include <string.h>
#include <weft.h>

#include "sync/supervisor.h"

#define FIRST 2
#define VALUE 42

/* Mailboxes, which have room for one message. */

static weft_mailbox *box;

static void open_box(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_mailbox_create(sizeof(int), 1, &box), 0);
}

static void close_box(struct stage *stage)
{
    weft_mailbox_info info;
    weft_mailbox_look(box, &info);
    EXPECT(stage, info.sent == info.received, "%llu sent, %llu received",
           (unsigned long long)info.sent, (unsigned long long)info.received);
    weft_mailbox_destroy(box);
}

static void put(int value)
{
    ck_assert_int_eq(weft_mailbox_try_send(box, &value), 0);
}

/* What is in it; 0: nothing. */
static int take(void)
{
    int value = 0;
    int rc = weft_mailbox_try_receive(box, &value);
    ck_assert(rc == 0 || rc == -EAGAIN);
    return rc == 0 ? value : 0;
}

static void fill(struct stage *stage)
{
    (void)stage;
    put(FIRST);
}

static void make_room(struct stage *stage)
{
    int value = take();
    EXPECT(stage, value == FIRST, "the first message is %d", value);
}

static long call_send(struct stage *stage)
{
    (void)stage;
    return weft_mailbox_send(box, &(int){ VALUE });
}

static void settle_sent(struct stage *stage, long rc)
{
    int value = take();
    EXPECT(stage, value == (rc < 0 ? 0 : VALUE), "it returned %ld, and %d was sent", rc, value);
}

const struct operation case_weft_mailbox_send = { .name = "weft_mailbox_send",
                                                  .open = open_box,
                                                  .arm = fill,
                                                  .call = call_send,
                                                  .event = make_room,
                                                  .settle = settle_sent,
                                                  .close = close_box };

static void send_value(struct stage *stage)
{
    (void)stage;
    put(VALUE);
}

static long call_receive(struct stage *stage)
{
    int value = 0;
    int rc = weft_mailbox_receive(box, &value);
    EXPECT(stage, rc < 0 || value == VALUE, "it received %d", value);
    return rc;
}

static void settle_received(struct stage *stage, long rc)
{
    int left = take();
    EXPECT(stage, left == (rc < 0 ? VALUE : 0), "it returned %ld, and %d is left", rc, left);
}

const struct operation case_weft_mailbox_receive = { .name = "weft_mailbox_receive",
                                                     .open = open_box,
                                                     .call = call_receive,
                                                     .event = send_value,
                                                     .settle = settle_received,
                                                     .close = close_box };

/* Something else is before what is wanted. */

static void open_bigger_box(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_mailbox_create(sizeof(int), 3, &box), 0);
}

static bool is_value(const void *message, void *unused)
{
    (void)unused;
    return *(const int *)message == VALUE;
}

static long call_receive_match(struct stage *stage)
{
    int value = 0;
    int rc = weft_mailbox_receive_match(box, is_value, NULL, &value);
    EXPECT(stage, rc < 0 || value == VALUE, "it received %d", value);
    return rc;
}

static void settle_chosen(struct stage *stage, long rc)
{
    int first = take(), left = take();
    EXPECT(stage, first == FIRST, "the first message is %d", first);
    EXPECT(stage, left == (rc < 0 ? VALUE : 0), "it returned %ld, and %d is left", rc, left);
}

const struct operation case_weft_mailbox_receive_match = { .name = "weft_mailbox_receive_match",
                                                           .open = open_bigger_box,
                                                           .arm = fill,
                                                           .call = call_receive_match,
                                                           .event = send_value,
                                                           .settle = settle_chosen,
                                                           .close = close_box };

/* An actor that ends when a byte comes. */

static weft_actor *actor;

static void arm_actor(struct stage *stage)
{
    ck_assert_int_eq(weft_actor_spawn(ends_by_byte, stage, NULL, &actor), 0);
}

static long call_wait(struct stage *stage)
{
    int result = 0;
    int rc = weft_actor_wait(actor, &result);
    EXPECT(stage, rc < 0 || result == RESULT, "the actor returned %d", result);
    return rc;
}

/* It may be waited for again. */
static void settle_ended(struct stage *stage, long rc)
{
    int result;
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    EXPECT(stage, result == RESULT, "it returned %ld, and the actor %d", rc, result);
    weft_actor_release(actor);
}

const struct operation case_weft_actor_wait = { .name = "weft_actor_wait",
                                                .open = open_pair,
                                                .arm = arm_actor,
                                                .call = call_wait,
                                                .event = send_byte,
                                                .settle = settle_ended,
                                                .close = close_pair,
                                                .tasks = true };

/* In a group that is full, and around what is cancelled. */

static void arm_full(struct stage *stage)
{
    atomic_store(&stage->count, 0);
    weft_group_enter(&stage->group, WEFT_NEVER);
    weft_group_set_limit(&stage->group, 1);
    ck_assert_int_eq(weft_group_spawn(&stage->group, ends_by_byte, stage), 0);
}

static int count(void *arg)
{
    struct stage *stage = arg;
    atomic_fetch_add(&stage->count, 1);
    return 0;
}

static long call_spawn(struct stage *stage)
{
    return weft_actor_spawn_with(NULL, &stage->group, count, stage, NULL, NULL);
}

static void settle_full(struct stage *stage, long rc)
{
    ck_assert_int_eq(weft_group_leave(&stage->group), 0);
    int ran = atomic_load(&stage->count);
    EXPECT(stage, ran == (rc == 0), "it returned %ld, and %d actors ran", rc, ran);
}

const struct operation case_weft_actor_spawn_at = { .name = "weft_actor_spawn_at",
                                                    .open = open_pair,
                                                    .arm = arm_full,
                                                    .call = call_spawn,
                                                    .event = send_byte,
                                                    .settle = settle_full,
                                                    .close = close_pair,
                                                    .tasks = true };

/* Supervisors, whose only child ends when a byte comes. */

static weft_supervisor *supervisor;
static weft_supervisor_spec spec;
static weft_child_spec child;

static int note_result(void *arg)
{
    struct stage *stage = arg;
    int rc = ends_by_byte(stage);
    stage->results[0] = rc;
    return rc;
}

static void describe(struct stage *stage)
{
    child = (weft_child_spec){
        .name = "child", .fn = note_result, .arg = stage, .restart = WEFT_TEMPORARY
    };
    spec = (weft_supervisor_spec){ .flags = WEFT_SUPERVISOR_UNTIL_IDLE,
                                   .children = &child,
                                   .count = 1 };
    stage->results[0] = 0;
}

static void arm_supervisor(struct stage *stage)
{
    describe(stage);
    ck_assert_int_eq(weft_supervisor_create(&spec, &supervisor), 0);
}

static long call_run(struct stage *stage)
{
    (void)stage;
    return weft_supervisor_run(supervisor);
}

static long call_supervise(struct stage *stage)
{
    (void)stage;
    return weft_supervise(&spec);
}

/* The child has read the byte, or was stopped, or never ran. One that has done its work at
 * the same moment does not make undone what is in force. */
static void settle_child(struct stage *stage, long rc)
{
    int result = stage->results[0];
    bool left = take_byte(stage);
    EXPECT(stage, (result == RESULT) == !left, "the child returned %d, and a byte is %s", result,
           left ? "left" : "lost");
    EXPECT(stage, rc < 0 || result == RESULT, "the child returned %d, and it %ld", result, rc);
}

static void settle_supervisor(struct stage *stage, long rc)
{
    settle_child(stage, rc);
    weft_supervisor_destroy(supervisor);
}

const struct operation case_weft_supervisor_run = { .name = "weft_supervisor_run",
                                                    .open = open_pair,
                                                    .arm = arm_supervisor,
                                                    .call = call_run,
                                                    .event = send_byte,
                                                    .settle = settle_supervisor,
                                                    .close = close_pair,
                                                    .tasks = true,
                                                    .once = true };

const struct operation case_weft_supervise = { .name = "weft_supervise",
                                               .open = open_pair,
                                               .arm = describe,
                                               .call = call_supervise,
                                               .event = send_byte,
                                               .settle = settle_child,
                                               .close = close_pair,
                                               .tasks = true,
                                               .once = true };

/* What others ask of one that runs: one who terminates a child that refuses to end before a
 * byte comes is at it already. */

static weft_task *runner, *busy;

static int run(void *unused)
{
    (void)unused;
    return weft_supervisor_run(supervisor);
}

static int refuses(void *arg)
{
    weft_scope shield;
    int rc;
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER) {
        weft_started(0); /* before that it would not refuse */
        rc = ends_by_byte(arg);
    }
    return rc;
}

static int waits(void *unused)
{
    (void)unused;
    return weft_sleep(WEFT_S(1000));
}

static int occupy(void *unused)
{
    (void)unused;
    return weft_supervisor_terminate(supervisor, "refuses");
}

static weft_child_spec one = { .name = "one", .fn = waits };

static unsigned running(void)
{
    weft_supervisor_info info;
    weft_supervisor_look(supervisor, &info);
    return info.running;
}

static unsigned children(void)
{
    weft_supervisor_info info;
    weft_supervisor_look(supervisor, &info);
    return info.children;
}

static bool is_occupied(void)
{
    if (weft_mutex_trylock(&supervisor->mutex))
        return true;
    weft_mutex_unlock(&supervisor->mutex);
    return false;
}

/* Once the supervisor itself has done with its children. */
static void keep_busy(void)
{
    ck_assert_int_eq(weft_supervisor_remove(supervisor, "nobody"), -ENOENT);
    SPAWN(occupy, NULL, &busy);
    while (!is_occupied())
        weft_yield();
}

static void arm_busy(struct stage *stage, const weft_child_spec *other)
{
    weft_child_spec both[] = { { .name = "refuses", .fn = refuses, .arg = stage }, { 0 } };
    both[0].grace = WEFT_NEVER;
    both[0].flags = WEFT_CHILD_STARTS;
    if (other)
        both[1] = *other;
    weft_supervisor_spec settings = { .children = both, .count = other ? 2 : 1 };
    ck_assert_int_eq(weft_supervisor_create(&settings, &supervisor), 0);
    SPAWN(run, NULL, &runner);
    while (running() < settings.count)
        weft_yield();
    keep_busy();
}

static void stop_supervisor(void)
{
    JOIN(busy, 0);
    weft_supervisor_stop(supervisor);
    JOIN(runner, 0);
    weft_supervisor_destroy(supervisor);
}

static void arm_add(struct stage *stage)
{
    arm_busy(stage, NULL);
}

static long call_add(struct stage *stage)
{
    (void)stage;
    return weft_supervisor_add(supervisor, &one);
}

static void settle_add(struct stage *stage, long rc)
{
    unsigned now = children();
    EXPECT(stage, now == (rc == 0 ? 2 : 1), "it returned %ld, and there are %u", rc, now);
    stop_supervisor();
}

static void arm_other(struct stage *stage)
{
    arm_busy(stage, &one);
}

static long call_terminate(struct stage *stage)
{
    (void)stage;
    return weft_supervisor_terminate(supervisor, "one");
}

/* The one that refuses has ended, or is about to. */
static void settle_terminate(struct stage *stage, long rc)
{
    weft_actor *found = weft_supervisor_find(supervisor, "one");
    EXPECT(stage, (found == NULL) == (rc == 0), "it returned %ld, and the child %s", rc,
           found ? "runs" : "does not run");
    weft_actor_release(found);
    stop_supervisor();
}

#define ASKING(function, arm_, call_, settle_) \
    const struct operation case_##function = { .name = #function, \
                                               .open = open_pair, \
                                               .arm = arm_, \
                                               .call = call_, \
                                               .event = send_byte, \
                                               .settle = settle_, \
                                               .close = close_pair, \
                                               .tasks = true, \
                                               .once = true }

ASKING(weft_supervisor_add, arm_add, call_add, settle_add);
ASKING(weft_supervisor_terminate, arm_other, call_terminate, settle_terminate);

/* One that does not run any more. */

static int ends(void *unused)
{
    (void)unused;
    return 0;
}

static weft_child_spec ended = { .name = "one", .fn = ends, .restart = WEFT_TRANSIENT };

static void arm_ended(struct stage *stage)
{
    weft_child_spec both[] = { { .name = "refuses", .fn = refuses, .arg = stage }, ended };
    both[0].grace = WEFT_NEVER;
    both[0].flags = WEFT_CHILD_STARTS;
    weft_supervisor_spec settings = { .children = both, .count = 2 };
    ck_assert_int_eq(weft_supervisor_create(&settings, &supervisor), 0);
    SPAWN(run, NULL, &runner);
    weft_supervisor_info info;
    do {
        weft_yield();
        weft_supervisor_look(supervisor, &info);
    } while (info.starts < 2 || info.running > 1);
    keep_busy();
}

static long call_restart(struct stage *stage)
{
    (void)stage;
    return weft_supervisor_restart(supervisor, "one");
}

static void settle_restart(struct stage *stage, long rc)
{
    weft_supervisor_info info;
    weft_supervisor_look(supervisor, &info);
    EXPECT(stage, info.starts == (rc == 0 ? 3 : 2), "it returned %ld, after %llu starts", rc,
           (unsigned long long)info.starts);
    stop_supervisor();
}

static long call_remove(struct stage *stage)
{
    (void)stage;
    return weft_supervisor_remove(supervisor, "one");
}

static void settle_remove(struct stage *stage, long rc)
{
    unsigned now = children();
    EXPECT(stage, now == (rc == 0 ? 1 : 2), "it returned %ld, and there are %u", rc, now);
    stop_supervisor();
}

ASKING(weft_supervisor_restart, arm_ended, call_restart, settle_restart);
ASKING(weft_supervisor_remove, arm_ended, call_remove, settle_remove);
