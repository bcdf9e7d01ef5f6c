/* Keys at work: data keys wrapped and unwrapped, secrets sealed, keys of logs and of the metadata
 * store handed out. */
#include "keys/keyring_priv.h"

#define WRAPPED_V1   1
#define PREPARED_MAX 4096 /* versions with a prepared key; past it all are dropped */
#define AAD_HEAD_MAX 160

/* What a wrapped key is bound to besides the caller's words: tenant, key, version, purpose. */
static size_t aad_build(uint8_t *dst, const char *label, const char *tenant, const char *id,
                        uint32_t version, struct bytes aad)
{
    const char *const parts[] = { label, tenant, id };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t len = strlen(parts[i]) + 1;
        memcpy(dst + n, parts[i], len);
        n += len;
    }
    put_be32(dst + n, version);
    n += 4;
    if (aad.n != 0) {
        memcpy(dst + n, aad.p, aad.n);
    }
    return n + aad.n;
}

static struct result check_aad(struct bytes aad, struct error *e)
{
    if (aad.n > KEY_AAD_MAX) {
        FAIL(e, ERRC_LIMIT, "associated data of %zu bytes", aad.n);
    }
    return RESULT_OK;
}

/*= 2.1.3-7 "a disabled or destroyed key is refused at once" */
static struct result check_state(const struct kr_record *r, struct error *e)
{
    switch (r->u.key->state) {
    case KEY_ENABLED:
        return RESULT_OK;
    case KEY_DISABLED:
        FAIL(e, ERRC_DENIED, "key %s is disabled", r->name);
    case KEY_PENDING_DESTRUCTION:
        FAIL(e, ERRC_DENIED, "key %s is pending destruction", r->name);
    case KEY_DESTROYED:
        break;
    }
    FAIL(e, ERRC_EXPIRED, "key %s is destroyed", r->name);
}

static void prepared_drop(struct keyring *kr)
{
    LIST_EACH(item, &kr->records)
    {
        struct kr_record *r = LIST_ITEM(item, struct kr_record, item);
        if (r->kind == KR_VERSION) {
            box_key_free(r->u.use.prepared);
            r->u.use.prepared = NULL;
        }
    }
    kr->prepared = 0;
}

static struct result prepare(struct keyring *kr, struct kr_record *v, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 secret;

    if (v->u.use.prepared != NULL) {
        return RESULT_OK;
    }
    if (kr->prepared >= PREPARED_MAX) {
        prepared_drop(kr);
    }
    TRY(kr_secret(kr, v, &secret, e));
    TRY_MSG(box_key_new(v->suite, &secret, &v->u.use.prepared), e, "key");
    kr->prepared++;
    return RESULT_OK;
}

static struct result wrap(struct keyring *kr, struct kr_record *k, struct bytes aad,
                          const struct key256 *key, struct data_key *ret, struct error *e)
{
    uint8_t bound[AAD_HEAD_MAX + KEY_AAD_MAX];
    struct kr_record *v = k->u.key->newest_version;

    if (v == NULL) {
        FAIL(e, ERRC_BUG, "key %s has no version", k->name);
    }
    if (v->u.use.wraps >= KEY_WRAPS_MAX) {
        FAIL(e, ERRC_LIMIT, "key %s: version %u has wrapped its most: rotate it", k->name,
             v->version);
    }
    if (v->u.use.wraps >= v->reserved) {
        TRY(kr_reserve(kr, v, e));
    }
    TRY(prepare(kr, v, e));
    size_t n = aad_build(bound, "troth data key v1", k->owner, k->name, v->version, aad);
    ret->wrapped[0] = WRAPPED_V1;
    TRY_MSG(box_key_seal_at(v->u.use.prepared, bytes_of(bound, n), key256_bytes(key), kr->env.rng,
                            ret->wrapped + 1),
            e, "wrap");
    ret->wrapped_n = 1 + KEY256_BYTES + box_overhead(v->suite);
    v->u.use.wraps++;
    memcpy(ret->ref.id, k->name, sizeof(ret->ref.id));
    ret->ref.version = v->version;
    ret->suite = v->suite;
    memcpy(ret->custodian, k->u.key->custodian, sizeof(ret->custodian));
    return RESULT_OK;
}

RESULT keyring_data_key(struct keyring *kr, const char *tenant, const char *key_id,
                        struct bytes aad, struct data_key *ret, struct error *e)
{
    struct kr_record *k;

