/* futures - a host with threads of its own hands work to the runtime and waits for the
 * results: all of them, the first, those that come in time.
 *
 * A signal handler does the same: it posts a callback. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define PAGES 5

/* A task: 0 or more is a value, a negative errno value an error. */
WEFT_TASK(fetch, int, page)
{
    int rc = weft_sleep(WEFT_MS(10 * (page + 1)));

    if (rc < 0)
        return rc; /* cancelled: nobody wants the page any more */
    return page == 3 ? -ENOENT : 1000 * page;
}

static void wait_for_all(void)
{
    weft_future *pages[PAGES];

    for (int i = 0; i < PAGES; i++)
        if (weft_submit_args(&pages[i], fetch, i) < 0)
            return;
    for (int i = 0; i < PAGES; i++) {
        intptr_t bytes = 0;
        int rc = weft_future_wait(pages[i], &bytes);

        printf("page %d: %s, %d bytes\n", i, rc == 0 ? "there" : strerror(-rc), (int)bytes);
        weft_future_release(pages[i]);
    }
}

/* Of two the one that is first; the other is cancelled. */
static void wait_for_first(void)
{
    weft_future *slow, *fast;

    if (weft_submit_args(&slow, fetch, 1000) < 0 || weft_submit_args(&fast, fetch, 1) < 0)
        return;
    weft_case cases[] = { weft_case_future(slow), weft_case_future(fast) };
    printf("the first is the %s one\n", weft_select(cases, 2) == 1 ? "fast" : "slow");
    weft_future_cancel(slow);
    printf("the other one: %s\n", strerror(-weft_future_wait(slow, NULL)));
    weft_future_release(slow);
    weft_future_release(fast);
}

static void note_end(weft_future *future, void *arg)
{
    weft_event *event = arg;

    printf("it came late, and nobody waited: %d\n", weft_future_try(future, NULL));
    weft_event_set(event);
}

/* A deadline is the waiter's, and the work goes on. */
static void wait_for_a_while(void)
{
    weft_event ended = WEFT_EVENT_INIT;
    weft_future *page;
    weft_scope scope;
    int rc = 0;

    if (weft_submit_args(&page, fetch, 9) < 0)
        return;
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(5)))
        rc = weft_future_wait(page, NULL);
    printf("after 5 ms: %s, and the page is %s\n", strerror(-rc),
           weft_future_is_done(page) ? "there" : "under way");
    weft_future_on_done(page, note_end, &ended);
    weft_event_wait(&ended);
    weft_future_release(page);
}

/* What a handler must not do, the runtime does for it. */
static void reload(void *event)
{
    printf("the settings are read again\n");
    weft_event_set(event);
}

static weft_event reloaded = WEFT_EVENT_INIT;
static weft_post_node reload_node = WEFT_POST_NODE_INIT(reload, &reloaded);

static void on_hangup(int number)
{
    (void)number;
    weft_post_from_signal(&reload_node);
}

int main(void)
{
    if (weft_start(NULL) < 0)
        return 1;
    wait_for_all();
    wait_for_first();
    wait_for_a_while();
    signal(SIGHUP, on_hangup);
    raise(SIGHUP);
    weft_event_wait(&reloaded);
    return weft_stop() == 0 ? 0 : 1;
}
