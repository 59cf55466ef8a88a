/* A group's failures as a tree. */
#include <string.h>

#include "observe/text.h"
#include "task/failure.h"
#include "task/group.h"

#define DEPTH 16 /* deeper ones are left out */
#define INDENT 4

static const char *name_of(int error)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
    return strerrorname_np(error);
#else
    (void)error;
    return NULL;
#endif
}

/* "file:line function": the two parts. */
static void put_task(struct weft__line *line, const weft_failure *what)
{
    const char *blank = what->site ? strchr(what->site, ' ') : NULL;
    weft__line_string(line, "task ");
    weft__line_number(line, what->task);
    weft__line_string(line, " '");
    weft__line_string(line, what->name[0] ? what->name : blank ? blank + 1 : "");
    weft__line_string(line, "'");
    if (!what->site)
        return;
    weft__line_string(line, " (spawned at ");
    for (const char *at = what->site; *at && at != blank; at++)
        weft__line_string(line, (char[]){ *at, 0 });
    weft__line_string(line, ")");
}

static void put_failure(const weft_failure *what, size_t depth, int fd)
{
    struct weft__line line = { 0 };
    const char *name = name_of(-what->result);
    for (size_t i = 0; i < depth * INDENT; i++)
        weft__line_string(&line, " ");
    put_task(&line, what);
    weft__line_string(&line, " failed: -");
    weft__line_number(&line, (uint64_t) - (int64_t)what->result);
    if (name) {
        weft__line_string(&line, " (");
        weft__line_string(&line, name);
        weft__line_string(&line, ")");
    }
    weft__line_write(&line, fd);
}

/* What is kept is never changed, but for the last one's link. */
static void put_tree(struct weft__failure *first, struct weft__failure *last, int fd)
{
    struct {
        struct weft__failure *at, *last;
    } path[DEPTH] = { { first, last } };
    size_t depth = 0;
    for (;;) {
        struct weft__failure *at = path[depth].at;
        if (!at) {
            if (depth-- == 0)
                return;
            continue;
        }
        put_failure(&at->what, depth, fd);
        path[depth].at = at == path[depth].last ? NULL : at->next;
        if (at->inner && depth + 1 < DEPTH) {
            depth++;
            path[depth].at = at->inner->first;
            path[depth].last = at->inner->last;
        }
    }
}

size_t weft_group_report(weft_group *public, int fd)
{
    struct weft__group *group = weft__group_of(public);
    weft__lock_acquire(&group->lock);
    struct weft__failures *failures = group->failures;
    struct weft__failure *first = failures ? failures->first : NULL;
    struct weft__failure *last = failures ? failures->last : NULL;
    size_t count = failures ? failures->count : 0;
    size_t kept = failures ? failures->kept : 0;
    weft__lock_release(&group->lock);
    put_tree(first, last, fd);
    if (count > kept) {
        struct weft__line line = { 0 };
        weft__line_string(&line, "and ");
        weft__line_number(&line, count - kept);
        weft__line_string(&line, " more");
        weft__line_write(&line, fd);
    }
    return count;
}
