/* crawler - follows the links of a small site, a few pages at a time, with a deadline for
 * each page and one for everything.
 *
 * The site is in the same program: a page is asked for by its number, and answers with
 * the numbers of others. One does not answer. The clock is virtual. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define ADDRESS "unix:@weft-crawler"
#define AT_A_TIME 3
#define FOR_A_PAGE WEFT_MS(500)
#define FOR_ALL WEFT_S(5)

/* The site. */

static const char *const site[] = { "1 2 3", "4 5", "0 6", "7 8", "1", "8 9", "0", "7", NULL, "2" };
static int busy, busiest; /* one worker: nobody else is at them */

WEFT_TASK(answer, int, fd)
{
    char number;

    if (++busy > busiest)
        busiest = busy;
    if (weft_read(fd, &number, 1) == 1) {
        const char *text = site[number - '0'];
        weft_sleep(text ? WEFT_MS(100) : WEFT_S(60));
        if (text)
            weft_write_all(fd, text, strlen(text), NULL);
    }
    busy--;
    return weft_close(fd);
}

static int serve(void *unused)
{
    int fd, listener = weft_listen(ADDRESS, 0, 0);
    weft_group group;

    (void)unused;
    WEFT_WITH_GROUP (&group, WEFT_NEVER) {
        weft_started(listener);
        while ((fd = weft_accept(listener, NULL, NULL)) >= 0)
            weft_group_spawn_args(&group, answer, fd);
        weft_group_cancel(&group);
    }
    return weft_close(listener);
}

/* The crawler. */

struct page {
    char number;
    char links[64];
};

/* Fills in the page's links. Returns 0 or an error. */
static int fetch(struct page *page)
{
    size_t size = 0;
    int fd = weft_dial(ADDRESS), rc = fd;

    if (fd < 0)
        return rc;
    rc = weft_write_all(fd, &page->number, 1, NULL);
    if (rc == 0)
        rc = weft_read_all(fd, page->links, sizeof page->links - 1, &size);
    weft_close(fd);
    page->links[size] = 0;
    return rc == -ENODATA ? 0 : rc; /* it ends where it ends */
}

/* What is wrong with a page is the page's; only the end of everything is the group's. */
static int visit(void *arg)
{
    struct page *page = arg;
    weft_scope scope;
    int rc = 0;

    WEFT_WITH_DEADLINE (&scope, weft_after(FOR_A_PAGE))
        rc = fetch(page);
    if (weft_scope_timed_out(&scope))
        strcpy(page->links, "(no answer in time)");
    return rc == -ETIMEDOUT ? weft_checkpoint() : rc;
}

/* The pages that are linked and have not been seen are appended. */
static size_t follow(const char *links, struct page *pages, size_t count)
{
    for (; *links; links++) {
        size_t i = 0;
        while (i < count && pages[i].number != *links)
            i++;
        if (i == count && *links >= '0' && *links <= '9')
            pages[count++].number = *links;
    }
    return count;
}

/* Level by level, since who spawns must not take part in the limit. */
static int crawl(struct page *pages)
{
    weft_group level;
    size_t done = 0, count = 1;
    int rc = 0;

    pages[0].number = '0';
    while (rc == 0 && done < count) {
        size_t end = count;
        weft_group_enter(&level, WEFT_NEVER);
        weft_group_set_limit(&level, AT_A_TIME);
        for (size_t i = done; i < end && rc == 0; i++)
            rc = weft_group_spawn(&level, visit, &pages[i]);
        rc = weft_group_leave(&level);
        for (; done < end; done++)
            count = follow(pages[done].links, pages, count);
    }
    return rc;
}

static int run(void *unused)
{
    struct page pages[10] = { { 0 } }; /* as many as there are digits */
    int64_t begin = weft_now();
    int rc = 0, count = 0;
    weft_group server;
    weft_scope scope;

    (void)unused;
    weft_group_enter(&server, WEFT_NEVER);
    weft_group_start(&server, serve, NULL, NULL);
    WEFT_WITH_DEADLINE (&scope, weft_after(FOR_ALL))
        rc = crawl(pages);
    for (; count < 10 && pages[count].number; count++)
        printf("%c: %s\n", pages[count].number, pages[count].links);
    printf("%s; %d pages in %d ms, at most %d at a time\n", strerror(-rc), count,
           (int)((weft_now() - begin) / WEFT_MS(1)), busiest);
    weft_group_cancel(&server);
    return weft_group_leave(&server);
}

int main(void)
{
    weft_config config = { .flags = WEFT_VIRTUAL_CLOCK };

    return weft_run(&config, run, NULL) == 0 ? 0 : 1;
}
