/*
 * The vault: buckets, objects, multipart uploads, over sealed blobs and sealed metadata.
 *
 * Every act is an entry of the tenant's log before it has an effect or gives an answer ("no audit,
 * no act"): changes append after the data is durable and before the metadata commit; reads append
 * before the first byte leaves. An object is visible whole or not at all. All functions wait
 * (coroutine or thread).
 */
#ifndef TROTH_VAULT_VAULT_H
#define TROTH_VAULT_VAULT_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "crypto/hash.h"
#include "keys/client.h"
#include "ledger/client.h"
#include "store/db.h"
#include "sys/co.h"
#include "sys/fs.h"

#define VAULT_KEY_MAX         1024         /* bytes of an object key, UTF-8 */
#define VAULT_OBJECT_MAX      (5ull << 40) /* 5 TiB */
#define VAULT_PART_MAX        (5ull << 30)
#define VAULT_PART_MIN        (5ull << 20) /* but for the last */
#define VAULT_PARTS_MAX       10000
#define VAULT_VERSION_BYTES   33 /* "null" or 32 hex digits, and NUL */
#define VAULT_ETAG_BYTES      48 /* without quotes, and NUL */
#define VAULT_UPLOAD_ID_BYTES 33
#define VAULT_TAGS_MAX        10
#define VAULT_SMALL_BYTES     (128 * 1024) /* up to here an object lies in a pack */

struct vault;

struct vault_config {
    struct fs *fs;     /* DIR/vault: the vault makes packs/ and blobs/ below */
    struct db *db;     /* opened with vault_migrations */
    struct pool *pool; /* for calls that may block */
    const struct clock *clock;
    const struct rng *rng;
    uint64_t buffer_bytes;  /* pool of 1 MiB write buffers, 64..1024 MiB; default 128 MiB */
    uint64_t reserve_bytes; /* free space under which changes get ERRC_FULL; default 256 MiB */
    uint64_t pack_bytes;    /* of a segment of small objects; 0: 64 MiB (tests take less) */
};
extern const struct db_migration vault_migrations[];
extern const size_t vault_migration_count;

RESULT vault_open(const struct vault_config *config, struct vault **ret, struct error *e);
void vault_close(struct vault *v);
DEFINE_CLEANUP(vault_close, struct vault *)
/*
 * After a start, once keeper and scribe are there: voids entries that had no effect (DESIGN: table
 * `applied`), drops blobs and pack records that no row names, for one tenant's log.
 */
RESULT vault_recover(struct vault *v, struct rpc_client *scribe, const char *tenant,
                     struct error *e);
/*
 * An act of two phases that is not the vault's own (of an operator) is counted as under way from
 * before its intent until behind its outcome, so that only those that were cut off get the outcome
 * "unknown". has_doubt: an entry of it may be missing, or there without its answer.
 */
unsigned vault_act_begin(struct vault *v, const char *log);
void vault_act_end(struct vault *v, const char *log, unsigned generation, bool has_doubt);
/*
 * One round of background work, by one caller at a time, about every second: frees what was
 * overwritten or deleted more than a second ago, recycles packs, keeps a fresh one ready, trims
 * `applied`, voids entries whose effect failed while the scribe was away. *ret_more: call again
 * soon.
 */
RESULT vault_housekeep(struct vault *v, struct rpc_client *scribe, bool *ret_more, struct error *e);

/*
 * Who acts, on which connections. What it points to is borrowed for the call, and by a writer or
 * reader until its end.
 */
struct vault_ctx {
    struct vault *vault;
    struct rpc_client *keeper, *scribe; /* of this loop */
    struct arena *arena;                /* results live here */
    const char *tenant;
    const char *actor; /* principal, e.g. "tenant/acme" or the access key's owner */
    const char *access_key;
    const char *grant;      /* by which the provider's staff act here; "" or NULL: none */
    const char *ip, *agent; /* agent: at most 256 bytes are kept */
    const char *request_id;
};

/* --- buckets --- */

