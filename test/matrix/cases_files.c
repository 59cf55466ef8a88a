/* Calls on files, one by one. */
#include "files.h"

#include <string.h>
#include <sys/stat.h>

static bool has_read(void)
{
    return strcmp(files_text, OLD) == 0;
}

static struct stat now(void)
{
    struct stat file;
    ck_assert_int_eq(fstat(files_fd, &file), 0);
    return file;
}

#define OUT \
    (struct iovec[]) \
    { \
        { \
            (char[]){ NEW }, sizeof NEW - 1 \
        } \
    }
#define IN \
    (struct iovec[]) \
    { \
        { \
            files_text, sizeof files_text \
        } \
    }

FILE_CASE(weft_pread, weft_pread(files_fd, files_text, sizeof files_text, 0), has_read());
FILE_CASE(weft_preadv, weft_preadv(files_fd, IN, 1, 0), has_read());
FILE_CASE(weft_pread_all, weft_pread_all(files_fd, files_text, 3, 0, NULL), has_read());
FILE_CASE(weft_pwrite, weft_pwrite(files_fd, NEW, 5, 0), files_say("f", NEW));
FILE_CASE(weft_pwritev, weft_pwritev(files_fd, OUT, 1, 0), files_say("f", NEW));
FILE_CASE(weft_pwrite_all, weft_pwrite_all(files_fd, NEW, 5, 0, NULL), files_say("f", NEW));
FILE_CASE(weft_fsync, weft_fsync(files_fd), atomic_load(&files_synced) == 1);
FILE_CASE(weft_fdatasync, weft_fdatasync(files_fd), atomic_load(&files_synced) == 1);
FILE_CASE(weft_ftruncate, weft_ftruncate(files_fd, 2), files_say("f", "ol"));
FILE_CASE(weft_fallocate, weft_fallocate(files_fd, 0, 0, 9), now().st_size == 9);

static struct stat found;

static bool has_looked(void)
{
    bool looked = found.st_size == 3;
    found.st_size = 0;
    return looked;
}

FILE_CASE(weft_file_stat_at, weft_file_stat_at(files_folder, "f", &found, 0), has_looked());
FILE_CASE(weft_file_rename_at, weft_file_rename_at(files_folder, "f", files_folder, "new", 0),
          !files_exist("f") && files_say("new", OLD));
FILE_CASE(weft_file_unlink_at, weft_file_unlink_at(files_folder, "f", 0), !files_exist("f"));
FILE_CASE(weft_dir_make_at, weft_dir_make_at(files_folder, "new", 0700), files_exist("new"));
FILE_CASE(weft_file_link_at, weft_file_link_at(files_folder, "f", files_folder, "new", 0),
          files_exist("new"));
FILE_CASE(weft_file_symlink_at, weft_file_symlink_at("f", files_folder, "new"), files_exist("new"));
FILE_CASE(weft_file_readlink_at,
          weft_file_readlink_at(files_folder, "l", files_text, sizeof files_text),
          strcmp(files_text, "nowhere") == 0);
FILE_CASE(weft_file_chmod_at, weft_file_chmod_at(files_folder, "f", 0640),
          (now().st_mode & 0777) == 0640);
FILE_CASE(weft_file_utimes_at, weft_file_utimes_at(files_folder, "f", NULL, 0),
          now().st_mtim.tv_sec != 1000);

/* A descriptor is the caller's, to close. */

static long call_open(struct stage *stage)
{
    (void)stage;
    return weft_file_open_at(files_folder, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static void settle_open(struct stage *stage, long rc)
{
    if (rc >= 0)
        EXPECT(stage, weft_close((int)rc) == 0, "it returned %ld", rc);
    files_settle(stage, rc, files_exist("new"));
}

const struct operation case_weft_file_open_at = { .name = "weft_file_open_at",
                                                  .open = files_open,
                                                  .arm = files_arm,
                                                  .call = call_open,
                                                  .event = files_release,
                                                  .settle = settle_open,
                                                  .close = files_close };
