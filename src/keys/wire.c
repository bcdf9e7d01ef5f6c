/* Bodies of requests and answers between the keeper and its callers. */
#include "keys/wire.h"

void wire_add_str(struct buf *out, const char *s)
{
    buf_add_be16_prefixed(out, bytes_str(s));
}

RESULT wire_take_str(struct bytes *in, char *dst, size_t n)
{
    struct bytes v;

    TRY(bytes_take_be16_prefixed(in, &v));
    if (v.n >= n || bytes_index(v, 0) != v.n) {
        return result_of(ERRC_FORMAT);
    }
    if (v.n != 0) {
        memcpy(dst, v.p, v.n);
    }
    dst[v.n] = 0;
    return RESULT_OK;
}

RESULT wire_take_bool(struct bytes *in, bool *ret)
{
    uint8_t v;

    TRY(bytes_take_u8(in, &v));
    if (v > 1) {
        return result_of(ERRC_FORMAT);
    }
    *ret = v == 1;
    return RESULT_OK;
}

RESULT wire_take_suite(struct bytes *in, enum crypto_suite *ret)
{
    uint8_t v;

    TRY(bytes_take_u8(in, &v));
    return suite_by_number(v, ret);
}

void wire_add_info(struct buf *out, const struct key_info *k)
{
    wire_add_str(out, k->id);
    wire_add_str(out, k->tenant);
    buf_add_u8(out, (uint8_t)k->state);
    buf_add_u8(out, (uint8_t)k->suite);
    buf_add_u8(out, k->is_default);
    buf_add_be32(out, k->version);
    buf_add_be64(out, (uint64_t)k->created_ms);
    buf_add_be64(out, (uint64_t)k->rotated_ms);
    buf_add_be64(out, (uint64_t)k->destroy_at_ms);
    buf_add_be64(out, k->wraps);
    buf_add_u8(out, k->rotation_due);
    wire_add_str(out, k->custodian);
    wire_add_str(out, k->description);
}

static struct result take_i64(struct bytes *in, int64_t *ret)
{
    uint64_t v;

    TRY(bytes_take_be64(in, &v));
    if (v > (uint64_t)INT64_MAX) {
        return result_of(ERRC_FORMAT);
    }
    *ret = (int64_t)v;
    return RESULT_OK;
}

RESULT wire_take_info(struct bytes *in, struct key_info *ret)
{
    struct key_info k = { 0 };
    uint8_t state;

    TRY(wire_take_str(in, k.id, sizeof(k.id)));
    TRY(wire_take_str(in, k.tenant, sizeof(k.tenant)));
    TRY(bytes_take_u8(in, &state));
    if (state > KEY_DESTROYED) {
        return result_of(ERRC_FORMAT);
    }
    k.state = (enum key_state)state;
    TRY(wire_take_suite(in, &k.suite));
    TRY(wire_take_bool(in, &k.is_default));
    TRY(bytes_take_be32(in, &k.version));
    TRY(take_i64(in, &k.created_ms));
    TRY(take_i64(in, &k.rotated_ms));
    TRY(take_i64(in, &k.destroy_at_ms));
    TRY(bytes_take_be64(in, &k.wraps));
    TRY(wire_take_bool(in, &k.rotation_due));
    TRY(wire_take_str(in, k.custodian, sizeof(k.custodian)));
    TRY(wire_take_str(in, k.description, sizeof(k.description)));
    *ret = k;
    return RESULT_OK;
}

void wire_add_data_key(struct buf *out, const struct data_key *k)
{
    buf_add(out, key256_bytes(&k->key));
    wire_add_str(out, k->ref.id);
    buf_add_be32(out, k->ref.version);
    buf_add_u8(out, (uint8_t)k->suite);
    wire_add_str(out, k->custodian);
    buf_add_be16_prefixed(out, bytes_of(k->wrapped, k->wrapped_n));
}

RESULT wire_take_data_key(struct bytes *in, struct data_key *ret)
{
    struct bytes wrapped;

    TRY(bytes_take_copy(in, ret->key.b, sizeof(ret->key.b)));
    TRY(wire_take_str(in, ret->ref.id, sizeof(ret->ref.id)));
    TRY(bytes_take_be32(in, &ret->ref.version));
    TRY(wire_take_suite(in, &ret->suite));
    TRY(wire_take_str(in, ret->custodian, sizeof(ret->custodian)));
    TRY(bytes_take_be16_prefixed(in, &wrapped));
    if (wrapped.n > sizeof(ret->wrapped)) {
        return result_of(ERRC_FORMAT);
    }
    memcpy(ret->wrapped, wrapped.p, wrapped.n);
    ret->wrapped_n = wrapped.n;
    return RESULT_OK;
}
