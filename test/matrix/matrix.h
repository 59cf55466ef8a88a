/* matrix.h - the cancellation matrix: every function that suspends, through everything
 * that can cut it short.
 *
 * A row is an operation: a function of the public headers, with an event that it waits
 * for. Which rows there have to be the headers say themselves (scripts/suspending). A
 * column is one way to cancel (test_columns.c, test_race.c). In each field the same two
 * things are checked:
 *
 *     - what the call returned is what the column asks for;
 *     - it happened exactly when the call said so: the operation's settle() compares the
 *       return value with the world. */
#ifndef WEFT_TEST_MATRIX_H
#define WEFT_TEST_MATRIX_H

#include "suite.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "sched/task.h"
#include "tasks.h"

/* What an operation works on; a field is used as its file likes. */
struct stage {
    const struct operation *operation;
    const char *subject, *column;
    struct weft__waiter *waiter; /* who calls */
    weft_scope *scope;           /* what is cancelled */
    int64_t nap;                 /* what sleeps, sleeps so long */

    int fd, peer; /* -1: none */
    int client;
    weft_task *tasks[2];
    int results[2];
    weft_group group;
    atomic_int count;
    atomic_bool done;
};

/* In the order of their use. All but call() may be NULL. */
struct operation {
    const char *name;
    void (*open)(struct stage *stage);  /* once */
    void (*arm)(struct stage *stage);   /* each time: nothing has happened */
    void (*enter)(struct stage *stage); /* by the caller, inside the scope */
    long (*call)(struct stage *stage);
    void (*event)(struct stage *stage); /* by anybody: makes it happen */
    /* After call() has returned `rc`, and event(): compares, and puts back. */
    void (*settle)(struct stage *stage, long rc);
    void (*close)(struct stage *stage);
    bool tasks; /* needs a runtime */
    bool once;  /* call() is for once */
    bool keen;  /* is cut short only where it has to wait: what can happen at once, does */
};

/* Fails the test, and says which field of the matrix it was. */
#define EXPECT(stage, condition, ...) \
    do { \
        if (!(condition)) \
            stage_fail(stage, __LINE__, #condition, __VA_ARGS__); \
    } while (0)

_Noreturn void stage_fail(const struct stage *stage, int line, const char *condition,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Calls a step of the operation, if there is one. */
#define STEP(stage, step) \
    do { \
        if ((stage)->operation->step) \
            (stage)->operation->step(stage); \
    } while (0)

/* A plain thread that does something to the stage at the same time. */
struct other {
    pthread_t thread;
    sem_t go, gone;
    void (*act)(struct stage *stage);
    struct stage *stage;
};

void other_open(struct other *other);
void other_close(struct other *other);

/* Never suspend; other_wait() blocks the thread. */
void other_do(struct other *other, struct stage *stage, void (*act)(struct stage *stage));
void other_wait(struct other *other);

/* For other_do(): as soon as the caller is seen to wait, or after a while, since some
 * never are. */
void await_waiting(struct stage *stage);

/* Who calls. */
enum subject { A_TASK, A_VIRTUAL_THREAD, A_PLAIN_THREAD, A_LONE_THREAD, SUBJECTS };

/* Runs `column` for every operation, as `subject` with so many workers. A lone thread
 * has no runtime. */
void run_column(const char *name, enum subject subject, unsigned workers,
                void (*column)(struct stage *stage));

#endif
