/* model.h - a small model checker for the lock-free protocols.
 *
 * With WEFT_MODEL defined, every atomic access of base/atomic.h calls in here,
 * and so the checker decides, before each of them, which thread goes next. The
 * threads of a model are coroutines of one OS thread, and an execution is the
 * sequence of choices that were made: the same choices give the same execution.
 *
 *     static struct model m = { .setup = reset, .body = { producer, consumer },
 *                               .check = all_is_well, .preemptions = 3 };
 *     model_check(&m);
 *
 * First all executions within a bound of preemptions are tried, depth first (most
 * concurrency errors need two or three preemptions: CHESS, Musuvathi and Qadeer
 * 2007); then some at random, without bound, from the seed of the test.
 *
 * What memory does. Each thread has a store buffer, as on x86 (TSO): a store that
 * is not seq_cst goes there, first in first out; loads of the same thread look
 * there first; read-modify-writes and seq_cst stores empty it; and
 * weft__barrier_heavy() empties those of all threads, as membarrier(2) does. So a
 * missing StoreLoad fence is found. What leaves a buffer when is a choice as well,
 * made late: when another thread touches the same address, since nobody sees the
 * difference before. Not to see a store counts as a preemption does, on an account
 * of its own, with one more to spend. Reorderings that x86 does not do, which a weaker processor
 * may, are not tried, nor are delays of plain accesses; those are for the orders
 * named at each operation and for TSan.
 *
 * What the threads' code may do. It must depend on nothing but the choices: no
 * clocks, no random numbers, no addresses from malloc() that change control flow.
 * Plain data that a protocol protects is checked by the code: set a plain `owner`,
 * call model_step(), and see with model_assert() that it is still the same.
 *
 * A failing execution is printed as a trace of its steps and as a string of its
 * choices; WEFT_MODEL_REPLAY=<string> with the test's name runs just that one.
 * WEFT_MODEL_RANDOM=1 leaves the exhaustive part out (scripts/model-seeds). */
#ifndef WEFT_TEST_MODEL_H
#define WEFT_TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_THREADS 6
#define MODEL_UNBOUNDED (-1)

struct model {
    void (*setup)(void); /* before each execution */
    void (*body[MODEL_THREADS])(void);
    void (*check)(void);      /* after each execution, when all threads have ended */
    int preemptions;          /* bound; 0: two */
    unsigned long executions; /* of the exhaustive part; 0: 100,000. Scaled by test_work() */
    unsigned long random;     /* executions of the random part, likewise; 0: 5000 */
    unsigned steps;           /* more in one execution is a livelock; 0: 3000 */
    bool sequential;          /* without store buffers */
};

struct model_result {
    unsigned long executions; /* within the last bound */
    bool complete;            /* they were all of them */
    int bound;                /* the highest for which all were tried; -1: none */
    bool failed;
    char message[400];
    char choices[600]; /* of the failing execution */
};

/* Expects that no execution fails. */
void model_check(const struct model *model);

/* Expects that some execution fails, in the exhaustive part, with a message that
 * contains `text`: for code that was broken on purpose. */
void model_check_fails(const struct model *model, const char *text);

/* Explores exhaustively, without judging. */
void model_explore(const struct model *model, struct model_result *ret_result);

/* Repeats one execution, with a trace on standard error. */
void model_replay(const struct model *model, const char *choices, struct model_result *ret_result);

/* In setup: what a trace calls this object. */
#define model_name(object) model_name_at(&(object), sizeof(object), #object)
void model_name_at(const volatile void *object, size_t size, const char *name);

/* From here on for the bodies. */

/* The index of the running thread. */
unsigned model_self(void);

/* A number below `n`: each of them is tried. */
unsigned model_choose(unsigned n);

/* Fails the execution. `what` names the invariant. */
#define model_assert(condition, what) \
    ((condition) ? (void)0 : model_fail("%s: %s (%s:%d)", what, #condition, __FILE__, __LINE__))
_Noreturn void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line for the trace. */
void model_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A full fence. */
void model_fence(void);

/* Sleeps until ready(arg) holds. A system call, hence a fence. What `ready` looks
 * at is plain data, or stored with seq_cst: a buffered store is waited for only
 * when nothing else can go on. */
void model_wait(bool (*ready)(void *arg), void *arg);

/* As futex(2). Returns false when the time is over, which is tried at any moment
 * if the sleep is `timed`. */
bool model_futex_wait(const volatile void *word, uint32_t value, bool timed);
void model_futex_wake(const volatile void *word, int count);

/* From here until the end of the execution an access to the object fails: it has
 * been released. So does a store of another thread that is still under way. */
void model_forbid(const volatile void *object, size_t size);
void model_allow(const volatile void *object);

/* For base/atomic.h and os/barrier.h; model_step() also serves bodies as a place
 * where another thread may come in. */
void model_step(void);
void model_forward(const volatile void *address, void *value, size_t size);
void model_store(volatile void *address, const void *value, size_t size, bool seq_cst);
void model_rmw(const volatile void *address, size_t size);
void model_spin(void);
void model_heavy_barrier(void);

#endif