enum vault_sse { VAULT_SSE_KMS = 1, VAULT_SSE_AES256 = 2 }; /* AES256: ETag is the MD5 */
enum vault_digest {
    VAULT_DIGEST_ALWAYS = 1,
    VAULT_DIGEST_CLIENT = 2
}; /* CLIENT: only what the client sends */

struct vault_bucket {
    int64_t id;
    char name[64];
    int64_t created_ms;
    enum vault_sse sse;
    enum vault_digest digest;
    char key_id[KEY_ID_BYTES]; /* "" : the tenant's default key */
};
/* S3's rules for bucket names, 3..63. */
bool vault_bucket_name_is_valid(struct bytes name);
RESULT vault_bucket_create(const struct vault_ctx *cx, struct bytes name, struct vault_bucket *ret,
                           struct error *e); /* EXISTS */
RESULT vault_bucket_get(const struct vault_ctx *cx, struct bytes name, struct vault_bucket *ret,
                        struct error *e); /* not logged */
RESULT vault_bucket_look(const struct vault_ctx *cx, const struct vault_bucket *b,
                         struct error *e); /* the entry of a look at what is known of it */
RESULT vault_bucket_delete(const struct vault_ctx *cx, struct bytes name,
                           struct error *e); /* CONFLICT: not empty */
RESULT vault_bucket_list(const struct vault_ctx *cx, struct vault_bucket **ret, size_t *ret_n,
                         struct error *e);
RESULT vault_bucket_set(const struct vault_ctx *cx, const struct vault_bucket *b,
                        struct error *e); /* sse, digest, key_id */

/* --- objects --- */

struct vault_pair {
    struct bytes name, value;
};

/* Which checksums are wanted or known; values raw. */
struct vault_checksums {
    unsigned known; /* bits 1u << enum vault_checksum */
    struct {
        uint8_t b[32];
        uint8_t n;
    } value[6];
    bool is_composite; /* multipart: "-N" form */
};
enum vault_checksum {
    VAULT_CRC32,
    VAULT_CRC32C,
    VAULT_CRC64NVME,
    VAULT_SHA1,
    VAULT_SHA256,
    VAULT_MD5,
    VAULT_CHECKSUM_COUNT
};

struct vault_object {
    struct bytes key;
    char version[VAULT_VERSION_BYTES];
    uint64_t size;
    int64_t modified_ms;
    char etag[VAULT_ETAG_BYTES];
    struct bytes content_type; /* and the other standard headers kept in `headers` */
    const struct vault_pair *
            headers; /* cache-control, content-disposition, content-encoding, content-language, expires */
    size_t header_count;
    const struct vault_pair *metadata; /* x-amz-meta-*, names in lower case without prefix */
    size_t metadata_count;
    const struct vault_pair *tags;
    size_t tag_count;
    struct vault_checksums checksums;
    bool has_sha256;
    uint8_t sha256[32];
    enum vault_sse sse;
    enum crypto_suite suite;
    struct key_ref key_ref;
    char custodian[KEY_CUSTODIAN_MAX];
    uint32_t part_count;          /* 0: not multipart */
    uint64_t log_index;           /* of its entry */
    const struct extent *extent_; /* where the data lies (private) */
};

/* Preconditions; zero: none. etag lists as in the headers ("*" or quoted tags). */
struct vault_conditions {
    struct bytes if_match, if_none_match;
    bool has_modified_since, has_unmodified_since;
    int64_t modified_since_ms, unmodified_since_ms;
    const struct vault_checksums
            *checksums; /* vault_upload_complete: what the object's must be; NULL: anything */
};
/* RFC 9110 section 13.2.2, for reads and writes; o NULL: there is no such object. */
enum vault_verdict { VAULT_PROCEED, VAULT_NOT_MODIFIED, VAULT_PRECONDITION_FAILED };
enum vault_verdict vault_conditions_eval(const struct vault_conditions *c,
                                         const struct vault_object *o);

