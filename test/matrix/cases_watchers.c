/* File watchers: an event that is received, and watches that are added and removed when who
 * looks at folders is through with it. */
#include "matrix.h"

#include <errno.h>

#include "file/watcher.h"
#include "watching.h"

static struct place place;
static int id;

static void open_place(struct stage *stage)
{
    (void)stage;
    place_open(&place);
}

static void close_place(struct stage *stage)
{
    (void)stage;
    place_close(&place);
}

static void open_watched(struct stage *stage)
{
    open_place(stage);
    watch(&place, "", WEFT_FILE_CREATED, 0);
}

/* Receiving. */

static void create_file(struct stage *stage)
{
    (void)stage;
    write_file(&place, "file");
}

static long call_next(struct stage *stage)
{
    weft_file_event event = { .watch = 77 };
    int rc = weft_file_watcher_next(place.watcher, &event);
    EXPECT(stage, (event.watch == 77) == (rc < 0), "%d, and the watch is %d", rc, event.watch);
    if (rc == 0)
        weft_file_event_clear(&event);
    return rc;
}

/* It was received, or is to come. */
static void settle_next(struct stage *stage, long rc)
{
    weft_scope shield;
    remove_entry(&place, "file");
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        story_of(&place);
    EXPECT(stage, strcmp(place.story, rc < 0 ? "created file" : "") == 0,
           "after %ld there is \"%s\"", rc, place.story);
}

const struct operation case_weft_file_watcher_next = { .name = "weft_file_watcher_next",
                                                       .open = open_watched,
                                                       .call = call_next,
                                                       .event = create_file,
                                                       .settle = settle_next,
                                                       .close = close_place };

/* Adding and removing. */

static void look_long(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_mutex_trylock(&place.watcher->lock), 0);
}

static void end_look(struct stage *stage)
{
    (void)stage;
    ck_assert_int_eq(weft_mutex_unlock(&place.watcher->lock), 0);
}

static bool is_watched(void)
{
    return !weft__list_empty(&place.watcher->watches);
}

static long call_add(struct stage *stage)
{
    (void)stage;
    int rc = weft_file_watcher_add(place.watcher, place.path, NAMES, TREE);
    return rc > 0 ? 0 : rc;
}

static void settle_add(struct stage *stage, long rc)
{
    weft_scope shield;
    EXPECT(stage, is_watched() == (rc == 0), "after %ld it is watched: %d", rc, is_watched());
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        weft_file_watcher_remove(place.watcher, place.watcher->last_id);
}

const struct operation case_weft_file_watcher_add = { .name = "weft_file_watcher_add",
                                                      .open = open_place,
                                                      .arm = look_long,
                                                      .call = call_add,
                                                      .event = end_look,
                                                      .settle = settle_add,
                                                      .close = close_place };

static void arm_remove(struct stage *stage)
{
    id = watch(&place, "", NAMES, 0);
    look_long(stage);
}

static long call_remove(struct stage *stage)
{
    (void)stage;
    return weft_file_watcher_remove(place.watcher, id);
}

static void settle_remove(struct stage *stage, long rc)
{
    weft_scope shield;
    EXPECT(stage, is_watched() == (rc < 0), "after %ld it is watched: %d", rc, is_watched());
    WEFT_WITH_SHIELD (&shield, WEFT_NEVER)
        weft_file_watcher_remove(place.watcher, id);
}

const struct operation case_weft_file_watcher_remove = { .name = "weft_file_watcher_remove",
                                                         .open = open_place,
                                                         .arm = arm_remove,
                                                         .call = call_remove,
                                                         .event = end_look,
                                                         .settle = settle_remove,
                                                         .close = close_place };
