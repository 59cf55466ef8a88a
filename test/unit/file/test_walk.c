/* Walks: the order, the errors, links, depths, and what changes meanwhile. */
#include "suite.h"

#include <sys/stat.h>

#include "files.h"

#define DEEP 60 /* more than are open at a time */

/* What a walk tells: "path", "path/" for folders, "path<" after, "path!error" for those that
 * failed. */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void note(char lines[][160], int *count, const weft_walk_entry *entry)
{
    char *line = lines[(*count)++];
    const char *slash = strrchr(entry->path, '/');
    ck_assert_str_eq(entry->name, slash && entry->depth ? slash + 1 : entry->path);
    if (entry->what == WEFT_WALK_FAILED)
        snprintf(line, 160, "%s!%d", entry->path, -entry->error);
    else
        snprintf(line, 160, "%s%s", entry->path,
                 entry->what == WEFT_WALK_AFTER ? "<"
                 : entry->type == DT_DIR        ? "/"
                                                : "");
}

/* The sorted lines, in one. */
static const char *walk(const char *path, unsigned flags, unsigned depth)
{
    static char lines[64][160], text[64 * 160];
    char *sorted[64];
    weft_walk_attr attr = { .flags = flags, .depth = depth };
    weft_walk *walk;
    weft_walk_entry entry;
    int count = 0, rc;
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, path, &attr, &walk), 0);
    while ((rc = weft_walk_next(walk, &entry)) > 0)
        note(lines, &count, &entry);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(weft_walk_next(walk, &entry), 0);
    weft_walk_close(walk);
    for (int i = 0; i < count; i++)
        sorted[i] = lines[i];
    qsort(sorted, (size_t)count, sizeof *sorted, compare_lines);
    *text = 0;
    for (int i = 0; i < count; i++)
        strcat(strcat(text, i ? " " : ""), sorted[i]);
    return text;
}

static void plant(void)
{
    ck_assert_int_eq(mkdir("t", 0700), 0);
    ck_assert_int_eq(mkdir("t/d", 0700), 0);
    ck_assert_int_eq(mkdir("t/d/e", 0700), 0);
    ck_assert_int_eq(mkdir("t/empty", 0700), 0);
    write_file("t/f", "");
    write_file("t/d/g", "");
    write_file("t/d/e/h", "");
}

static void walk_all(void)
{
    plant();
    ck_assert_str_eq(walk("t", 0, 0), "t/ t/d/ t/d/e/ t/d/e/h t/d/g t/empty/ t/f");
    ck_assert_str_eq(walk("t/", 0, 0), "t// t/d/ t/d/e/ t/d/e/h t/d/g t/empty/ t/f");
    ck_assert_str_eq(walk("t", WEFT_WALK_BOTH, 0),
                     "t/ t/d/ t/d/e/ t/d/e/h t/d/e< t/d/g t/d< t/empty/ t/empty< t/f t<");
    ck_assert_str_eq(walk("t", 0, 1), "t/ t/d/ t/empty/ t/f");
    ck_assert_str_eq(walk("t", 0, 2), "t/ t/d/ t/d/e/ t/d/g t/empty/ t/f");
    ck_assert_str_eq(walk("t/f", 0, 0), "t/f");
}

TEST(all_that_is_below_comes_once)
{
    run_everywhere(walk_all);
}

static void keep_order(void)
{
    weft_walk_attr attr = { .flags = WEFT_WALK_BOTH };
    weft_walk *walk;
    weft_walk_entry entry;
    char open[16][160];
    int depth = 0;
    struct stat file;
    plant();
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", &attr, &walk), 0);
    while (weft_walk_next(walk, &entry) > 0) {
        if (entry.what == WEFT_WALK_AFTER)
            ck_assert_str_eq(entry.path, open[--depth]);
        ck_assert_int_eq(entry.depth, depth);
        if (depth) /* inside the last folder that has not come again */
            ck_assert_int_eq(strncmp(entry.path, open[depth - 1], strlen(open[depth - 1])), 0);
        ck_assert_int_eq(fstatat(entry.folder, entry.name, &file, AT_SYMLINK_NOFOLLOW), 0);
        ck_assert_uint_eq(file.st_ino, entry.inode);
        ck_assert_int_eq(IFTODT(file.st_mode), entry.type);
        if (entry.what == WEFT_WALK_ENTRY && entry.type == DT_DIR)
            strcpy(open[depth++], entry.path);
    }
    ck_assert_int_eq(depth, 0);
    weft_walk_close(walk);
}

TEST(folders_come_before_what_they_hold_and_after)
{
    run_everywhere(keep_order);
}

