/* CopyObject and UploadPartCopy: read, opened and sealed anew under a fresh data key. */
#include "api/s3/access.h"
#include "api/s3/body.h"
#include "api/s3/headers.h"
#include "api/s3/object.h"
#include "base/text.h"
#include "net/xml.h"

#define RECEIPT_MAX (128 * 1024)

struct source {
    struct vault_bucket bucket;
    struct bytes key;
    struct vault_object object;
    uint64_t from, n;
};

/* "/bucket/key" or "bucket/key", percent-encoded, "?versionId=null" may follow. */
static bool source_parse(struct s3_request *r, struct bytes *ret_bucket, struct bytes *ret_key)
{
    struct bytes v = s3_header(r, "x-amz-copy-source"), head, version = BYTES_LIT("null");
    struct bytes rest = v;
    if (bytes_split(&rest, '?', &head)) {
        v = head;
        struct bytes prefix = BYTES_LIT("versionId=");
        version = bytes_has_prefix(rest, prefix) ? bytes_slice(rest, prefix.n, rest.n) : BYTES_NONE;
    }
    CLEANUP(buf_done_p) struct buf text = BUF(16 * 1024);
    if (!bytes_equal_str(version, "null") || !result_is_ok(percent_decode(v, false, &text)) ||
        !utf8_is_valid(buf_bytes(&text))) {
        s3_fail(r, S3_INVALID_ARGUMENT, "Invalid copy source");
        return false;
    }
    struct bytes path = arena_bytes(r->arena, buf_bytes(&text));
    if (bytes_has_prefix(path, BYTES_LIT("/"))) {
        path = bytes_slice(path, 1, path.n);
    }
    *ret_key = path;
    if (!bytes_split(ret_key, '/', ret_bucket) || ret_key->n == 0) {
        s3_fail(r, S3_INVALID_ARGUMENT, "The copy source must name a bucket and a key");
        return false;
    }
    return true;
}

static bool source_range(struct s3_request *r, struct source *s)
{
    struct bytes v = s3_header(r, "x-amz-copy-source-range"), first, prefix = BYTES_LIT("bytes=");
    s->from = 0;
    s->n = s->object.size;
    if (v.p == NULL) {
        return true;
    }
    struct bytes last = bytes_slice(v, prefix.n, v.n);
    uint64_t to = 0;
    if (!bytes_has_prefix(v, prefix) || !bytes_split(&last, '-', &first) ||
        !result_is_ok(num_u64(first, 0, UINT64_MAX, &s->from)) ||
        !result_is_ok(num_u64(last, s->from, UINT64_MAX - 1, &to)) || to >= s->object.size) {
        s3_fail(r, S3_INVALID_ARGUMENT,
                "x-amz-copy-source-range must be bytes=first-last within the source");
        return false;
    }
    s->n = to - s->from + 1;
    return true;
}

static bool source_find(struct s3_request *r, struct source *ret)
{
    struct bytes bucket;
    struct error e;
    if (!source_parse(r, &bucket, &ret->key)) {
        return false;
    }
    if (!s3_owner_is_expected(r, "x-amz-source-expected-bucket-owner")) {
        return false;
    }
    struct result found = s3_bucket_load(r, bucket, &ret->bucket, &e);
    if (result_is_ok(found) && !s3_allow(r, "s3:GetObject", &ret->bucket, ret->key)) {
        return false;
    }
    if (!result_is_ok(found)) {
        s3_fail_with(r, S3_NO_SUCH_BUCKET, &e);
        return false;
    }
    if (!result_is_ok(vault_head(&r->cx, &ret->bucket, ret->key, "", false, &ret->object, &e))) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return false;
    }
    struct vault_conditions c = { 0 };
    s3_conditions_in(r, "x-amz-copy-source-", &c);
    if (vault_conditions_eval(&c, &ret->object) != VAULT_PROCEED) {
        s3_fail(r, S3_PRECONDITION_FAILED, NULL);
        return false;
    }
    return source_range(r, ret);
}

/* Streams the source into a new blob and commits it. False: answered. */
static bool copy_run(struct s3_request *r, struct source *s, struct vault_put *put,
                     struct vault_object *ret, struct buf *receipt)
{
    struct error e;
    struct vault_writer *w = NULL;
    CLEANUP(vault_get_close_p) struct vault_reader *reader = NULL;
    put->has_size = true;
    put->size = s->n;
    struct result res = vault_get_open(&r->cx, &s->bucket, &s->object, s->from, s->n, &reader, &e);
    if (result_is_ok(res)) {
        res = vault_put_begin(&r->cx, put, &w, &e);
    }
    struct bytes part = BYTES_LIT("-");
    while (result_is_ok(res) && part.n > 0) {
        res = vault_get_read(reader, &part, &e);
        if (result_is_ok(res) && part.n > 0) {
            res = s3_may_still(r) ? vault_put_write(w, part, &e)
                                  : error_set(&e, ERRC_DENIED, "the access ended meanwhile");
        }
    }
    if (result_is_ok(res)) {
        res = vault_put_commit(w, ret, receipt, &e);
    } else {
        vault_put_abort(w);
    }
    if (!result_is_ok(res)) {
        s3_fail_with(r, S3_NO_SUCH_KEY, &e);
        return false;
    }
    return true;
}

