/* Requests about the life of keys. The caller has written its intent into the ledger before, and
 * writes the outcome. */
#include "base/json.h"
#include "keys/keeper_priv.h"

struct target {
    char tenant[64], id[KEY_ID_BYTES];
};

static struct result take_target(struct bytes *body, struct target *ret, struct error *e)
{
    BODY(wire_take_str(body, ret->tenant, sizeof(ret->tenant)), "tenant");
    BODY(wire_take_str(body, ret->id, sizeof(ret->id)), "key id");
    return RESULT_OK;
}

/* For what must not fall on the default key by an empty id. */
static struct result take_named_target(struct bytes *body, struct target *ret, struct error *e)
{
    TRY(take_target(body, ret, e));
    if (ret->id[0] == 0) {
        FAIL(e, ERRC_FORMAT, "request: no key id");
    }
    return RESULT_OK;
}

static struct result answer(struct buf *reply, const struct key_info *info)
{
    wire_add_info(reply, info);
    return buf_result(reply);
}

RESULT keeper_tenant_create(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                            struct error *e)
{
    struct keeper *k = ctx;
    char tenant[64];
    enum crypto_suite suite;
    struct key_info info;

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(wire_take_suite(&body, &suite), "suite");
    TRY(keeper_body_end(body, e));
    uint32_t slot = keyring_next_slot(k->ring);
    TRY(checkpoints_prepare(k->checkpoints, tenant, slot, e));
    TRY(keyring_tenant_create(k->ring, tenant, suite, &info, e));
    TRY(checkpoints_add(k->checkpoints, tenant, slot, e));
    return answer(reply, &info);
}

RESULT keeper_create(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                     struct error *e)
{
    struct keeper *k = ctx;
    char tenant[64], description[128], custodian[KEY_CUSTODIAN_MAX];
    enum crypto_suite suite;
    struct key_info info;

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(wire_take_suite(&body, &suite), "suite");
    BODY(wire_take_str(&body, description, sizeof(description)), "description");
    BODY(wire_take_str(&body, custodian, sizeof(custodian)), "custodian");
    TRY(keeper_body_end(body, e));
    TRY(keyring_create_key(k->ring, tenant, suite, description, custodian, &info, e));
    return answer(reply, &info);
}

RESULT keeper_show(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                   struct error *e)
{
    struct keeper *k = ctx;
    struct target t;
    struct key_info info;

    (void)rq;
    TRY(take_target(&body, &t, e));
    TRY(keeper_body_end(body, e));
    TRY(keyring_show(k->ring, t.tenant, t.id, &info, e));
    return answer(reply, &info);
}

RESULT keeper_list(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                   struct error *e)
{
    struct keeper *k = ctx;
    CLEANUP(buf_done_p) struct buf infos = BUF(KEYS_REPLY_MAX);
    char tenant[64];
    uint32_t from;
    uint16_t count = 0;
    struct key_info info;

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(bytes_take_be32(&body, &from), "from");
    TRY(keeper_body_end(body, e));
    if (from == 0) {
        TRY(keyring_nth(k->ring, tenant, 0, &info, e)); /* a tenant that is none */
    }
    for (; count < KEYS_LIST_PAGE; count++) {
        struct result r = keyring_nth(k->ring, tenant, (size_t)from + count, &info, NULL);
        if (r.code == ERRC_NOT_FOUND) {
            break;
        }
        TRY(r);
        wire_add_info(&infos, &info);
    }
    buf_add_be16(reply, count);
    buf_add(reply, buf_bytes(&infos));
    TRY(buf_result(&infos));
    return buf_result(reply);
}

RESULT keeper_rotate(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                     struct error *e)
{
    struct keeper *k = ctx;
    struct target t;
    struct key_info info;

    (void)rq;
    TRY(take_target(&body, &t, e));
    TRY(keeper_body_end(body, e));
    TRY(keyring_rotate(k->ring, t.tenant, t.id, &info, e));
    return answer(reply, &info);
}

RESULT keeper_set_enabled(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                          struct error *e)
{
    struct keeper *k = ctx;
    struct target t;
    struct key_info info;
    bool enabled;

    (void)rq;
    TRY(take_named_target(&body, &t, e));
    BODY(wire_take_bool(&body, &enabled), "enabled");
    TRY(keeper_body_end(body, e));
    TRY(keyring_set_enabled(k->ring, t.tenant, t.id, enabled, &info, e));
    return answer(reply, &info);
}

RESULT keeper_schedule_destroy(void *ctx, struct rpc_request *rq, struct bytes body,
                               struct buf *reply, struct error *e)
{
    struct keeper *k = ctx;
    struct target t;
    struct key_info info;
    uint64_t wait_ms;
    char person[KEY_PERSON_MAX];

