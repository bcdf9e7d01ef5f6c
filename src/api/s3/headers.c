/* Headers of object requests. */
#include "api/s3/headers.h"

#include "api/s3/body.h"
#include "api/s3/xml_in.h"
#include "base/text.h"
#include "net/xml.h"

static const char *const kept[] = { "cache-control", "content-disposition", "content-encoding",
                                    "content-language", "expires" };

/* content-encoding without "aws-chunked", which is only the wrapping. */
static struct bytes encoding_without_wrapping(struct s3_request *r, struct bytes v)
{
    CLEANUP(buf_done_p) struct buf out = BUF(8192);
    struct bytes rest = v, one;
    bool more = true;
    while (more) {
        more = bytes_split(&rest, ',', &one);
        one = bytes_trim(one, " \t");
        if (one.n > 0 && !bytes_equal_str_nocase(one, "aws-chunked")) {
            buf_add_str(&out, buf_bytes(&out).n > 0 ? "," : "");
            buf_add(&out, one);
        }
    }
    return arena_bytes(r->arena, buf_bytes(&out));
}

static void standard_headers_in(struct s3_request *r, struct vault_put *put,
                                struct vault_pair *pairs)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        struct bytes v = s3_header(r, kept[i]);
        if (v.p != NULL && strcmp(kept[i], "content-encoding") == 0) {
            v = encoding_without_wrapping(r, v);
        }
        if (v.n > 0) {
            pairs[n++] = (struct vault_pair){ bytes_str(kept[i]), v };
        }
    }
    put->headers = pairs;
    put->header_count = n;
}

static struct bytes lower(struct arena *a, struct bytes v)
{
    uint8_t *p = arena_alloc(a, v.n + 1);
    for (size_t i = 0; i < v.n; i++) {
        p[i] = (uint8_t)(v.p[i] >= 'A' && v.p[i] <= 'Z' ? v.p[i] + 32 : v.p[i]);
    }
    return bytes_of(p, v.n);
}

/* Adds to what came under that name before, as HTTP joins fields; else a new pair. */
static void metadata_add(struct s3_request *r, struct vault_pair *pairs, size_t *n,
                         struct bytes name, struct bytes value)
{
    for (size_t i = 0; i < *n; i++) {
        if (bytes_equal(pairs[i].name, name)) {
            pairs[i].value = bytes_str(arena_printf(r->arena, "%.*s,%.*s",
                                                    BYTES_FMT(pairs[i].value), BYTES_FMT(value)));
            return;
        }
    }
    pairs[(*n)++] = (struct vault_pair){ name, value };
}

static bool user_metadata_in(struct s3_request *r, struct vault_put *put)
{
    struct vault_pair *pairs = arena_alloc(r->arena, sizeof(*pairs) * (r->http->header_count + 1));
    size_t n = 0, total = 0, standard = put->content_type.n;
    struct bytes prefix = BYTES_LIT("x-amz-meta-");
    for (size_t i = 0; i < r->http->header_count; i++) {
        const struct http_header *h = &r->http->headers[i];
        if (h->name.n > prefix.n && bytes_equal_nocase(bytes_slice(h->name, 0, prefix.n), prefix)) {
            struct bytes name = lower(r->arena, bytes_slice(h->name, prefix.n, h->name.n));
            metadata_add(r, pairs, &n, name, h->value);
            total += name.n + h->value.n;
        }
    }
    for (size_t i = 0; i < put->header_count; i++) {
        standard += put->headers[i].value.n;
    }
    put->metadata = pairs;
    put->metadata_count = n;
    if (total > S3_METADATA_MAX || standard > S3_HEADERS_MAX) {
        s3_fail(r, S3_METADATA_TOO_LARGE, NULL);
        return false;
    }
    return true;
}

bool s3_metadata_in(struct s3_request *r, struct vault_put *put)
{
    standard_headers_in(r, put, arena_alloc(r->arena, sizeof(struct vault_pair) * ARRAY_LEN(kept)));
    put->content_type = s3_header(r, "Content-Type");
    if (put->content_type.n == 0) {
        put->content_type = BYTES_LIT("binary/octet-stream");
    }
    return user_metadata_in(r, put);
}

bool s3_key_id_in(struct s3_request *r, struct bytes v, const char **ret)
{
    CLEANUP(buf_done_p) struct buf arn = BUF(512);
    buf_addf(&arn, "arn:aws:kms:%s:%s:key/", r->settings->region, r->p->account);
    struct bytes prefix = buf_bytes(&arn);
    if (bytes_has_prefix(v, prefix)) {
        v = bytes_slice(v, prefix.n, v.n);
    }
    if (v.n != KEY_ID_BYTES - 1) {
        s3_fail(r, S3_KMS_NOT_FOUND,
                "The key id is neither a UUID nor a key ARN of this account and region.");
        return false;
    }
    *ret = arena_str(r->arena, v);
    return true;
}

