/*
 * The files of one log, DIR/ledger/logs/<name>/. All numbers big-endian. What lies beyond the
 * newest checkpoint record is not published: it is cut off when the log is opened, and written
 * again from the journal.
 *
 *   entries           (leaf bytes (2) | leaf) ...: C2SP entry bundles, one after the other
 *   offsets           (8) per entry: where it begins in `entries`
 *   payloads          a frame (payload.h) per entry
 *   payload-offsets   (8) per entry: where its frame begins
 *   hashes.0 .. .5    level-L tiles one after the other: the hash of each complete subtree of 256^L
 * leaves (32) checkpoints       512-byte records, one per publication, oldest first: CRC32C of what
 * follows (4) | note bytes (2) | 1 (1) | sources (1) | size (8) | published, ms (8) | time of the
 * last entry (8) | bytes of entries (8) | bytes of payloads (8) | counter per source (4 x 8) |
 * signed note | zeros cosignatures      512-byte records in order of arrival: CRC32C (4) | line
 * bytes (2) | 1 (1) | 0 (1) | size (8) | published size on arrival (8) | signature line | zeros
 *   timestamps        (token bytes (4) | CRC32C of size and token (4) | size (8) | RFC 3161 token)
 * ...
 *
 *  1. A checkpoint record is written after all it covers is durable, in one 512-byte sector: it is
 * there or it is zeros.
 *  2. Nothing published is ever written again.
 */
#ifndef TROTH_LEDGER_LOG_FILES_H
#define TROTH_LEDGER_LOG_FILES_H

#include "ledger/note.h"
#include "ledger/recent.h"
#include "sys/fs.h"
#include "sys/rpc.h"

#define LOG_TIMESTAMPS   "timestamps"
#define LOG_LEVELS       6
#define LOG_SIZE_MAX     ((UINT64_C(1) << 48) - 1)
#define LOG_RECORD       512u
#define LOG_RECORD_HEAD  80u
#define LOG_NOTE_MAX     (LOG_RECORD - LOG_RECORD_HEAD)
#define LOG_COSIGN_HEAD  24u
#define LOG_LINE_MAX     (LOG_RECORD - LOG_COSIGN_HEAD)
#define LOG_NAME_MAX     63
#define LOG_TILE_ENTRIES 256

enum log_file_id {
    LOG_ENTRIES,
    LOG_OFFSETS,
    LOG_PAYLOADS,
    LOG_PAYLOAD_OFFSETS,
    LOG_CHECKPOINTS,
    LOG_COSIGNATURES,
    LOG_HASHES,
    LOG_FILES = LOG_HASHES + LOG_LEVELS
};
const char *log_file_name(unsigned id);

/* [a-z0-9][a-z0-9-]{1,62} */
bool log_name_is_valid(struct bytes name);

/* Opened when first used. Each thread has its own. */
struct log_files {
    struct fs *fs;
    char name[LOG_NAME_MAX + 1];
    bool may_write;
    struct fs_file *files[LOG_FILES];
};
void log_files_init(struct log_files *lf, struct fs *fs, const char *name, bool may_write);
void log_files_done(struct log_files *lf); /* closes; may be used again */
DEFINE_CLEANUP_DONE(log_files_done, struct log_files)
RESULT log_files_get(struct log_files *lf, unsigned id, struct fs_file **ret, struct error *e);
RESULT log_files_read(struct log_files *lf, unsigned id, void *dst, size_t n, uint64_t at,
                      struct error *e);

struct log_record {
    uint64_t size;
    int64_t published_ms, last_ms;
    uint64_t entries_bytes, payloads_bytes;
    uint64_t counters[ROLE_COUNT_];
    uint8_t note[LOG_NOTE_MAX];
    size_t note_n;
};
void log_record_write(const struct log_record *r, uint8_t dst[LOG_RECORD]);
RESULT log_record_parse(const uint8_t src[LOG_RECORD], struct log_record *ret, struct error *e);
/* Number `at` (from 0). */
RESULT log_record_read(struct log_files *lf, uint64_t at, struct log_record *ret, struct error *e);
/*
 * The newest record and how many there are. Records of zeros at the end are none. ERRC_NOT_FOUND:
 * there is none; ERRC_INTEGRITY: the newest is damaged. is_live: the scribe may be writing it just
 * now: then the one before is taken.
 */
RESULT log_record_last(struct log_files *lf, bool is_live, uint64_t *ret_count,
                       struct log_record *ret, struct error *e);
/* The first record with at least that size; ERRC_NOT_FOUND. */
RESULT log_record_find(struct log_files *lf, uint64_t count, uint64_t size, uint64_t *ret_at,
                       struct log_record *ret, struct error *e);

/* Appends the signature lines kept for the checkpoint of that size. */
RESULT log_cosign_lines(struct log_files *lf, uint64_t size, struct buf *out, struct error *e);
/* The greatest size among the newest cosignatures; 0 when there is none. */
RESULT log_cosign_newest(struct log_files *lf, uint64_t *ret_size, struct error *e);
RESULT log_cosign_add(struct log_files *lf, uint64_t size, uint64_t published_size,
                      struct bytes line, struct error *e);
/* A damaged record is ERRC_INTEGRITY; for log_check. */
RESULT log_cosign_check(struct log_files *lf, const struct note_key *witnesses,
                        size_t witness_count, struct error *e);

RESULT log_timestamp_add(struct log_files *lf, uint64_t size, struct bytes token, struct error *e);
RESULT log_timestamp_get(struct log_files *lf, uint64_t size, struct buf *out,
                         struct error *e); /* ERRC_NOT_FOUND */
RESULT log_timestamp_check(struct log_files *lf, struct error *e);

/* Hashes from memory where they are recent (may be NULL), else from the files. */
struct log_source {
    struct tree_source source;
    struct log_files *files;
    const struct tree_recent *recent;
};
void log_source_init(struct log_source *s, struct log_files *lf, const struct tree_recent *recent);
/* The frontier of a published size. */
RESULT log_source_frontier(const struct log_source *s, uint64_t size, struct tree_frontier *ret,
                           struct error *e);

#endif
