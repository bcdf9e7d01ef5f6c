/*
 * JSON. Reading: RFC 8259, strict: valid UTF-8, no duplicate keys, bounded size and depth; a tree
 * that lives in its document. Writing: a small emitter; used in key order it gives RFC 8785 (JCS)
 * text for the values we allow: strings, integers of at most 2^53-1 in magnitude, booleans, null,
 * arrays, objects. No floating point is written.
 */
#ifndef TROTH_BASE_JSON_H
#define TROTH_BASE_JSON_H

#include "base/buf.h"

#include <stdint.h>

struct json_doc;

/* A value; borrowed from its document. */
struct json {
    uint64_t priv_[2];
};

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_UINT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

#define JSON_DEPTH_MAX 64

/*
 * ERRC_FORMAT with the place; ERRC_LIMIT when longer than max_bytes or deeper than JSON_DEPTH_MAX.
 */
RESULT json_parse(struct bytes in, size_t max_bytes, struct json_doc **ret, struct error *e);
void json_doc_free(struct json_doc *d);
DEFINE_CLEANUP(json_doc_free, struct json_doc *)

struct json json_root(const struct json_doc *d);
enum json_type json_type(struct json v);
bool json_is_null(struct json v);

/*
 * By key. ERRC_NOT_FOUND when absent, ERRC_FORMAT when of another type; the message names the key.
 */
bool json_has(struct json obj, const char *key);
RESULT json_get(struct json obj, const char *key, struct json *ret, struct error *e);
RESULT json_get_str(struct json obj, const char *key, struct bytes *ret, struct error *e);
RESULT json_get_u64(struct json obj, const char *key, uint64_t max, uint64_t *ret, struct error *e);
RESULT json_get_i64(struct json obj, const char *key, int64_t *ret, struct error *e);
RESULT json_get_bool(struct json obj, const char *key, bool *ret, struct error *e);
/* base64 of exactly n bytes / of at most out->max bytes. */
RESULT json_get_base64_exact(struct json obj, const char *key, uint8_t *ret, size_t n,
                             struct error *e);
RESULT json_get_base64(struct json obj, const char *key, struct buf *out, struct error *e);
RESULT json_get_hex_exact(struct json obj, const char *key, uint8_t *ret, size_t n,
                          struct error *e);
/* ERRC_FORMAT naming the first key that is not in the NULL-ended list. */
RESULT json_only_keys(struct json obj, const char *const *keys, struct error *e);

/* The value itself. */
RESULT json_str(struct json v, struct bytes *ret);
RESULT json_u64(struct json v, uint64_t max, uint64_t *ret);
RESULT json_i64(struct json v, int64_t *ret);
RESULT json_bool(struct json v, bool *ret);

/*
 * Elements and members: start with a zeroed iterator; false at the end or when v is of another
 * type.
 */
struct json_iter {
    uint64_t priv_[4];
    bool is_started_;
};
size_t json_count(struct json v);
bool json_next(struct json array, struct json_iter *it, struct json *ret);
bool json_next_member(struct json object, struct json_iter *it, struct bytes *ret_key,
                      struct json *ret);

/*
 * Writes any value again as JCS: keys sorted (UTF-16 code units), no white space. ERRC_FORMAT for a
 * double, ERRC_RANGE past 2^53-1.
 */
RESULT json_canonical(struct json v, struct buf *out, struct error *e);

/* Emitter. Commas are its business; balance is the caller's (checked by assert). */
struct jsonw {
    struct buf *out;
    uint64_t has_item; /* a bit per level */
    unsigned depth;
    bool after_key;
};

void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_object(struct jsonw *w);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_array_end(struct jsonw *w);
void jsonw_key(struct jsonw *w, const char *key);
void jsonw_key_bytes(struct jsonw *w, struct bytes key);
void jsonw_str(struct jsonw *w, struct bytes v); /* invalid UTF-8 becomes U+FFFD */
void jsonw_cstr(struct jsonw *w, const char *v);
void jsonw_u64(struct jsonw *w, uint64_t v);
void jsonw_i64(struct jsonw *w, int64_t v);
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
void jsonw_base64(struct jsonw *w, struct bytes v);
void jsonw_hex(struct jsonw *w, struct bytes v);
void jsonw_raw(struct jsonw *w, struct bytes json); /* already JSON */
/* key and value in one */
void jsonw_kv_str(struct jsonw *w, const char *key, struct bytes v);
void jsonw_kv_cstr(struct jsonw *w, const char *key, const char *v);
void jsonw_kv_u64(struct jsonw *w, const char *key, uint64_t v);
void jsonw_kv_bool(struct jsonw *w, const char *key, bool v);
void jsonw_kv_base64(struct jsonw *w, const char *key, struct bytes v);
void jsonw_kv_hex(struct jsonw *w, const char *key, struct bytes v);

#endif
