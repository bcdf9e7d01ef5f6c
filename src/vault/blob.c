#include "vault/blob.h"

#include "base/text.h"
#include "crypto/crc.h"

#define BLOB_MAGIC   "TROTHBLB"
#define BLOB_VERSION 1
#define UUID_CHARS   (KEY_ID_BYTES - 1)
/* All but the wrapped key and the zeros. */
#define HEADER_FIXED (8 + 2 + 2 + 1 + STREAM_PREFIX + 4 + BLOB_UID_BYTES + UUID_CHARS + 4 + 2 + 4)

size_t blob_header_len(const struct blob_header *h)
{
    return HEADER_FIXED + h->wrapped_n;
}

static uint8_t *put(uint8_t *p, const void *src, size_t n)
{
    memcpy(p, src, n);
    return p + n;
}

void blob_header_write(const struct blob_header *h, uint8_t *dst, size_t n)
{
    uint8_t *p = put(dst, BLOB_MAGIC, 8);
    put_be16(p, BLOB_VERSION);
    put_be16(p + 2, (uint16_t)n);
    p[4] = (uint8_t)h->suite;
    p = put(p + 5, h->prefix, STREAM_PREFIX);
    put_be32(p, STREAM_CHUNK);
    p = put(p + 4, h->uid.b, BLOB_UID_BYTES);
    p = put(p, h->ref.id, UUID_CHARS);
    put_be32(p, h->ref.version);
    put_be16(p + 4, (uint16_t)h->wrapped_n);
    p = put(p + 6, h->wrapped, h->wrapped_n);
    memset(p, 0, (size_t)(dst + n - 4 - p));
    put_be32(dst + n - 4, crc32c_update(0, bytes_of(dst, n - 4)));
}

static RESULT take_length(struct bytes in, size_t *ret, struct error *e)
{
    struct bytes magic, version;
    uint16_t n;

    TRY_MSG(bytes_take(&in, 8, &magic), e, "blob header");
    TRY_MSG(bytes_take(&in, 2, &version), e, "blob header");
    TRY_MSG(bytes_take_be16(&in, &n), e, "blob header");
    if (!bytes_equal_str(magic, BLOB_MAGIC)) {
        FAIL(e, ERRC_FORMAT, "blob header: magic");
    }
    if (n < HEADER_FIXED || n > BLOB_HEADER_MAX) {
        FAIL(e, ERRC_FORMAT, "blob header: length %u", n);
    }
    *ret = n;
    return RESULT_OK;
}

static RESULT take_fields(struct bytes in, struct blob_header *ret, struct error *e)
{
    uint8_t suite;
    uint32_t chunk;
    uint16_t wrapped_n;

    TRY_MSG(bytes_take_u8(&in, &suite), e, "suite");
    TRY_MSG(suite_by_number(suite, &ret->suite), e, "suite %u", suite);
    TRY_MSG(bytes_take_copy(&in, ret->prefix, STREAM_PREFIX), e, "prefix");
    TRY_MSG(bytes_take_be32(&in, &chunk), e, "chunk size");
    if (chunk != STREAM_CHUNK) {
        FAIL(e, ERRC_FORMAT, "chunk size %u", chunk);
    }
    TRY_MSG(bytes_take_copy(&in, ret->uid.b, BLOB_UID_BYTES), e, "id");
    TRY_MSG(bytes_take_copy(&in, ret->ref.id, UUID_CHARS), e, "key id");
    TRY_MSG(bytes_take_be32(&in, &ret->ref.version), e, "key version");
    TRY_MSG(bytes_take_be16(&in, &wrapped_n), e, "wrapped key");
    if (wrapped_n > KEY_WRAPPED_MAX) {
        FAIL(e, ERRC_FORMAT, "wrapped key: length");
    }
    ret->wrapped_n = wrapped_n;
    TRY_MSG(bytes_take_copy(&in, ret->wrapped, wrapped_n), e, "wrapped key");
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] != 0) {
            FAIL(e, ERRC_FORMAT, "padding");
        }
    }
    return RESULT_OK;
}

RESULT blob_header_take(struct bytes *in, struct blob_header *ret, struct error *e)
{
    struct blob_header out = { 0 };
    struct bytes whole;
    size_t n = 0;

    TRY(take_length(*in, &n, e));
    struct bytes rest = *in;
    TRY_MSG(bytes_take(&rest, n, &whole), e, "blob header");
    if (crc32c_update(0, bytes_of(whole.p, n - 4)) != get_be32(whole.p + n - 4)) {
        FAIL(e, ERRC_INTEGRITY, "blob header: checksum");
    }
    if (get_be16(whole.p + 8) != BLOB_VERSION) {
        FAIL(e, ERRC_UNSUPPORTED, "blob header: version %u", get_be16(whole.p + 8));
    }
    TRY_MSG(take_fields(bytes_slice(whole, 12, n - 4), &out, e), e, "blob header");
    *in = rest;
    *ret = out;
    return RESULT_OK;
}

size_t blob_key_aad(const struct blob_uid *uid, const char *tenant, uint8_t ret[BLOB_AAD_MAX])
{
    static const char label[] = "troth blob key 1";
    uint8_t *p = put(ret, label, sizeof(label));
    p = put(p, uid->b, BLOB_UID_BYTES);
    p = put(p, tenant, strnlen(tenant, 63));
    return (size_t)(p - ret);
}

size_t blob_chunk_aad(enum crypto_suite suite, const uint8_t prefix[STREAM_PREFIX],
                      const struct blob_uid *uid, const char *tenant, uint8_t ret[BLOB_AAD_MAX])
{
    static const char label[] = "troth blob 1";
    uint8_t *p = put(ret, label, sizeof(label));
    *p++ = (uint8_t)suite;
    put_be32(p, STREAM_CHUNK);
    p = put(p + 4, prefix, STREAM_PREFIX);
    p = put(p, uid->b, BLOB_UID_BYTES);
    p = put(p, tenant, strnlen(tenant, 63));
    return (size_t)(p - ret);
}

void blob_path(const struct blob_uid *uid, char ret[BLOB_PATH_BYTES])
{
    char hex[2 * BLOB_UID_BYTES + 1];
    hex_encode(bytes_of(uid->b, BLOB_UID_BYTES), hex);
    snprintf(ret, BLOB_PATH_BYTES, "blobs/%.2s/%s", hex, hex);
}
