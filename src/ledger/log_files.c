/* Files of a log: names, checkpoint records, hashes. */
#include "ledger/log_files.h"

#include "crypto/crc.h"

#include <inttypes.h>

static const char *const file_names[LOG_FILES] = {
    "entries",  "offsets",  "payloads", "payload-offsets", "checkpoints", "cosignatures",
    "hashes.0", "hashes.1", "hashes.2", "hashes.3",        "hashes.4",    "hashes.5",
};

const char *log_file_name(unsigned id)
{
    return file_names[id];
}

bool log_name_is_valid(struct bytes name)
{
    if (name.n < 2 || name.n > LOG_NAME_MAX || name.p[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}

void log_files_init(struct log_files *lf, struct fs *fs, const char *name, bool may_write)
{
    *lf = (struct log_files){ .fs = fs, .may_write = may_write };
    snprintf(lf->name, sizeof(lf->name), "%s", name);
}

void log_files_done(struct log_files *lf)
{
    for (unsigned i = 0; i < LOG_FILES; i++) {
        fs_close(lf->files[i]);
        lf->files[i] = NULL;
    }
}

RESULT log_files_get(struct log_files *lf, unsigned id, struct fs_file **ret, struct error *e)
{
    if (lf->files[id] == NULL) {
        char path[128];
        unsigned flags = lf->may_write ? FS_READ | FS_WRITE : FS_READ;
        snprintf(path, sizeof(path), "logs/%s/%s", lf->name, file_names[id]);
        TRY_MSG(fs_open(lf->fs, path, flags, &lf->files[id], e), e, "log %s: %s", lf->name,
                file_names[id]);
    }
    *ret = lf->files[id];
    return RESULT_OK;
}

RESULT log_files_read(struct log_files *lf, unsigned id, void *dst, size_t n, uint64_t at,
                      struct error *e)
{
    struct fs_file *f;

    TRY(log_files_get(lf, id, &f, e));
    TRY_MSG(fs_pread(f, dst, n, at, NULL, e), e, "log %s: %s: byte %" PRIu64, lf->name,
            file_names[id], at);
    return RESULT_OK;
}

/* --- checkpoint records --- */

void log_record_write(const struct log_record *r, uint8_t dst[LOG_RECORD])
{
    memset(dst, 0, LOG_RECORD);
    put_be16(dst + 4, (uint16_t)r->note_n);
    dst[6] = 1;
    dst[7] = ROLE_COUNT_;
    put_be64(dst + 8, r->size);
    put_be64(dst + 16, (uint64_t)r->published_ms);
    put_be64(dst + 24, (uint64_t)r->last_ms);
    put_be64(dst + 32, r->entries_bytes);
    put_be64(dst + 40, r->payloads_bytes);
    for (size_t i = 0; i < ROLE_COUNT_; i++) {
        put_be64(dst + 48 + 8 * i, r->counters[i]);
    }
    memcpy(dst + LOG_RECORD_HEAD, r->note, r->note_n);
    put_be32(dst, crc32c_update(0, bytes_of(dst + 4, LOG_RECORD - 4)));
}

RESULT log_record_parse(const uint8_t src[LOG_RECORD], struct log_record *ret, struct error *e)
{
    struct log_record r = { .note_n = get_be16(src + 4) };

    if (get_be32(src) != crc32c_update(0, bytes_of(src + 4, LOG_RECORD - 4))) {
        FAIL(e, ERRC_INTEGRITY, "its checksum is wrong");
    }
    if (src[6] != 1 || src[7] != ROLE_COUNT_ || r.note_n > LOG_NOTE_MAX) {
        FAIL(e, ERRC_FORMAT, "not of this version");
    }
    r.size = get_be64(src + 8);
    r.published_ms = (int64_t)get_be64(src + 16);
    r.last_ms = (int64_t)get_be64(src + 24);
    r.entries_bytes = get_be64(src + 32);
    r.payloads_bytes = get_be64(src + 40);
    for (size_t i = 0; i < ROLE_COUNT_; i++) {
        r.counters[i] = get_be64(src + 48 + 8 * i);
    }
    memcpy(r.note, src + LOG_RECORD_HEAD, r.note_n);
    *ret = r;
    return RESULT_OK;
}

RESULT log_record_read(struct log_files *lf, uint64_t at, struct log_record *ret, struct error *e)
{
    uint8_t raw[LOG_RECORD];

    TRY(log_files_read(lf, LOG_CHECKPOINTS, raw, sizeof(raw), at * LOG_RECORD, e));
    TRY_MSG(log_record_parse(raw, ret, e), e, "log %s: checkpoint record %" PRIu64, lf->name, at);
    return RESULT_OK;
}

static bool is_zeros(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0) {
            return false;
        }
    }
    return true;
}

