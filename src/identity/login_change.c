/* The password changed by its owner, or set for the first time with an enrolment code. */
#include "base/text.h"
#include "identity/lockout.h"
#include "identity/login_priv.h"
#include "identity/user_priv.h"

#define ENROLMENT_GROUPS 5 /* 125 bits: SHA-256 is enough */
#define ENROLMENT_MS     ((int64_t)72 * 3600 * 1000)

struct change {
    struct directory *d;
    struct user u;
    struct password_row row;
    const struct password_profile *profile;
    const char *const *words;
    bool has_old;
    struct bytes old, password;
    struct result r;
    struct error e;
    char phc[PASSWORD_PHC_MAX];
    int64_t now_ms;
    uint8_t code_hash[SHA256_BYTES]; /* of an enrolment */
    struct session_make make;
};

/*= 2.1.4-7 "former passwords do not come again" */
static RESULT history_check(const struct change *k, struct error *e)
{
    struct bytes in = bytes_str(k->row.history), phc;
    if (bytes_equal(k->old, k->password)) {
        FAIL(e, ERRC_RANGE, "the new password is the old one");
    }
    for (unsigned i = 0; i < k->profile->history && in.n > 0; i++) {
        (void)bytes_split(&in, '\n', &phc);
        if (result_is_ok(password_check(phc, k->password))) {
            FAIL(e, ERRC_RANGE, "the password was used before: %s remembers %u", k->profile->name,
                 k->profile->history);
        }
    }
    return RESULT_OK;
}

static RESULT change_work(struct change *k, struct error *e)
{
    if (k->has_old && !result_is_ok(password_check(bytes_str(k->row.phc), k->old))) {
        FAIL(e, ERRC_DENIED, "the old password is wrong");
    }
    TRY(password_rules_check(k->profile, k->d->login->blocked, k->password, k->words, e));
    if (k->has_old) {
        TRY(history_check(k, e));
    }
    TRY_MSG(password_hash(&k->d->login->params, k->password, k->d->rng, k->phc), e, "password");
    return RESULT_OK;
}

/* In the pool. */
static void change_run(void *arg)
{
    struct change *k = arg;
    k->r = change_work(k, &k->e);
}

static RESULT change_judge(struct pool *pool, struct change *k, struct error *e)
{
    TRY(password_work(k->d, pool, change_run, k, e));
    if (!result_is_ok(k->r) && e != NULL) {
        *e = k->e;
    }
    return k->r;
}

static RESULT change_load(struct directory *d, const char *user_id, struct arena *arena,
                          struct change *k, struct error *e)
{
    TRY(user_get_by_id(d, bytes_str(user_id), arena, &k->u, e));
    TRY(password_load(d, user_id, arena, &k->row, e));
    k->profile = password_profile_of(d, k->u.realm);
    k->words = password_words(&k->u, arena);
    k->now_ms = clock_wall_ms(d->clock);
    return RESULT_OK;
}

/* --- by its owner --- */

static RESULT change_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct change *k = arg;
    TRY(password_write(c, k->u.id, &k->row, k->phc, k->now_ms, e));
    TRY(session_insert(c, &k->make, e));
    return sql_run(c, "DELETE FROM sessions WHERE user = ?1 AND id <> ?2",
                   SQL_IN(SQL_STR(k->u.id), SQL_STR(k->make.out.s.id)), e);
}

static RESULT change_store(struct change *k, const struct session *s,
                           const struct session_client *client, struct session_opened *ret,
                           struct error *e)
{
    const struct session_start in = {
        .user_id = s->user_id,
        .realm = s->realm,
        .stage = SESSION_FULL,
        .mfa_kind = s->mfa_kind,
        .mfa_ms = s->mfa_ms,
        .client = client,
        .old = s,
    };
    session_prepare(k->d, &in, &k->make);
    TRY(directory_write(k->d, change_write, k, e));
    session_forget(k->d, s->user_id, NULL);
    *ret = k->make.out;
    return RESULT_OK;
}

