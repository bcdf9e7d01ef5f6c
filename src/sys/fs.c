/* The face of file systems: checks of paths and arguments, fault points, whole files. */
#include "sys/fs.h"

#include "sys/fault.h"
#include "sys/fs_priv.h"

#include <assert.h>

#define BLOCK_BYTES 4096u
#define ZERO_BYTES  (256u * 1024)
#define NAME_BYTES  255u
#define PATH_BYTES  4096u

/* Relative, no empty part, no "." and no "..". "" is the root itself where `may_be_root`. */
static struct result path_check(const char *path, bool may_be_root, struct error *e)
{
    struct bytes rest = bytes_str(path);
    if (rest.n == 0 && may_be_root) {
        return RESULT_OK;
    }
    bool has_more = rest.n < PATH_BYTES;
    bool is_good = has_more;
    while (is_good && has_more) {
        struct bytes part = BYTES_NONE;
        has_more = bytes_split(&rest, '/', &part);
        is_good = part.n > 0 && part.n <= NAME_BYTES && !bytes_equal_str(part, ".") &&
                  !bytes_equal_str(part, "..");
    }
    if (!is_good) {
        FAIL(e, ERRC_RANGE, "'%.200s' is not a path below the root", path);
    }
    return RESULT_OK;
}

static struct result fault_result(enum fault_kind kind, const char *what, struct error *e)
{
    switch (kind) {
    case FAULT_NONE:
        return RESULT_OK;
    case FAULT_ENOSPC:
        FAIL(e, ERRC_FULL, "%s: injected fault: no space", what);
    case FAULT_EAGAIN:
        FAIL(e, ERRC_AGAIN, "%s: injected fault: try again", what);
    case FAULT_NOMEM:
        FAIL(e, ERRC_NOMEM, "%s: injected fault: no memory", what);
    default:
        FAIL(e, ERRC_IO, "%s: injected fault", what);
    }
}

static struct result fault_check(const char *point, struct error *e)
{
    return fault_result(fault_point(point), point, e);
}

/* --- roots ------------------------------------------------------------------------------------ */

struct result fs_sub(struct fs *fs, const char *path, struct fs **ret, struct error *e)
{
    TRY(path_check(path, true, e));
    return fs->ops->sub(fs, path, ret, e);
}

void fs_free(struct fs *fs)
{
    if (fs != NULL) {
        fs->ops->free(fs);
    }
}

/* --- files ------------------------------------------------------------------------------------ */

struct result fs_open(struct fs *fs, const char *path, unsigned flags, struct fs_file **ret,
                      struct error *e)
{
    assert((flags & (FS_READ | FS_WRITE)) != 0);
    TRY(path_check(path, false, e));
    TRY(fault_check("fs.open", e));
    TRY(fs->ops->open(fs, path, flags, ret, e));
    (*ret)->is_direct = (flags & FS_DIRECT) != 0;
    return RESULT_OK;
}

void fs_close(struct fs_file *f)
{
    if (f != NULL) {
        f->ops->close(f);
    }
}

struct result fs_pread(struct fs_file *f, void *dst, size_t n, uint64_t at, size_t *ret_n,
                       struct error *e)
{
    size_t done = 0, want = n;
    enum fault_kind fault = fault_point("fs.read");
    if (fault == FAULT_SHORT) {
        want = n / 2;
    } else {
        TRY(fault_result(fault, "fs.read", e));
    }
    while (done < want) {
        size_t got = 0;
        TRY(f->ops->read(f, (uint8_t *)dst + done, want - done, at + done, &got, e));
        done += got;
        bool is_end = got == 0 || (f->is_direct && got % FS_DIRECT_BYTES != 0);
        if (is_end) {
            break; /* to go on within a page is not allowed to direct access, and there is nothing */
        }
    }
    if (ret_n != NULL) {
        *ret_n = done;
    }
    if (done < n) {
        FAIL(e, ERRC_CLOSED, "the file ends %zu bytes before what is read of it", n - done);
    }
    return RESULT_OK;
}

struct result fs_pwrite(struct fs_file *f, const void *src, size_t n, uint64_t at, struct error *e)
{
    enum fault_kind fault = fault_point("fs.write");
    if (fault == FAULT_SHORT) {
        TRY(f->ops->write(f, src, n / 2, at, e));
    }
    TRY(fault_result(fault, "fs.write", e));
    return f->ops->write(f, src, n, at, e);
}

struct result fs_datasync(struct fs_file *f, struct error *e)
{
    TRY(fault_check("fs.sync", e));
    return f->ops->sync(f, true, e);
}

struct result fs_sync(struct fs_file *f, struct error *e)
{
    TRY(fault_check("fs.sync", e));
    return f->ops->sync(f, false, e);
}

struct result fs_truncate(struct fs_file *f, uint64_t size, struct error *e)
{
    TRY(fault_check("fs.truncate", e));
    return f->ops->truncate(f, size, e);
}

struct result fs_size(struct fs_file *f, uint64_t *ret, struct error *e)
{
    return f->ops->size(f, ret, e);
}

