#include "suite.h"

#include <pthread.h>

#include "os/barrier.h"

/* Dekker: of two parties that each write their own word and then read the
 * other's, at least one sees the other. */
static _Atomic(uint32_t) busy, rare, turn_busy, turn_rare;
static _Atomic(uint32_t) busy_saw;
static uint64_t rounds;

static void await(_Atomic(uint32_t) *turn, uint32_t value)
{
    while (weft__load(turn, acquire) < value)
        weft__pause();
}

static void *busy_side(void *unused)
{
    for (uint32_t i = 1; i <= rounds; i++) {
        await(&turn_rare, i);
        weft__store(&busy, i, relaxed);
        weft__barrier_light();
        weft__store(&busy_saw, weft__load(&rare, relaxed), relaxed);
        weft__store(&turn_busy, i, release);
    }
    return unused;
}

TEST(light_and_heavy_barriers_make_a_dekker_handshake)
{
    pthread_t thread;
    weft__barrier_setup();
    rounds = test_work(30000);
    ck_assert_int_eq(pthread_create(&thread, NULL, busy_side, NULL), 0);
    for (uint32_t i = 1; i <= rounds; i++) {
        weft__store(&turn_rare, i, release);
        weft__store(&rare, i, relaxed);
        weft__barrier_heavy();
        uint32_t saw = weft__load(&busy, relaxed);
        await(&turn_busy, i);
        if (saw != i && weft__load(&busy_saw, relaxed) != i)
            ck_abort_msg("round %u: neither side saw the other", i);
    }
    pthread_join(thread, NULL);
}
