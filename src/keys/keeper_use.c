/* Requests about keys at work. */
#include "crypto/hash.h"
#include "crypto/hmac.h"
#include "keys/keeper_priv.h"

RESULT keeper_data_key(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                       struct error *e)
{
    struct keeper *k = ctx;
    char tenant[64], id[KEY_ID_BYTES];
    struct bytes aad;
    struct data_key key = { 0 };

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(wire_take_str(&body, id, sizeof(id)), "key id");
    BODY(bytes_take_be16_prefixed(&body, &aad), "associated data");
    TRY(keeper_body_end(body, e));
    TRY(keyring_data_key(k->ring, tenant, id, aad, &key, e));
    wire_add_data_key(reply, &key);
    data_key_wipe(&key);
    return buf_result(reply);
}

struct unwrap_args {
    char tenant[64];
    struct key_ref ref;
    struct bytes aad, wrapped;
};

static struct result take_unwrap(struct bytes body, struct unwrap_args *ret, struct error *e)
{
    BODY(wire_take_str(&body, ret->tenant, sizeof(ret->tenant)), "tenant");
    BODY(wire_take_str(&body, ret->ref.id, sizeof(ret->ref.id)), "key id");
    BODY(bytes_take_be32(&body, &ret->ref.version), "version");
    BODY(bytes_take_be16_prefixed(&body, &ret->aad), "associated data");
    BODY(bytes_take_be16_prefixed(&body, &ret->wrapped), "wrapped key");
    if (ret->ref.id[0] == 0) {
        FAIL(e, ERRC_FORMAT, "request: no key id");
    }
    return keeper_body_end(body, e);
}

RESULT keeper_unwrap(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                     struct error *e)
{
    struct keeper *k = ctx;
    struct unwrap_args a;
    CLEANUP(key256_wipe) struct key256 key;

    (void)rq;
    TRY(take_unwrap(body, &a, e));
    TRY(keyring_unwrap(k->ring, a.tenant, &a.ref, a.aad, a.wrapped, &key, e));
    buf_add(reply, key256_bytes(&key));
    return buf_result(reply);
}

RESULT keeper_rewrap(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                     struct error *e)
{
    struct keeper *k = ctx;
    struct unwrap_args a;
    struct data_key key = { 0 };

    (void)rq;
    TRY(take_unwrap(body, &a, e));
    TRY(keyring_rewrap(k->ring, a.tenant, &a.ref, a.aad, a.wrapped, &key, e));
    wire_add_data_key(reply, &key);
    return buf_result(reply);
}

RESULT keeper_seal_secret(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                          struct error *e)
{
    struct keeper *k = ctx;
    char tenant[64];
    struct bytes aad, secret;

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(bytes_take_be16_prefixed(&body, &aad), "associated data");
    BODY(bytes_take_be16_prefixed(&body, &secret), "secret");
    TRY(keeper_body_end(body, e));
    TRY(keyring_seal_secret(k->ring, tenant, aad, secret, reply, e));
    return buf_result(reply);
}

/* AWS General Reference, Signature Version 4, "Derive a signing key". */
static void signing_key(struct bytes secret, const char *const steps[4], struct key256 *ret)
{
    CLEANUP(buf_done_p) struct buf first = BUF_SECRET(4 + KEY_SECRET_MAX);
    CLEANUP(key256_wipe) struct key256 key;

    buf_add_str(&first, "AWS4");
    buf_add(&first, secret);
    hmac_sha256(buf_bytes(&first), bytes_str(steps[0]), ret->b);
    for (size_t i = 1; i < 4; i++) {
        key = *ret;
        hmac_sha256(key256_bytes(&key), bytes_str(steps[i]), ret->b);
    }
}

RESULT keeper_sigv4_key(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                        struct error *e)
{
    struct keeper *k = ctx;
    CLEANUP(buf_done_p) struct buf secret = BUF_SECRET(KEY_SECRET_MAX);
    CLEANUP(key256_wipe) struct key256 key;
    char tenant[64], date[9], region[65], service[33];
    struct bytes aad, sealed;

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(bytes_take_be16_prefixed(&body, &aad), "associated data");
    BODY(bytes_take_be16_prefixed(&body, &sealed), "sealed secret");
    BODY(wire_take_str(&body, date, sizeof(date)), "date");
    BODY(wire_take_str(&body, region, sizeof(region)), "region");
    BODY(wire_take_str(&body, service, sizeof(service)), "service");
    TRY(keeper_body_end(body, e));
    if (strlen(date) != 8) {
        FAIL(e, ERRC_FORMAT, "request: a date is written yyyymmdd");
    }
    TRY(keyring_open_secret(k->ring, tenant, aad, sealed, &secret, e));
    signing_key(buf_bytes(&secret), (const char *const[4]){ date, region, service, "aws4_request" },
                &key);
    buf_add(reply, key256_bytes(&key));
    return buf_result(reply);
}

RESULT keeper_metadata_key(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                           struct error *e)
{
    struct keeper *k = ctx;
    CLEANUP(key256_wipe) struct key256 key;
    uint32_t channel = rpc_channel(rq);

    TRY(keeper_body_end(body, e));
    if (channel >= KEEPER_CHANNELS || k->once[channel] != 0) {
        FAIL(e, ERRC_DENIED, "the metadata key was given on this connection");
    }
    TRY(keyring_metadata_key(k->ring, &key, e));
    k->once[channel] = 1;
    buf_add(reply, key256_bytes(&key));
    return buf_result(reply);
}

RESULT keeper_log_payload_key(void *ctx, struct rpc_request *rq, struct bytes body,
                              struct buf *reply, struct error *e)
{
    struct keeper *k = ctx;
    CLEANUP(key256_wipe) struct key256 key;
    enum crypto_suite suite;
    char log[64], month[8];

    (void)rq;
    BODY(wire_take_str(&body, log, sizeof(log)), "log");
    BODY(wire_take_str(&body, month, sizeof(month)), "month");
    TRY(keeper_body_end(body, e));
    TRY(keyring_payload_key(k->ring, log, month, &key, e));
    TRY(keyring_suite(k->ring, log, &suite, e));
    buf_add_u8(reply, (uint8_t)suite);
    buf_add(reply, key256_bytes(&key));
    return buf_result(reply);
}
