/* gather - several shops are asked at once: for each answer as it comes, for all of them,
 * for the first, and only as long as none fails.
 *
 * The shops take seconds and the program takes none: its clock is virtual. */
#include <errno.h>
#include <stdio.h>
#include <weft.h>

#define SHOPS 4

static const struct shop {
    const char *name;
    int seconds, price; /* negative: an error */
} shops[SHOPS] = { { "Adler", 3, 30 }, { "Bauer", 1, 45 }, { "Cramer", 4, 25 }, { "Dorn", 2, 40 } };

WEFT_TASK(ask, int, shop, int, closed)
{
    int rc = weft_sleep(WEFT_S(shops[shop].seconds));

    if (rc < 0)
        return rc; /* nobody wants to know any more */
    return shop == closed ? -EIO : shops[shop].price;
}

/* `closed`: the shop that does not answer; -1: none. */
static int ask_all(weft_future **answers, int closed)
{
    for (int i = 0; i < SHOPS; i++) {
        int rc = weft_submit_args(&answers[i], ask, i, closed);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Gives up those that are left. */
static int cancel_all(weft_future **answers)
{
    int cancelled = 0;

    for (int i = 0; i < SHOPS; i++)
        cancelled += weft_future_cancel(answers[i]) == 0;
    weft_wait_futures(answers, SHOPS, WEFT_UNTIL_ALL);
    for (int i = 0; i < SHOPS; i++)
        weft_future_release(answers[i]);
    return cancelled;
}

static void each_as_it_comes(void)
{
    weft_future *answers[SHOPS], *answer;
    size_t shop;

    if (ask_all(answers, -1) < 0)
        return;
    while (weft_next_future(answers, SHOPS, &shop, &answer) == 0) {
        intptr_t price = 0;

        weft_future_try(answer, &price);
        printf("%s: %d\n", shops[shop].name, (int)price);
        weft_future_release(answer);
    }
}

static void all_of_them(int closed)
{
    weft_future *answers[SHOPS];
    intptr_t prices[SHOPS], sum = 0;
    size_t failed;

    if (ask_all(answers, closed) < 0)
        return;
    int64_t begin = weft_now();
    int rc = weft_gather_futures(answers, SHOPS, prices, &failed);
    int seconds = (int)((weft_now() - begin) / WEFT_S(1));
    for (int i = 0; rc == 0 && i < SHOPS; i++)
        sum += prices[i];
    if (rc == 0)
        printf("together %d, after %d s\n", (int)sum, seconds);
    else
        printf("%s failed after %d s, ", shops[failed].name, seconds);
    int cancelled = cancel_all(answers);
    if (rc)
        printf("%d others were cancelled\n", cancelled);
}

static void the_first(void)
{
    weft_future *answers[SHOPS];

    if (ask_all(answers, -1) < 0)
        return;
    ssize_t done = weft_wait_futures(answers, SHOPS, WEFT_UNTIL_FIRST);
    printf("%d has answered, ", (int)done);
    printf("%d were cancelled\n", cancel_all(answers));
}

static int compare(void *unused)
{
    (void)unused;
    each_as_it_comes();
    all_of_them(-1);
    all_of_them(3);
    the_first();
    return 0;
}

int main(void)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };

    return weft_run(&config, compare, NULL);
}
