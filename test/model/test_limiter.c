/* sync/limiter.c: tokens against deadlines, cancelling and changes of the capacity. The
 * table is as small as it can be. */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/atomic.h"

/* Broken on purpose: room is made without those who wait. */
static enum { NOTHING, NO_ROOM } mutation;

#include "world.h"

#include "suite.h"

#include "scopes.h"
#include "waiting.h"
#include "ways.h"

#include "sync/mutex.h"

#define TABLES 16

static uint64_t tables[TABLES][16];
static unsigned tables_used;
static void use_limiter(void);

/* From no heap: a failing execution does not come back to free it. */
static void *take_table(size_t places, size_t size)
{
    model_assert(tables_used < TABLES && places * size <= sizeof *tables, "LIMIT-1");
    return tables[tables_used++];
}

/* Others may use the limiter meanwhile. */
static void *make_table(size_t places, size_t size)
{
    use_limiter();
    return take_table(places, size);
}

static void leave_table(void *table)
{
    (void)table;
}

uint64_t weft__mutex_self(void)
{
    return 1 + model_self();
}

static uint32_t waiters_of(const struct weft__wait_list *list)
{
    return mutation == NO_ROOM ? 0 : weft__load(&list->count, relaxed);
}

#define calloc make_table
#define free leave_table
#undef weft__load
#define weft__load(p, order) waiters_of(weft__container_of(p, struct weft__wait_list, count))
#include "sync/limiter.c"
#undef calloc
#undef free
#undef weft__load

static struct weft_limiter limiter;
static int inside, borrowed, refused;
static const char shared;

static void use_limiter(void)
{
    weft_limiter_info info;
    weft_limiter_look(&limiter, &info);
}

static void reset(void)
{
    world_reset(WORLD_THREADS);
    memset(tables, 0, sizeof tables);
    memset(&limiter, 0, sizeof limiter);
    tables_used = 0;
    limiter.places = mutation == NO_ROOM ? 4 : 2; /* a full one is searched for ever */
    limiter.table = take_table(limiter.places, sizeof(uint64_t));
    limiter.capacity = 1;
    inside = borrowed = refused = 0;
    model_name(limiter);
}

static void give_back(void)
{
    model_assert(2 * limiter.borrowed <= limiter.places, "LIMIT-1");
    model_assert(weft_limiter_give_back(&limiter, NULL) == 0, "LIMIT-1");
}

static void use(void)
{
    model_assert(++inside == 1, "LIMIT-1");
    model_step();
    inside--;
    give_back();
}

static void borrow_and_use(void)
{
    model_assert(weft_limiter_borrow(&limiter, NULL) == 0, "QUEUE-3");
    use();
}

static void borrow_as_thread(void)
{
    plain[model_self()] = true;
    borrow_and_use();
}

static void try_to_borrow(void)
{
    if (weft_limiter_try_borrow(&limiter, NULL) == 0)
        use();
}

static void borrow_for_a_while(void)
{
    begin_way();
    if (!end_way(weft_limiter_borrow(&limiter, NULL)))
        use();
}

static void all_are_back(void)
{
    weft_limiter_info info;
    weft_limiter_look(&limiter, &info);
    model_assert(info.borrowed == 0 && info.waiters == 0, "LIMIT-1");
    for (size_t i = 0; i < limiter.places; i++)
        model_assert(limiter.table[i] == 0, "LIMIT-1");
}

static struct model model = { .setup = reset,
                              .body = { borrow_and_use, borrow_as_thread, borrow_and_use },
                              .check = all_are_back,
                              .preemptions = 1,
                              .random = 10000 };

TEST(LIMIT_1_two_tasks_and_a_thread)
{
    model_check(&model);
}

TEST(LIMIT_1_one_only_tries)
{
    model.body[2] = try_to_borrow;
    model_check(&model);
}

static struct model giving_up = { .setup = reset,
                                  .body = { borrow_for_a_while, borrow_and_use, cut_short,
                                            borrow_as_thread },
                                  .check = all_are_back,
                                  .preemptions = 1 };

TEST(QUEUE_2_one_gives_up)
{
    check_each_way(&giving_up);
}

/* None at first; what is lent to whom when there are tokens all at once. */
static void reset_without_tokens(void)
{
    reset();
    limiter.capacity = 0;
}

static void borrow_for_good(void)
{
    model_assert(weft_limiter_borrow(&limiter, NULL) == 0, "QUEUE-1");
    model_assert(weft_limiter_borrow(&limiter, NULL) == -EALREADY, "LIMIT-1");
    model_assert(2 * limiter.borrowed <= limiter.places, "LIMIT-1");
}

static void borrow_for_good_as_thread(void)
{
    plain[model_self()] = true;
    borrow_for_good();
}

static void add_tokens(void)
{
    weft_limiter_set_capacity(&limiter, 1);
    weft_limiter_set_capacity(&limiter, 3);
}

static void all_are_lent(void)
{
    weft_limiter_info info;
    weft_limiter_look(&limiter, &info);
    model_assert(info.borrowed == 3 && info.waiters == 0 && info.capacity == 3, "QUEUE-1");
}

static struct model adding = { .setup = reset_without_tokens,
                               .body = { borrow_for_good, borrow_for_good_as_thread,
                                         borrow_for_good, add_tokens },
                               .check = all_are_lent,
                               .executions = 50000 };

TEST(LIMIT_1_tokens_are_added_under_those_who_wait)
{
    model_check(&adding);
}

/* Two who wait for the same borrower's token: it has one, or none. */
static void borrow_for_another(void)
{
    plain[1] = true;
    int rc = weft_limiter_borrow(&limiter, &shared);
    model_assert(rc == 0 || rc == -EALREADY, "QUEUE-3");
    borrowed += rc == 0;
    refused += rc != 0;
}

static void one_has_it(void)
{
    model_assert(borrowed == 1 && refused == 1 && limiter.borrowed == 1, "LIMIT-1");
}

static struct model twice = { .setup = reset_without_tokens,
                              .body = { borrow_for_another, borrow_for_another, add_tokens },
                              .check = one_has_it,
                              .preemptions = 1,
                              .random = 10000 };

TEST(LIMIT_1_a_borrower_has_one_token)
{
    model_check(&twice);
}

/* Fewer tokens, while they come back and are waited for. */
static void take_tokens_away(void)
{
    weft_limiter_set_capacity(&limiter, 0);
    model_step();
    weft_limiter_set_capacity(&limiter, 1);
}

TEST(QUEUE_1_the_capacity_goes_down_and_up)
{
    model.body[2] = take_tokens_away;
    model_check(&model);
}

TEST(LIMIT_1_needs_room_for_those_who_wait)
{
    mutation = NO_ROOM;
    model_check_fails(&adding, "LIMIT-1");
}

TEST(QUEUE_1_needs_one_hold_of_the_lock)
{
    queue_mutation = NO_QUEUE_1;
    model_check_fails(&model, "deadlock");
}

TEST(QUEUE_2_needs_the_claim)
{
    queue_mutation = NO_QUEUE_2;
    way = TASK_CANCELLED;
    model_check_fails(&giving_up, "");
}

TEST(QUEUE_3_needs_the_wake)
{
    queue_mutation = NO_QUEUE_3;
    model_check_fails(&model, "QUEUE-3");
}