RESULT log_record_last(struct log_files *lf, bool is_live, uint64_t *ret_count,
                       struct log_record *ret, struct error *e)
{
    struct fs_file *f;
    uint64_t bytes = 0;

    TRY(log_files_get(lf, LOG_CHECKPOINTS, &f, e));
    TRY(fs_size(f, &bytes, e));
    for (uint64_t n = bytes / LOG_RECORD; n > 0; n--) {
        uint8_t raw[LOG_RECORD];
        TRY(log_files_read(lf, LOG_CHECKPOINTS, raw, sizeof(raw), (n - 1) * LOG_RECORD, e));
        if (is_zeros(raw, sizeof(raw))) {
            continue;
        }
        struct result r = log_record_parse(raw, ret, e);
        if (is_live && r.code == ERRC_INTEGRITY) {
            is_live = false; /* one may be half-written, not two */
            continue;
        }
        if (!result_is_ok(r)) {
            error_prefix(e, "log %s: checkpoint record %" PRIu64, lf->name, n - 1);
            return r;
        }
        *ret_count = n;
        return RESULT_OK;
    }
    FAIL(e, ERRC_NOT_FOUND, "log %s: nothing published", lf->name);
}

RESULT log_record_find(struct log_files *lf, uint64_t count, uint64_t size, uint64_t *ret_at,
                       struct log_record *ret, struct error *e)
{
    uint64_t lo = 0, hi = count; /* the first that is large enough lies in lo..hi */

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        TRY(log_record_read(lf, mid, ret, e));
        if (ret->size < size) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    if (lo == count) {
        FAIL(e, ERRC_NOT_FOUND, "log %s: no checkpoint of size %" PRIu64 " or more", lf->name,
             size);
    }
    *ret_at = lo;
    return log_record_read(lf, lo, ret, e);
}

/* --- hashes --- */

static RESULT source_get(const struct tree_source *base, unsigned level, uint64_t index,
                         struct tree_hash *ret, struct error *e)
{
    const struct log_source *s = CONTAINER_OF(base, const struct log_source, source);
    struct tree_hash nodes[1 << 8];

    if (s->recent != NULL && tree_recent_get(s->recent, level, index, ret)) {
        return RESULT_OK;
    }
    unsigned tile = MIN(level / 8, LOG_LEVELS - 1u), up = level - 8 * tile;
    if (up > 8) {
        FAIL(e, ERRC_BUG, "no hashes of level %u", level);
    }
    size_t n = (size_t)1 << up;
    TRY(log_files_read(s->files, LOG_HASHES + tile, nodes, n * TREE_HASH_BYTES,
                       (index << up) * TREE_HASH_BYTES, e));
    for (; n > 1; n /= 2) {
        for (size_t i = 0; i < n / 2; i++) {
            nodes[i] = tree_node_hash(&nodes[2 * i], &nodes[2 * i + 1]);
        }
    }
    *ret = nodes[0];
    return RESULT_OK;
}

void log_source_init(struct log_source *s, struct log_files *lf, const struct tree_recent *recent)
{
    *s = (struct log_source){ .source = { source_get }, .files = lf, .recent = recent };
}

RESULT log_source_frontier(const struct log_source *s, uint64_t size, struct tree_frontier *ret,
                           struct error *e)
{
    ret->size = size;
    for (unsigned level = 0; level < 64; level++) {
        if ((size >> level & 1) != 0) {
            TRY(source_get(&s->source, level, (size >> level) - 1, &ret->nodes[level], e));
        }
    }
    return RESULT_OK;
}
