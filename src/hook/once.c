/* pthread_once() and call_once(), which share libc's protocol: bit 0 is set while
 * the function runs, bit 1 when it has returned. */
#include <limits.h>

#include "hook/lot.h"
#include "hook/park.h"
#include "hook/real.h"
#include "weft/time.h"

#define RUNS 1u
#define DONE 2u

static _Atomic(uint32_t) *word_of(void *once)
{
    return (_Atomic(uint32_t) *)once;
}

struct call {
    _Atomic(uint32_t) *word; /* NULL: the function has returned */
    bool pinned;
};

static void end(struct call *call)
{
    if (call->pinned)
        weft_unpin();
    if (!call->word)
        return;
    /* It was left by pthread_exit() or an exception: the next caller tries. */
    weft__store(call->word, 0, seq_cst);
    weft__lot_wake(call->word, INT_MAX, WEFT__LOT_ANY);
}

/* The function is the caller's, and may suspend by weft's own calls: STAY-2. */
static void run(_Atomic(uint32_t) *word, void (*fn)(void))
{
    __attribute__((cleanup(end))) struct call call = { word, !weft__is_virtual(weft__self()) };
    if (call.pinned)
        weft_pin();
    fn();
    call.word = NULL;
    weft__store(word, DONE, seq_cst); /* LOT-2; pairs with the acquire in once() */
    weft__lot_wake(word, INT_MAX, WEFT__LOT_ANY);
}

static void once(_Atomic(uint32_t) *word, void (*fn)(void))
{
    struct weft__hook_wait wait;
    for (;;) {
        uint32_t state = weft__load(word, acquire);
        if (state & DONE)
            return;
        if (!(state & RUNS)) {
            if (weft__cas(word, &state, RUNS, acq_rel, relaxed)) {
                run(word, fn);
                return;
            }
            continue;
        }
        weft__hook_begin(&wait);
        weft__lot_wait(word, state, WEFT__LOT_ANY, WEFT_NEVER, "once");
        weft__hook_end(&wait);
    }
}

/* Around libc's own. It wakes those who wait in the kernel; tasks may wait as well, also
 * for a function that is left by pthread_exit() or an exception. */
static _Atomic(uint32_t) *enter_libc(_Atomic(uint32_t) *word)
{
    weft__lot_outside_enter((void *)word);
    return word;
}

static void leave_libc(_Atomic(uint32_t) **word)
{
    weft__lot_outside_leave((void *)*word);
    if (!weft__lot_quiet(weft__lot_bucket((void *)*word)))
        weft__lot_wake(*word, INT_MAX, WEFT__LOT_ANY);
}

#define IN_LIBC(word) \
    __attribute__((cleanup(leave_libc), unused)) _Atomic(uint32_t) *inside = enter_libc(word)

WEFT__INTERPOSE int pthread_once(pthread_once_t *control, void (*fn)(void))
{
    WEFT__STAYS;
    _Atomic(uint32_t) *word = word_of(control);
    if (weft__load(word, acquire) & DONE)
        return 0;
    if (weft__hook_task()) {
        once(word, fn);
        return 0;
    }
    IN_LIBC(word);
    return weft__real_pthread_once(control, fn);
}

WEFT__INTERPOSE void call_once(once_flag *flag, void (*fn)(void))
{
    WEFT__STAYS;
    _Atomic(uint32_t) *word = word_of(flag);
    if (weft__load(word, acquire) & DONE)
        return;
    if (weft__hook_task()) {
        once(word, fn);
        return;
    }
    IN_LIBC(word);
    weft__real_call_once(flag, fn);
}
