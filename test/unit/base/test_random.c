#include "suite.h"

#include "base/random.h"

/* The reference values of splitmix64 for the seed 1234567. */
TEST(random_numbers_are_those_of_splitmix64)
{
    const uint64_t expected[] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                  4593380528125082431u };
    uint64_t state = 1234567;
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(weft__random(&state), expected[i]);
}

TEST(numbers_below_a_bound_stay_below_and_reach_all)
{
    uint64_t state = test_seed();
    for (uint32_t n = 1; n <= 40; n++) {
        uint64_t seen = 0;
        for (int i = 0; i < 4000; i++) {
            uint32_t x = weft__random_below(&state, n);
            if (x >= n)
                ck_abort_msg("%u is not below %u", x, n);
            seen |= (uint64_t)1 << x;
        }
        ck_assert_uint_eq(seen, ((uint64_t)1 << n) - 1);
    }
}

TEST(numbers_below_a_bound_are_spread_evenly)
{
    uint64_t state = test_seed();
    unsigned count[10] = { 0 };
    for (int i = 0; i < 100000; i++)
        count[weft__random_below(&state, 10)]++;
    for (int i = 0; i < 10; i++) { /* standard deviation: 95 */
        ck_assert_uint_gt(count[i], 9000);
        ck_assert_uint_lt(count[i], 11000);
    }
}