const char *s3_key_arn(struct s3_request *r, const char *key_id)
{
    return arena_printf(r->arena, "arn:aws:kms:%s:%s:key/%s", r->settings->region, r->p->account,
                        key_id);
}

bool s3_encryption_in(struct s3_request *r, struct vault_put *put)
{
    struct bytes sse = s3_header(r, "x-amz-server-side-encryption");
    struct bytes key = s3_header(r, "x-amz-server-side-encryption-aws-kms-key-id");
    if (sse.p != NULL) {
        if (bytes_equal_str(sse, "aws:kms")) {
            put->sse = VAULT_SSE_KMS;
        } else if (bytes_equal_str(sse, "AES256")) {
            put->sse = VAULT_SSE_AES256;
        } else {
            s3_fail(r, S3_NOT_IMPLEMENTED,
                    "x-amz-server-side-encryption must be aws:kms or AES256");
            return false;
        }
    }
    if (key.n > 0) {
        if (put->sse == VAULT_SSE_AES256) {
            s3_fail(r, S3_INVALID_ARGUMENT,
                    "A key id goes with x-amz-server-side-encryption: aws:kms only");
            return false;
        }
        return s3_key_id_in(r, key, &put->key_id);
    }
    return true;
}

bool s3_tags_parse(struct s3_request *r, struct bytes in, struct vault_pair **ret, size_t *ret_n)
{
    struct vault_pair *tags = arena_alloc(r->arena, sizeof(*tags) * (VAULT_TAGS_MAX + 1));
    size_t n = 0;
    struct bytes rest = in, one, name;
    bool more = rest.n > 0;
    while (more && n <= VAULT_TAGS_MAX) {
        more = bytes_split(&rest, '&', &one);
        if (one.n == 0) {
            continue;
        }
        struct bytes value = one;
        if (!bytes_split(&value, '=', &name)) {
            value = BYTES_LIT("");
        }
        CLEANUP(buf_done_p) struct buf k = BUF(4096);
        CLEANUP(buf_done_p) struct buf v = BUF(4096);
        if (!result_is_ok(percent_decode(name, true, &k)) ||
            !result_is_ok(percent_decode(value, true, &v))) {
            return false;
        }
        tags[n].name = arena_bytes(r->arena, buf_bytes(&k));
        tags[n++].value = arena_bytes(r->arena, buf_bytes(&v));
    }
    *ret = tags;
    *ret_n = n;
    return true;
}

bool s3_tagging_in(struct s3_request *r, struct vault_put *put)
{
    struct bytes v = s3_header(r, "x-amz-tagging");
    struct vault_pair *tags = NULL;
    const char *why = "The x-amz-tagging header is malformed";
    if (v.n == 0) {
        return true;
    }
    if (!s3_tags_parse(r, v, &tags, &put->tag_count) ||
        !s3_tags_valid(tags, put->tag_count, &why)) {
        s3_fail(r, S3_INVALID_TAG, why);
        return false;
    }
    put->tags = tags;
    return true;
}

