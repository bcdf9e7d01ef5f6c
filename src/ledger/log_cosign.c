/* What others add to a published checkpoint: cosignatures of witnesses and time stamps. */
#include "ledger/log_files.h"

#include "base/text.h"
#include "crypto/crc.h"

#include <inttypes.h>

#define SCAN_RECORDS   4096 /* how far behind its checkpoint a cosignature is looked for */
#define TIMESTAMP_HEAD 12u
#define TIMESTAMP_MAX  (64u * 1024)

struct cosignature {
    uint64_t size, published;
    uint8_t line[LOG_LINE_MAX];
    size_t line_n;
};

/* Without those of zeros at the end: a crash came before their data. */
static RESULT cosign_count(struct log_files *lf, uint64_t *ret, struct error *e)
{
    static const uint8_t zeros[LOG_RECORD];
    uint8_t raw[LOG_RECORD];
    struct fs_file *f;
    uint64_t bytes = 0;

    TRY(log_files_get(lf, LOG_COSIGNATURES, &f, e));
    TRY(fs_size(f, &bytes, e));
    for (*ret = bytes / LOG_RECORD; *ret > 0; --*ret) {
        TRY(log_files_read(lf, LOG_COSIGNATURES, raw, sizeof(raw), (*ret - 1) * LOG_RECORD, e));
        if (memcmp(raw, zeros, sizeof(raw)) != 0) {
            break;
        }
    }
    return RESULT_OK;
}

static RESULT cosign_read(struct log_files *lf, uint64_t at, struct cosignature *ret,
                          struct error *e)
{
    uint8_t raw[LOG_RECORD];

    TRY(log_files_read(lf, LOG_COSIGNATURES, raw, sizeof(raw), at * LOG_RECORD, e));
    ret->line_n = get_be16(raw + 4);
    if (get_be32(raw) != crc32c_update(0, bytes_of(raw + 4, LOG_RECORD - 4)) || raw[6] != 1 ||
        ret->line_n > LOG_LINE_MAX) {
        FAIL(e, ERRC_INTEGRITY, "log %s: cosignature %" PRIu64 " is damaged", lf->name, at);
    }
    ret->size = get_be64(raw + 8);
    ret->published = get_be64(raw + 16);
    memcpy(ret->line, raw + LOG_COSIGN_HEAD, ret->line_n);
    return RESULT_OK;
}

RESULT log_cosign_lines(struct log_files *lf, uint64_t size, struct buf *out, struct error *e)
{
    struct cosignature c;
    uint64_t n = 0;

    TRY(cosign_count(lf, &n, e));
    uint64_t lo = 0, hi = n; /* none arrived before its checkpoint was published */
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        TRY(cosign_read(lf, mid, &c, e));
        if (c.published < size) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    for (uint64_t at = lo; at < n && at - lo < SCAN_RECORDS; at++) {
        TRY(cosign_read(lf, at, &c, e));
        if (c.size == size) {
            buf_add(out, bytes_of(c.line, c.line_n));
        }
    }
    return buf_result(out);
}

RESULT log_cosign_newest(struct log_files *lf, uint64_t *ret_size, struct error *e)
{
    struct cosignature c;
    uint64_t n = 0, newest = 0;

    TRY(cosign_count(lf, &n, e));
    for (uint64_t at = n > 64 ? n - 64 : 0; at < n; at++) {
        TRY(cosign_read(lf, at, &c, e));
        newest = MAX(newest, c.size);
    }
    *ret_size = newest;
    return RESULT_OK;
}

RESULT log_cosign_add(struct log_files *lf, uint64_t size, uint64_t published_size,
                      struct bytes line, struct error *e)
{
    uint8_t raw[LOG_RECORD] = { 0 };
    struct fs_file *f;
    uint64_t n = 0;

    if (line.n > LOG_LINE_MAX) {
        FAIL(e, ERRC_LIMIT, "log %s: a signature line of %zu bytes", lf->name, line.n);
    }
    put_be16(raw + 4, (uint16_t)line.n);
    raw[6] = 1;
    put_be64(raw + 8, size);
    put_be64(raw + 16, published_size);
    memcpy(raw + LOG_COSIGN_HEAD, line.p, line.n);
    put_be32(raw, crc32c_update(0, bytes_of(raw + 4, LOG_RECORD - 4)));
    TRY(cosign_count(lf, &n, e));
    TRY(log_files_get(lf, LOG_COSIGNATURES, &f, e));
    TRY(fs_pwrite(f, raw, sizeof(raw), n * LOG_RECORD, e));
    return fs_datasync(f, e);
}