    (void)rq;
    TRY(take_named_target(&body, &t, e));
    BODY(bytes_take_be64(&body, &wait_ms), "waiting period");
    BODY(wire_take_str(&body, person, sizeof(person)), "requested by");
    TRY(keeper_body_end(body, e));
    if (wait_ms > (uint64_t)KEEPER_WAIT_MAX_MS || (int64_t)wait_ms < k->o.wait_min_ms) {
        FAIL(e, ERRC_RANGE, "the waiting period is %lld to %lld hours",
             (long long)(k->o.wait_min_ms / 3600000), (long long)(KEEPER_WAIT_MAX_MS / 3600000));
    }
    TRY(keyring_schedule_destroy(k->ring, t.tenant, t.id, (int64_t)wait_ms, person, &info, e));
    return answer(reply, &info);
}

RESULT keeper_cancel_destroy(void *ctx, struct rpc_request *rq, struct bytes body,
                             struct buf *reply, struct error *e)
{
    struct keeper *k = ctx;
    struct target t;
    struct key_info info;

    (void)rq;
    TRY(take_named_target(&body, &t, e));
    TRY(keeper_body_end(body, e));
    TRY(keyring_cancel_destroy(k->ring, t.tenant, t.id, &info, e));
    return answer(reply, &info);
}

#define METHOD                                                                                     \
    "wrapped key material removed from the keyring and overwritten in memory; keyring boxed anew " \
    "in a new epoch; secret "                                                                      \
    "of the old epoch overwritten in place and synced"
#define REMAINS                                                                                    \
    "copies of the keeper's whole folder (keyring and epoch file) made before, blocks kept by a "  \
    "journaling file system, "                                                                     \
    "snapshots or flash translation; each of use only together with the root key"

static void kv_time(struct jsonw *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT_MAX];

    jsonw_kv_cstr(w, key, ms == 0 ? "" : time_rfc3339(ms, text));
}

/* RFC 8785: members in order. */
static void certificate_json(const struct keeper *k, const struct key_destruction *d,
                             struct buf *out)
{
    bool is_key = d->key_id[0] != 0;
    struct jsonw w;

    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "confirmed_by", d->confirmed_by);
    jsonw_kv_cstr(&w, "deployment", keyring_deployment(k->ring));
    kv_time(&w, "destroyed_at", d->destroyed_ms);
    if (is_key) {
        kv_time(&w, "due_at", d->due_ms);
        jsonw_kv_cstr(&w, "key_id", d->key_id);
    }
    jsonw_kv_hex(&w, "keyring_sha256_after", BYTES_OF(d->keyring_after));
    jsonw_kv_hex(&w, "keyring_sha256_before", BYTES_OF(d->keyring_before));
    jsonw_kv_cstr(&w, "method", METHOD);
    if (!is_key) {
        jsonw_kv_u64(&w, "payload_keys", d->versions);
    }
    jsonw_kv_cstr(&w, "remains_possible", REMAINS);
    if (is_key) {
        kv_time(&w, "requested_at", d->requested_ms);
        jsonw_kv_cstr(&w, "requested_by", d->requested_by);
        jsonw_kv_cstr(&w, "suite", suite_name(d->suite));
    }
    jsonw_kv_cstr(&w, "tenant", d->tenant);
    jsonw_kv_cstr(&w, "type", is_key ? "key" : "tenant");
    jsonw_kv_u64(&w, "v", 1);
    if (is_key) {
        jsonw_kv_u64(&w, "versions", d->versions);
        jsonw_kv_u64(&w, "waited_ms", (uint64_t)(d->destroyed_ms - d->requested_ms));
    }
    jsonw_object_end(&w);
}

/*= 2.1.3-7 "a destruction is certified" */
static struct result certify(struct keeper *k, const struct key_destruction *d, struct buf *reply,
                             struct error *e)
{
    CLEANUP(buf_done_p) struct buf json = BUF(8192);

    certificate_json(k, d, &json);
    TRY_MSG(buf_result(&json), e, "certificate");
    return keeper_statement_note(k, "key-destruction", buf_bytes(&json), reply, e);
}

RESULT keeper_destroy(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                      struct error *e)
{
    struct keeper *k = ctx;
    struct target t;
    struct key_destruction d;
    char person[KEY_PERSON_MAX];
    bool two_person;

    (void)rq;
    TRY(take_named_target(&body, &t, e));
    BODY(wire_take_str(&body, person, sizeof(person)), "confirmed by");
    BODY(wire_take_bool(&body, &two_person), "two persons");
    TRY(keeper_body_end(body, e));
    TRY(keyring_destroy(k->ring, t.tenant, t.id, person, two_person, &d, e));
    return certify(k, &d, reply, e);
}

RESULT keeper_tenant_close(void *ctx, struct rpc_request *rq, struct bytes body, struct buf *reply,
                           struct error *e)
{
    struct keeper *k = ctx;
    struct key_destruction d;
    char tenant[64], person[KEY_PERSON_MAX];

    (void)rq;
    BODY(wire_take_str(&body, tenant, sizeof(tenant)), "tenant");
    BODY(wire_take_str(&body, person, sizeof(person)), "confirmed by");
    TRY(keeper_body_end(body, e));
    TRY(keyring_tenant_close(k->ring, tenant, person, &d, e));
    return certify(k, &d, reply, e);
}
