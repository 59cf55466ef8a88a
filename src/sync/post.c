/* The protocol is at the head of post.h. */
#include "sync/post.h"

#include <errno.h>
#include <stdlib.h>

#include "sched/monitor.h"
#include "sched/spend.h"
#include "task/spawn.h"
#include "time/clock.h"
#include "weft/task.h"

#define PAUSE 1000000 /* ns, after memory was out */

enum { IDLE, ASKED, RUNS };

static struct weft__inbox posts;
static _Atomic(uint32_t) state;
static _Atomic(bool) starved; /* the drain has ended without having run */

static struct weft__post *post_of(weft_post_node *node)
{
    return (struct weft__post *)(void *)node;
}

static bool move(uint32_t from, uint32_t to)
{
    return weft__cas(&state, &from, to, seq_cst, seq_cst);
}

/* The drain. */

static void run(struct weft__post *post)
{
    void (*fn)(void *arg) = post->fn;
    void *arg = post->arg;
    if (post->owned)
        free(post);
    else
        weft__exchange(&post->posted, false, acq_rel); /* pairs with its poster's: POST-4 */
    fn(arg);
}

static void run_all(struct weft__inbox_node *node, struct weft__waiter *self)
{
    while (node) {
        struct weft__post *post = weft__container_of(node, struct weft__post, node);
        node = node->next;
        run(post);
        weft__spend(self);
    }
}

/* False: there is more, and it is still ours. */
static bool rest(void)
{
    weft__store(&state, IDLE, seq_cst); /* POST-1 */
    return weft__inbox_empty(&posts) || !move(IDLE, RUNS);
}

static int drain(void *unused)
{
    struct weft__waiter *self = weft__waiter_self();
    (void)unused;
    do {
        run_all(weft__inbox_take(&posts), self);
    } while (!rest());
    return 0;
}

/* The monitor's part. */

/* POST-3: before the state becomes ASKED, and after. */
static void begin_asking(void)
{
    weft__guest_enter();
    weft__add(&weft__monitor_spawns, 1, seq_cst);
}

static void end_asking(void)
{
    weft__add(&weft__monitor_spawns, (uint32_t)-1, seq_cst);
    weft__guest_leave();
}

/* The state was RUNS, and the caller's. */
static void ask_again(void)
{
    begin_asking();
    weft__store(&state, ASKED, seq_cst);
    weft__monitor_call();
}

static void on_end(struct weft_task *task)
{
    if (!(task->flags & WEFT__TASK_NO_STACK))
        return;
    weft__store(&starved, true, seq_cst);
    ask_again();
}

static int spawn_drain(void)
{
    struct weft__request request = {
        .site = "weft weft-posts", .fn = drain, .service = true, .epilogue = { .fn = on_end }
    };
    return weft__spawn(&request, NULL);
}

static int64_t spawn_if_asked(void)
{
    int64_t later = weft__clock_real() + PAUSE;
    if (weft__exchange(&starved, false, seq_cst))
        return later;
    if (!move(ASKED, RUNS))
        return INT64_MAX;
    if (spawn_drain()) {
        weft__store(&state, ASKED, seq_cst);
        return later;
    }
    end_asking();
    return INT64_MAX;
}

__attribute__((constructor)) static void set_errand(void)
{
    static struct weft__errand errand = { .fn = spawn_if_asked };
    weft__monitor_add(&errand);
}

/* Posting. */

void weft__post_put(struct weft__post *post)
{
    weft__inbox_put(&posts, &post->node);
    if (move(IDLE, RUNS) && spawn_drain())
        ask_again();
}

void weft__post_ask(struct weft__post *post)
{
    weft__inbox_put(&posts, &post->node);
    begin_asking();
    if (move(IDLE, ASKED))
        weft__monitor_call();
    else
        end_asking();
}

static bool post_copy(void (*fn)(void *arg), void *arg)
{
    struct weft__post *post = malloc(sizeof *post);
    if (!post)
        return false;
    *post = (struct weft__post){ .fn = fn, .arg = arg, .owned = true };
    weft__post_put(post);
    return true;
}

int weft_post(void (*fn)(void *arg), void *arg)
{
    bool guest = !weft_self();
    if (guest && !weft__guest_bring())
        return -EPERM;
    bool done = post_copy(fn, arg);
    if (guest)
        weft__guest_leave();
    return done ? 0 : -ENOMEM;
}

int weft_post_from_signal(weft_post_node *node)
{
    struct weft__post *post = post_of(node);
    bool guest = !weft_self();
    if (guest && !weft__guest_bring())
        return -EPERM;
    /* acq_rel: the drain's exchange sees what came before, and we its being out */
    bool posted = weft__exchange(&post->posted, true, acq_rel);
    if (!posted)
        weft__post_ask(post);
    if (guest)
        weft__guest_leave();
    return posted ? -EALREADY : 0;
}

void weft_post_node_init(weft_post_node *node, void (*fn)(void *arg), void *arg)
{
    *node = (weft_post_node)WEFT_POST_NODE_INIT(fn, arg);
}
