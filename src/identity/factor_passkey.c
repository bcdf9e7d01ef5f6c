/* Passkeys of users: what the browser is asked, and what it answered. Verified by
 * crypto/webauthn. */
#include "base/text.h"
#include "crypto/webauthn.h"
#include "identity/factor_priv.h"

#define RESPONSE_MAX (128u << 10)
#define TIMEOUT_MS   300000
#define SIG_MAX      2048

/* COSE algorithms in the order of preference: Ed25519, ES256, ES384, ES512, RS256. */
static const int algorithms[] = { -8, -7, -35, -36, -257 };

struct passkey {
    char id[FACTOR_ID_BYTES], user_id[IDENTITY_ID_BYTES];
    struct bytes credential, key; /* in the arena */
};

static void passkey_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    struct passkey *p = item;
    directory_col_text(s, 0, p->id, sizeof(p->id));
    directory_col_text(s, 1, p->user_id, sizeof(p->user_id));
    p->credential = arena_bytes(arena, db_col_bytes(s, 2));
    p->key = arena_bytes(arena, db_col_bytes(s, 3));
}

/* --- options --- */

static void put_base64url(struct jsonw *w, const char *key, struct bytes v)
{
    CLEANUP(buf_done_p) struct buf text = BUF(2 * WEBAUTHN_ID_MAX);
    buf_add_base64url(&text, v);
    jsonw_kv_str(w, key, buf_bytes(&text));
}

