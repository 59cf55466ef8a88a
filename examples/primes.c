/* primes - loops that compute, on all workers: how many primes there are, and the sum of the
 * first ones' reciprocals, which is the same on any number of workers.
 *
 * Then the same work until an answer is found, and for a while. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <weft.h>

#define LIMIT 1000000

static bool is_prime(int64_t n)
{
    if (n < 2)
        return false;
    for (int64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return false;
    return true;
}

struct primes {
    int64_t count;
    double reciprocals;
};

/* A piece of the range, into the accumulator: nobody else touches it. */
static int add_primes(int64_t first, int64_t last, void *accumulator, void *arg)
{
    struct primes *primes = accumulator;

    (void)arg;
    for (int64_t n = first; n < last; n++) {
        if (is_prime(n)) {
            primes->count++;
            primes->reciprocals += 1.0 / (double)n;
        }
    }
    return 0;
}

static void combine(void *left, const void *right, void *arg)
{
    struct primes *sum = left;
    const struct primes *next = right;

    (void)arg;
    sum->count += next->count;
    sum->reciprocals += next->reciprocals;
}

/* An error ends the loop; this one is good news. */
static int find(int64_t first, int64_t last, void *product)
{
    for (int64_t d = first; d < last; d++)
        if (*(int64_t *)product % d == 0)
            return -EEXIST;
    return 0;
}

/* One call that takes for ever: it asks now and then whether to go on. */
static int search_all(int64_t first, int64_t last, void *found)
{
    weft_budget budget = WEFT_BUDGET_INIT;
    int rc = 0;

    for (int64_t n = first; rc == 0 && n < last; n++) {
        *(int64_t *)found += is_prime(n);
        rc = weft_budget_spend(&budget);
    }
    return rc;
}

static int compute(void *arg)
{
    static const struct primes none;
    const weft_reduction how = { sizeof none, &none, add_primes, combine };
    weft_parallel_attr whole = { .grain = UINT64_MAX };
    int64_t numbers[] = { INT64_C(999983) * 999979, 2147483647 }, found = 0;
    struct primes primes;
    weft_scope scope;
    int rc = weft_parallel_reduce(2, LIMIT, NULL, &how, NULL, &primes);

    (void)arg;
    if (rc < 0)
        return rc;
    printf("%" PRId64 " primes below %d, their reciprocals are %.9f together\n", primes.count,
           LIMIT, primes.reciprocals);
    for (int i = 0; i < 2; i++) {
        rc = weft_parallel_for(2, 1000000, NULL, find, &numbers[i]);
        printf("%" PRId64 " %s\n", numbers[i], rc == -EEXIST ? "has a factor" : "has none");
    }
    WEFT_WITH_DEADLINE (&scope, weft_after(WEFT_MS(20)))
        rc = weft_parallel_for(2, INT64_MAX, &whole, search_all, &found);
    printf("all primes: %s\n", rc == -ETIMEDOUT ? "not in 20 ms" : "found");
    return 0;
}

int main(void)
{
    return weft_run(NULL, compute, NULL) == 0 ? 0 : 1;
}