static void result_out(struct s3_request *r, const char *element, const struct vault_object *o)
{
    char date[TIME_TEXT_MAX];
    CLEANUP(buf_done_p) struct buf xml = BUF(16 * 1024);
    xml_begin(&xml);
    xml_open_ns(&xml, element, S3_XMLNS);
    xml_element_str(&xml, "LastModified", time_rfc3339(o->modified_ms, date));
    xml_element_str(&xml, "ETag", arena_printf(r->arena, "\"%s\"", o->etag));
    s3_xml_checksums(r, &xml, &o->checksums, o->part_count);
    xml_close(&xml, element);
    s3_encryption_headers(r, o);
    s3_reply_xml(r, &xml);
}

/* COPY keeps the source's metadata, REPLACE takes the request's. False: answered. */
static bool directive(struct s3_request *r, const char *header, bool *ret_replace)
{
    struct bytes v = s3_header(r, header);
    *ret_replace = bytes_equal_str(v, "REPLACE");
    if (v.p == NULL || *ret_replace || bytes_equal_str(v, "COPY")) {
        return true;
    }
    s3_fail(r, S3_INVALID_ARGUMENT, arena_printf(r->arena, "%s must be COPY or REPLACE", header));
    return false;
}

static bool metadata_of_copy(struct s3_request *r, const struct source *s, struct vault_put *put,
                             bool *ret_changes)
{
    bool replace = false, replace_tags = false;
    if (!directive(r, "x-amz-metadata-directive", &replace) ||
        !directive(r, "x-amz-tagging-directive", &replace_tags)) {
        return false;
    }
    if (replace) {
        if (!s3_metadata_in(r, put)) {
            return false;
        }
    } else {
        put->content_type = s->object.content_type;
        put->headers = s->object.headers;
        put->header_count = s->object.header_count;
        put->metadata = s->object.metadata;
        put->metadata_count = s->object.metadata_count;
    }
    put->tags = s->object.tags;
    put->tag_count = s->object.tag_count;
    *ret_changes = replace || replace_tags;
    return !replace_tags || s3_tagging_in(r, put);
}

static bool checksum_of_copy(struct s3_request *r, const struct source *s, struct vault_put *put)
{
    struct bytes v = s3_header(r, "x-amz-checksum-algorithm");
    enum vault_checksum which;
    if (v.p == NULL) {
        put->checksums_wanted = s->object.checksums.is_composite
                                        ? 0
                                        : s->object.checksums.known & ~(1u << VAULT_MD5);
        return true;
    }
    if (!s3_checksum_by_name(v, &which)) {
        s3_fail(r, S3_INVALID_REQUEST, "Checksum algorithm provided is unsupported.");
        return false;
    }
    put->checksums_wanted = 1u << which;
    return true;
}

void s3_copy_object(struct s3_request *r)
{
    struct vault_put put = { .bucket = &r->bucket, .key = r->key };
    struct source s = { 0 };
    bool is_changed = false;
    if (!s3_unsupported_in(r) || !source_find(r, &s) ||
        !metadata_of_copy(r, &s, &put, &is_changed) || !s3_encryption_in(r, &put) ||
        !checksum_of_copy(r, &s, &put) || !s3_allow_tags(r, &put)) {
        return;
    }
    if (s.bucket.id == r->bucket.id && bytes_equal(s.key, r->key) && !is_changed && put.sse == 0) {
        s3_fail(r, S3_INVALID_REQUEST,
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the "
                "object's metadata or encryption attributes.");
        return;
    }
    CLEANUP(buf_done_p) struct buf from = BUF(2 * VAULT_KEY_MAX);
    CLEANUP(buf_done_p) struct buf receipt = BUF(RECEIPT_MAX);
    buf_addf(&from, "%s/", s.bucket.name);
    buf_add(&from, s.key);
    put.copy_source = buf_bytes(&from);
    s3_conditions_in(r, "", &put.conditions);
    put.conditions.has_modified_since = put.conditions.has_unmodified_since = false;
    struct vault_object o;
    if (copy_run(r, &s, &put, &o, &receipt)) {
        s3_receipt_header(r, &receipt);
        result_out(r, "CopyObjectResult", &o);
    }
}

void s3_upload_part_copy(struct s3_request *r)
{
    struct vault_put put;
    struct source s = { 0 };
    const char *id = NULL;
    uint32_t number = 0;
    if (!s3_unsupported_in(r) || !s3_part_number(r, &number) || !s3_upload_settings(r, &id, &put) ||
        !source_find(r, &s)) {
        return;
    }
    if (s.n > VAULT_PART_MAX) {
        s3_fail(r, S3_ENTITY_TOO_LARGE, NULL);
        return;
    }
    put.bucket = &r->bucket;
    put.key = r->key;
    put.upload_id = id;
    put.part_number = number;
    struct vault_object o;
    if (copy_run(r, &s, &put, &o, NULL)) {
        result_out(r, "CopyPartResult", &o);
    }
}
