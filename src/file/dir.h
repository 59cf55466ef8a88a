/* dir.h - folders that are opened in other ways. */
#ifndef WEFT_FILE_DIR_H
#define WEFT_FILE_DIR_H

#include "weft/dir.h"

/* weft_dir_open() with further flags of open(2). */
int weft__dir_open(int folder, const char *path, int flags, weft_dir **ret_dir);

/* Frees it, but for its descriptor, which is the caller's now. */
int weft__dir_release(weft_dir *dir);

#endif