RESULT login_change_password(struct directory *d, struct pool *pool, const struct session *s,
                             struct bytes old, struct bytes password,
                             const struct session_client *client, struct session_opened *ret,
                             struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, true);
    struct change k = { .d = d, .has_old = true, .old = old, .password = password };
    char account[TENANT_NAME_BYTES + IDENTITY_NAME_BYTES + 1];
    bool is_new = false;

    if (s->stage != SESSION_CHANGE) {
        TRY(session_stage_check(s, SESSION_FULL, e));
    }
    TRY(change_load(d, s->user_id, arena, &k, e));
    (void)snprintf(account, sizeof(account), "%s/%s", k.u.realm, k.u.name);
    TRY(lockout_try(d, account, client->ip, &is_new, e));
    struct result r = change_judge(pool, &k, e);
    if (r.code != ERRC_DENIED) {
        result_ignore(lockout_undo(d, account, client->ip, NULL));
    } else if (client->ret_is_lockout != NULL && is_new) {
        *client->ret_is_lockout = true;
    }
    r = result_is_ok(r) ? change_store(&k, s, client, ret, e) : r;
    mem_wipe(&k.make, sizeof(k.make));
    return r;
}

/* --- enrolment --- */

static RESULT code_hash(struct bytes typed, uint8_t ret[SHA256_BYTES], struct error *e)
{
    char code[ENROLMENT_CODE_BYTES];
    if (!result_is_ok(code_normalise(typed, ENROLMENT_GROUPS, code))) {
        FAIL(e, ERRC_DENIED, "the enrolment code is wrong, used or too old");
    }
    sha256(bytes_str(code), ret);
    mem_wipe(code, sizeof(code));
    return RESULT_OK;
}

static void id_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    directory_col_text(s, 0, item, IDENTITY_ID_BYTES);
}

/* Whose code it is, while it is good and the account may be signed in to. */
static RESULT code_owner(struct directory *d, const uint8_t hash[SHA256_BYTES],
                         char ret[IDENTITY_ID_BYTES], struct error *e)
{
    struct result r = directory_one(
            d, "code",
            "SELECT n.user FROM enrolments n JOIN users u ON u.id = n.user"
            " JOIN realms r ON r.name = u.realm WHERE n.expires_ms > ?1 AND n.hash = ?2 AND"
            " u.kind = 1 AND u.state = 0 AND u.frozen_ms = 0 AND r.state = 0 AND r.frozen_ms = 0",
            SQL_IN(SQL_INT(clock_wall_ms(d->clock)), SQL_BLOB(bytes_of(hash, SHA256_BYTES))),
            id_of_row, NULL, ret, e);
    if (r.code == ERRC_NOT_FOUND) {
        FAIL(e, ERRC_DENIED, "the enrolment code is wrong, used or too old");
    }
    return r;
}

static RESULT enrol_write(struct db_conn *c, void *arg, struct error *e)
{
    struct change *k = arg;
    int64_t has_factor = 0;
    TRY(sql_run(c, "DELETE FROM enrolments WHERE hash = ?1 AND user = ?2",
                SQL_IN(SQL_BLOB(BYTES_OF(k->code_hash)), SQL_STR(k->u.id)), e));
    if (db_changes(c) == 0) {
        FAIL(e, ERRC_DENIED, "the enrolment code is wrong, used or too old");
    }
    TRY(password_write(c, k->u.id, &k->row, k->phc, k->now_ms, e));
    TRY(sql_run(c, "DELETE FROM sessions WHERE user = ?1", SQL_IN(SQL_STR(k->u.id)), e));
    TRY(sql_i64(c, "SELECT count(*) FROM factors WHERE user = ?1 AND is_active = 1",
                SQL_IN(SQL_STR(k->u.id)), &has_factor, e));
    k->make.out.s.stage = has_factor != 0 ? SESSION_FACTOR : SESSION_ENROL;
    return session_insert(c, &k->make, e);
}

