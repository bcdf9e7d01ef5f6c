/* Reading what is on the disk without SQLite: the WAL before recovery, all pages of the database
 * for a check. */
#include "store/vfs_priv.h"

#include <inttypes.h>

#define WAL_MAGIC   0x377f0682u /* the lowest bit: checksums over big-endian words */
#define WAL_VERSION 3007000u
#define BATCH       64u

struct wal_scan {
    struct vfs *v;
    struct fs_file *f;
    struct box_key *key;
    uint8_t *batch;       /* BATCH frames */
    uint64_t batch_first; /* number of the first frame in it; 0: nothing read */
    uint64_t frames;      /* whole frames in the file */
    bool is_big_endian;
    uint8_t salts[8];
    uint32_t sum[2]; /* of the last frame in the chain */
};

static void scan_done(struct wal_scan *s)
{
    fs_close(s->f);
    box_key_free(s->key);
    mem_free(s->batch);
}
DEFINE_CLEANUP_DONE(scan_done, struct wal_scan)

/* SQLite's checksum of the WAL; n in multiples of 8. */
static void checksum(bool is_big_endian, const uint8_t *p, size_t n, uint32_t sum[2])
{
    uint32_t a = sum[0], b = sum[1];

    for (size_t i = 0; i < n; i += 8) {
        uint32_t x = get_be32(p + i), y = get_be32(p + i + 4);
        if (!is_big_endian) {
            x = __builtin_bswap32(x);
            y = __builtin_bswap32(y);
        }
        a += x + b;
        b += y + a;
    }
    sum[0] = a;
    sum[1] = b;
}

static bool header_is_valid(struct wal_scan *s, const uint8_t h[WAL_HEADER])
{
    uint32_t sum[2] = { 0, 0 };

    s->is_big_endian = (h[3] & 1) != 0;
    checksum(s->is_big_endian, h, 24, sum);
    memcpy(s->salts, h + 16, sizeof(s->salts));
    s->sum[0] = sum[0];
    s->sum[1] = sum[1];
    return (get_be32(h) & ~1u) == WAL_MAGIC && get_be32(h + 4) == WAL_VERSION &&
           get_be32(h + 8) == PAGE_BYTES && get_be32(h + 24) == sum[0] &&
           get_be32(h + 28) == sum[1];
}

static struct result frame_at(struct wal_scan *s, uint64_t number, const uint8_t **ret,
                              struct error *e)
{
    if (s->batch_first == 0 || number < s->batch_first || number >= s->batch_first + BATCH) {
        size_t n = (size_t)MIN(BATCH, s->frames - number + 1);
        TRY(fs_pread(s->f, s->batch, n * WAL_FRAME, WAL_HEADER + (number - 1) * WAL_FRAME, NULL,
                     e));
        s->batch_first = number;
    }
    *ret = s->batch + (number - s->batch_first) * WAL_FRAME;
    return RESULT_OK;
}

static bool frame_opens(struct wal_scan *s, uint64_t number, const uint8_t *frame, uint8_t *plain)
{
    struct page_place place = { PAGE_WAL, number, frame };

    return result_is_ok(page_open(s->key, &place, frame + WAL_FRAME_HEADER, plain));
}

/* Opens, is of this generation, and its checksum follows from the frame before it (s->sum), which
 * it then replaces. */
static bool frame_chains(struct wal_scan *s, uint64_t number, const uint8_t *frame, uint8_t *plain)
{
    uint32_t sum[2] = { s->sum[0], s->sum[1] };

    if (memcmp(frame + 8, s->salts, sizeof(s->salts)) != 0 || get_be32(frame) == 0 ||
        !frame_opens(s, number, frame, plain)) {
        return false;
    }
    checksum(s->is_big_endian, frame, 8, sum);
    checksum(s->is_big_endian, plain, PAGE_BYTES, sum);
    if (get_be32(frame + 16) != sum[0] || get_be32(frame + 20) != sum[1]) {
        return false;
    }
    s->sum[0] = sum[0];
    s->sum[1] = sum[1];
    return true;
}

/*
 * Behind a damaged frame: is there a commit frame, and a frame that was chained to it? Then the
 * group of that commit was durable before the next was written, and everything in front of it too.
 */
static struct result later_group(struct wal_scan *s, uint64_t from, uint8_t *plain, bool *ret,
                                 struct error *e)
{
    bool after_commit = false;

    for (uint64_t i = from; i <= s->frames; i++) {
        const uint8_t *frame = NULL;
        TRY(frame_at(s, i, &frame, e));
        if (after_commit && frame_chains(s, i, frame, plain)) {
            *ret = true;
            return RESULT_OK;
        }
        after_commit = get_be32(frame + 4) != 0 &&
                       memcmp(frame + 8, s->salts, sizeof(s->salts)) == 0 &&
                       frame_opens(s, i, frame, plain);
        s->sum[0] = get_be32(frame + 16);
        s->sum[1] = get_be32(frame + 20);
    }
    *ret = false;
    return RESULT_OK;
}

