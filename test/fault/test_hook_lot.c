/* Plain threads wait in the hook's lot where there is no memory for what they wait by. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hook/lot.h"
#include "tasks.h"
#include "time/clock.h"

static _Atomic(uint32_t) word;
static _Thread_local bool out_of_memory;
static atomic_int refused;

struct weft__waiter *__real_weft__thread_waiter(void);
struct weft__waiter *__wrap_weft__thread_waiter(void);
struct weft__waiter *__wrap_weft__thread_waiter(void)
{
    if (!out_of_memory)
        return __real_weft__thread_waiter();
    atomic_fetch_add(&refused, 1);
    return NULL;
}

static int wait_until(int64_t deadline)
{
    return weft__lot_wait(&word, 0, WEFT__LOT_ANY, deadline, "test");
}

static void *wait_for_word(void *unused)
{
    out_of_memory = true;
    while (weft__load(&word, acquire) == 0)
        wait_until(WEFT_NEVER);
    return unused;
}

static int wake(void *unused)
{
    (void)unused;
    weft_sleep(WEFT_MS(20)); /* so that it sleeps */
    weft__store(&word, 1, seq_cst);
    weft__lot_wake(&word, 1, WEFT__LOT_ANY);
    return 0;
}

TEST(a_thread_that_can_have_no_waiter_waits_all_the_same, .timeout = 20)
{
    pthread_t thread;
    int64_t begin = weft__clock_now();
    out_of_memory = true;
    ck_assert_int_eq(wait_until(begin + WEFT_MS(10)), ETIMEDOUT);
    out_of_memory = false;
    ck_assert_int_ge(weft__clock_now(), begin + WEFT_MS(10));
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_word, NULL), 0);
    ck_assert_int_eq(run_tasks(1, wake, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_int_ge(refused, 2);
}