RESULT login_enrol(struct directory *d, struct pool *pool, struct bytes code, struct bytes password,
                   const struct session_client *client, struct session_opened *ret, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, true);
    struct change k = { .d = d, .password = password };
    char user_id[IDENTITY_ID_BYTES];

    TRY(code_hash(code, k.code_hash, e));
    TRY(code_owner(d, k.code_hash, user_id, e));
    TRY(change_load(d, user_id, arena, &k, e));
    TRY(change_judge(pool, &k, e));
    TRY(login_origin_check(d, &k.u, client, e));
    const struct session_start in = {
        .user_id = user_id, .realm = k.u.realm, .stage = SESSION_ENROL, .client = client
    };
    session_prepare(d, &in, &k.make);
    struct result r = directory_write(d, enrol_write, &k, e);
    if (result_is_ok(r)) {
        session_forget(d, user_id, NULL);
        *ret = k.make.out;
    }
    mem_wipe(&k.make, sizeof(k.make));
    return r;
}

struct enrolment {
    const char *user_id;
    uint8_t hash[SHA256_BYTES];
    int64_t now_ms;
    bool is_reset;
};

static RESULT credentials_drop(struct db_conn *c, const char *user_id, struct error *e)
{
    static const char *const sql[] = {
        "DELETE FROM passwords WHERE user = ?1",      "DELETE FROM factors WHERE user = ?1",
        "DELETE FROM recovery_codes WHERE user = ?1", "DELETE FROM sessions WHERE user = ?1",
        "DELETE FROM tokens WHERE user = ?1", /* one made with the lost factor has its power */
    };
    for (size_t i = 0; i < ARRAY_LEN(sql); i++) {
        TRY(sql_run(c, sql[i], SQL_IN(SQL_STR(user_id)), e));
    }
    return RESULT_OK;
}

static RESULT enrolment_write(struct db_conn *c, void *arg, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    const struct enrolment *n = arg;
    struct user u;

    TRY(user_of_id(c, n->user_id, arena, &u, e));
    if (u.kind != USER_PERSON || u.state == USER_ENDED) {
        FAIL(e, ERRC_CONFLICT, "user %s %s: it signs in nowhere", u.name,
             u.kind != USER_PERSON ? "is no person" : "has ended");
    }
    if (n->is_reset) {
        TRY(credentials_drop(c, n->user_id, e));
    }
    TRY(sql_run(c, "DELETE FROM enrolments WHERE user = ?1", SQL_IN(SQL_STR(n->user_id)), e));
    return sql_run(c,
                   "INSERT INTO enrolments(hash, user, created_ms, expires_ms)"
                   " VALUES(?1, ?2, ?3, ?4)",
                   SQL_IN(SQL_BLOB(BYTES_OF(n->hash)), SQL_STR(n->user_id), SQL_INT(n->now_ms),
                          SQL_INT(n->now_ms + ENROLMENT_MS)),
                   e);
}

static RESULT enrolment_make(struct directory *d, const char *user_id, bool is_reset,
                             char ret[ENROLMENT_CODE_BYTES], struct error *e)
{
    struct enrolment n = { .user_id = user_id,
                           .now_ms = clock_wall_ms(d->clock),
                           .is_reset = is_reset };
    char code[ENROLMENT_CODE_BYTES];

    code_make(d, ENROLMENT_GROUPS, code);
    sha256(bytes_str(code), n.hash);
    TRY(directory_change(d, enrolment_write, &n, e));
    if (is_reset) {
        session_forget(d, user_id, NULL);
    }
    memcpy(ret, code, sizeof(code));
    mem_wipe(code, sizeof(code));
    return RESULT_OK;
}

RESULT enrolment_create(struct directory *d, const char *user_id, char ret[ENROLMENT_CODE_BYTES],
                        struct error *e)
{
    return enrolment_make(d, user_id, false, ret, e);
}

RESULT credentials_reset(struct directory *d, const char *user_id, char ret[ENROLMENT_CODE_BYTES],
                         struct error *e)
{
    return enrolment_make(d, user_id, true, ret, e);
}
