/* layout.h - where the running C library keeps what belongs to a thread.
 *
 * A thread-local block, as glibc makes it, with the thread pointer (tp):
 *
 *     x86_64      [static TLS of all modules] tp: [struct pthread]
 *     aarch64     [struct pthread] tp: [two words] [static TLS of all modules]
 *
 * pthread_self() is the address of struct pthread, whose fields no header
 * tells. They are found: by the descriptions that glibc exports for debuggers
 * (_thread_db_*), by asking the kernel, and by looking for known values in the
 * struct of a real thread, in which every one of them is checked. What does not
 * fit is a refusal: there will be no virtual threads, and a reason. */
#ifndef WEFT_VTHREAD_LAYOUT_H
#define WEFT_VTHREAD_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Thread-specific data: a key's destructor, and a thread's value. */
struct weft__key {
    uintptr_t sequence;
    void (*destroy)(void *value);
};

struct weft__key_value {
    uintptr_t sequence;
    void *value;
};

#define WEFT__KEY_LEVEL 32 /* keys in a block of values, and blocks */

/* A thread's table of its modules' TLS. [-1].number: entries after [0]; [0].number:
 * the generation. */
union weft__dtv {
    size_t number;
    struct {
        void *address;
        void *to_free; /* not NULL: memory of its own, not the block's */
    };
};

struct weft__stack_fields {
    void *low; /* guard included */
    size_t size, guard, reported_guard;
};

struct weft__robust_list {
    void *first;
    long futex_offset; /* from a link to the mutex's word */
    void *pending;
    void *cleanup[2]; /* not the kernel's: the chains of cleanup handlers */
};

struct weft__layout {
    /* The loader's and libc's functions, and the keys. */
    void *(*allocate)(void *memory);
    void *(*initialise)(void *tp, bool all); /* false: not those of other namespaces */
    void (*deallocate)(void *tp, bool whole);
    void (*ctype_init)(void);
    void (*call_tls_dtors)(void);
    void (*resolver_close)(void *state);
    const struct weft__key *keys;

    ptrdiff_t self; /* struct pthread from tp */
    size_t size;    /* of struct pthread */

    /* From struct pthread. */
    size_t dtv;      /* union weft__dtv * */
    size_t list;     /* of threads: next, previous */
    size_t tid;      /* uint32_t */
    size_t robust;   /* struct weft__robust_list, after a pointer to its last */
    size_t cancel;   /* uint32_t */
    size_t values;   /* struct weft__key_value [WEFT__KEY_LEVEL]: the first block, */
    size_t blocks;   /* and pointers to all blocks */
    size_t stack;    /* struct weft__stack_fields */
    size_t resolver; /* struct __res_state */
    long futex_offset;

    /* From tp. */
    ptrdiff_t libc; /* libc's own thread-locals, */
    size_t libc_size;
    ptrdiff_t resolver_pointer; /* among them, to the resolver's state */
    ptrdiff_t rseq;             /* the area; 0: there is none */
};

/* What libc's own thread-locals may measure; glibc 2.36's take 144 bytes. */
#define WEFT__LIBC_TLS_MAX 1024

/* Refusals that are for now only: something was not to be had. */
extern const char weft__no_thread[], weft__no_key[], weft__no_memory[];

/* Finds and checks everything. Takes a real thread, so some 100 us; blocks, does
 * not suspend. Returns NULL, or why there can be no virtual threads: static text. */
const char *weft__layout_find(struct weft__layout *layout);

#endif
