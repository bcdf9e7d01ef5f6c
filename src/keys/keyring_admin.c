/* The life of keys: made, rotated, disabled, destroyed. Each change is durable when the function
 * returns. */
#include "base/text.h"
#include "keys/keyring_priv.h"

#define KEYS_PER_TENANT_MAX 10000u
#define BEFORE_MAX          2048

static void info_of(const struct kr_record *r, struct key_info *ret)
{
    const struct kr_key *k = r->u.key;
    const struct kr_record *v = k->newest_version;

    memset(ret, 0, sizeof(*ret));
    memcpy(ret->id, r->name, sizeof(ret->id));
    memcpy(ret->tenant, r->owner, sizeof(ret->tenant));
    ret->state = k->state;
    ret->suite = r->suite;
    ret->is_default = k->is_default;
    ret->version = k->newest;
    ret->created_ms = r->created_ms;
    ret->rotated_ms = k->rotated_ms;
    ret->destroy_at_ms = k->state == KEY_PENDING_DESTRUCTION ? k->destroy_at_ms : 0;
    ret->wraps = v == NULL ? 0 : v->u.use.wraps;
    ret->rotation_due = ret->wraps >= KEY_WRAPS_ROTATE;
    memcpy(ret->custodian, k->custodian, sizeof(ret->custodian));
    memcpy(ret->description, k->description, sizeof(ret->description));
}

static struct result take_text(const char *what, const char *v, size_t min, char *dst, size_t n,
                               struct error *e)
{
    size_t len = strlen(v);

    if (len < min || len >= n || !text_is_printable(bytes_str(v))) {
        FAIL(e, ERRC_RANGE, "%s: %zu to %zu bytes of text", what, min, n - 1);
    }
    memcpy(dst, v, len + 1);
    return RESULT_OK;
}

static bool is_tenant_name(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        bool is_word = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
        if (!is_word && (s[i] != '-' || i == 0)) {
            return false;
        }
    }
    return n >= 2 && n <= 63 && strcmp(s, KEYRING_PLATFORM) != 0;
}

