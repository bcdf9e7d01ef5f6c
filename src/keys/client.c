/* Requests to the keeper: each builds a body, calls, and takes the answer apart. */
#include "keys/client.h"

#include "keys/wire.h"

#define USE_TIMEOUT_MS   10000
#define ADMIN_TIMEOUT_MS 60000

const char *key_state_name(enum key_state s)
{
    static const char *const names[] = { "enabled", "disabled", "pending_destruction",
                                         "destroyed" };

    return (unsigned)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

void data_key_wipe(struct data_key *k)
{
    key256_wipe(&k->key);
}

/* Calls with what was built; the answer must be taken whole by the caller. */
static struct result call(struct rpc_client *keeper, enum keys_op op, const struct buf *body,
                          struct buf *reply, int64_t timeout_ms, struct error *e)
{
    TRY_MSG(buf_result(body), e, "request to the keeper");
    return rpc_call(keeper, (uint16_t)op, buf_bytes(body), reply, timeout_ms, e);
}

static struct result bad_answer(struct error *e)
{
    FAIL(e, ERRC_BUG, "the keeper's answer is malformed");
}

static struct result take_key(const struct buf *reply, struct key256 *ret, struct error *e)
{
    if (reply->n != sizeof(ret->b)) {
        return bad_answer(e);
    }
    memcpy(ret->b, reply->p, sizeof(ret->b));
    return RESULT_OK;
}

static struct result call_for_key(struct rpc_client *keeper, enum keys_op op,
                                  const struct buf *body, struct key256 *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF_SECRET(KEY256_BYTES);

    TRY(call(keeper, op, body, &reply, USE_TIMEOUT_MS, e));
    return take_key(&reply, ret, e);
}

static struct result call_for_data_key(struct rpc_client *keeper, enum keys_op op,
                                       const struct buf *body, struct data_key *ret,
                                       struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF_SECRET(1024);

    TRY(call(keeper, op, body, &reply, USE_TIMEOUT_MS, e));
    struct bytes in = buf_bytes(&reply);
    if (!result_is_ok(wire_take_data_key(&in, ret)) || in.n != 0) {
        data_key_wipe(ret);
        return bad_answer(e);
    }
    return RESULT_OK;
}

static struct result call_for_info(struct rpc_client *keeper, enum keys_op op,
                                   const struct buf *body, struct key_info *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(1024);

    TRY(call(keeper, op, body, &reply, ADMIN_TIMEOUT_MS, e));
    struct bytes in = buf_bytes(&reply);
    if (!result_is_ok(wire_take_info(&in, ret)) || in.n != 0) {
        return bad_answer(e);
    }
    return RESULT_OK;
}

static struct result call_for_text(struct rpc_client *keeper, enum keys_op op,
                                   const struct buf *body, struct buf *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf reply = BUF(KEYS_REPLY_MAX);

    TRY(call(keeper, op, body, &reply, ADMIN_TIMEOUT_MS, e));
    buf_add(ret, buf_bytes(&reply));
    TRY_MSG(buf_result(ret), e, "answer of the keeper");
    return RESULT_OK;
}

RESULT keys_data_key(struct rpc_client *keeper, const char *tenant, const char *key_id,
                     struct bytes aad, struct data_key *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST + KEY_AAD_MAX);

    wire_add_str(&b, tenant);
    wire_add_str(&b, key_id);
    buf_add_be16_prefixed(&b, aad);
    return call_for_data_key(keeper, KEYS_OP_DATA_KEY, &b, ret, e);
}

static void add_unwrap(struct buf *b, const char *tenant, const struct key_ref *ref,
                       struct bytes aad, struct bytes wrapped)
{
    wire_add_str(b, tenant);
    wire_add_str(b, ref->id);
    buf_add_be32(b, ref->version);
    buf_add_be16_prefixed(b, aad);
    buf_add_be16_prefixed(b, wrapped);
}

