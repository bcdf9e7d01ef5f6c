/*
 * The real file system, below a directory descriptor. Each part of a path is opened with
 * O_NOFOLLOW, so neither ".." (see fs.c) nor a symbolic link leads out of the root.
 */
#include "sys/fs.h"

#include "sys/fs_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct system_fs {
    struct fs base;
    int dir;
};

static const struct fs_ops system_ops;

static struct system_fs *system_of(struct fs *fs)
{
    return CONTAINER_OF(fs, struct system_fs, base);
}

static void fd_close_p(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* Opens the directory that holds the last part of path; `ret_name` points at that part. */
static struct result parent_open(struct fs *fs, const char *path, int *ret_dir,
                                 const char **ret_name, struct error *e)
{
    CLEANUP(fd_close_p) int dir = openat(system_of(fs)->dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *part = path;
    for (const char *slash; dir >= 0 && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        char name[256];
        size_t n = (size_t)(slash - part); /* at most 255: checked by fs.c */
        memcpy(name, part, n);
        name[n] = 0;
        int next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int err = errno;
        close(dir);
        dir = next;
        errno = err;
    }
    if (dir < 0) {
        FAIL_SYS(e, "%s", path);
    }
    *ret_dir = dir;
    *ret_name = *part == 0 ? "." : part;
    dir = -1;
    return RESULT_OK;
}

static struct result system_new(int dir, struct fs **ret)
{
    struct system_fs *s = mem_zalloc(sizeof(*s));
    s->base.ops = &system_ops;
    s->dir = dir;
    *ret = &s->base;
    return RESULT_OK;
}

struct result fs_open_dir(const char *dir, struct fs **ret, struct error *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        FAIL_SYS(e, "open directory %s", dir);
    }
    return system_new(fd, ret);
}

static struct result system_open_dir(struct fs *fs, const char *path, int *ret, struct error *e)
{
    CLEANUP(fd_close_p) int dir = -1;
    const char *name = NULL;
    TRY(parent_open(fs, path, &dir, &name, e));
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        FAIL_SYS(e, "open directory %s", path);
    }
    *ret = fd;
    return RESULT_OK;
}

static struct result system_sub(struct fs *fs, const char *path, struct fs **ret, struct error *e)
{
    int fd = -1;
    TRY(system_open_dir(fs, path, &fd, e));
    return system_new(fd, ret);
}

static void system_free(struct fs *fs)
{
    close(system_of(fs)->dir);
    mem_free(system_of(fs));
}

/* --- files ------------------------------------------------------------------------------------ */

static int flags_of(unsigned flags)
{
    int how = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK; /* a fifo must not hold us */
    how |= (flags & FS_WRITE) == 0 ? O_RDONLY : (flags & FS_READ) == 0 ? O_WRONLY : O_RDWR;
    how |= (flags & FS_CREATE) != 0 ? O_CREAT : 0;
    how |= (flags & FS_EXCLUSIVE) != 0 ? O_EXCL : 0;
    how |= (flags & FS_TRUNCATE) != 0 ? O_TRUNC : 0;
    how |= (flags & FS_DIRECT) != 0 ? O_DIRECT : 0;
    return how;
}

static struct result system_open(struct fs *fs, const char *path, unsigned flags,
                                 struct fs_file **ret, struct error *e)
{
    CLEANUP(fd_close_p) int dir = -1, fd = -1;
    const char *name = NULL;
    TRY(parent_open(fs, path, &dir, &name, e));
    fd = openat(dir, name, flags_of(flags), 0600);
    if (fd < 0 && errno == EINVAL && (flags & FS_DIRECT) != 0) { /* not on this file system */
        fd = openat(dir, name, flags_of(flags & ~(unsigned)FS_DIRECT), 0600);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL_SYS(e, "open %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        FAIL(e, ERRC_CONFLICT, "%s is not a regular file", path);
    }
    struct fs_file *f = mem_zalloc(sizeof(*f));
    f->ops = &system_ops;
    f->fd = fd;
    fd = -1;
    *ret = f;
    return RESULT_OK;
}

static void system_close(struct fs_file *f)
{
    close(f->fd);
    mem_free(f);
}

static struct result system_read(struct fs_file *f, void *dst, size_t n, uint64_t at, size_t *ret_n,
                                 struct error *e)
{
    ssize_t got;
    do {
        got = pread(f->fd, dst, n, (off_t)at);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        FAIL_SYS(e, "read");
    }
    *ret_n = (size_t)got;
    return RESULT_OK;
}

static struct result system_write(struct fs_file *f, const void *src, size_t n, uint64_t at,
                                  struct error *e)
{
    for (size_t done = 0; done < n;) {
        ssize_t put = pwrite(f->fd, (const uint8_t *)src + done, n - done, (off_t)(at + done));
        if (put > 0) {
            done += (size_t)put;
        } else if (put == 0 || errno != EINTR) {
            FAIL_SYS(e, "write");
        }
    }
    return RESULT_OK;
}

static struct result system_sync(struct fs_file *f, bool data_only, struct error *e)
{
    if ((data_only ? fdatasync(f->fd) : fsync(f->fd)) != 0) {
        FAIL_SYS(e, "sync");
    }
    return RESULT_OK;
}

static struct result system_truncate(struct fs_file *f, uint64_t size, struct error *e)
{
    if (ftruncate(f->fd, (off_t)size) != 0) {
        FAIL_SYS(e, "truncate");
    }
    return RESULT_OK;
}

static struct result system_allocate(struct fs_file *f, uint64_t size, struct error *e)
{
    if (fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS) {
        FAIL_SYS(e, "allocate %llu bytes", (unsigned long long)size);
    }
    return RESULT_OK;
}

static struct result system_size(struct fs_file *f, uint64_t *ret, struct error *e)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0) {
        FAIL_SYS(e, "size");
    }
    *ret = (uint64_t)st.st_size;
    return RESULT_OK;
}

