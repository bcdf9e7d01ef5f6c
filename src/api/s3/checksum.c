/* Checksums of a request: which were announced, by header or trailer, and whether they hold. */
#include "api/s3/body.h"

#include "base/text.h"
#include "crypto/crc.h"

static const struct {
    const char *header, *name;
    size_t len;
} checksums[VAULT_CHECKSUM_COUNT] = {
    [VAULT_CRC32] = { "x-amz-checksum-crc32", "CRC32", 4 },
    [VAULT_CRC32C] = { "x-amz-checksum-crc32c", "CRC32C", 4 },
    [VAULT_CRC64NVME] = { "x-amz-checksum-crc64nvme", "CRC64NVME", 8 },
    [VAULT_SHA1] = { "x-amz-checksum-sha1", "SHA1", 20 },
    [VAULT_SHA256] = { "x-amz-checksum-sha256", "SHA256", 32 },
    [VAULT_MD5] = { NULL, "MD5", 16 },
};

const char *s3_checksum_header(enum vault_checksum c)
{
    return checksums[c].header;
}

const char *s3_checksum_name(enum vault_checksum c)
{
    return checksums[c].name;
}

size_t s3_checksum_len(enum vault_checksum c)
{
    return checksums[c].len;
}

bool s3_checksum_by_name(struct bytes name, enum vault_checksum *ret)
{
    for (unsigned c = 0; c < VAULT_MD5; c++) {
        if (bytes_equal_str_nocase(name, checksums[c].name)) {
            *ret = (enum vault_checksum)c;
            return true;
        }
    }
    return false;
}

bool s3_checksum_parse(struct bytes v, enum vault_checksum c, uint8_t *ret)
{
    CLEANUP(buf_done_p) struct buf out = BUF(64);
    size_t n = checksums[c].len;
    if (!result_is_ok(base64_decode(v, &out)) || buf_bytes(&out).n != n) {
        return false;
    }
    memcpy(ret, buf_bytes(&out).p, n);
    return true;
}

static bool refuse(enum s3_error *ret_err, enum s3_error err, struct error *e, const char *what,
                   const char *why)
{
    *ret_err = err;
    result_ignore(error_set(e, ERRC_FORMAT, "%s%s", what, why));
    return false;
}

static bool trailer_find(const struct s3_body *b, enum vault_checksum c, struct bytes *ret)
{
    for (size_t i = 0; i < b->trailer_count; i++) {
        if (bytes_equal_str_nocase(b->trailers[i].name, checksums[c].header)) {
            *ret = b->trailers[i].value;
            return true;
        }
    }
    return false;
}

/* The value announced for c, by header or (after the end) by trailer. */
static bool announced(const struct s3_body *b, enum vault_checksum c, struct bytes *ret)
{
    if (c == VAULT_MD5) {
        *ret = s3_header(b->r, "Content-MD5");
        return ret->p != NULL;
    }
    if (!b->r->checksums_are_of_object) {
        *ret = s3_header(b->r, checksums[c].header);
        if (ret->p != NULL) {
            return true;
        }
    }
    return trailer_find(b, c, ret);
}

/* Does x-amz-trailer promise c? */
static bool is_promised(const struct s3_body *b, enum vault_checksum c)
{
    struct bytes rest = s3_header(b->r, "x-amz-trailer"), one;
    bool more = c != VAULT_MD5 && rest.n > 0;
    while (more) {
        more = bytes_split(&rest, ',', &one);
        if (bytes_equal_str_nocase(bytes_trim(one, " \t"), checksums[c].header)) {
            return true;
        }
    }
    return false;
}