RESULT keys_unwrap(struct rpc_client *keeper, const char *tenant, const struct key_ref *ref,
                   struct bytes aad, struct bytes wrapped, struct key256 *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST + KEY_AAD_MAX);

    add_unwrap(&b, tenant, ref, aad, wrapped);
    return call_for_key(keeper, KEYS_OP_UNWRAP, &b, ret, e);
}

RESULT keys_rewrap(struct rpc_client *keeper, const char *tenant, const struct key_ref *ref,
                   struct bytes aad, struct bytes wrapped, struct data_key *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST + KEY_AAD_MAX);

    add_unwrap(&b, tenant, ref, aad, wrapped);
    return call_for_data_key(keeper, KEYS_OP_REWRAP, &b, ret, e);
}

RESULT keys_tenant_create(struct rpc_client *keeper, const char *tenant, enum crypto_suite suite,
                          struct key_info *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    buf_add_u8(&b, (uint8_t)suite);
    return call_for_info(keeper, KEYS_OP_TENANT_CREATE, &b, ret, e);
}

RESULT keys_create(struct rpc_client *keeper, const char *tenant, enum crypto_suite suite,
                   const char *description, const char *custodian, struct key_info *ret,
                   struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    buf_add_u8(&b, (uint8_t)suite);
    wire_add_str(&b, description);
    wire_add_str(&b, custodian);
    return call_for_info(keeper, KEYS_OP_CREATE, &b, ret, e);
}

/* A request of tenant and key id alone. */
static struct result call_on_key(struct rpc_client *keeper, enum keys_op op, const char *tenant,
                                 const char *key_id, struct key_info *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    wire_add_str(&b, key_id);
    return call_for_info(keeper, op, &b, ret, e);
}

RESULT keys_show(struct rpc_client *keeper, const char *tenant, const char *key_id,
                 struct key_info *ret, struct error *e)
{
    return call_on_key(keeper, KEYS_OP_SHOW, tenant, key_id, ret, e);
}

RESULT keys_rotate(struct rpc_client *keeper, const char *tenant, const char *key_id,
                   struct key_info *ret, struct error *e)
{
    return call_on_key(keeper, KEYS_OP_ROTATE, tenant, key_id, ret, e);
}

RESULT keys_cancel_destroy(struct rpc_client *keeper, const char *tenant, const char *key_id,
                           struct key_info *ret, struct error *e)
{
    return call_on_key(keeper, KEYS_OP_CANCEL_DESTROY, tenant, key_id, ret, e);
}

static struct result
list_page(struct rpc_client *keeper, const char *tenant, uint32_t from, uint16_t *ret_count,
          struct result (*fn)(void *arg, const struct key_info *k, struct error *e), void *arg,
          struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);
    CLEANUP(buf_done_p) struct buf reply = BUF(KEYS_REPLY_MAX);
    struct key_info k;

    wire_add_str(&b, tenant);
    buf_add_be32(&b, from);
    TRY(call(keeper, KEYS_OP_LIST, &b, &reply, ADMIN_TIMEOUT_MS, e));
    struct bytes in = buf_bytes(&reply);
    if (!result_is_ok(bytes_take_be16(&in, ret_count))) {
        return bad_answer(e);
    }
    for (uint16_t i = 0; i < *ret_count; i++) {
        if (!result_is_ok(wire_take_info(&in, &k))) {
            return bad_answer(e);
        }
        TRY(fn(arg, &k, e));
    }
    return in.n == 0 ? RESULT_OK : bad_answer(e);
}

RESULT keys_list(struct rpc_client *keeper, const char *tenant,
                 struct result (*fn)(void *arg, const struct key_info *k, struct error *e),
                 void *arg, struct error *e)
{
    uint16_t count = KEYS_LIST_PAGE;

    for (uint32_t from = 0; count == KEYS_LIST_PAGE; from += count) {
        TRY(list_page(keeper, tenant, from, &count, fn, arg, e));
    }
    return RESULT_OK;
}