    TRY(check_aad(aad, e));
    TRY(kr_key_find(kr, tenant, key_id, &k, e));
    TRY(check_state(k, e));
    rng_fill(kr->env.rng, ret->key.b, sizeof(ret->key.b));
    struct result r = wrap(kr, k, aad, &ret->key, ret, e);
    if (!result_is_ok(r)) {
        key256_wipe(&ret->key);
    }
    return r;
}

static struct result unwrap(struct keyring *kr, const struct kr_record *k, uint32_t version,
                            struct bytes aad, struct bytes wrapped, struct key256 *ret,
                            struct error *e)
{
    uint8_t bound[AAD_HEAD_MAX + KEY_AAD_MAX];
    struct kr_record *v = k->u.key->newest_version;

    if (v == NULL || v->version != version) {
        v = kr_find(kr, KR_VERSION, k->owner, k->name, version);
    }
    if (v == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "key %s has no version %u", k->name, version);
    }
    TRY(prepare(kr, v, e));
    if (wrapped.n != 1 + KEY256_BYTES + box_overhead(v->suite) || wrapped.p[0] != WRAPPED_V1) {
        FAIL(e, ERRC_INTEGRITY, "the wrapped key is malformed");
    }
    size_t n = aad_build(bound, "troth data key v1", k->owner, k->name, version, aad);
    struct result r = box_key_open_at(v->u.use.prepared, bytes_of(bound, n),
                                      bytes_slice(wrapped, 1, wrapped.n), ret->b);
    if (!result_is_ok(r)) {
        FAIL(e, r.code,
             "the wrapped key does not open: it is damaged or belongs to another object");
    }
    return RESULT_OK;
}

RESULT keyring_unwrap(struct keyring *kr, const char *tenant, const struct key_ref *ref,
                      struct bytes aad, struct bytes wrapped, struct key256 *ret, struct error *e)
{
    struct kr_record *k;

    TRY(check_aad(aad, e));
    TRY(kr_key_find(kr, tenant, ref->id, &k, e));
    TRY(check_state(k, e));
    return unwrap(kr, k, ref->version, aad, wrapped, ret, e);
}

RESULT keyring_rewrap(struct keyring *kr, const char *tenant, const struct key_ref *ref,
                      struct bytes aad, struct bytes wrapped, struct data_key *ret, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 key;
    struct kr_record *k;

    TRY(check_aad(aad, e));
    TRY(kr_key_find(kr, tenant, ref->id, &k, e));
    TRY(check_state(k, e));
    TRY(unwrap(kr, k, ref->version, aad, wrapped, &key, e));
    memset(&ret->key, 0, sizeof(ret->key));
    return wrap(kr, k, aad, &key, ret, e);
}

/* --- secrets ---------------------------------------------------------------------------------- */

static struct result sealing_record(struct keyring *kr, const char *tenant, struct kr_record **ret,
                                    struct error *e)
{
    struct kr_record *t;

    TRY(kr_tenant_open(kr, tenant, &t, e));
    *ret = kr_find(kr, KR_SEALING, tenant, "", 0);
    if (*ret == NULL) {
        FAIL(e, ERRC_BUG, "tenant %s has no key for secrets", tenant);
    }
    return RESULT_OK;
}

RESULT keyring_seal_secret(struct keyring *kr, const char *tenant, struct bytes aad,
                           struct bytes secret, struct buf *out, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 key;
    uint8_t bound[AAD_HEAD_MAX + KEY_AAD_MAX];
    struct kr_record *r;

    TRY(check_aad(aad, e));
    if (secret.n == 0 || secret.n > KEY_SECRET_MAX) {
        FAIL(e, ERRC_RANGE, "a secret has 1 to %d bytes", KEY_SECRET_MAX);
    }
    TRY(sealing_record(kr, tenant, &r, e));
    TRY(kr_secret(kr, r, &key, e));
    size_t n = aad_build(bound, "troth secret v1", tenant, "", 0, aad);
    buf_add_u8(out, WRAPPED_V1);
    TRY_MSG(box_seal(r->suite, &key, bytes_of(bound, n), secret, kr->env.rng, out), e, "seal");
    return RESULT_OK;
}