/* The header is written and synced before any frame of its generation, within one sector: no frame
 * opens without it. */
static struct result verify_headless(struct wal_scan *s, uint8_t *plain, struct error *e)
{
    for (uint64_t i = 1; i <= s->frames; i++) {
        const uint8_t *frame = NULL;
        TRY(frame_at(s, i, &frame, e));
        if (frame_opens(s, i, frame, plain)) {
            FAIL(e, ERRC_INTEGRITY, "%s: header is damaged", s->v->wal_name);
        }
    }
    return RESULT_OK;
}

static struct result verify_frames(struct wal_scan *s, uint8_t *plain, struct error *e)
{
    bool is_durable = false;
    const uint8_t *frame = NULL;
    uint64_t i = 1;

    for (; i <= s->frames; i++) {
        TRY(frame_at(s, i, &frame, e));
        if (!frame_chains(s, i, frame, plain)) {
            break;
        }
    }
    s->v->verified_frames = i - 1;
    if (i > s->frames) {
        return RESULT_OK;
    }
    uint32_t page = get_be32(frame);
    TRY(later_group(s, i + 1, plain, &is_durable, e));
    if (is_durable) {
        FAIL(e, ERRC_INTEGRITY, "%s: frame %" PRIu64 " (page %" PRIu32 ") does not open",
             s->v->wal_name, i, page);
    }
    return RESULT_OK;
}

RESULT vfs_verify_wal(struct vfs *v, struct error *e)
{
    CLEANUP(scan_done_p) struct wal_scan s = { .v = v };
    uint8_t head[WAL_HEADER];
    uint8_t plain[PAGE_BYTES];
    uint64_t size = 0;

    v->verified_frames = 0;
    struct result r = fs_open(v->fs, v->wal_name, FS_READ, &s.f, e);
    if (r.code == ERRC_NOT_FOUND) {
        return RESULT_OK;
    }
    TRY(r);
    TRY(fs_size(s.f, &size, e));
    if (size <= WAL_HEADER) {
        return RESULT_OK;
    }
    TRY_MSG(box_key_new(SUITE_AES256_GCM, &v->key, &s.key), e, "key");
    TRY(fs_pread(s.f, head, sizeof(head), 0, NULL, e));
    s.batch = mem_alloc(BATCH * WAL_FRAME);
    s.frames = (size - WAL_HEADER) / WAL_FRAME;
    r = header_is_valid(&s, head) ? verify_frames(&s, plain, e) : verify_headless(&s, plain, e);
    mem_wipe(plain, sizeof(plain));
    return r;
}

struct page_reader {
    struct fs_file *f;
    struct box_key *key;
    uint64_t pages;
};

static void reader_done(struct page_reader *p)
{
    fs_close(p->f);
    box_key_free(p->key);
}
DEFINE_CLEANUP_DONE(reader_done, struct page_reader)

static struct result reader_init(struct page_reader *p, struct vfs *v, struct error *e)
{
    uint64_t size = 0;

    TRY(fs_open(v->fs, v->name, FS_READ, &p->f, e));
    TRY(fs_size(p->f, &size, e));
    TRY_MSG(box_key_new(SUITE_AES256_GCM, &v->key, &p->key), e, "key");
    p->pages = size / PAGE_BYTES;
    return RESULT_OK;
}

static struct result opens(struct page_reader *p, uint64_t number, bool *ret, struct error *e)
{
    struct page_place place = { PAGE_DB, number, NULL };
    uint8_t sealed[PAGE_BYTES], plain[PAGE_BYTES];

    TRY(fs_pread(p->f, sealed, sizeof(sealed), (number - 1) * PAGE_BYTES, NULL, e));
    *ret = result_is_ok(page_open(p->key, &place, sealed, plain));
    mem_wipe(plain, sizeof(plain));
    return RESULT_OK;
}

RESULT vfs_find_bad_page(struct vfs *v, uint64_t from,
                         void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                         uint64_t *ret, struct error *e)
{
    CLEANUP(reader_done_p) struct page_reader p = { 0 };

    TRY(reader_init(&p, v, e));
    for (uint64_t i = from; i <= p.pages; i++) {
        bool is_good = true;
        if (i != LOCK_BYTE_PAGE) {
            TRY(opens(&p, i, &is_good, e));
        }
        if (!is_good) {
            *ret = i;
            return RESULT_OK;
        }
        if (progress != NULL && (i % 1024 == 0 || i == p.pages)) {
            progress(arg, i, p.pages);
        }
    }
    *ret = 0;
    return RESULT_OK;
}

RESULT vfs_verify_page(struct vfs *v, uint64_t page, struct error *e)
{
    CLEANUP(reader_done_p) struct page_reader p = { 0 };
    bool is_good = false;

    TRY(reader_init(&p, v, e));
    TRY(opens(&p, page, &is_good, e));
    if (!is_good) {
        FAIL(e, ERRC_INTEGRITY, "%s: page %" PRIu64 " does not open", v->name, page);
    }
    return RESULT_OK;
}
