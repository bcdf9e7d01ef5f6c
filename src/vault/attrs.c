#include "vault/attrs.h"

#include "vault/digest.h"

#define ATTRS_VERSION   1
#define ATTRS_COMPOSITE 1u
#define ATTRS_SHA256    2u

static void encode_pairs(const struct vault_pair *pairs, size_t n, struct buf *out)
{
    buf_add_be16(out, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        buf_add_be16_prefixed(out, pairs[i].name);
        buf_add_be16_prefixed(out, pairs[i].value);
    }
}

void attrs_encode(const struct vault_object *o, struct buf *out)
{
    const struct vault_checksums *c = &o->checksums;
    buf_add_u8(out, ATTRS_VERSION);
    buf_add_u8(out, (uint8_t)((c->is_composite ? ATTRS_COMPOSITE : 0) |
                              (o->has_sha256 ? ATTRS_SHA256 : 0)));
    buf_add_u8(out, (uint8_t)c->known);
    for (unsigned i = 0; i < VAULT_CHECKSUM_COUNT; i++) {
        if ((c->known & 1u << i) != 0) {
            buf_add_mem(out, c->value[i].b, c->value[i].n);
        }
    }
    if (o->has_sha256) {
        buf_add_mem(out, o->sha256, sizeof(o->sha256));
    }
    buf_add_be16_prefixed(out, o->content_type);
    encode_pairs(o->headers, o->header_count, out);
    encode_pairs(o->metadata, o->metadata_count, out);
    encode_pairs(o->tags, o->tag_count, out);
}

static RESULT decode_checksums(struct bytes *in, struct vault_object *ret)
{
    uint8_t version, flags, known;
    TRY(bytes_take_u8(in, &version));
    TRY(bytes_take_u8(in, &flags));
    TRY(bytes_take_u8(in, &known));
    if (version != ATTRS_VERSION || (known & ~VAULT_ALL_CHECKSUMS) != 0) {
        return result_of(ERRC_FORMAT);
    }
    struct vault_checksums c = { .is_composite = (flags & ATTRS_COMPOSITE) != 0 };
    for (enum vault_checksum i = 0; i < VAULT_CHECKSUM_COUNT; i++) {
        if ((known & 1u << i) != 0) {
            struct bytes value;
            TRY(bytes_take(in, checksum_len(i), &value));
            checksum_set(&c, i, value.p);
        }
    }
    ret->checksums = c;
    ret->has_sha256 = (flags & ATTRS_SHA256) != 0;
    return ret->has_sha256 ? bytes_take_copy(in, ret->sha256, sizeof(ret->sha256)) : RESULT_OK;
}

static RESULT decode_pairs(struct bytes *in, struct arena *a, const struct vault_pair **ret,
                           size_t *ret_n)
{
    uint16_t n;
    TRY(bytes_take_be16(in, &n));
    struct vault_pair *pairs = n == 0 ? NULL : arena_zalloc(a, n * sizeof(*pairs));
    for (size_t i = 0; i < n; i++) {
        TRY(bytes_take_be16_prefixed(in, &pairs[i].name));
        TRY(bytes_take_be16_prefixed(in, &pairs[i].value));
    }
    *ret = pairs;
    *ret_n = n;
    return RESULT_OK;
}

static RESULT decode(struct bytes in, bool only_checksums, struct arena *a,
                     struct vault_object *ret)
{
    TRY(decode_checksums(&in, ret));
    if (only_checksums) {
        return RESULT_OK;
    }
    in = arena_bytes(a, in);
    TRY(bytes_take_be16_prefixed(&in, &ret->content_type));
    TRY(decode_pairs(&in, a, &ret->headers, &ret->header_count));
    TRY(decode_pairs(&in, a, &ret->metadata, &ret->metadata_count));
    TRY(decode_pairs(&in, a, &ret->tags, &ret->tag_count));
    return bytes_take_end(in);
}

RESULT attrs_decode(struct bytes in, bool only_checksums, struct arena *a, struct vault_object *ret,
                    struct error *e)
{
    TRY_MSG(decode(in, only_checksums, a, ret), e, "object attributes");
    return RESULT_OK;
}
