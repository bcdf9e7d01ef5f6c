/* SQLite's io methods: the database file here, the WAL in vfs_wal.c, locks in vfs_lock.c. */
#include "store/vfs_priv.h"

#include <inttypes.h>
#include <stdatomic.h>

static struct vfs_file *as_file(sqlite3_file *file)
{
    return (struct vfs_file *)(void *)file;
}

/* Keeps the reason for vfs_conn_error; the last one counts. Returns `code`. */
int vfs_fail(struct vfs_file *f, int code, struct result r, const struct error *e)
{
    f->err = *e;
    f->err.code = r.code;
    return code;
}

static int file_close(sqlite3_file *file)
{
    struct vfs_file *f = as_file(file);

    if (f->kind == PAGE_WAL) {
        (void)vfs_wal_flush(f);
    }
    fs_close(TAKE(f->f));
    box_key_free(TAKE(f->key));
    mem_free(TAKE(f->scratch));
    mem_free(TAKE(f->gather));
    f->base.pMethods = NULL;
    return SQLITE_OK;
}

static int bad_page(struct vfs_file *f, uint64_t page, const char *what)
{
    struct error e = { 0 };
    struct result r =
            error_set(&e, ERRC_INTEGRITY, "%s: page %" PRIu64 " %s", f->v->name, page, what);
    return vfs_fail(f, SQLITE_IOERR_DATA, r, &e);
}

/*
 * What SQLite reads first of all: only page size and reserved bytes count, it reads page 1 again as
 * a whole. When page 1 was torn by a power loss within a checkpoint, its true content is in the
 * WAL: then these constants of ours stand in.
 */
static void stand_in_header(uint8_t *dst, size_t n)
{
    uint8_t head[100] = "SQLite format 3";

    head[16] = PAGE_BYTES >> 8;
    head[18] = head[19] = 2; /* WAL */
    head[20] = PAGE_RESERVED;
    head[21] = 64;
    head[22] = head[23] = 32;
    memcpy(dst, head, MIN(n, sizeof(head)));
}

static int read_whole_page(struct vfs_file *f, uint8_t *dst, uint64_t page)
{
    struct error e = { 0 };
    size_t got = 0;
    struct result r = fs_pread(f->f, f->scratch, PAGE_BYTES, (page - 1) * PAGE_BYTES, &got, &e);

    if (r.code == ERRC_CLOSED && got == 0 && page == 1) {
        memset(dst, 0, PAGE_BYTES); /* being created */
        return SQLITE_IOERR_SHORT_READ;
    }
    if (r.code == ERRC_CLOSED) {
        return bad_page(f, page, "is missing");
    }
    if (!result_is_ok(r)) {
        return vfs_fail(f, SQLITE_IOERR_READ, r, &e);
    }
    struct page_place place = { PAGE_DB, page, NULL };
    if (!result_is_ok(page_open(f->key, &place, f->scratch, dst))) {
        return bad_page(f, page, "does not open");
    }
    return SQLITE_OK;
}

static int db_read(struct vfs_file *f, uint8_t *dst, size_t n, uint64_t at)
{
    uint64_t page = at / PAGE_BYTES + 1;
    size_t from = (size_t)(at % PAGE_BYTES);
    uint8_t whole[PAGE_BYTES];

    if (from == 0 && n == PAGE_BYTES) {
        return read_whole_page(f, dst, page);
    }
    if (from + n > PAGE_BYTES) {
        struct error e = { 0 };
        struct result r =
                error_set(&e, ERRC_BUG, "%s: read of %zu bytes at %" PRIu64, f->v->name, n, at);
        return vfs_fail(f, SQLITE_IOERR_READ, r, &e);
    }
    int rc = read_whole_page(f, whole, page);
    if (rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ) {
        memcpy(dst, whole + from, n);
    } else if (rc == SQLITE_IOERR_DATA && at == 0 && n == 100) {
        f->err.code = ERRC_OK;
        stand_in_header(dst, n);
        rc = SQLITE_OK;
    }
    mem_wipe(whole, sizeof(whole));
    return rc;
}

static int db_write(struct vfs_file *f, const uint8_t *src, size_t n, uint64_t at)
{
    struct error e = { 0 };
    struct page_place place = { PAGE_DB, at / PAGE_BYTES + 1, NULL };
    struct result r = RESULT_OK;

    if (n != PAGE_BYTES || at % PAGE_BYTES != 0) {
        r = error_set(&e, ERRC_BUG, "%s: write of %zu bytes at %" PRIu64, f->v->name, n, at);
        return vfs_fail(f, SQLITE_IOERR_WRITE, r, &e);
    }
    r = page_seal(f->key, &place, src, f->scratch);
    if (!result_is_ok(r)) {
        r = error_set(&e, r.code, "%s: seal page %" PRIu64, f->v->name, place.number);
        return vfs_fail(f, SQLITE_IOERR_WRITE, r, &e);
    }
    r = fs_pwrite(f->f, f->scratch, PAGE_BYTES, at, &e);
    if (!result_is_ok(r)) {
        return vfs_fail(f, r.code == ERRC_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE, r, &e);
    }
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *dst, int n, sqlite3_int64 at)
{
    struct vfs_file *f = as_file(file);

    return f->kind == PAGE_WAL ? vfs_wal_read(f, dst, (size_t)n, (uint64_t)at)
                               : db_read(f, dst, (size_t)n, (uint64_t)at);
}

static int file_write(sqlite3_file *file, const void *src, int n, sqlite3_int64 at)
{
    struct vfs_file *f = as_file(file);

    if (atomic_load(&f->v->is_broken)) {
        return SQLITE_IOERR_WRITE;
    }
    return f->kind == PAGE_WAL ? vfs_wal_write(f, src, (size_t)n, (uint64_t)at)
                               : db_write(f, src, (size_t)n, (uint64_t)at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct vfs_file *f = as_file(file);
    struct error e = { 0 };
    int rc = f->kind == PAGE_WAL ? vfs_wal_flush(f) : SQLITE_OK;

    if (rc != SQLITE_OK) {
        return rc;
    }
    struct result r = fs_truncate(f->f, (uint64_t)size, &e);
    return result_is_ok(r) ? SQLITE_OK : vfs_fail(f, SQLITE_IOERR_TRUNCATE, r, &e);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct vfs_file *f = as_file(file);
    struct error e = { 0 };

    (void)flags;
    if (atomic_load(&f->v->is_broken)) {
        return SQLITE_IOERR_FSYNC;
    }
    if (f->kind == PAGE_WAL) {
        return vfs_wal_sync(f);
    }
    struct result r = fs_datasync(f->f, &e);
    if (!result_is_ok(r)) {
        atomic_store(&f->v->is_broken, true);
        return vfs_fail(f, SQLITE_IOERR_FSYNC, r, &e);
    }
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct vfs_file *f = as_file(file);
    struct error e = { 0 };
    uint64_t size = 0;
    int rc = f->kind == PAGE_WAL ? vfs_wal_flush(f) : SQLITE_OK;

    if (rc != SQLITE_OK) {
        return rc;
    }
    struct result r = fs_size(f->f, &size, &e);
    if (!result_is_ok(r)) {
        return vfs_fail(f, SQLITE_IOERR_FSTAT, r, &e);
    }
    *ret = (sqlite3_int64)size;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file)
{
    (void)file;
    return PAGE_BYTES;
}

/* Writing part of a sector leaves the rest of it as it was: frames are not padded to whole sectors.
 */
static int device_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

const sqlite3_io_methods vfs_file_methods = {
    .iVersion = 2, /* no memory mapping */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};
