#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "sync.h"

struct question {
    int64_t number;
    weft_event *answered;
    int64_t *answer;
};
WEFT_MAILBOX(questions, struct question);

static atomic_int ran;

static int answer_all(void *by)
{
    struct question question;
    int answered = 0;
    ck_assert_ptr_nonnull(questions_inbox());
    ck_assert_ptr_eq(questions_untyped(questions_inbox()), weft_actor_mailbox(weft_actor_self()));
    ck_assert_uint_eq(weft_actor_id(weft_actor_self()), weft_task_id(NULL));
    while (questions_receive(questions_inbox(), &question) == 0) {
        *question.answer = question.number + (intptr_t)by;
        weft_event_set(question.answered);
        answered++;
    }
    return answered;
}

static int64_t ask(questions *box, int64_t number)
{
    weft_event answered = WEFT_EVENT_INIT;
    int64_t answer = 0;
    struct question question = { number, &answered, &answer };
    ck_assert_int_eq(questions_send(box, question), 0);
    ck_assert_int_eq(weft_event_wait(&answered), 0);
    return answer;
}

static int talk(void *unused)
{
    questions *box;
    weft_actor *actor;
    int result = -1;
    (void)unused;
    ck_assert_int_eq(questions_create(4, &box), 0);
    ck_assert_int_eq(weft_actor_spawn(answer_all, (void *)1, questions_untyped(box), &actor), 0);
    ck_assert_ptr_eq(weft_actor_mailbox(actor), questions_untyped(box));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(box, i), i + 1);
    ck_assert_int_eq(questions_close(box), 0);
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(weft_actor_wait(actor, NULL), 0); /* and again */
    ck_assert_int_eq(questions_try_send(box, (struct question){ 0 }), -EPIPE);
    weft_actor_cancel(actor); /* does nothing any more */
    weft_actor_release(actor);
    weft_actor_release(NULL);
    return 0;
}

TEST(an_actor_answers_what_is_sent_to_it)
{
    run_mixed(talk);
}

static int never_an_actor(void *unused)
{
    (void)unused;
    ck_assert_ptr_null(weft_actor_self());
    ck_assert_ptr_null(weft_inbox());
    return 0;
}

static int look_at_self(void *unused)
{
    weft_task *child;
    (void)unused;
    ck_assert_ptr_null(weft_inbox());
    ck_assert_int_eq(weft_actor_wait(weft_actor_self(), NULL), -EDEADLK);
    SPAWN(never_an_actor, NULL, &child); /* a task of its own is another one */
    JOIN(child, 0);
    return 5;
}

static int without_a_box(void *unused)
{
    weft_actor *actor;
    int result;
    never_an_actor(unused);
    ck_assert_int_eq(weft_actor_spawn(look_at_self, NULL, NULL, &actor), 0);
    ck_assert_ptr_null(weft_actor_mailbox(actor));
    ck_assert_uint_ne(weft_actor_id(actor), 0);
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    ck_assert_int_eq(result, 5);
    weft_actor_release(actor);
    return 0;
}

TEST(an_actor_needs_no_mailbox)
{
    run_mixed(without_a_box);
}

/* However it ends its mailbox goes. */

static int sleep_long(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ran, 1);
    return weft_sleep(WEFT_S(1000));
}

static void leave_inside(void *arg)
{
    atomic_fetch_add(&ran, (int)(intptr_t)arg);
    weft_exit(-EIO);
}

static int exit_inside(void *unused)
{
    leave_inside((void *)1);
    return (int)(intptr_t)unused;
}

static int count_drop_of;

static void count_drop(void *message, void *unused)
{
    (void)message, (void)unused;
    count_drop_of++;
}

static weft_mailbox *make_box(void)
{
    weft_mailbox *box;
    int64_t message = 1;
    ck_assert_int_eq(weft_mailbox_create(sizeof message, 4, &box), 0);
    weft_mailbox_on_drop(box, count_drop, NULL);
    ck_assert_int_eq(weft_mailbox_send(box, &message), 0);
    return box;
}

static void end_with(int (*fn)(void *), bool cancels, int wanted)
{
    int64_t message = 1;
    weft_actor *actor;
    int result;
    count_drop_of = 0;
    weft_mailbox *box = weft_mailbox_retain(make_box());
    atomic_store(&ran, 0);
    ck_assert_int_eq(weft_actor_spawn(fn, NULL, box, &actor), 0);
    while (cancels && !atomic_load(&ran))
        weft_yield();
    if (cancels)
        weft_actor_cancel(actor);
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    ck_assert_int_eq(result, wanted);
    weft_actor_release(actor);
    ck_assert_int_eq(weft_mailbox_send(box, &message), -EPIPE);
    ck_assert_int_eq(count_drop_of, 1);
    weft_mailbox_release(box);
}

