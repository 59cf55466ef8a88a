#include "matrix.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "suspending.h"

/* The rows. A function that has none is an undeclared case_weft_something. */
#define DECLARE(name) extern const struct operation case_##name;
SUSPENDING(DECLARE)
#define ADDRESS(name) &case_##name,
static const struct operation *const operations[] = { SUSPENDING(ADDRESS) };

#define OPERATIONS (sizeof operations / sizeof *operations)

static const char *const subjects[SUBJECTS] = { "a task", "a virtual thread", "a plain thread",
                                                "a thread without a runtime" };

_Noreturn void stage_fail(const struct stage *stage, int line, const char *condition,
                          const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ck_abort_msg("%s by %s, %s: %s (line %d: %s)", stage->operation->name, stage->subject,
                 stage->column, text, line, condition);
}

static void *run_other(void *arg)
{
    struct other *other = arg;
    for (;;) {
        sem_wait(&other->go);
        if (!other->act)
            return NULL;
        other->act(other->stage);
        sem_post(&other->gone);
    }
}

void other_open(struct other *other)
{
    sem_init(&other->go, 0, 0);
    sem_init(&other->gone, 0, 0);
    ck_assert_int_eq(pthread_create(&other->thread, NULL, run_other, other), 0);
}

void other_do(struct other *other, struct stage *stage, void (*act)(struct stage *))
{
    other->stage = stage;
    other->act = act;
    sem_post(&other->go);
}

void other_wait(struct other *other)
{
    while (sem_wait(&other->gone) != 0)
        ;
}

void other_close(struct other *other)
{
    other->act = NULL;
    sem_post(&other->go);
    pthread_join(other->thread, NULL);
}

void await_waiting(struct stage *stage)
{
    for (int i = 0; i < 200 && weft__wait_state(stage->waiter) != WEFT__WAITING; i++)
        block_for(WEFT_US(100));
}

struct run {
    const char *name;
    enum subject subject;
    void (*column)(struct stage *stage);
};

/* The runtime's own threads open other files for moments. */
static int sockets_open(void)
{
    struct stat file;
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode);
    return count;
}

/* A lookup that nobody waits for any more may have one for a moment, in a later row. */
static int await_closed(int before)
{
    int after = sockets_open();
    for (int i = 0; i < 5000 && after > before; i++) {
        block_for(WEFT_MS(1));
        after = sockets_open();
    }
    return after;
}

/* What an operation has opened it has closed. */
static int run_operations(void *arg)
{
    const struct run *run = arg;
    for (size_t i = 0; i < OPERATIONS; i++) {
        if (operations[i]->tasks && run->subject == A_LONE_THREAD)
            continue;
        struct stage stage = { .operation = operations[i],
                               .subject = subjects[run->subject],
                               .column = run->name,
                               .waiter = weft__waiter_self(),
                               .nap = WEFT_S(1000),
                               .fd = -1,
                               .peer = -1,
                               .client = -1 };
        int before = sockets_open();
        STEP(&stage, open);
        run->column(&stage);
        STEP(&stage, close);
        int after = await_closed(before);
        EXPECT(&stage, after <= before, "%d sockets more than before", after - before);
    }
    return 0;
}

static int on_virtual_thread(void *run)
{
    weft_attr attr = { .flags = WEFT_VIRTUAL_THREAD };
    weft_task *task;
    ck_assert_int_eq(weft_spawn_with(&attr, run_operations, run, &task), 0);
    JOIN(task, 0);
    return 0;
}

void run_column(const char *name, enum subject subject, unsigned workers,
                void (*column)(struct stage *))
{
    struct run run = { name, subject, column };
    weft_config config = { .workers = workers };
    if (subject == A_VIRTUAL_THREAD && weft_virtual_thread_refusal())
        return;
    if (subject == A_TASK || subject == A_VIRTUAL_THREAD) {
        int (*fn)(void *) = subject == A_TASK ? run_operations : on_virtual_thread;
        ck_assert_int_eq(weft_run(&config, fn, &run), 0);
        return;
    }
    if (subject == A_PLAIN_THREAD)
        ck_assert_int_eq(weft_start(&config), 0);
    run_operations(&run);
    if (subject == A_PLAIN_THREAD)
        ck_assert_int_eq(weft_stop(), 0);
}