/* The user's passkeys as a list of PublicKeyCredentialDescriptor. */
static RESULT put_credentials(struct directory *d, const char *user_id, struct jsonw *w,
                              size_t *ret_n, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct sql_rows rows;
    TRY(directory_rows(d,
                       "SELECT id, user, credential, public_key FROM factors"
                       " WHERE user = ?1 AND kind = ?2 AND is_active = 1 ORDER BY created_ms, id",
                       SQL_IN(SQL_STR(user_id), SQL_INT(FACTOR_PASSKEY)), sizeof(struct passkey),
                       passkey_of_row, arena, &rows, e));
    const struct passkey *list = rows.p;
    jsonw_array(w);
    for (size_t i = 0; i < rows.n; i++) {
        jsonw_object(w);
        jsonw_kv_cstr(w, "type", "public-key");
        put_base64url(w, "id", list[i].credential);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    *ret_n = rows.n;
    return RESULT_OK;
}

static void put_party_and_user(struct jsonw *w, const struct passkey_party *rp,
                               const struct user *u)
{
    jsonw_key(w, "rp");
    jsonw_object(w);
    jsonw_kv_cstr(w, "id", rp->id);
    jsonw_kv_cstr(w, "name", rp->name);
    jsonw_object_end(w);
    jsonw_key(w, "user");
    jsonw_object(w);
    put_base64url(w, "id", bytes_str(u->id));
    jsonw_kv_cstr(w, "name", u->name);
    jsonw_kv_cstr(w, "displayName", u->display[0] == '\0' ? u->name : u->display);
    jsonw_object_end(w);
}

static void put_wishes(struct jsonw *w)
{
    jsonw_key(w, "pubKeyCredParams");
    jsonw_array(w);
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        jsonw_object(w);
        jsonw_kv_cstr(w, "type", "public-key");
        jsonw_key(w, "alg");
        jsonw_i64(w, algorithms[i]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, "authenticatorSelection");
    jsonw_object(w);
    jsonw_kv_cstr(w, "residentKey", "preferred");
    jsonw_kv_bool(w, "requireResidentKey", false);
    jsonw_kv_cstr(w, "userVerification", "required");
    jsonw_object_end(w);
    jsonw_kv_cstr(w, "attestation", "none");
    jsonw_kv_u64(w, "timeout", TIMEOUT_MS);
}

RESULT factor_passkey_options(struct directory *d, const struct passkey_party *rp,
                              const struct user *u, const uint8_t challenge[32],
                              struct buf *ret_json, struct error *e)
{
    struct jsonw w;
    size_t n = 0;
    jsonw_init(&w, ret_json);
    jsonw_object(&w);
    put_party_and_user(&w, rp, u);
    put_base64url(&w, "challenge", bytes_of(challenge, 32));
    put_wishes(&w);
    jsonw_key(&w, "excludeCredentials");
    TRY(put_credentials(d, u->id, &w, &n, e));
    jsonw_object_end(&w);
    TRY_MSG(buf_result(ret_json), e, "passkey options");
    return RESULT_OK;
}

RESULT factor_passkey_request(struct directory *d, const struct passkey_party *rp,
                              const char *user_id, const uint8_t challenge[32],
                              struct buf *ret_json, struct error *e)
{
    struct jsonw w;
    size_t n = 0;
    jsonw_init(&w, ret_json);
    jsonw_object(&w);
    put_base64url(&w, "challenge", bytes_of(challenge, 32));
    jsonw_kv_cstr(&w, "rpId", rp->id);
    jsonw_kv_cstr(&w, "userVerification", "required");
    jsonw_kv_u64(&w, "timeout", TIMEOUT_MS);
    jsonw_key(&w, "allowCredentials");
    if (user_id != NULL) {
        TRY(put_credentials(d, user_id, &w, &n, e));
    } else { /* the authenticator offers what it holds for this party */
        jsonw_array(&w);
        jsonw_array_end(&w);
    }
    jsonw_object_end(&w);
    if (user_id != NULL && n == 0) {
        FAIL(e, ERRC_NOT_FOUND, "no passkey is registered");
    }
    TRY_MSG(buf_result(ret_json), e, "passkey request");
    return RESULT_OK;
}

/* --- answers --- */

/* PublicKeyCredential.toJSON(), opened. */
struct answer {
    struct json_doc *doc;
    struct json response;
    struct buf id, client;
};

static void answer_done(struct answer *a)
{
    json_doc_free(a->doc);
    buf_done(&a->id);
    buf_done(&a->client);
}
DEFINE_CLEANUP_DONE(answer_done, struct answer)

static RESULT get_base64url(struct json v, const char *key, struct buf *out, struct error *e)
{
    struct bytes text;
    TRY(json_get_str(v, key, &text, e));
    TRY_MSG(base64url_decode(text, out), e, "%s", key);
    return RESULT_OK;
}

static RESULT answer_open(struct bytes in, struct answer *a, struct error *e)
{
    struct bytes type, id, raw_id;
    a->id = BUF(WEBAUTHN_ID_MAX);
    a->client = BUF(WEBAUTHN_CLIENT_DATA_MAX);
    TRY(json_parse(in, RESPONSE_MAX, &a->doc, e));
    struct json v = json_root(a->doc);
    TRY(json_get_str(v, "type", &type, e));
    TRY(json_get_str(v, "id", &id, e));
    TRY(json_get_str(v, "rawId", &raw_id, e));
    if (!bytes_equal_str(type, "public-key") || !bytes_equal(id, raw_id)) {
        FAIL(e, ERRC_FORMAT, "no credential of type public-key");
    }
    TRY(get_base64url(v, "id", &a->id, e));
    TRY(json_get(v, "response", &a->response, e));
    return get_base64url(a->response, "clientDataJSON", &a->client, e);
}

/* What is missing is malformed; what does not verify is denied. */
static struct result outcome(struct result r, struct error *e)
{
    enum errc code = r.code;
    if (code == ERRC_NOT_FOUND) {
        code = ERRC_FORMAT;
    } else if (code == ERRC_INTEGRITY || code == ERRC_UNSUPPORTED) {
        code = ERRC_DENIED;
    }
    if (e != NULL && code != ERRC_OK) {
        e->code = code;
        error_prefix(e, "passkey");
    }
    return result_of(code);
}

static struct webauthn_party party_of(const struct passkey_party *rp, const uint8_t challenge[32])
{
    return (struct webauthn_party){
        .id = rp->id, .origin = rp->origin, .challenge = bytes_of(challenge, 32), .needs_uv = true
    };
}

/* --- registering --- */

struct registration {
    char id[FACTOR_ID_BYTES];
    const char *user_id, *name;
    const struct webauthn_credential *cred;
    int64_t now_ms;
};

static RESULT passkey_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct registration *r = arg;
    TRY(factor_room_check(c, r->user_id, e));
    struct result done = sql_run(
            c,
            "INSERT INTO factors(id, realm, user, kind, name, is_active, created_ms, used_ms, step,"
            " credential, public_key, algorithm, sign_count, aaguid, is_backed_up)"
            " SELECT ?1, realm, id, ?3, ?4, 1, ?5, 0, 0, ?6, ?7, ?8, ?9, ?10, ?11"
            " FROM users WHERE id = ?2",
            SQL_IN(SQL_STR(r->id), SQL_STR(r->user_id), SQL_INT(FACTOR_PASSKEY), SQL_STR(r->name),
                   SQL_INT(r->now_ms), SQL_BLOB(r->cred->id), SQL_BLOB(r->cred->key),
                   SQL_INT(r->cred->alg), SQL_INT(r->cred->sign_count),
                   SQL_BLOB(BYTES_OF(r->cred->aaguid)), SQL_INT(r->cred->is_backed_up)),
            e);
    if (done.code == ERRC_EXISTS) {
        FAIL(e, ERRC_EXISTS, "this passkey is registered already");
    }
    return done;
}

static RESULT registration_verify(const struct passkey_party *rp, const uint8_t challenge[32],
                                  struct bytes response_json, struct answer *a, struct buf *object,
                                  struct webauthn_credential *ret, struct error *e)
{
    const struct webauthn_party party = party_of(rp, challenge);
    TRY(answer_open(response_json, a, e));
    TRY(get_base64url(a->response, "attestationObject", object, e));
    TRY(webauthn_register(&party, buf_bytes(&a->client), buf_bytes(object), ret, e));
    if (!bytes_equal(ret->id, buf_bytes(&a->id))) {
        FAIL(e, ERRC_FORMAT, "the answer names another credential than the attestation");
    }
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (ret->alg == algorithms[i]) {
            return RESULT_OK;
        }
    }
    FAIL(e, ERRC_DENIED, "an algorithm that was not offered");
}