static int end_anyhow(void *unused)
{
    (void)unused;
    end_with(sleep_long, true, -ECANCELED);
    end_with(exit_inside, false, -EIO);
    return 0;
}

TEST(a_mailbox_goes_with_its_actor)
{
    run_mixed(end_anyhow);
}

static int cancelled_before(void *unused)
{
    weft_group group;
    weft_actor *actor;
    int result;
    (void)unused;
    atomic_store(&ran, 0);
    count_drop_of = 0;
    weft_mailbox *box = weft_mailbox_retain(make_box());
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_actor_spawn_with(NULL, &group, sleep_long, NULL, box, &actor), 0);
    weft_group_cancel(&group); /* one worker: it has not begun */
    ck_assert_int_eq(weft_group_leave(&group), 0);
    ck_assert_int_eq(weft_actor_wait(actor, &result), 0);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert_int_eq(atomic_load(&ran), 0);
    ck_assert_int_eq(count_drop_of, 1);
    weft_actor_release(actor);
    weft_mailbox_release(box);
    return 0;
}

TEST(an_actor_that_never_ran_has_ended_all_the_same)
{
    ck_assert_int_eq(run_in_turn(cancelled_before, NULL), 0);
}

static int fail_now(void *unused)
{
    (void)unused;
    return -EIO;
}

static int in_a_group(void *unused)
{
    weft_group group;
    weft_attr attr = { .name = "baker" };
    weft_failure failure;
    (void)unused;
    weft_group_enter(&group, WEFT_NEVER);
    ck_assert_int_eq(weft_actor_spawn_with(NULL, &group, sleep_long, NULL, NULL, NULL), 0);
    ck_assert_int_eq(weft_actor_spawn_with(&attr, &group, fail_now, NULL, NULL, NULL), 0);
    ck_assert_int_eq(weft_group_wait(&group), -EIO);
    ck_assert_uint_eq(weft_group_failures(&group, &failure, 1), 1);
    ck_assert_str_eq(failure.name, "baker");
    ck_assert_int_eq(weft_group_leave(&group), -EIO);
    return 0;
}

TEST(an_actor_in_a_group_is_one_of_its_tasks)
{
    run_mixed(in_a_group);
}

static int refused(void *unused)
{
    static weft_group group = WEFT_GROUP_INIT; /* was never entered */
    weft_attr attr = { .flags = ~0u };
    weft_actor *actor = NULL;
    (void)unused;
    count_drop_of = 0;
    weft_mailbox *box = make_box();
    ck_assert_int_eq(weft_actor_spawn_with(NULL, &group, fail_now, NULL, box, &actor), -EINVAL);
    ck_assert_int_eq(weft_actor_spawn_with(&attr, NULL, fail_now, NULL, box, &actor), -EINVAL);
    ck_assert_ptr_null(actor);
    ck_assert_int_eq(count_drop_of, 0); /* it is ours still */
    ck_assert_uint_eq(weft_mailbox_destroy(box), 1);
    return 0;
}

TEST(a_mailbox_stays_with_who_could_not_spawn)
{
    run_mixed(refused);
}

static int wait_a_while(void *unused)
{
    weft_actor *actor;
    weft_scope scope;
    (void)unused;
    ck_assert_int_eq(weft_actor_spawn(sleep_long, NULL, NULL, &actor), 0);
    weft_scope_enter(&scope, weft_now() + WEFT_MS(2));
    ck_assert_int_eq(weft_actor_wait(actor, NULL), -ETIMEDOUT);
    weft_scope_leave(&scope);
    weft_actor_cancel(actor);
    ck_assert_int_eq(weft_actor_wait(actor, NULL), 0);
    weft_actor_release(actor);
    return 0;
}

TEST(waiting_for_an_actor_may_be_given_up)
{
    run_mixed(wait_a_while);
}

static weft_actor *awaited;

static int wait_for_it(void *unused)
{
    int result;
    (void)unused;
    ck_assert_int_eq(weft_actor_wait(awaited, &result), 0);
    ck_assert_int_eq(result, -ECANCELED);
    weft_actor_release(awaited);
    return 0;
}

static int many_wait(void *unused)
{
    struct crowd crowd;
    (void)unused;
    ck_assert_int_eq(weft_actor_spawn(sleep_long, NULL, NULL, &awaited), 0);
    for (int i = 0; i < CROWD; i++)
        weft_actor_retain(awaited);
    crowd_start(&crowd, wait_for_it, NULL);
    weft_actor_cancel(awaited);
    weft_actor_release(awaited);
    crowd_join(&crowd);
    return 0;
}

TEST(any_number_may_wait_for_an_actor)
{
    run_mixed(many_wait);
}
