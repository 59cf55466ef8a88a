/* Whole files, folders and trees: each is several calls, and the first has to wait. */
#include "files.h"

#include <stdlib.h>
#include <string.h>

static long load(void)
{
    void *data;
    int rc = weft_file_load(files_folder, "f", sizeof files_text - 1, &data, NULL);
    if (rc == 0) {
        strcpy(files_text, data);
        free(data);
    }
    return rc;
}

FILE_CASE(weft_file_load, load(), strcmp(files_text, OLD) == 0);
FILE_CASE(weft_file_save, weft_file_save(files_folder, "f", NEW, 5, 0600, NULL),
          files_say("f", NEW));
FILE_CASE(weft_file_copy, weft_file_copy(files_folder, "f", files_folder, "new", NULL),
          files_say("new", OLD));
FILE_CASE(weft_dir_make_all, weft_dir_make_all(files_folder, "new", 0700), files_exist("new"));
FILE_CASE(weft_dir_remove_all, weft_dir_remove_all(files_folder, "f"), !files_exist("f"));

/* Iterators: whether one has gone on the next step tells, which nobody cancels. */

static weft_dir *dir;
static weft_walk *walk;

static bool has_opened(void)
{
    bool opened = dir != NULL;
    weft_dir_close(dir);
    dir = NULL;
    return opened;
}

FILE_CASE(weft_dir_open, weft_dir_open(files_folder, ".", &dir), has_opened());

static int count_left(void)
{
    weft_dir_entry entry;
    weft_scope shield;
    int count = 0;
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    while (weft_dir_next(dir, &entry) > 0)
        count++;
    weft_scope_leave(&shield);
    return count;
}

static void arm_dir(struct stage *stage)
{
    ck_assert_int_eq(weft_dir_open(files_folder, ".", &dir), 0);
    files_arm(stage);
}

static long call_dir_next(struct stage *stage)
{
    weft_dir_entry entry;
    (void)stage;
    return weft_dir_next(dir, &entry);
}

static void settle_dir_next(struct stage *stage, long rc)
{
    files_release(stage);
    int left = count_left();
    weft_dir_close(dir);
    dir = NULL;
    files_settle(stage, rc, left == 1);
    EXPECT(stage, left == (rc > 0 ? 1 : 2), "it returned %ld, and %d were left", rc, left);
}

const struct operation case_weft_dir_next = { .name = "weft_dir_next",
                                              .open = files_open,
                                              .arm = arm_dir,
                                              .call = call_dir_next,
                                              .event = files_release,
                                              .settle = settle_dir_next,
                                              .close = files_close };

static void arm_walk(struct stage *stage)
{
    ck_assert_int_eq(weft_walk_open(files_folder, ".", NULL, &walk), 0);
    files_arm(stage);
}

static long call_walk_next(struct stage *stage)
{
    weft_walk_entry entry;
    (void)stage;
    return weft_walk_next(walk, &entry);
}

static void settle_walk_next(struct stage *stage, long rc)
{
    weft_walk_entry entry;
    weft_scope shield;
    int left = 0;
    files_release(stage);
    weft_scope_enter_shielded(&shield, WEFT_NEVER);
    while (weft_walk_next(walk, &entry) > 0)
        left++;
    weft_scope_leave(&shield);
    weft_walk_close(walk);
    files_settle(stage, rc, left == 2);
    EXPECT(stage, left == (rc > 0 ? 2 : 3), "it returned %ld, and %d were left", rc, left);
}

const struct operation case_weft_walk_next = { .name = "weft_walk_next",
                                               .open = files_open,
                                               .arm = arm_walk,
                                               .call = call_walk_next,
                                               .event = files_release,
                                               .settle = settle_walk_next,
                                               .close = files_close };