/* What it points to is borrowed until the writer ends. */
struct vault_put {
    const struct vault_bucket *bucket;
    struct bytes key;
    bool has_size;
    uint64_t size; /* when known: ERRC_LIMIT past VAULT_OBJECT_MAX */
    struct bytes content_type;
    const struct vault_pair *headers, *metadata, *tags;
    size_t header_count, metadata_count, tag_count;
    unsigned checksums_wanted;          /* bits: computed while streaming */
    struct vault_conditions conditions; /* PutObject: If-None-Match: *, If-Match */
    enum vault_sse sse;                 /* 0: the bucket's */
    const char *key_id;                 /* NULL: the bucket's */
    struct bytes copy_source; /* "bucket/key": the entry's kind is object.copy and names it */
    bool is_checksum_full; /* vault_upload_create: FULL_OBJECT for CRC32 and CRC32C (CRC64NVME always is) */
    /* of a multipart part: */
    const char *upload_id;
    uint32_t part_number; /* 0: a whole object */
};

/*
 * A body on its way in: begin, write..., then commit or abort. Memory: the object itself when
 * small, else one or two pool buffers; vault_put_space waits for the first one: meanwhile the
 * caller doesn't read its socket. begin: RANGE bad key or part number, LIMIT too large, FULL,
 * NOT_FOUND bucket or upload gone, CONFLICT a precondition is not met, DENIED or EXPIRED the key is
 * disabled or destroyed, AGAIN keeper or scribe away. commit: these too, and FORMAT when the
 * announced size was not reached.
 */
struct vault_writer;
RESULT vault_put_begin(const struct vault_ctx *cx, const struct vault_put *put,
                       struct vault_writer **ret, struct error *e);
/*
 * Where to read the next body bytes into without a copy: at least 1 byte, at most 64 KiB. Then
 * vault_put_wrote.
 */
RESULT vault_put_space(struct vault_writer *w, uint8_t **ret, size_t *ret_n, struct error *e);
RESULT vault_put_wrote(struct vault_writer *w, size_t n, struct error *e);
RESULT vault_put_write(struct vault_writer *w, struct bytes data, struct error *e);
/*
 * Digests over all that was written so far; after the last byte and before commit, for checks
 * against the client's.
 */
RESULT vault_put_digests(struct vault_writer *w, struct vault_checksums *ret, bool *ret_has_sha256,
                         uint8_t ret_sha256[32], struct error *e);
/* Durable, logged, visible. `receipt` gets the receipt JSON (NULL: not wanted). Ends the writer. */
RESULT vault_put_commit(struct vault_writer *w, struct vault_object *ret, struct buf *receipt,
                        struct error *e);
/* Ends the writer, nothing remains. NULL allowed. */
void vault_put_abort(struct vault_writer *w);

/*
 * Looks up; logged as object.head when `log_it`, and with status 404 whenever the object is not
 * there. version "": the current one.
 */
RESULT vault_head(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                  const char *version, bool log_it, struct vault_object *ret, struct error *e);
/*
 * Opens for reading `length` bytes at `from` (RANGE past the size) of what vault_head gave; logs
 * object.get. AGAIN when the object was replaced or deleted since, which may also come from
 * vault_get_read.
 */
struct vault_reader;
RESULT vault_get_open(const struct vault_ctx *cx, const struct vault_bucket *b,
                      const struct vault_object *o, uint64_t from, uint64_t length,
                      struct vault_reader **ret, struct error *e);
/*
 * The next opened bytes, valid until the next call; n 0 at the end. ERRC_INTEGRITY names object and
 * chunk.
 */
RESULT vault_get_read(struct vault_reader *r, struct bytes *ret, struct error *e);
void vault_get_close(struct vault_reader *r);
DEFINE_CLEANUP(vault_get_close, struct vault_reader *)

/* Where part `number` (from 1) of an object lies in it; NOT_FOUND: there is none. An object that
 * came in one piece is its own only part. */
RESULT vault_part_range(const struct vault_ctx *cx, const struct vault_object *o, uint32_t number,
                        uint64_t *ret_from, uint64_t *ret_n, struct error *e);