static struct result system_lock(struct fs_file *f, struct error *e)
{
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            FAIL(e, ERRC_CONFLICT, "locked by another process");
        }
        FAIL_SYS(e, "lock");
    }
    return RESULT_OK;
}

/* --- names ------------------------------------------------------------------------------------ */

static struct result system_mkdir(struct fs *fs, const char *path, struct error *e)
{
    CLEANUP(fd_close_p) int dir = -1;
    const char *name = NULL;
    TRY(parent_open(fs, path, &dir, &name, e));
    if (mkdirat(dir, name, 0700) != 0) {
        int err = errno;
        struct stat st;
        if (err != EEXIST || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(st.st_mode)) {
            return error_set_sys(e, err, "make directory %s", path);
        }
    }
    return RESULT_OK;
}

static struct result system_rename(struct fs *fs, const char *from, const char *to, struct error *e)
{
    CLEANUP(fd_close_p) int from_dir = -1, to_dir = -1;
    const char *from_name = NULL, *to_name = NULL;
    TRY(parent_open(fs, from, &from_dir, &from_name, e));
    TRY(parent_open(fs, to, &to_dir, &to_name, e));
    if (renameat(from_dir, from_name, to_dir, to_name) != 0) {
        FAIL_SYS(e, "rename %s to %s", from, to);
    }
    return RESULT_OK;
}

static struct result system_remove(struct fs *fs, const char *path, bool is_dir, struct error *e)
{
    CLEANUP(fd_close_p) int dir = -1;
    const char *name = NULL;
    TRY(parent_open(fs, path, &dir, &name, e));
    if (unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0) != 0) {
        FAIL_SYS(e, "remove %s", path);
    }
    return RESULT_OK;
}

static struct result system_stat(struct fs *fs, const char *path, struct fs_stat *ret,
                                 struct error *e)
{
    CLEANUP(fd_close_p) int dir = -1;
    const char *name = NULL;
    TRY(parent_open(fs, path, &dir, &name, e));
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        FAIL_SYS(e, "%s", path);
    }
    *ret = (struct fs_stat){ .size = (uint64_t)st.st_size,
                             .mtime_ms = st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
                             .mode = st.st_mode & 07777,
                             .is_dir = S_ISDIR(st.st_mode) };
    return RESULT_OK;
}

static struct result system_sync_dir(struct fs *fs, const char *path, struct error *e)
{
    CLEANUP(fd_close_p) int fd = -1;
    TRY(system_open_dir(fs, path, &fd, e));
    if (fsync(fd) != 0) {
        FAIL_SYS(e, "sync directory %s", path);
    }
    return RESULT_OK;
}

static void dir_close_p(DIR **d)
{
    if (*d != NULL) {
        closedir(*d);
    }
}

static struct result system_list(struct fs *fs, const char *path,
                                 struct result (*fn)(void *arg, const char *name), void *arg,
                                 struct error *e)
{
    int fd = -1;
    TRY(system_open_dir(fs, path, &fd, e));
    CLEANUP(dir_close_p) DIR *d = fdopendir(fd);
    if (d == NULL) {
        int err = errno;
        close(fd);
        return error_set_sys(e, err, "list %s", path);
    }
    for (;;) {
        errno = 0;
        const struct dirent *item = readdir(d);
        if (item == NULL && errno != 0) {
            FAIL_SYS(e, "list %s", path);
        }
        if (item == NULL) {
            return RESULT_OK;
        }
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) {
            TRY_MSG(fn(arg, item->d_name), e, "list %s: %s", path, item->d_name);
        }
    }
}

static struct result system_space(struct fs *fs, uint64_t *ret_free, uint64_t *ret_total,
                                  struct error *e)
{
    struct statvfs v;
    if (fstatvfs(system_of(fs)->dir, &v) != 0) {
        FAIL_SYS(e, "free space");
    }
    *ret_free = (uint64_t)v.f_bavail * v.f_frsize;
    *ret_total = (uint64_t)v.f_blocks * v.f_frsize;
    return RESULT_OK;
}

static const struct fs_ops system_ops = {
    .sub = system_sub,
    .free = system_free,
    .open = system_open,
    .close = system_close,
    .read = system_read,
    .write = system_write,
    .sync = system_sync,
    .truncate = system_truncate,
    .allocate = system_allocate,
    .size = system_size,
    .lock = system_lock,
    .mkdir = system_mkdir,
    .rename = system_rename,
    .remove = system_remove,
    .stat = system_stat,
    .sync_dir = system_sync_dir,
    .list = system_list,
    .space = system_space,
};