static void skip_some(void)
{
    weft_walk *walk;
    weft_walk_entry entry;
    int count = 0;
    plant();
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", NULL, &walk), 0);
    while (weft_walk_next(walk, &entry) > 0) {
        ck_assert_int_ne(strncmp(entry.path, "t/d/", 4), 0);
        if (strcmp(entry.name, "d") == 0)
            weft_walk_skip(walk);
        count++;
    }
    ck_assert_int_eq(count, 4);
    weft_walk_close(walk);
}

TEST(a_folder_that_is_skipped_is_not_entered)
{
    run_everywhere(skip_some);
}

static void meet_links(void)
{
    plant();
    ck_assert_int_eq(symlink("../t/empty", "t/l"), 0);
    ck_assert_int_eq(symlink("nowhere", "t/dead"), 0);
    ck_assert_int_eq(symlink("..", "t/d/up"), 0);
    ck_assert_int_eq(symlink("t", "top"), 0);
    ck_assert_str_eq(walk("t", 0, 0),
                     "t/ t/d/ t/d/e/ t/d/e/h t/d/g t/d/up t/dead t/empty/ t/f t/l");
    ck_assert_str_eq(walk("t", WEFT_WALK_FOLLOW, 0),
                     "t/ t/d/ t/d/e/ t/d/e/h t/d/g t/d/up!40 t/d/up/ t/dead t/empty/ t/f t/l/");
    ck_assert_str_eq(walk("top", 0, 0), "top");
    ck_assert_str_eq(walk("top", WEFT_WALK_FOLLOW, 1),
                     "top/ top/d/ top/dead top/empty/ top/f top/l/");
}

TEST(links_are_followed_if_asked_and_never_in_circles)
{
    run_everywhere(meet_links);
}

static void fail_some(void)
{
    weft_walk *walk_;
    weft_walk_entry entry;
    weft_walk_attr wrong = { .flags = 0x80 };
    plant();
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "none", NULL, &walk_), 0);
    ck_assert_int_eq(weft_walk_next(walk_, &entry), -ENOENT);
    ck_assert_int_eq(weft_walk_next(walk_, &entry), 0);
    weft_walk_close(walk_);
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "", NULL, &walk_), -EINVAL);
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", &wrong, &walk_), -EINVAL);
    weft_walk_close(NULL);
    ck_assert_int_eq(chmod("t/d", 0), 0);
    ck_assert_str_eq(walk("t", 0, 0), "t/ t/d!13 t/d/ t/empty/ t/f");
    ck_assert_int_eq(chmod("t/d", 0700), 0);
}

TEST(what_cannot_be_read_is_told_and_the_walk_goes_on)
{
    become_nobody();
    run_everywhere(fail_some);
}

/* What was a folder is one no more when it is entered. */
static void change_meanwhile(void)
{
    weft_walk *walk;
    weft_walk_entry entry;
    int failed = 0, rc;
    plant();
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", NULL, &walk), 0);
    while ((rc = weft_walk_next(walk, &entry)) > 0) {
        ck_assert_str_ne(entry.name, "secret");
        if (entry.what == WEFT_WALK_FAILED) {
            ck_assert_str_eq(entry.name, "empty");
            ck_assert(entry.error == -ENOTDIR || entry.error == -ELOOP);
            failed++;
        } else if (strcmp(entry.name, "empty") == 0) {
            ck_assert_int_eq(rmdir("t/empty"), 0);
            ck_assert_int_eq(mkdir("elsewhere", 0700), 0);
            write_file("elsewhere/secret", "");
            ck_assert_int_eq(symlink("../elsewhere", "t/empty"), 0);
        }
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(failed, 1);
    weft_walk_close(walk);
}

TEST(a_link_in_the_place_of_a_folder_is_not_followed)
{
    run_everywhere(change_meanwhile);
}

/* Deeper than so many folders may be open. */
static void dig(void)
{
    char path[DEEP * 2 + 8] = "n";
    for (int i = 0; i < DEEP; i++) {
        ck_assert_int_eq(mkdir(path, 0700), 0);
        strcat(path, "/f");
        write_file(path, "");
        path[strlen(path) - 1] = 'n';
    }
}

static void go_deep(void)
{
    weft_walk_attr attr = { .flags = WEFT_WALK_BOTH };
    weft_walk *walk;
    weft_walk_entry entry;
    int counts[3] = { 0 }, files = 0, most = 0, before = entries_of("/proc/self/fd");
    dig();
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "n", &attr, &walk), 0);
    while (weft_walk_next(walk, &entry) > 0) {
        int open = entries_of("/proc/self/fd") - before;
        most = open > most ? open : most;
        counts[entry.what]++;
        files += entry.type == DT_REG;
        if (entry.type == DT_REG)
            ck_assert_int_eq(faccessat(entry.folder, entry.name, F_OK, 0), 0);
    }
    weft_walk_close(walk);
    ck_assert_int_eq(files, DEEP);
    ck_assert_int_eq(counts[WEFT_WALK_ENTRY], 2 * DEEP);
    ck_assert_int_eq(counts[WEFT_WALK_AFTER], DEEP);
    ck_assert_int_eq(counts[WEFT_WALK_FAILED], 0);
    ck_assert_int_eq(entries_of("/proc/self/fd"), before);
    ck_assert_int_le(most, 17);
}