/*= 2.1.4-1 "one factor must rest on cryptography" */
RESULT factor_passkey_register(struct directory *d, const struct passkey_party *rp,
                               const char *user_id, const char *name, const uint8_t challenge[32],
                               struct bytes response_json, char ret_id[FACTOR_ID_BYTES],
                               struct error *e)
{
    CLEANUP(answer_done_p) struct answer a = { 0 };
    CLEANUP(buf_done_p) struct buf object = BUF(WEBAUTHN_OBJECT_MAX);
    struct webauthn_credential cred;
    TRY(factor_name_check(name, e));
    struct result r = registration_verify(rp, challenge, response_json, &a, &object, &cred, e);
    TRY(outcome(r, e));
    struct registration reg = {
        .user_id = user_id, .name = name, .cred = &cred, .now_ms = clock_wall_ms(d->clock)
    };
    factor_id_new(d, reg.id);
    TRY_MSG(directory_change(d, passkey_insert, &reg, e), e, "passkey");
    memcpy(ret_id, reg.id, sizeof(reg.id));
    return factor_claim_realm(d, user_id, e);
}

/* --- asserting --- */

struct use {
    const char *id;
    const struct webauthn_assertion *a;
    int64_t now_ms;
};

/* The counter grows, in the same step that compares it; one that stays 0 is none. */
static RESULT passkey_use(struct db_conn *c, void *arg, struct error *e)
{
    const struct use *u = arg;
    TRY(sql_run(c,
                "UPDATE factors SET sign_count = ?2, used_ms = ?3, is_backed_up = ?4"
                " WHERE id = ?1 AND is_active = 1"
                " AND (?2 > sign_count OR (?2 = 0 AND sign_count = 0))",
                SQL_IN(SQL_STR(u->id), SQL_INT(u->a->sign_count), SQL_INT(u->now_ms),
                       SQL_INT(u->a->is_backed_up)),
                e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_DENIED, "the counter did not grow: another copy of it is in use");
    }
    return RESULT_OK;
}

/* Of that user, or of whoever it belongs to when the authenticator names the same one. */
static RESULT passkey_find(struct directory *d, const struct answer *a, const char *user_id,
                           struct arena *arena, struct passkey *ret, struct error *e)
{
    CLEANUP(buf_done_p) struct buf handle = BUF(WEBAUTHN_ID_MAX);
    struct json v;
    struct result r = directory_one(d, "passkey",
                                    "SELECT id, user, credential, public_key FROM factors"
                                    " WHERE kind = ?1 AND is_active = 1 AND credential = ?2",
                                    SQL_IN(SQL_INT(FACTOR_PASSKEY), SQL_BLOB(buf_bytes(&a->id))),
                                    passkey_of_row, arena, ret, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_DENIED, "not registered here");
    }
    TRY(r);
    bool has_handle =
            result_is_ok(json_get(a->response, "userHandle", &v, NULL)) && !json_is_null(v);
    if (has_handle) {
        TRY(get_base64url(a->response, "userHandle", &handle, e));
    }
    if ((user_id != NULL && strcmp(user_id, ret->user_id) != 0) ||
        (user_id == NULL && !has_handle) ||
        (has_handle && !bytes_equal_str(buf_bytes(&handle), ret->user_id))) {
        FAIL(e, ERRC_DENIED, "it belongs to another user");
    }
    return RESULT_OK;
}

static RESULT assertion_verify(struct directory *d, const struct passkey_party *rp,
                               const char *user_id, const uint8_t challenge[32],
                               struct bytes response_json, struct arena *arena, struct passkey *ret,
                               struct error *e)
{
    CLEANUP(answer_done_p) struct answer a = { 0 };
    CLEANUP(buf_done_p) struct buf data = BUF(WEBAUTHN_AUTH_DATA_MAX), sig = BUF(SIG_MAX);
    const struct webauthn_party party = party_of(rp, challenge);
    struct webauthn_assertion made;
    TRY(answer_open(response_json, &a, e));
    TRY(get_base64url(a.response, "authenticatorData", &data, e));
    TRY(get_base64url(a.response, "signature", &sig, e));
    TRY(passkey_find(d, &a, user_id, arena, ret, e));
    TRY(webauthn_assert(&party, ret->key, buf_bytes(&a.client), buf_bytes(&data), buf_bytes(&sig),
                        &made, e));
    struct use use = { .id = ret->id, .a = &made, .now_ms = clock_wall_ms(d->clock) };
    return db_write(d->db, passkey_use, &use, e); /* decides nothing that is cached */
}

/*= 2.1.4-1 "one factor must rest on cryptography" */
RESULT factor_passkey_check(struct directory *d, const struct passkey_party *rp,
                            const char *user_id, const uint8_t challenge[32],
                            struct bytes response_json, char ret_user_id[IDENTITY_ID_BYTES],
                            struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct passkey p;
    struct result r = assertion_verify(d, rp, user_id, challenge, response_json, arena, &p, e);
    TRY(outcome(r, e));
    memcpy(ret_user_id, p.user_id, sizeof(p.user_id));
    return RESULT_OK;
}
