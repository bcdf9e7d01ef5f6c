/*
 * The WAL as SQLite reads and writes it: its header (32 bytes at 0), a frame header (24) or a part
 * of either, a page (4096), or a whole frame. Any other pattern is refused: it would be one this
 * file does not know how to seal.
 */
#include "store/vfs_priv.h"

#include <inttypes.h>
#include <stdatomic.h>

static uint64_t frame_of(uint64_t at)
{
    return (at - WAL_HEADER) / WAL_FRAME + 1;
}

static size_t offset_in_frame(uint64_t at)
{
    return (size_t)((at - WAL_HEADER) % WAL_FRAME);
}

/* The frame at `at` (its header's position) into f->scratch; *ret_n: how much of it there is. */
static int load_frame(struct vfs_file *f, uint64_t at, size_t *ret_n)
{
    struct error e = { 0 };
    size_t got = 0;
    struct result r = fs_pread(f->f, f->scratch, WAL_FRAME, at, &got, &e);

    if (!result_is_ok(r) && r.code != ERRC_CLOSED) {
        return vfs_fail(f, SQLITE_IOERR_READ, r, &e);
    }
    *ret_n = got;
    return SQLITE_OK;
}

static int bad_frame(struct vfs_file *f, uint64_t frame)
{
    struct error e = { 0 };
    struct result r =
            error_set(&e, ERRC_INTEGRITY, "%s: frame %" PRIu64 " (page %" PRIu32 ") does not open",
                      f->v->wal_name, frame, get_be32(f->scratch));
    return vfs_fail(f, SQLITE_IOERR_DATA, r, &e);
}

/*
 * What is gathered ends with a frame header without its page: SQLite gives a frame that it wrote
 * before the commit its final header (salts, checksum). The page is bound to the header: it is
 * sealed anew and put behind it.
 */
static int rebind_page(struct vfs_file *f)
{
    uint8_t plain[PAGE_BYTES];
    uint8_t *head = f->gather + f->gather_n - WAL_FRAME_HEADER;
    uint64_t at = f->gather_at + f->gather_n - WAL_FRAME_HEADER, frame = frame_of(at);
    size_t got = 0;
    int rc = load_frame(f, at, &got);

    if (rc != SQLITE_OK) {
        return rc;
    }
    if (got == WAL_FRAME && memcmp(f->scratch, head, PAGE_FRAME_HEAD) == 0) {
        return SQLITE_OK;
    }
    struct page_place old = { PAGE_WAL, frame, f->scratch }, new = { PAGE_WAL, frame, head };
    if (got != WAL_FRAME ||
        !result_is_ok(page_open(f->key, &old, f->scratch + WAL_FRAME_HEADER, plain)) ||
        !result_is_ok(page_seal(f->key, &new, plain, f->gather + f->gather_n))) {
        return bad_frame(f, frame);
    }
    mem_wipe(plain, sizeof(plain));
    f->gather_n += PAGE_BYTES;
    return SQLITE_OK;
}

int vfs_wal_flush(struct vfs_file *f)
{
    struct error e = { 0 };
    int rc = f->ends_with_head ? rebind_page(f) : SQLITE_OK;
    size_t n = f->gather_n;

    f->ends_with_head = false;
    f->gather_n = 0; /* a failed group is rolled back: what was gathered is of no use then */
    if (rc != SQLITE_OK || n == 0) {
        return rc;
    }
    struct result r = fs_pwrite(f->f, f->gather, n, f->gather_at, &e);
    if (!result_is_ok(r)) {
        return vfs_fail(f, r.code == ERRC_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE, r, &e);
    }
    return SQLITE_OK;
}

/*
 * After a failed sync the group is reported as failed, though its commit frame may have reached the
 * disk. Cutting it off keeps it from coming back at the next start. If that fails too, the group
 * may come back: the disk is gone anyway.
 */
static void cut_unsynced(struct vfs_file *f)
{
    if (f->dirty_from != UINT64_MAX) {
        result_ignore(fs_truncate(f->f, f->dirty_from, NULL));
        result_ignore(fs_datasync(f->f, NULL));
    }
}

int vfs_wal_sync(struct vfs_file *f)
{
    struct error e = { 0 };
    int rc = vfs_wal_flush(f);

    if (rc != SQLITE_OK) {
        return rc;
    }
    struct result r = fs_datasync(f->f, &e);
    if (!result_is_ok(r)) {
        atomic_store(&f->v->is_broken, true);
        cut_unsynced(f);
        return vfs_fail(f, SQLITE_IOERR_FSYNC, r, &e);
    }
    f->dirty_from = UINT64_MAX;
    return SQLITE_OK;
}

/*
 * Room for n bytes that belong at `at`: behind what is gathered, or in a new batch. A batch never
 * ends between a frame header and its page for want of room.
 */