TEST(however_deep_it_goes_few_folders_are_open)
{
    enter_folder(); /* others' descriptors would be counted, too */
    go_deep();
    leave_folder();
}

/* A folder is moved away while the walk is far below: what it still had to tell is lost, and
 * nothing of the place to which it went comes instead. */
static void move_away(void)
{
    weft_walk *walk;
    weft_walk_entry entry;
    struct stat file;
    char name[16];
    int stale = 0, rc;
    dig();
    for (int i = 0; i < 20; i++) { /* some come after the folder beside them */
        snprintf(name, sizeof name, "n/n/n/%d", i);
        write_file(name, "");
    }
    ck_assert_int_eq(mkdir("other", 0700), 0);
    write_file("other/secret", "");
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "n", NULL, &walk), 0);
    while ((rc = weft_walk_next(walk, &entry)) > 0) {
        ck_assert_str_ne(entry.name, "secret");
        if (entry.depth == DEEP - 1 && entry.type == DT_DIR)
            ck_assert_int_eq(rename("n/n/n/n", "other/n"), 0);
        if (entry.what == WEFT_WALK_FAILED) {
            ck_assert_int_eq(entry.error, -ESTALE);
            stale++;
        } else if (entry.depth < DEEP - 1) {
            ck_assert_int_eq(fstatat(entry.folder, entry.name, &file, AT_SYMLINK_NOFOLLOW), 0);
            ck_assert_uint_eq(file.st_ino, entry.inode);
        }
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_le(stale, 3); /* of those above, if they had something to tell */
    weft_walk_close(walk);
}

TEST(a_folder_that_is_moved_does_not_lead_elsewhere)
{
    run_everywhere(move_away);
}

static void cancel_and_go_on(void)
{
    weft_walk_attr attr = { .flags = WEFT_WALK_BOTH };
    weft_walk *walk;
    weft_walk_entry entry;
    weft_scope scope;
    int count = 0, rc;
    plant();
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", &attr, &walk), 0);
    do {
        weft_scope_enter(&scope, WEFT_NEVER);
        weft_scope_cancel(&scope);
        ck_assert_int_eq(weft_walk_next(walk, &entry), -ECANCELED);
        weft_scope_leave(&scope);
        rc = weft_walk_next(walk, &entry);
        count += rc;
    } while (rc > 0);
    ck_assert_int_eq(count, 11);
    weft_walk_close(walk);
}

TEST(cancelling_skips_nothing)
{
    run_everywhere(cancel_and_go_on);
}

/* From what a link leads to, ".." is another folder than the one that holds the link. */

static void follow_deep(void)
{
    char path[2 * DEEP + 8] = "data/x";
    weft_walk_attr attr = { .flags = WEFT_WALK_FOLLOW };
    weft_walk *walk;
    weft_walk_entry entry;
    int files = 0, rc;
    for (int i = 0; i < DEEP; i++)
        strcat(path, "/d");
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, path, 0700), 0);
    ck_assert_int_eq(weft_dir_make_all(AT_FDCWD, "t/m", 0700), 0);
    ck_assert_int_eq(symlink("../../data/x", "t/m/l"), 0);
    for (char name[] = "t/m/a"; name[4] <= 'z'; name[4]++) /* before and behind the link */
        if (name[4] != 'l')
            write_file(name, "");
    write_file("t/f", "");
    write_file("data/x/d/d/f", "");
    ck_assert_int_eq(weft_walk_open(AT_FDCWD, "t", &attr, &walk), 0);
    while ((rc = weft_walk_next(walk, &entry)) > 0) {
        ck_assert_int_eq(entry.what, WEFT_WALK_ENTRY);
        files += entry.type != DT_DIR;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(files, 27);
    weft_walk_close(walk);
}

TEST(nothing_is_lost_behind_a_link_that_is_followed)
{
    run_everywhere(follow_deep);
}