RESULT keys_set_enabled(struct rpc_client *keeper, const char *tenant, const char *key_id,
                        bool enabled, struct key_info *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    wire_add_str(&b, key_id);
    buf_add_u8(&b, enabled);
    return call_for_info(keeper, KEYS_OP_SET_ENABLED, &b, ret, e);
}

RESULT keys_schedule_destroy(struct rpc_client *keeper, const char *tenant, const char *key_id,
                             int64_t wait_ms, const char *requested_by, struct key_info *ret,
                             struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    wire_add_str(&b, key_id);
    buf_add_be64(&b, (uint64_t)wait_ms);
    wire_add_str(&b, requested_by);
    return call_for_info(keeper, KEYS_OP_SCHEDULE_DESTROY, &b, ret, e);
}

RESULT keys_destroy(struct rpc_client *keeper, const char *tenant, const char *key_id,
                    const char *confirmed_by, bool two_person, struct buf *certificate,
                    struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    wire_add_str(&b, key_id);
    wire_add_str(&b, confirmed_by);
    buf_add_u8(&b, two_person);
    return call_for_text(keeper, KEYS_OP_DESTROY, &b, certificate, e);
}

RESULT keys_tenant_close(struct rpc_client *keeper, const char *tenant, const char *confirmed_by,
                         struct buf *certificate, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, tenant);
    wire_add_str(&b, confirmed_by);
    return call_for_text(keeper, KEYS_OP_TENANT_CLOSE, &b, certificate, e);
}

RESULT keys_sign_checkpoint(struct rpc_client *keeper, const char *log, const char *origin,
                            uint64_t size, const uint8_t root[32], struct buf *ret_note,
                            struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, log);
    wire_add_str(&b, origin);
    buf_add_be64(&b, size);
    buf_add_mem(&b, root, 32);
    return call_for_text(keeper, KEYS_OP_SIGN_CHECKPOINT, &b, ret_note, e);
}

RESULT keys_log_vkey(struct rpc_client *keeper, const char *log, const char *origin,
                     struct buf *ret_vkey, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);

    wire_add_str(&b, log);
    wire_add_str(&b, origin);
    return call_for_text(keeper, KEYS_OP_LOG_VKEY, &b, ret_vkey, e);
}

RESULT keys_log_payload_key(struct rpc_client *keeper, const char *log, const char *month,
                            struct key256 *ret, enum crypto_suite *ret_suite, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST);
    CLEANUP(buf_done_p) struct buf reply = BUF_SECRET(1 + KEY256_BYTES);
    enum crypto_suite suite;

    wire_add_str(&b, log);
    wire_add_str(&b, month);
    TRY(call(keeper, KEYS_OP_LOG_PAYLOAD_KEY, &b, &reply, USE_TIMEOUT_MS, e));
    struct bytes in = buf_bytes(&reply);
    if (!result_is_ok(wire_take_suite(&in, &suite)) || in.n != KEY256_BYTES) {
        return bad_answer(e);
    }
    memcpy(ret->b, in.p, KEY256_BYTES);
    *ret_suite = suite;
    return RESULT_OK;
}

RESULT keys_root_info(struct rpc_client *keeper, struct root_info *ret, struct error *e)
{
    const struct buf none = BUF(0);
    CLEANUP(buf_done_p) struct buf reply = BUF(64);
    uint8_t form = 0, k = 0, n = 0;
    struct root_info r = { 0 };

    TRY(call(keeper, KEYS_OP_ROOT_INFO, &none, &reply, USE_TIMEOUT_MS, e));
    struct bytes in = buf_bytes(&reply);
    if (!result_is_ok(bytes_take_u8(&in, &form)) ||
        !result_is_ok(bytes_take_copy(&in, r.id, sizeof(r.id))) ||
        !result_is_ok(bytes_take_u8(&in, &k)) || !result_is_ok(bytes_take_u8(&in, &n)) ||
        !result_is_ok(bytes_take_be32(&in, &r.params.m_kib)) ||
        !result_is_ok(bytes_take_be32(&in, &r.params.passes)) ||
        !result_is_ok(bytes_take_be32(&in, &r.params.lanes)) || in.n != 0) {
        return bad_answer(e);
    }
    r.form = (enum root_form)form;
    r.k = k;
    r.n = n;
    *ret = r;
    return RESULT_OK;
}

