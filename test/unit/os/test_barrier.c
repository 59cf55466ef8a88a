#include "suite.h"

#include <pthread.h>

#include "os/barrier.h"
#include "weft/time.h"

/* Dekker: of two parties that each write their own word and then read the
 * other's, at least one sees the other. */
static _Atomic(uint32_t) busy, rare, turn_busy, turn_rare;
static _Atomic(uint32_t) busy_saw;
static _Atomic(bool) over;

/* On a busy machine each turn may cost a time slice: so many are enough, after a while. */
#define ENOUGH 500
#define A_WHILE WEFT_S(5)

static void await(_Atomic(uint32_t) *turn, uint32_t value)
{
    while (weft__load(turn, acquire) < value)
        weft__pause();
}

static void *busy_side(void *unused)
{
    for (uint32_t i = 1;; i++) {
        await(&turn_rare, i);
        if (weft__load(&over, relaxed))
            return unused;
        weft__store(&busy, i, relaxed);
        weft__barrier_light();
        weft__store(&busy_saw, weft__load(&rare, relaxed), relaxed);
        weft__store(&turn_busy, i, release);
    }
}

TEST(light_and_heavy_barriers_make_a_dekker_handshake)
{
    pthread_t thread;
    uint32_t i, rounds = (uint32_t)test_work(30000);
    int64_t until = weft_now() + A_WHILE;
    weft__barrier_setup();
    ck_assert_int_eq(pthread_create(&thread, NULL, busy_side, NULL), 0);
    for (i = 1; i <= rounds && (i <= ENOUGH || weft_now() < until); i++) {
        weft__store(&turn_rare, i, release);
        weft__store(&rare, i, relaxed);
        weft__barrier_heavy();
        uint32_t saw = weft__load(&busy, relaxed);
        await(&turn_busy, i);
        if (saw != i && weft__load(&busy_saw, relaxed) != i)
            ck_abort_msg("round %u: neither side saw the other", i);
    }
    weft__store(&over, true, relaxed);
    weft__store(&turn_rare, i, release);
    pthread_join(thread, NULL);
}