RESULT vault_delete(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                    const char *version, bool *ret_existed, struct error *e);
/* Replaces metadata or tags only (object.tag). */
RESULT vault_set_tags(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                      const char *version, const struct vault_pair *tags, size_t n,
                      struct error *e);

/* Listing in byte order of keys. */
struct vault_list {
    const struct vault_bucket *bucket;
    struct bytes prefix, delimiter;
    struct bytes
            after; /* keys greater than this (marker, start-after, or where the last page ended) */
    size_t max_keys; /* 0..1000 */
};
struct vault_listing {
    struct vault_object *objects; /* without headers, metadata, tags */
    size_t object_count;
    struct bytes *prefixes;
    size_t prefix_count;
    bool is_truncated;
    struct bytes next; /* `after` of the next page */
};
RESULT vault_list_objects(const struct vault_ctx *cx, const struct vault_list *q,
                          struct vault_listing *ret, struct error *e);

/* --- multipart --- */

struct vault_upload {
    char id[VAULT_UPLOAD_ID_BYTES];
    struct bytes key;
    int64_t created_ms;
};
struct vault_part {
    uint32_t number;
    uint64_t size;
    char etag[VAULT_ETAG_BYTES];
    int64_t modified_ms;
    struct vault_checksums checksums;
};
/* put->part_number 0; remembers type, metadata, tags, sse, wanted checksums. */
RESULT vault_upload_create(const struct vault_ctx *cx, const struct vault_put *put,
                           struct vault_upload *ret, struct error *e);
/* The upload's own settings (what UploadPart needs); ERRC_NOT_FOUND. */
RESULT vault_upload_get(const struct vault_ctx *cx, const struct vault_bucket *b, struct bytes key,
                        const char *upload_id, struct vault_put *ret, struct error *e);
/* A part is a vault_put with upload_id and part_number. */
RESULT vault_upload_complete(const struct vault_ctx *cx, const struct vault_bucket *b,
                             struct bytes key, const char *upload_id,
                             const struct vault_part *parts, size_t n,
                             const struct vault_conditions *conditions, struct vault_object *ret,
                             struct buf *receipt, struct error *e);
/* Codes of complete: NOT_FOUND no such upload; FORMAT order, or the object's checksum is another
 * than conditions->checksums; RANGE too small part; INTEGRITY part missing, another ETag or
 * checksum; CONFLICT a precondition is not met. Of `parts` number, etag and checksums (when known)
 * are read.
 */
RESULT vault_upload_abort(const struct vault_ctx *cx, const struct vault_bucket *b,
                          struct bytes key, const char *upload_id, struct error *e);
RESULT vault_upload_parts(const struct vault_ctx *cx, const struct vault_bucket *b,
                          struct bytes key, const char *upload_id, uint32_t after, size_t max,
                          struct vault_part **ret, size_t *ret_n, bool *ret_truncated,
                          struct error *e);
RESULT vault_upload_list(const struct vault_ctx *cx, const struct vault_bucket *b,
                         struct bytes prefix, struct bytes key_after, const char *id_after,
                         size_t max, struct vault_upload **ret, size_t *ret_n, bool *ret_truncated,
                         struct error *e);

/* --- upkeep --- */

/*
 * Opens and checks every blob and pack record of a tenant against its row; calls found() for each
 * that fails.
 */
RESULT vault_check(const struct vault_ctx *cx,
                   void (*found)(void *arg, const char *place, const char *what), void *arg,
                   uint64_t *ret_objects, uint64_t *ret_bytes, struct error *e);
/*
 * Re-wraps data keys of older versions under the newest; *ret_done of at most `max`: call until it
 * is 0.
 */
RESULT vault_rewrap(const struct vault_ctx *cx, const char *key_id, size_t max, size_t *ret_done,
                    struct error *e);

struct vault_stats {
    uint64_t objects, bytes, packs, pack_bytes_free, blobs_pending_delete, buffers_in_use, buffers;
};
void vault_get_stats(struct vault *v, struct vault_stats *ret);

#endif