bool s3_unsupported_in(struct s3_request *r)
{
    static const struct {
        const char *header, *allowed;
    } table[] = {
        { "x-amz-acl", "private|bucket-owner-full-control" },
        { "x-amz-grant-read", "" },
        { "x-amz-grant-write", "" },
        { "x-amz-grant-full-control", "" },
        { "x-amz-grant-read-acp", "" },
        { "x-amz-grant-write-acp", "" },
        { "x-amz-storage-class", "STANDARD" },
        { "x-amz-object-lock-mode", "" },
        { "x-amz-object-lock-retain-until-date", "" },
        { "x-amz-object-lock-legal-hold", "OFF" },
        { "x-amz-bucket-object-lock-enabled", "false" },
        { "x-amz-website-redirect-location", "" },
        { "x-amz-server-side-encryption-customer-algorithm", "" },
        { "x-amz-server-side-encryption-context", "" },
        { "x-amz-server-side-encryption-bucket-key-enabled", "false" },
        { "x-amz-copy-source-server-side-encryption-customer-algorithm", "" },
        { "x-amz-write-offset-bytes", "" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct bytes v = s3_header(r, table[i].header), rest = bytes_str(table[i].allowed), one;
        bool is_fine = v.p == NULL;
        for (bool more = !is_fine; more && !is_fine;) {
            more = bytes_split(&rest, '|', &one);
            is_fine = one.n > 0 && bytes_equal(one, v);
        }
        if (!is_fine) {
            s3_fail(r, S3_NOT_IMPLEMENTED,
                    arena_printf(r->arena, "The header %s with this value is not implemented.",
                                 table[i].header));
            return false;
        }
    }
    return true;
}

static bool date_in(struct s3_request *r, const char *name, int64_t *ret)
{
    struct bytes v = s3_header(r, name);
    return v.p != NULL && result_is_ok(time_parse_http(v, ret));
}

void s3_conditions_in(struct s3_request *r, const char *prefix, struct vault_conditions *ret)
{
#define NAME(suffix) (arena_printf(r->arena, "%s" suffix, prefix))
    ret->if_match = s3_header(r, NAME("if-match"));
    ret->if_none_match = s3_header(r, NAME("if-none-match"));
    ret->has_modified_since = date_in(r, NAME("if-modified-since"), &ret->modified_since_ms);
    ret->has_unmodified_since = date_in(r, NAME("if-unmodified-since"), &ret->unmodified_since_ms);
#undef NAME
}

/* --- out --- */

void s3_etag_header(struct s3_request *r, const char *etag)
{
    http_set_header_str(r->x, "ETag", arena_printf(r->arena, "\"%s\"", etag));
}

void s3_encryption_headers(struct s3_request *r, const struct vault_object *o)
{
    if (o->sse == VAULT_SSE_AES256) {
        http_set_header_str(r->x, "x-amz-server-side-encryption", "AES256");
        return;
    }
    http_set_header_str(r->x, "x-amz-server-side-encryption", "aws:kms");
    http_set_header_str(r->x, "x-amz-server-side-encryption-aws-kms-key-id",
                        s3_key_arn(r, o->key_ref.id));
}

void s3_checksum_text(const struct vault_checksums *c, enum vault_checksum which, uint32_t parts,
                      struct buf *out)
{
    buf_add_base64(out, bytes_of(c->value[which].b, s3_checksum_len(which)));
    if (c->is_composite) {
        buf_addf(out, "-%u", parts);
    }
}

void s3_xml_checksums(struct s3_request *r, struct buf *xml, const struct vault_checksums *c,
                      uint32_t parts)
{
    for (unsigned i = 0; i < VAULT_MD5; i++) {
        enum vault_checksum which = (enum vault_checksum)i;
        if ((c->known & 1u << i) != 0) {
            CLEANUP(buf_done_p) struct buf text = BUF(128);
            s3_checksum_text(c, which, parts, &text);
            xml_element(xml, arena_printf(r->arena, "Checksum%s", s3_checksum_name(which)),
                        buf_bytes(&text));
        }
    }
}

void s3_checksum_headers(struct s3_request *r, const struct vault_object *o)
{
    bool has_any = false;
    for (unsigned c = 0; c < VAULT_MD5; c++) {
        if ((o->checksums.known & 1u << c) == 0) {
            continue;
        }
        CLEANUP(buf_done_p) struct buf text = BUF(128);
        s3_checksum_text(&o->checksums, (enum vault_checksum)c, o->part_count, &text);
        http_set_header(r->x, s3_checksum_header((enum vault_checksum)c),
                        arena_bytes(r->arena, buf_bytes(&text)));
        has_any = true;
    }
    if (has_any) {
        http_set_header_str(r->x, "x-amz-checksum-type",
                            o->checksums.is_composite ? "COMPOSITE" : "FULL_OBJECT");
    }
}

void s3_object_headers(struct s3_request *r, const struct vault_object *o)
{
    char date[TIME_TEXT_MAX];
    s3_common_headers(r);
    s3_etag_header(r, o->etag);
    http_set_header_str(r->x, "Last-Modified",
                        arena_str(r->arena, bytes_str(time_http(o->modified_ms, date))));
    http_set_header_str(r->x, "Accept-Ranges", "bytes");
    if (o->content_type.n > 0) {
        http_set_header(r->x, "Content-Type", o->content_type);
    }
    for (size_t i = 0; i < o->header_count; i++) {
        http_set_header(r->x, arena_str(r->arena, o->headers[i].name), o->headers[i].value);
    }
    for (size_t i = 0; i < o->metadata_count; i++) {
        http_set_header(r->x,
                        arena_printf(r->arena, "x-amz-meta-%.*s", BYTES_FMT(o->metadata[i].name)),
                        o->metadata[i].value);
    }
    if (o->tag_count > 0) {
        http_set_header_str(r->x, "x-amz-tagging-count",
                            arena_printf(r->arena, "%zu", o->tag_count));
    }
    s3_encryption_headers(r, o);
    if (bytes_equal_str_nocase(s3_header(r, "x-amz-checksum-mode"), "ENABLED")) {
        s3_checksum_headers(r, o);
    }
}

/*= 2.1.3-5 "each write answers with algorithm, key and custodian, provable from the log" */
void s3_receipt_header(struct s3_request *r, const struct buf *receipt)
{
    struct bytes json = buf_bytes(receipt);
    if (json.n == 0) {
        return;
    }
    CLEANUP(buf_done_p) struct buf text = BUF(2 * json.n + 16);
    buf_add_base64url(&text, json);
    http_set_header(r->x, "x-troth-receipt", arena_bytes(r->arena, buf_bytes(&text)));
}