static int gather_room(struct vfs_file *f, uint64_t at, size_t n, uint8_t **ret)
{
    if (f->gather == NULL) {
        f->gather = mem_alloc(WAL_GATHER);
    }
    size_t room = n == PAGE_BYTES ? n : WAL_FRAME;
    bool is_next = f->gather_at + f->gather_n == at && (n == PAGE_BYTES || !f->ends_with_head);
    if (f->gather_n != 0 && (!is_next || f->gather_n + room > WAL_GATHER)) {
        int rc = vfs_wal_flush(f);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    if (f->gather_n == 0) {
        f->gather_at = at;
    }
    f->dirty_from = MIN(f->dirty_from, at);
    *ret = f->gather + f->gather_n;
    return SQLITE_OK;
}

/* The frame header in front of the page at `at`: just gathered, or in the file (a page written
 * again). */
static int frame_head(struct vfs_file *f, uint64_t at, uint8_t dst[PAGE_FRAME_HEAD])
{
    struct error e = { 0 };
    uint64_t head_at = at - WAL_FRAME_HEADER;

    if (f->gather_n >= WAL_FRAME_HEADER && f->gather_at + f->gather_n == at) {
        memcpy(dst, f->gather + f->gather_n - WAL_FRAME_HEADER, PAGE_FRAME_HEAD);
        return SQLITE_OK;
    }
    int rc = vfs_wal_flush(f);
    if (rc != SQLITE_OK) {
        return rc;
    }
    struct result r = fs_pread(f->f, dst, PAGE_FRAME_HEAD, head_at, NULL, &e);
    return result_is_ok(r) ? SQLITE_OK : vfs_fail(f, SQLITE_IOERR_READ, r, &e);
}

static int write_page(struct vfs_file *f, const uint8_t *src, uint64_t at)
{
    uint8_t head[PAGE_FRAME_HEAD];
    uint8_t *dst = NULL;
    struct error e = { 0 };
    int rc = frame_head(f, at, head);

    if (rc == SQLITE_OK) {
        rc = gather_room(f, at, PAGE_BYTES, &dst);
    }
    if (rc != SQLITE_OK) {
        return rc;
    }
    struct page_place place = { PAGE_WAL, frame_of(at), head };
    struct result r = page_seal(f->key, &place, src, dst);
    if (!result_is_ok(r)) {
        r = error_set(&e, r.code, "%s: seal frame %" PRIu64, f->v->wal_name, place.number);
        f->gather_n = 0;
        f->ends_with_head = false;
        return vfs_fail(f, SQLITE_IOERR_WRITE, r, &e);
    }
    f->gather_n += PAGE_BYTES;
    f->ends_with_head = false;
    return SQLITE_OK;
}

int vfs_wal_write(struct vfs_file *f, const uint8_t *src, size_t n, uint64_t at)
{
    bool is_header = at == 0 && n == WAL_HEADER;
    bool is_frame_header = at >= WAL_HEADER && offset_in_frame(at) == 0 && n == WAL_FRAME_HEADER;
    uint8_t *dst = NULL;

    if (at >= WAL_HEADER && offset_in_frame(at) == WAL_FRAME_HEADER && n == PAGE_BYTES) {
        return write_page(f, src, at);
    }
    if (!is_header && !is_frame_header) {
        struct error e = { 0 };
        struct result r = error_set(&e, ERRC_BUG, "%s: write of %zu bytes at %" PRIu64,
                                    f->v->wal_name, n, at);
        return vfs_fail(f, SQLITE_IOERR_WRITE, r, &e);
    }
    int rc = gather_room(f, at, n, &dst);
    if (rc == SQLITE_OK) {
        memcpy(dst, src, n);
        f->gather_n += n;
        f->ends_with_head = is_frame_header;
    }
    return rc;
}

/* A page, with or without its frame header in front. */
static int read_frame(struct vfs_file *f, uint8_t *dst, bool with_header, uint64_t frame_at)
{
    size_t got = 0;
    uint64_t frame = frame_of(frame_at);
    size_t want = with_header ? WAL_FRAME : PAGE_BYTES;
    bool may_be_torn = atomic_load(&f->v->is_recovering) && frame > f->v->verified_frames;
    int rc = load_frame(f, frame_at, &got);

    if (rc != SQLITE_OK) {
        return rc;
    }
    struct page_place place = { PAGE_WAL, frame, f->scratch };
    uint8_t *page = with_header ? dst + WAL_FRAME_HEADER : dst;
    bool is_whole = got == WAL_FRAME &&
                    result_is_ok(page_open(f->key, &place, f->scratch + WAL_FRAME_HEADER, page));
    if (is_whole && with_header) {
        memcpy(dst, f->scratch, WAL_FRAME_HEADER);
    }
    if (!is_whole && !may_be_torn) {
        return bad_frame(f, frame);
    }
    if (!is_whole) {
        memset(dst, 0, want); /* no frame of this generation: SQLite ends the WAL here */
    }
    return SQLITE_OK;
}

static int read_plain(struct vfs_file *f, uint8_t *dst, size_t n, uint64_t at)
{
    struct error e = { 0 };
    size_t got = 0;
    struct result r = fs_pread(f->f, dst, n, at, &got, &e);

    if (r.code == ERRC_CLOSED) {
        memset(dst + got, 0, n - got);
        return SQLITE_IOERR_SHORT_READ;
    }
    return result_is_ok(r) ? SQLITE_OK : vfs_fail(f, SQLITE_IOERR_READ, r, &e);
}

int vfs_wal_read(struct vfs_file *f, uint8_t *dst, size_t n, uint64_t at)
{
    struct error e = { 0 };
    int rc = vfs_wal_flush(f);

    if (rc != SQLITE_OK) {
        return rc;
    }
    /* A header or a part of it: SQLite takes a checksum out of one when it writes a page again. */
    if (at + n <= WAL_HEADER || (at >= WAL_HEADER && offset_in_frame(at) + n <= WAL_FRAME_HEADER)) {
        return read_plain(f, dst, n, at);
    }
    if (at >= WAL_HEADER && offset_in_frame(at) == 0 && n == WAL_FRAME) {
        return read_frame(f, dst, true, at);
    }
    if (at >= WAL_HEADER && offset_in_frame(at) == WAL_FRAME_HEADER && n == PAGE_BYTES) {
        return read_frame(f, dst, false, at - WAL_FRAME_HEADER);
    }
    struct result r =
            error_set(&e, ERRC_BUG, "%s: read of %zu bytes at %" PRIu64, f->v->wal_name, n, at);
    return vfs_fail(f, SQLITE_IOERR_READ, r, &e);
}
