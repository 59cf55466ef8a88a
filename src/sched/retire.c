/* Carriers that nobody has wanted for a while end their threads, and get others when they
 * are wanted again: CARRIER-5 and CARRIER-6, see carrier.h. */
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sched/carrier.h"
#include "sched/idle.h"
#include "sched/monitor.h"
#include "time/clock.h"

/* Between two looks whether the kernel has forgotten a thread, in nanoseconds. */
#define LOOK_AGAIN 1000000

/* Under the lock. */
static bool is_wanted(struct weft__carrier *carrier)
{
    return weft__load(&carrier->state, relaxed) != WEFT__CARRIER_SPARE ||
           weft__load(&carrier->pinned, relaxed) + weft__load(&carrier->pinned_by_others, relaxed);
}

bool weft__carrier_retires(struct weft__carrier *carrier)
{
    weft__lock_acquire(&weft__rt.carriers_lock);
    bool retires = !is_wanted(carrier);
    if (retires) {
        weft__list_remove(&carrier->link);
        weft__list_append(&weft__rt.retired, &carrier->link);
        weft__add(&weft__rt.retiring, 1, seq_cst); /* pairs with everything_waits() */
        weft__store(&carrier->state, WEFT__CARRIER_ENDS, seq_cst);
    }
    weft__lock_release(&weft__rt.carriers_lock);
    return retires;
}

void weft__carrier_lose(struct weft__carrier *carrier)
{
    carrier->current = NULL; /* the thread's: only the monitor would look */
    weft__store(&carrier->state, WEFT__CARRIER_GONE, relaxed); /* under the lock */
    weft__list_append(&weft__rt.gone, &carrier->link);
    weft__add(&weft__rt.lost, 1, relaxed);
}

struct weft__carrier *weft__carrier_revive(void)
{
    struct weft__list *link = weft__list_first(&weft__rt.gone);
    if (!link)
        return NULL;
    struct weft__carrier *carrier = weft__container_of(link, struct weft__carrier, link);
    weft__list_remove(link);
    weft__add(&weft__rt.lost, (uint32_t)-1, relaxed);
    weft__store(&carrier->nudged, 0, relaxed); /* those on their way to the thread are lost */
    return carrier;
}

/* The thread has left its function, or is about to; the kernel counts it a little longer. Its
 * number is not another thread's by then: the kernel gives numbers out in turn, all others before
 * this one comes again, and we look after each millisecond. */
static bool has_ended(struct weft__carrier *carrier)
{
    return syscall(SYS_tgkill, getpid(), weft__load(&carrier->tid, relaxed), 0) != 0 &&
           errno == ESRCH;
}

/* Returns how many threads have not ended yet. */
static uint32_t collect(void)
{
    uint32_t rest = 0;
    weft__lock_acquire(&weft__rt.carriers_lock);
    for (uint32_t n = weft__load(&weft__rt.retiring, relaxed); n > 0; n--) {
        struct weft__list *link = weft__list_first(&weft__rt.retired);
        struct weft__carrier *carrier = weft__container_of(link, struct weft__carrier, link);
        weft__list_remove(link);
        if (!has_ended(carrier)) {
            weft__list_append(&weft__rt.retired, link);
            rest++;
            continue;
        }
        pthread_join(carrier->thread, NULL); /* at once */
        weft__carrier_lose(carrier);
        weft__add(&weft__rt.retiring, (uint32_t)-1, seq_cst); /* pairs with everything_waits() */
    }
    weft__lock_release(&weft__rt.carriers_lock);
    return rest;
}

static int64_t run_errand(void)
{
    uint32_t before = weft__load(&weft__rt.retiring, acquire);
    if (!before)
        return INT64_MAX;
    uint32_t rest = collect();
    if (rest < before)
        weft__look_for_deadlock(); /* CARRIER-6 */
    return rest ? weft__clock_real() + LOOK_AGAIN : INT64_MAX;
}

__attribute__((constructor)) static void set_errand(void)
{
    static struct weft__errand errand = { .fn = run_errand };
    weft__monitor_add(&errand);
}