bool s3_body_wanted(struct s3_body *b, unsigned *ret_wanted, enum s3_error *ret_err,
                    struct error *e)
{
    unsigned wanted = 0, headers = 0;
    uint8_t value[32];
    struct bytes v;
    for (unsigned c = 0; c < VAULT_CHECKSUM_COUNT; c++) {
        if (announced(b, (enum vault_checksum)c, &v)) {
            if (!s3_checksum_parse(v, (enum vault_checksum)c, value)) {
                return refuse(ret_err, S3_INVALID_DIGEST, e,
                              c == VAULT_MD5 ? "Content-MD5" : checksums[c].header,
                              " is not a base64 digest of the right length");
            }
            wanted |= 1u << c;
            headers += c != VAULT_MD5;
        }
        if (is_promised(b, (enum vault_checksum)c)) {
            wanted |= 1u << c;
            headers++;
        }
    }
    if (headers > 1) {
        return refuse(ret_err, S3_INVALID_REQUEST, e, "",
                      "Expecting a single x-amz-checksum- header");
    }
    if (b->r->claim.payload == SIGV4_PAYLOAD_SHA256) {
        wanted |= 1u << VAULT_SHA256;
    }
    *ret_wanted = wanted;
    return true;
}

bool s3_body_check(struct s3_body *b, const struct vault_checksums *have, enum s3_error *ret_err,
                   struct error *e)
{
    if (b->r->claim.payload == SIGV4_PAYLOAD_SHA256) {
        if ((have->known & 1u << VAULT_SHA256) == 0 ||
            !mem_equal_ct(have->value[VAULT_SHA256].b, b->r->claim.payload_sha256, 32)) {
            return refuse(ret_err, S3_CONTENT_SHA256_MISMATCH, e, "",
                          s3_error_info(S3_CONTENT_SHA256_MISMATCH)->message);
        }
    }
    for (unsigned c = 0; c < VAULT_CHECKSUM_COUNT; c++) {
        struct bytes v;
        uint8_t value[32];
        if (is_promised(b, (enum vault_checksum)c) &&
            !trailer_find(b, (enum vault_checksum)c, &v)) {
            return refuse(ret_err, S3_MALFORMED_TRAILER, e, checksums[c].header,
                          " was announced by x-amz-trailer and did not come");
        }
        if (!announced(b, (enum vault_checksum)c, &v)) {
            continue;
        }
        if (!s3_checksum_parse(v, (enum vault_checksum)c, value)) {
            return refuse(ret_err, S3_INVALID_DIGEST, e, checksums[c].name,
                          " is not a base64 digest of the right length");
        }
        if ((have->known & 1u << c) == 0 ||
            memcmp(value, have->value[c].b, checksums[c].len) != 0) {
            return refuse(ret_err, S3_BAD_DIGEST, e, checksums[c].name,
                          " did not match what we received.");
        }
    }
    return true;
}

/* Digests of a small body that is not an object. */
static void digests_of(struct bytes v, struct vault_checksums *ret)
{
    *ret = (struct vault_checksums){ .known = (1u << VAULT_CHECKSUM_COUNT) - 1 };
    put_be32(ret->value[VAULT_CRC32].b, crc32_update(0, v));
    put_be32(ret->value[VAULT_CRC32C].b, crc32c_update(0, v));
    put_be64(ret->value[VAULT_CRC64NVME].b, crc64nvme_update(0, v));
    (void)hash_once(HASH_SHA1, v, ret->value[VAULT_SHA1].b);
    (void)hash_once(HASH_SHA256, v, ret->value[VAULT_SHA256].b);
    (void)hash_once(HASH_MD5, v, ret->value[VAULT_MD5].b);
}

bool s3_body_read_all(struct s3_request *r, struct buf *out, enum s3_error *ret_err,
                      struct error *e)
{
    CLEANUP(s3_body_done_p) struct s3_body b;
    unsigned wanted = 0;
    if (!s3_body_open(r, &b, ret_err, e) || !s3_body_wanted(&b, &wanted, ret_err, e)) {
        return false;
    }
    uint8_t part[8192];
    for (;;) {
        size_t n = 0;
        if (!s3_body_read(&b, part, sizeof(part), &n, ret_err, e)) {
            return false;
        }
        if (n == 0) {
            break;
        }
        buf_add_mem(out, part, n);
        if (!result_is_ok(buf_result(out))) {
            return refuse(ret_err, S3_MALFORMED_XML, e, "", "the request body is too long");
        }
    }
    r->bytes_in += b.got;
    struct vault_checksums have;
    digests_of(buf_bytes(out), &have);
    return s3_body_check(&b, &have, ret_err, e);
}
