/* PutObject, UploadPart. Reading is in get.c, deleting in delete.c. */
#include "api/s3/object.h"

#include "api/s3/access.h"
#include "api/s3/body.h"
#include "api/s3/headers.h"
#include "base/text.h"

#define RECEIPT_MAX (128 * 1024)

/* The announced length is there: what is left to read is the end, with its signatures and trailers.
 */
static bool body_finish(struct s3_body *b, enum s3_error *ret_err, struct error *e)
{
    uint8_t more;
    size_t n = 0;
    if (!s3_body_read(b, &more, 1, &n, ret_err, e)) {
        return false;
    }
    if (n != 0) {
        *ret_err = S3_INVALID_REQUEST;
        result_ignore(error_set(e, ERRC_FORMAT, "The body is longer than announced."));
    }
    return n == 0;
}

/* Copies the body into the writer. False: *ret_err and e say why. */
static bool body_stream(struct s3_body *b, struct vault_writer *w, enum s3_error *ret_err,
                        struct error *e)
{
    while (!b->has_length || b->got < b->length) {
        uint8_t *space = NULL;
        size_t cap = 0, n = 0;
        struct result res = vault_put_space(w, &space, &cap, e);
        if (result_is_ok(res)) {
            if (!s3_body_read(b, space, cap, &n, ret_err, e)) {
                return false;
            }
            if (n == 0) {
                return true;
            }
            if (!s3_may_still(b->r)) {
                *ret_err = S3_ACCESS_DENIED;
                result_ignore(
                        error_set(e, ERRC_DENIED, "Access Denied: the access ended meanwhile."));
                return false;
            }
            res = vault_put_wrote(w, n, e);
        }
        if (!result_is_ok(res)) {
            *ret_err = s3_error_of(res.code, S3_NO_SUCH_BUCKET);
            return false;
        }
    }
    return body_finish(b, ret_err, e);
}

static bool digests_hold(struct s3_body *b, struct vault_writer *w, enum s3_error *ret_err,
                         struct error *e)
{
    struct vault_checksums have;
    bool has_sha256 = false;
    uint8_t digest[SHA256_BYTES];
    struct result res = vault_put_digests(w, &have, &has_sha256, digest, e);
    if (!result_is_ok(res)) {
        *ret_err = s3_error_of(res.code, S3_NO_SUCH_BUCKET);
        return false;
    }
    if (has_sha256) {
        have.known |= 1u << VAULT_SHA256;
        memcpy(have.value[VAULT_SHA256].b, digest, sizeof(digest));
        have.value[VAULT_SHA256].n = sizeof(digest);
    }
    return s3_body_check(b, &have, ret_err, e);
}

static bool length_is_known(struct s3_request *r)
{
    if (r->http->has_length || r->http->is_chunked) {
        return true;
    }
    s3_fail(r, S3_MISSING_CONTENT_LENGTH, NULL);
    return false;
}

static enum s3_error not_found_of(const struct vault_put *put)
{
    return put->upload_id != NULL ? S3_NO_SUCH_UPLOAD : S3_NO_SUCH_BUCKET;
}

/* Body in, checked, committed. False: answered. */
static bool put_body(struct s3_request *r, struct vault_put *put, struct vault_object *ret,
                     struct buf *receipt)
{
    CLEANUP(s3_body_done_p) struct s3_body b = { 0 };
    enum s3_error err = S3_OK;
    struct error e = { 0 };
    unsigned wanted = 0;
    if (!s3_body_open(r, &b, &err, &e) || !s3_body_wanted(&b, &wanted, &err, &e)) {
        s3_fail(r, err, e.msg);
        return false;
    }
    put->checksums_wanted |= wanted; /* a part's upload may want more than was sent */
    put->has_size = b.has_length;
    put->size = b.length;
    uint64_t most = put->upload_id != NULL ? VAULT_PART_MAX : VAULT_OBJECT_MAX;
    if (put->has_size && put->size > most) {
        s3_fail(r, S3_ENTITY_TOO_LARGE, NULL);
        return false;
    }
    struct vault_writer *w = NULL;
    if (!result_is_ok(vault_put_begin(&r->cx, put, &w, &e))) {
        bool names_key = put->key_id != NULL && put->key_id[0] != '\0';
        s3_fail_with(r, names_key ? S3_KMS_NOT_FOUND : not_found_of(put), &e);
        return false;
    }
    bool is_whole = body_stream(&b, w, &err, &e);
    r->bytes_in += b.got;
    if (!is_whole || !digests_hold(&b, w, &err, &e)) {
        vault_put_abort(w);
        s3_fail(r, err, err == S3_INTERNAL_ERROR ? NULL : e.msg);
        return false;
    }
    if (!result_is_ok(vault_put_commit(w, ret, receipt, &e))) {
        s3_fail_with(r, not_found_of(put), &e);
        return false;
    }
    return true;
}

void s3_put_object(struct s3_request *r)
{
    struct vault_put put = { .bucket = &r->bucket, .key = r->key };
    if (!s3_unsupported_in(r) || !length_is_known(r) || !s3_metadata_in(r, &put) ||
        !s3_encryption_in(r, &put) || !s3_tagging_in(r, &put) || !s3_allow_tags(r, &put)) {
        return;
    }
    s3_conditions_in(r, "", &put.conditions);
    put.conditions.has_modified_since = put.conditions.has_unmodified_since = false;
    CLEANUP(buf_done_p) struct buf receipt = BUF(RECEIPT_MAX);
    struct vault_object o;
    if (!put_body(r, &put, &o, &receipt)) {
        return;
    }
    s3_etag_header(r, o.etag);
    s3_encryption_headers(r, &o);
    s3_checksum_headers(r, &o);
    s3_receipt_header(r, &receipt);
    s3_reply(r, 200);
}

bool s3_part_number(struct s3_request *r, uint32_t *ret)
{
    uint64_t n = 0;
    if (!result_is_ok(
                num_u64(s3_param_or(r, "partNumber", BYTES_LIT("")), 1, VAULT_PARTS_MAX, &n))) {
        s3_fail(r, S3_INVALID_ARGUMENT,
                "Part number must be an integer between 1 and 10000, inclusive");
        return false;
    }
    *ret = (uint32_t)n;
    return true;
}

bool s3_upload_settings(struct s3_request *r, const char **ret_id, struct vault_put *ret)
{
    struct error e;
    struct bytes id = s3_param_or(r, "uploadId", BYTES_LIT(""));
    *ret_id = arena_str(r->arena, id);
    if (id.n != VAULT_UPLOAD_ID_BYTES - 1) {
        s3_fail(r, S3_NO_SUCH_UPLOAD, NULL);
        return false;
    }
    if (!result_is_ok(vault_upload_get(&r->cx, &r->bucket, r->key, *ret_id, ret, &e))) {
        s3_fail_with(r, S3_NO_SUCH_UPLOAD, &e);
        return false;
    }
    return true;
}

void s3_upload_part(struct s3_request *r)
{
    struct vault_put put;
    const char *id = NULL;
    uint32_t number = 0;
    if (!s3_unsupported_in(r) || !length_is_known(r) || !s3_part_number(r, &number) ||
        !s3_upload_settings(r, &id, &put)) {
        return;
    }
    put.bucket = &r->bucket;
    put.key = r->key;
    put.upload_id = id;
    put.part_number = number;
    struct vault_object o;
    if (!put_body(r, &put, &o, NULL)) {
        return;
    }
    s3_etag_header(r, o.etag);
    s3_encryption_headers(r, &o);
    s3_checksum_headers(r, &o);
    s3_reply(r, 200);
}