static RESULT line_verify(const struct log_record *r, const struct cosignature *c,
                          const struct note_key *k, struct error *e)
{
    CLEANUP(buf_done_p) struct buf note = BUF(NOTE_MAX);
    CLEANUP(mem_free_p) struct note *parsed = mem_alloc(sizeof(*parsed));
    uint64_t time_s;

    buf_add(&note, bytes_of(r->note, r->note_n));
    buf_add(&note, bytes_of(c->line, c->line_n));
    TRY(note_parse(buf_bytes(&note), parsed, e));
    struct result v = note_verify(parsed, k, &time_s, e);
    return v.code == ERRC_NOT_FOUND ? RESULT_OK : v; /* of another witness */
}

RESULT log_cosign_check(struct log_files *lf, const struct note_key *witnesses,
                        size_t witness_count, struct error *e)
{
    struct log_record last, r;
    uint64_t records = 0, n = 0, at_record = 0;
    struct cosignature c;

    TRY(log_record_last(lf, false, &records, &last, e));
    TRY(cosign_count(lf, &n, e));
    for (uint64_t at = 0; at < n; at++) {
        TRY(cosign_read(lf, at, &c, e));
        TRY_MSG(log_record_find(lf, records, c.size, &at_record, &r, e), e, "cosignature %" PRIu64,
                at);
        if (r.size != c.size || c.published < c.size) {
            FAIL(e, ERRC_INTEGRITY,
                 "log %s: cosignature %" PRIu64 ": no checkpoint of size %" PRIu64, lf->name, at,
                 c.size);
        }
        for (size_t i = 0; i < witness_count; i++) {
            TRY_MSG(line_verify(&r, &c, &witnesses[i], e), e, "log %s: cosignature %" PRIu64,
                    lf->name, at);
        }
    }
    return RESULT_OK;
}

/* --- time stamps --- */

static void timestamp_path(const struct log_files *lf, uint64_t size, char dst[160])
{
    snprintf(dst, 160, "logs/%s/" LOG_TIMESTAMPS "/%016" PRIu64, lf->name, size);
}

RESULT log_timestamp_add(struct log_files *lf, uint64_t size, struct bytes token, struct error *e)
{
    CLEANUP(buf_done_p) struct buf content = BUF(TIMESTAMP_HEAD + TIMESTAMP_MAX);
    char path[160];

    if (token.n == 0 || token.n > TIMESTAMP_MAX) {
        FAIL(e, ERRC_LIMIT, "a time stamp of %zu bytes", token.n);
    }
    buf_add_be32(&content, 0);
    buf_add_be64(&content, size);
    buf_add(&content, token);
    TRY_MSG(buf_result(&content), e, "time stamp");
    put_be32(content.p, crc32c_update(0, bytes_of(content.p + 4, content.n - 4)));
    timestamp_path(lf, size, path);
    return fs_write_file(lf->fs, path, buf_bytes(&content), e);
}

RESULT log_timestamp_get(struct log_files *lf, uint64_t size, struct buf *out, struct error *e)
{
    CLEANUP(buf_done_p) struct buf content = BUF(TIMESTAMP_HEAD + TIMESTAMP_MAX);
    char path[160];

    timestamp_path(lf, size, path);
    TRY_MSG(fs_read_file(lf->fs, path, content.max, &content, e), e, "log %s: time stamp",
            lf->name);
    if (content.n <= TIMESTAMP_HEAD ||
        get_be32(content.p) != crc32c_update(0, bytes_of(content.p + 4, content.n - 4)) ||
        get_be64(content.p + 4) != size) {
        FAIL(e, ERRC_INTEGRITY, "log %s: the time stamp of size %" PRIu64 " is damaged", lf->name,
             size);
    }
    buf_add(out, bytes_slice(buf_bytes(&content), TIMESTAMP_HEAD, content.n));
    return buf_result(out);
}

struct timestamp_check {
    struct log_files *lf;
    struct error *e;
};

static struct result timestamp_check_one(void *arg, const char *name)
{
    struct timestamp_check *c = arg;
    CLEANUP(buf_done_p) struct buf token = BUF(TIMESTAMP_MAX);
    uint64_t size = 0;

    if (strlen(name) != 16 || !result_is_ok(num_u64(bytes_str(name), 0, LOG_SIZE_MAX, &size))) {
        return RESULT_OK; /* a temporary name */
    }
    return log_timestamp_get(c->lf, size, &token, c->e);
}

RESULT log_timestamp_check(struct log_files *lf, struct error *e)
{
    struct timestamp_check c = { lf, e };
    char path[160];

    snprintf(path, sizeof(path), "logs/%s/" LOG_TIMESTAMPS, lf->name);
    return fs_list(lf->fs, path, timestamp_check_one, &c, e);
}
