/* files.h - what the rows of files have in common: there may be one thread for them, which
 * somebody else has, and the event is that it is free. What was there, and what is, lies in a
 * folder of the test's own. */
#ifndef WEFT_TEST_MATRIX_FILES_H
#define WEFT_TEST_MATRIX_FILES_H

#include <fcntl.h>
#include <unistd.h>

#include "matrix.h"

#define OLD "old"
#define NEW "fresh"

/* The folder, and the file "f" in it, which holds OLD. There are a link "l" to nowhere, and
 * nothing else; what a call makes is called "new". */
extern int files_folder, files_fd;
extern char files_text[64]; /* to read into; empty before */
extern atomic_int files_synced;

void files_open(struct stage *stage);
void files_arm(struct stage *stage);
void files_release(struct stage *stage);
void files_close(struct stage *stage);

/* By each settle(), with whether it has happened. */
void files_settle(struct stage *stage, long rc, bool happened);

bool files_exist(const char *name);
bool files_say(const char *name, const char *text);

/* An operation: its call, and an expression that tells whether it has happened. */
#define FILE_CASE(name_, attempt, happened) \
    static long call_##name_(struct stage *stage) \
    { \
        (void)stage; \
        return (attempt); \
    } \
    static void settle_##name_(struct stage *stage, long rc) \
    { \
        files_settle(stage, rc, (happened)); \
    } \
    const struct operation case_##name_ = { .name = #name_, \
                                            .open = files_open, \
                                            .arm = files_arm, \
                                            .call = call_##name_, \
                                            .event = files_release, \
                                            .settle = settle_##name_, \
                                            .close = files_close }

#endif
