/*
 * Files behind a struct of functions, so that tests can put a file system under the product that
 * loses unsynced writes, fails or fills up. fs_system is the real one. Paths are relative to the
 * directory the fs was opened on ("vault/packs/00000001"); ".." and absolute paths are refused.
 *
 * Fault points (fault.h) in front of every file system: fs.open, fs.read, fs.write, fs.sync (both
 * syncs), fs.truncate, fs.mkdir, fs.rename, fs.unlink, fs.sync_dir; "short" moves half of the
 * bytes.
 *
 * All functions may block: from a coroutine call them through co_call (see co.h), unless the header
 * of the caller says why not. Thread-safe.
 */
#ifndef TROTH_SYS_FS_H
#define TROTH_SYS_FS_H

#include "base/buf.h"

#include <stdint.h>

struct fs;
struct fs_file;

enum fs_open_flags {
    FS_READ = 1,
    FS_WRITE = 2,
    FS_CREATE = 4,    /* mode 0600 */
    FS_EXCLUSIVE = 8, /* with FS_CREATE: ERRC_EXISTS when there */
    FS_TRUNCATE = 16,
    FS_DIRECT =
            32, /* O_DIRECT where the file system has it; offsets, lengths, memory in multiples of 4096 */
};

struct fs_stat {
    uint64_t size;
    int64_t mtime_ms;
    uint32_t mode;
    bool is_dir;
};

/* Opens the directory `dir` as root of a file system. */
RESULT fs_open_dir(const char *dir, struct fs **ret, struct error *e);
/* The same file system with another root below. */
RESULT fs_sub(struct fs *fs, const char *path, struct fs **ret, struct error *e);
void fs_free(struct fs *fs);
DEFINE_CLEANUP(fs_free, struct fs *)

RESULT fs_open(struct fs *fs, const char *path, unsigned flags, struct fs_file **ret,
               struct error *e);
void fs_close(struct fs_file *f);
DEFINE_CLEANUP(fs_close, struct fs_file *)

/*
 * All of n bytes or an error; ERRC_CLOSED when the file ends before (`*ret_n`, may be NULL, tells
 * how many came).
 */
RESULT fs_pread(struct fs_file *f, void *dst, size_t n, uint64_t at, size_t *ret_n,
                struct error *e);
RESULT fs_pwrite(struct fs_file *f, const void *src, size_t n, uint64_t at, struct error *e);
RESULT fs_datasync(struct fs_file *f, struct error *e);
RESULT fs_sync(struct fs_file *f, struct error *e);
RESULT fs_truncate(struct fs_file *f, uint64_t size, struct error *e);
/* Allocates blocks and writes zeros, so that later overwrites need no metadata journal. */
RESULT fs_preallocate(struct fs_file *f, uint64_t size, struct error *e);
RESULT fs_size(struct fs_file *f, uint64_t *ret, struct error *e);
/* Exclusive advisory lock for as long as the file is open; ERRC_CONFLICT when another holds it. */
RESULT fs_lock(struct fs_file *f, struct error *e);
int fs_fd(struct fs_file *f); /* -1 in a fake */

RESULT fs_mkdir(struct fs *fs, const char *path, struct error *e); /* mode 0700; existing is fine */
RESULT fs_rename(struct fs *fs, const char *from, const char *to, struct error *e);
RESULT fs_unlink(struct fs *fs, const char *path, struct error *e); /* ERRC_NOT_FOUND */
RESULT fs_rmdir(struct fs *fs, const char *path, struct error *e);
RESULT fs_stat(struct fs *fs, const char *path, struct fs_stat *ret, struct error *e);
RESULT fs_sync_dir(struct fs *fs, const char *path,
                   struct error *e); /* makes names durable; "" is the root */
/* Calls fn for each name but "." and ".."; stops at its first error. */
RESULT fs_list(struct fs *fs, const char *path, struct result (*fn)(void *arg, const char *name),
               void *arg, struct error *e);
/* Bytes free for an ordinary user and in all. */
RESULT fs_space(struct fs *fs, uint64_t *ret_free, uint64_t *ret_total, struct error *e);

/*
 * Whole small files. Writing is atomic and durable: "<path>.tmp", sync, rename, sync of the
 * directory. One writer of a path at a time.
 */
RESULT fs_read_file(struct fs *fs, const char *path, size_t max_bytes, struct buf *out,
                    struct error *e);
RESULT fs_write_file(struct fs *fs, const char *path, struct bytes content, struct error *e);

/*
 * A file system in memory for tests. fs_fake_power_loss drops what was not synced, byte ranges
 * chosen by `seed` (a torn write keeps some 512-byte sectors of it); open files are dead
 * afterwards.
 */
struct fs *fs_fake_new(uint64_t capacity_bytes);
void fs_fake_power_loss(struct fs *fs, uint64_t seed);
void fs_fake_set_capacity(struct fs *fs, uint64_t capacity_bytes);
/* For tamper tests: flips bits of one stored byte. */
RESULT fs_fake_flip(struct fs *fs, const char *path, uint64_t at, uint8_t mask);

#endif