RESULT keyring_open_secret(struct keyring *kr, const char *tenant, struct bytes aad,
                           struct bytes sealed, struct buf *out, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 key;
    uint8_t bound[AAD_HEAD_MAX + KEY_AAD_MAX];
    struct kr_record *r;

    TRY(check_aad(aad, e));
    TRY(sealing_record(kr, tenant, &r, e));
    if (sealed.n < 1 || sealed.p[0] != WRAPPED_V1) {
        FAIL(e, ERRC_INTEGRITY, "the sealed secret is malformed");
    }
    TRY(kr_secret(kr, r, &key, e));
    size_t n = aad_build(bound, "troth secret v1", tenant, "", 0, aad);
    TRY_MSG(box_open(r->suite, &key, bytes_of(bound, n), bytes_slice(sealed, 1, sealed.n), out), e,
            "the sealed secret does not open");
    return RESULT_OK;
}

/* --- keys of logs and of the deployment ------------------------------------------------------- */

static bool is_month(const char *s)
{
    static const char shape[] = "dddd-dd";

    for (size_t i = 0; i < sizeof(shape); i++) {
        bool is_digit = s[i] >= '0' && s[i] <= '9';
        if (shape[i] == 'd' ? !is_digit : s[i] != shape[i]) {
            return false;
        }
    }
    int month = (s[5] - '0') * 10 + (s[6] - '0');
    return month >= 1 && month <= 12;
}

RESULT keyring_payload_key(struct keyring *kr, const char *log, const char *month,
                           struct key256 *ret, struct error *e)
{
    struct kr_record *t, *r;

    if (!is_month(month)) {
        FAIL(e, ERRC_RANGE, "a month is written yyyy-mm");
    }
    TRY(kr_tenant_open(kr, log, &t, e));
    r = kr_find(kr, KR_PAYLOAD, log, month, 0);
    if (r == NULL) {
        CLEANUP(key256_wipe) struct key256 key;
        rng_fill(kr->env.rng, key.b, sizeof(key.b));
        r = kr_record_new(KR_PAYLOAD, log, month, 0);
        r->suite = t->suite;
        TRY(kr_add(kr, r, &key, e));
        TRY(kr_commit(kr, e));
        r = kr_find(kr, KR_PAYLOAD, log, month, 0);
    }
    return kr_secret(kr, r, ret, e);
}

RESULT keyring_suite(struct keyring *kr, const char *tenant, enum crypto_suite *ret,
                     struct error *e)
{
    struct kr_record *t;

    TRY(kr_tenant_open(kr, tenant, &t, e));
    *ret = t->suite;
    return RESULT_OK;
}

static struct result only_one(struct keyring *kr, enum kr_kind kind, struct key256 *ret,
                              struct error *e)
{
    TRY(kr_usable(kr, e));
    struct kr_record *r = kr_find(kr, kind, "", "", 0);
    if (r == NULL) {
        FAIL(e, ERRC_BUG, "the keyring has no %s", kr_kind_name(kind));
    }
    return kr_secret(kr, r, ret, e);
}

RESULT keyring_metadata_key(struct keyring *kr, struct key256 *ret, struct error *e)
{
    return only_one(kr, KR_METADATA, ret, e);
}

RESULT keyring_statement_seed(struct keyring *kr, struct key256 *ret, struct error *e)
{
    return only_one(kr, KR_STATEMENT, ret, e);
}

RESULT keyring_checkpoint_mac_key(struct keyring *kr, struct key256 *ret, struct error *e)
{
    return only_one(kr, KR_CHECKPOINTS, ret, e);
}

RESULT keyring_log_seed(struct keyring *kr, const char *log, struct key256 *ret, uint32_t *ret_slot,
                        struct error *e)
{
    TRY(kr_usable(kr, e));
    struct kr_record *r = kr_find(kr, KR_LOG, log, "", 0);
    if (r == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "there is no log %s", log);
    }
    TRY(kr_secret(kr, r, ret, e));
    *ret_slot = r->version;
    return RESULT_OK;
}

uint32_t keyring_next_slot(const struct keyring *kr)
{
    return kr->logs;
}

RESULT keyring_logs(struct keyring *kr,
                    struct result (*fn)(void *arg, const char *log, uint32_t slot, struct error *e),
                    void *arg, struct error *e)
{
    TRY(kr_usable(kr, e));
    LIST_EACH(item, &kr->records)
    {
        const struct kr_record *r = LIST_ITEM(item, struct kr_record, item);
        if (r->kind == KR_LOG) {
            TRY(fn(arg, r->owner, r->version, e));
        }
    }
    return RESULT_OK;
}
