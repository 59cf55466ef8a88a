/* strand - a chat room without a lock: visitors come on all cores, and what happens in the
 * room happens one thing at a time, in its strand. */
#include <stdio.h>
#include <weft.h>

#define VISITORS 100
#define WORDS 3

static struct room {
    weft_strand *strand;
    int visitors, present, words; /* plain data: only the strand's tasks touch it */
} room;

static int come(void *unused)
{
    (void)unused;
    room.present++;
    return ++room.visitors; /* this visitor's number */
}

static void hear(void *unused)
{
    (void)unused;
    room.words++;
}

static int leave(void *unused)
{
    (void)unused;
    return --room.present;
}

/* Outside of the strand. */
static int visit(void *unused)
{
    int number;

    (void)unused;
    weft_strand_call(room.strand, come, NULL, &number);
    for (int i = 0; i < WORDS; i++) {
        weft_strand_post(room.strand, hear, NULL);
        weft_sleep(WEFT_US(100 * (number % 7)));
    }
    return weft_strand_call(room.strand, leave, NULL, NULL);
}

/* A task of the strand: while it waits, the others go on. */
static int close_up(void *unused)
{
    (void)unused;
    while (room.visitors < VISITORS || room.present > 0)
        weft_sleep(WEFT_MS(1));
    printf("%d visitors, %d words, %d left behind\n", room.visitors, room.words, room.present);
    return 0;
}

static void good_night(void *unused)
{
    (void)unused;
    printf("good night\n");
}

static int run(void *unused)
{
    weft_group group;
    weft_task *closing;

    (void)unused;
    weft_strand_create(&room.strand);
    weft_strand_spawn(room.strand, close_up, NULL, &closing);
    weft_group_enter(&group, WEFT_NEVER);
    for (int i = 0; i < VISITORS; i++)
        weft_group_spawn(&group, visit, NULL);
    weft_group_leave(&group);
    weft_join(closing, NULL);
    weft_strand_schedule(room.strand, weft_after(WEFT_MS(5)), good_night, NULL, NULL);
    return weft_strand_destroy(room.strand); /* when all of that has happened */
}

int main(void)
{
    return weft_run(NULL, run, NULL) == 0 ? 0 : 1;
}