struct result fs_lock(struct fs_file *f, struct error *e)
{
    return f->ops->lock(f, e);
}

int fs_fd(struct fs_file *f)
{
    return f->fd;
}

struct result fs_preallocate(struct fs_file *f, uint64_t size, struct error *e)
{
    uint64_t at = 0;
    TRY(fs_size(f, &at, e));
    if (at >= size) {
        return RESULT_OK;
    }
    TRY(f->ops->allocate(f, size, e));
    CLEANUP(mem_free_p) void *zeros = NULL;
    TRY_MSG(mem_try_aligned(ZERO_BYTES, &zeros), e, "preallocate");
    memset(zeros, 0, ZERO_BYTES);
    while (at < size) { /* up to the next block first: later writes are aligned */
        uint64_t n = MIN(size - at, ZERO_BYTES - at % BLOCK_BYTES);
        TRY(fs_pwrite(f, zeros, (size_t)n, at, e));
        at += n;
    }
    return RESULT_OK;
}

/* --- names ------------------------------------------------------------------------------------ */

struct result fs_mkdir(struct fs *fs, const char *path, struct error *e)
{
    TRY(path_check(path, false, e));
    TRY(fault_check("fs.mkdir", e));
    return fs->ops->mkdir(fs, path, e);
}

struct result fs_rename(struct fs *fs, const char *from, const char *to, struct error *e)
{
    TRY(path_check(from, false, e));
    TRY(path_check(to, false, e));
    TRY(fault_check("fs.rename", e));
    return fs->ops->rename(fs, from, to, e);
}

struct result fs_unlink(struct fs *fs, const char *path, struct error *e)
{
    TRY(path_check(path, false, e));
    TRY(fault_check("fs.unlink", e));
    return fs->ops->remove(fs, path, false, e);
}

struct result fs_rmdir(struct fs *fs, const char *path, struct error *e)
{
    TRY(path_check(path, false, e));
    return fs->ops->remove(fs, path, true, e);
}

struct result fs_stat(struct fs *fs, const char *path, struct fs_stat *ret, struct error *e)
{
    TRY(path_check(path, true, e));
    return fs->ops->stat(fs, path, ret, e);
}

struct result fs_sync_dir(struct fs *fs, const char *path, struct error *e)
{
    TRY(path_check(path, true, e));
    TRY(fault_check("fs.sync_dir", e));
    return fs->ops->sync_dir(fs, path, e);
}

struct result fs_list(struct fs *fs, const char *path,
                      struct result (*fn)(void *arg, const char *name), void *arg, struct error *e)
{
    TRY(path_check(path, true, e));
    return fs->ops->list(fs, path, fn, arg, e);
}

struct result fs_space(struct fs *fs, uint64_t *ret_free, uint64_t *ret_total, struct error *e)
{
    return fs->ops->space(fs, ret_free, ret_total, e);
}

/* --- whole files ------------------------------------------------------------------------------ */

struct result fs_read_file(struct fs *fs, const char *path, size_t max_bytes, struct buf *out,
                           struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    TRY(fs_open(fs, path, FS_READ, &f, e));
    uint64_t size = 0;
    TRY(fs_size(f, &size, e));
    if (size > max_bytes) {
        FAIL(e, ERRC_LIMIT, "%s has more than %zu bytes", path, max_bytes);
    }
    uint8_t *p = buf_reserve(out, (size_t)size);
    if (p == NULL) {
        FAIL(e, buf_result(out).code, "read %s: no room for %llu bytes", path,
             (unsigned long long)size);
    }
    TRY_MSG(fs_pread(f, p, (size_t)size, 0, NULL, e), e, "read %s", path);
    buf_commit(out, (size_t)size);
    return RESULT_OK;
}

static struct result write_new(struct fs *fs, const char *path, struct bytes content,
                               struct error *e)
{
    CLEANUP(fs_close_p) struct fs_file *f = NULL;
    TRY(fs_open(fs, path, FS_WRITE | FS_CREATE | FS_TRUNCATE, &f, e));
    TRY(fs_pwrite(f, content.p, content.n, 0, e));
    return fs_sync(f, e);
}

struct result fs_write_file(struct fs *fs, const char *path, struct bytes content, struct error *e)
{
    CLEANUP(mem_free_p) char *temporary = mem_printf("%s.tmp", path);
    struct result r = write_new(fs, temporary, content, e);
    if (!result_is_ok(r)) {
        result_ignore(fs_unlink(fs, temporary, NULL));
        error_prefix(e, "write %s", path);
        return r;
    }
    TRY_MSG(fs_rename(fs, temporary, path, e), e, "write %s", path);
    CLEANUP(mem_free_p) char *dir = mem_strdup(path);
    char *slash = strrchr(dir, '/');
    *(slash == NULL ? dir : slash) = 0;
    TRY_MSG(fs_sync_dir(fs, dir, e), e, "write %s", path);
    return RESULT_OK;
}