/* RFC 9562 section 5.4 */
static void uuid4(const struct rng *rng, char ret[KEY_ID_BYTES])
{
    uint8_t b[16];
    char hex[33];

    rng_fill(rng, b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_encode(BYTES_OF(b), hex);
    (void)snprintf(ret, KEY_ID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

static struct result add_secret(struct keyring *kr, struct kr_record *r, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 secret;

    rng_fill(kr->env.rng, secret.b, sizeof(secret.b));
    return kr_add(kr, r, &secret, e);
}

static struct result add_version(struct keyring *kr, const struct kr_record *key, uint32_t version,
                                 struct error *e)
{
    struct kr_record *v = kr_record_new(KR_VERSION, key->owner, key->name, version);

    v->suite = key->suite;
    return add_secret(kr, v, e);
}

/* A key with its first version, not yet on the disk. */
static struct result add_key(struct keyring *kr, const char *tenant, enum crypto_suite suite,
                             bool is_default, const char *description, const char *custodian,
                             char ret_id[KEY_ID_BYTES], struct error *e)
{
    struct kr_key texts;

    TRY(take_text("description", description, 0, texts.description, sizeof(texts.description), e));
    TRY(take_text("custodian", custodian, 1, texts.custodian, sizeof(texts.custodian), e));
    if (suite_name(suite) == NULL) {
        FAIL(e, ERRC_UNSUPPORTED, "suite %u is none", (unsigned)suite);
    }
    uuid4(kr->env.rng, ret_id);
    struct kr_record *r = kr_record_new(KR_KEY, tenant, ret_id, 0);
    struct kr_key *k = r->u.key;
    r->suite = suite;
    k->state = KEY_ENABLED;
    k->is_default = is_default;
    k->newest = 1;
    k->rotated_ms = clock_wall_ms(kr->env.clock);
    memcpy(k->description, texts.description, sizeof(k->description));
    memcpy(k->custodian, texts.custodian, sizeof(k->custodian));
    TRY(kr_add(kr, r, NULL, e));
    return add_version(kr, kr_find(kr, KR_KEY, tenant, ret_id, 0), 1, e);
}

/* Writes what was added, or takes it back. */
static struct result finish(struct keyring *kr, struct result added, const char *tenant,
                            const char *id, struct key_info *ret, struct error *e)
{
    struct kr_record *k;

    if (!result_is_ok(added)) {
        kr_reload(kr);
        return added;
    }
    TRY(kr_commit(kr, e));
    TRY(kr_key_find(kr, tenant, id, &k, e));
    info_of(k, ret);
    return RESULT_OK;
}

static struct result tenant_add(struct keyring *kr, const char *tenant, enum crypto_suite suite,
                                char ret_id[KEY_ID_BYTES], struct error *e)
{
    struct kr_record *t = kr_record_new(KR_TENANT, tenant, "", 0);

    t->suite = suite;
    TRY(kr_add(kr, t, NULL, e));
    TRY(add_secret(kr, kr_record_new(KR_LOG, tenant, "", kr->logs), e));
    struct kr_record *sealing = kr_record_new(KR_SEALING, tenant, "", 0);
    sealing->suite = suite;
    TRY(add_secret(kr, sealing, e));
    return add_key(kr, tenant, suite, true, "default key", "provider", ret_id, e);
}

RESULT keyring_tenant_create(struct keyring *kr, const char *tenant, enum crypto_suite suite,
                             struct key_info *ret, struct error *e)
{
    char id[KEY_ID_BYTES];

    TRY(kr_usable(kr, e));
    if (!is_tenant_name(tenant)) {
        FAIL(e, ERRC_RANGE, "tenant: 2 to 63 of a-z, 0-9 and '-', and not \"platform\"");
    }
    if (suite_name(suite) == NULL) {
        FAIL(e, ERRC_UNSUPPORTED, "suite %u is none", (unsigned)suite);
    }
    if (kr_find(kr, KR_TENANT, tenant, "", 0) != NULL) {
        FAIL(e, ERRC_EXISTS, "tenant %s has keys already", tenant);
    }
    return finish(kr, tenant_add(kr, tenant, suite, id, e), tenant, id, ret, e);
}

RESULT keyring_create_key(struct keyring *kr, const char *tenant, enum crypto_suite suite,
                          const char *description, const char *custodian, struct key_info *ret,
                          struct error *e)
{
    struct kr_record *t;
    char id[KEY_ID_BYTES];

    TRY(kr_tenant_open(kr, tenant, &t, e));
    if (strcmp(tenant, KEYRING_PLATFORM) == 0) {
        FAIL(e, ERRC_RANGE, "the platform has no data keys");
    }
    if (t->u.tenant->key_count >= KEYS_PER_TENANT_MAX) {
        FAIL(e, ERRC_LIMIT, "tenant %s has %u keys", tenant, KEYS_PER_TENANT_MAX);
    }
    bool is_default = t->u.tenant->default_key == NULL;
    return finish(kr, add_key(kr, tenant, suite, is_default, description, custodian, id, e), tenant,
                  id, ret, e);
}

RESULT keyring_show(struct keyring *kr, const char *tenant, const char *key_id,
                    struct key_info *ret, struct error *e)
{
    struct kr_record *k;

    TRY(kr_key_find(kr, tenant, key_id, &k, e));
    info_of(k, ret);
    return RESULT_OK;
}

RESULT keyring_nth(struct keyring *kr, const char *tenant, size_t from, struct key_info *ret,
                   struct error *e)
{
    TRY(kr_usable(kr, e));
    struct kr_record *t = kr_find(kr, KR_TENANT, tenant, "", 0);
    if (t == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "tenant %s has no keys here", tenant);
    }
    if (from >= t->u.tenant->key_count) {
        FAIL(e, ERRC_NOT_FOUND, "tenant %s has %zu keys", tenant, t->u.tenant->key_count);
    }
    info_of(t->u.tenant->keys[from], ret);
    return RESULT_OK;
}

/* A change of a key's own record, made by the caller between begin and end. */
struct change {
    struct kr_record *key;
    struct buf before;
};

static struct result change_begin(struct keyring *kr, const char *tenant, const char *key_id,
                                  struct change *ret, struct error *e)
{
    TRY(kr_key_find(kr, tenant, key_id, &ret->key, e));
    if (ret->key->u.key->state == KEY_DESTROYED) {
        FAIL(e, ERRC_EXPIRED, "key %s is destroyed", ret->key->name);
    }
    kr_record_clear_encode(ret->key, &ret->before);
    return buf_result(&ret->before);
}

static struct result change_end(struct keyring *kr, struct change *c, struct key_info *ret,
                                struct error *e)
{
    struct result r = kr_reseal(kr, c->key, buf_bytes(&c->before), e);

    if (!result_is_ok(r)) {
        kr_reload(kr);
        return r;
    }
    TRY(kr_commit(kr, e));
    info_of(c->key, ret);
    return RESULT_OK;
}

static void change_done(struct change *c)
{
    buf_done(&c->before);
}
DEFINE_CLEANUP_DONE(change_done, struct change)

/*= 2.1.3-7 "keys are rotated: data written before stays readable under its version" */
RESULT keyring_rotate(struct keyring *kr, const char *tenant, const char *key_id,
                      struct key_info *ret, struct error *e)
{
    CLEANUP(change_done_p) struct change c = { .before = BUF(BEFORE_MAX) };

    TRY(change_begin(kr, tenant, key_id, &c, e));
    struct kr_key *k = c.key->u.key;
    if (k->state != KEY_ENABLED) {
        FAIL(e, ERRC_CONFLICT, "key %s is %s", c.key->name, key_state_name(k->state));
    }
    if (k->newest == UINT32_MAX) {
        FAIL(e, ERRC_LIMIT, "key %s has too many versions", c.key->name);
    }
    k->newest++;
    k->rotated_ms = clock_wall_ms(kr->env.clock);
    struct result r = add_version(kr, c.key, k->newest, e);
    if (!result_is_ok(r)) {
        kr_reload(kr);
        return r;
    }
    return change_end(kr, &c, ret, e);
}

RESULT keyring_set_enabled(struct keyring *kr, const char *tenant, const char *key_id, bool enabled,
                           struct key_info *ret, struct error *e)
{
    CLEANUP(change_done_p) struct change c = { .before = BUF(BEFORE_MAX) };

    TRY(change_begin(kr, tenant, key_id, &c, e));
    if (c.key->u.key->state == KEY_PENDING_DESTRUCTION) {
        FAIL(e, ERRC_CONFLICT, "key %s is pending destruction: cancel that first", c.key->name);
    }
    c.key->u.key->state = enabled ? KEY_ENABLED : KEY_DISABLED;
    return change_end(kr, &c, ret, e);
}

RESULT keyring_schedule_destroy(struct keyring *kr, const char *tenant, const char *key_id,
                                int64_t wait_ms, const char *requested_by, struct key_info *ret,
                                struct error *e)
{
    CLEANUP(change_done_p) struct change c = { .before = BUF(BEFORE_MAX) };
    char person[KEY_PERSON_MAX];

    TRY(change_begin(kr, tenant, key_id, &c, e));
    TRY(take_text("requested by", requested_by, 1, person, sizeof(person), e));
    struct kr_key *k = c.key->u.key;
    if (k->state == KEY_PENDING_DESTRUCTION) {
        FAIL(e, ERRC_CONFLICT, "key %s is pending destruction already", c.key->name);
    }
    k->state = KEY_PENDING_DESTRUCTION;
    k->requested_ms = clock_wall_ms(kr->env.clock);
    k->wait_ms = wait_ms;
    k->destroy_at_ms = k->requested_ms + wait_ms;
    memcpy(k->requested_by, person, sizeof(person));
    return change_end(kr, &c, ret, e);
}

RESULT keyring_cancel_destroy(struct keyring *kr, const char *tenant, const char *key_id,
                              struct key_info *ret, struct error *e)
{
    CLEANUP(change_done_p) struct change c = { .before = BUF(BEFORE_MAX) };

    TRY(change_begin(kr, tenant, key_id, &c, e));
    struct kr_key *k = c.key->u.key;
    if (k->state != KEY_PENDING_DESTRUCTION) {
        FAIL(e, ERRC_CONFLICT, "key %s is not pending destruction", c.key->name);
    }
    k->state = KEY_DISABLED;
    k->requested_ms = k->wait_ms = k->destroy_at_ms = 0;
    memset(k->requested_by, 0, sizeof(k->requested_by));
    return change_end(kr, &c, ret, e);
}
