/* What a file system is made of. fs.c checks paths, consults the fault points and calls these. */
#ifndef TROTH_SYS_FS_PRIV_H
#define TROTH_SYS_FS_PRIV_H

#include "sys/fs.h"

struct fs_ops {
    struct result (*sub)(struct fs *fs, const char *path, struct fs **ret, struct error *e);
    void (*free)(struct fs *fs);
    struct result (*open)(struct fs *fs, const char *path, unsigned flags, struct fs_file **ret,
                          struct error *e);
    void (*close)(struct fs_file *f);
    /* At most n bytes; 0 at the end. */
    struct result (*read)(struct fs_file *f, void *dst, size_t n, uint64_t at, size_t *ret_n,
                          struct error *e);
    struct result (*write)(struct fs_file *f, const void *src, size_t n, uint64_t at,
                           struct error *e);
    struct result (*sync)(struct fs_file *f, bool data_only, struct error *e);
    struct result (*truncate)(struct fs_file *f, uint64_t size, struct error *e);
    struct result (*allocate)(struct fs_file *f, uint64_t size, struct error *e); /* blocks only */
    struct result (*size)(struct fs_file *f, uint64_t *ret, struct error *e);
    struct result (*lock)(struct fs_file *f, struct error *e);
    struct result (*mkdir)(struct fs *fs, const char *path, struct error *e);
    struct result (*rename)(struct fs *fs, const char *from, const char *to, struct error *e);
    struct result (*remove)(struct fs *fs, const char *path, bool is_dir, struct error *e);
    struct result (*stat)(struct fs *fs, const char *path, struct fs_stat *ret, struct error *e);
    struct result (*sync_dir)(struct fs *fs, const char *path, struct error *e);
    struct result (*list)(struct fs *fs, const char *path,
                          struct result (*fn)(void *arg, const char *name), void *arg,
                          struct error *e);
    struct result (*space)(struct fs *fs, uint64_t *ret_free, uint64_t *ret_total, struct error *e);
};

struct fs {
    const struct fs_ops *ops;
};

struct fs_file {
    const struct fs_ops *ops;
    int fd; /* -1 in a fake */
    bool is_direct;
};

#define FS_DIRECT_BYTES 4096u /* what direct access comes in multiples of */

#endif