RESULT keys_metadata_key(struct rpc_client *keeper, struct key256 *ret, struct error *e)
{
    const struct buf none = BUF(0);

    return call_for_key(keeper, KEYS_OP_METADATA_KEY, &none, ret, e);
}

RESULT keys_seal_secret(struct rpc_client *keeper, const char *tenant, struct bytes aad,
                        struct bytes secret, struct buf *ret, struct error *e)
{
    CLEANUP(buf_done_p)
    struct buf b = BUF_SECRET(KEYS_SMALL_REQUEST + KEY_AAD_MAX + KEY_SECRET_MAX);

    wire_add_str(&b, tenant);
    buf_add_be16_prefixed(&b, aad);
    buf_add_be16_prefixed(&b, secret);
    return call_for_text(keeper, KEYS_OP_SEAL_SECRET, &b, ret, e);
}

RESULT keys_sigv4_key(struct rpc_client *keeper, const char *tenant, struct bytes aad,
                      struct bytes sealed, const char *date, const char *region,
                      const char *service, struct key256 *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST + KEY_AAD_MAX + KEYS_SEALED_MAX);

    wire_add_str(&b, tenant);
    buf_add_be16_prefixed(&b, aad);
    buf_add_be16_prefixed(&b, sealed);
    wire_add_str(&b, date);
    wire_add_str(&b, region);
    wire_add_str(&b, service);
    return call_for_key(keeper, KEYS_OP_SIGV4_KEY, &b, ret, e);
}

RESULT keys_totp_check(struct rpc_client *keeper, const char *tenant, struct bytes aad,
                       struct bytes sealed, enum hash_alg alg, uint64_t first, unsigned count,
                       struct bytes code, uint64_t *ret_step, struct error *e)
{
    CLEANUP(buf_done_p)
    struct buf b = BUF_SECRET(KEYS_SMALL_REQUEST + KEY_AAD_MAX + KEYS_SEALED_MAX);
    CLEANUP(buf_done_p) struct buf reply = BUF(8);

    wire_add_str(&b, tenant);
    buf_add_be16_prefixed(&b, aad);
    buf_add_be16_prefixed(&b, sealed);
    buf_add_u8(&b, (uint8_t)alg);
    buf_add_be64(&b, first);
    buf_add_u8(&b, (uint8_t)MIN(count, UINT8_MAX));
    buf_add_be16_prefixed(&b, code);
    TRY(call(keeper, KEYS_OP_TOTP, &b, &reply, USE_TIMEOUT_MS, e));
    struct bytes in = buf_bytes(&reply);
    if (!result_is_ok(bytes_take_be64(&in, ret_step)) || in.n != 0) {
        return bad_answer(e);
    }
    return RESULT_OK;
}

RESULT keys_sign_statement(struct rpc_client *keeper, const char *context, struct bytes text,
                           struct buf *ret_note, struct error *e)
{
    CLEANUP(buf_done_p) struct buf b = BUF(KEYS_SMALL_REQUEST + KEY_STATEMENT_MAX);

    wire_add_str(&b, context);
    buf_add_be16_prefixed(&b, text);
    return call_for_text(keeper, KEYS_OP_SIGN_STATEMENT, &b, ret_note, e);
}

RESULT keys_statement_vkey(struct rpc_client *keeper, struct buf *ret_vkey, struct error *e)
{
    const struct buf none = BUF(0);

    return call_for_text(keeper, KEYS_OP_STATEMENT_VKEY, &none, ret_vkey, e);
}
