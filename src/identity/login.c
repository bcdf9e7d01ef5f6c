/*
 * Signing in, step by step. Each try is counted before it is judged (lockout.h); where it can't be
 * judged for want of room or a keeper, it is taken back.
 */
#include "identity/login.h"

#include "identity/lockout.h"
#include "identity/login_priv.h"
#include "identity/user_priv.h"

#define NAME_SHOWN_MAX 200 /* no account has a longer one */

static RESULT not_you(struct error *e)
{
    FAIL(e, ERRC_DENIED, "name or password is wrong, or the account is not active");
}

/* "realm/name" of who tries, as lockouts count it. */
struct tries {
    struct directory *d;
    const struct session_client *client;
    char account[TENANT_NAME_BYTES + NAME_SHOWN_MAX + 2];
    bool is_new;
};

static RESULT tries_begin(struct tries *t, struct directory *d, const char *realm, const char *name,
                          const struct session_client *client, struct error *e)
{
    *t = (struct tries){ .d = d, .client = client };
    (void)snprintf(t->account, sizeof(t->account), "%.63s/%.200s", realm, name);
    return lockout_try(d, t->account, client->ip, &t->is_new, e);
}

/* `r` is how the try ended. `is_all`: with it the whole sign-in succeeded. */
static RESULT tries_end(struct tries *t, struct result r, bool is_all, struct error *e)
{
    if (r.code == ERRC_DENIED) {
        if (t->client->ret_is_lockout != NULL && t->is_new) {
            *t->client->ret_is_lockout = true;
        }
        return r;
    }
    struct result undone = is_all && result_is_ok(r)
                                   ? lockout_clear(t->d, t->account, t->client->ip, e)
                                   : lockout_undo(t->d, t->account, t->client->ip, NULL);
    return result_is_ok(r) ? undone : r;
}

/* --- by password --- */

struct candidate {
    struct directory *d;
    struct user u; /* id "": nobody */
    struct password_row row;
    struct bytes password;
    const struct password_profile *profile;
    const char *const *words;
    bool is_open; /* a person's account that may be signed in to */
    struct result fits;
    bool is_weak;
    char rehash[PASSWORD_PHC_MAX]; /* "" : the parameters are today's */
    struct session_make make;
};

/* For a name that nobody has: the same work. */
static const char *phc_nobody(const struct candidate *k, char dst[PASSWORD_PHC_MAX])
{
    const struct password_params *p = &k->d->login->params;
    (void)snprintf(dst, PASSWORD_PHC_MAX, "$argon2id$v=19$m=%u,t=%u,p=%u$%.22s$%.43s", p->m_kib,
                   p->passes, p->lanes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    return dst;
}

/* In the pool. */
static void candidate_check(void *arg)
{
    struct candidate *k = arg;
    char nobody[PASSWORD_PHC_MAX];
    const char *phc = k->row.phc[0] != '\0' ? k->row.phc : phc_nobody(k, nobody);

    k->fits = password_check(bytes_str(phc), k->password);
    if (!result_is_ok(k->fits) || !k->is_open) {
        return;
    }
    struct result r =
            password_rules_check(k->profile, k->d->login->blocked, k->password, k->words, NULL);
    k->is_weak = r.code == ERRC_RANGE;
    if (password_is_outdated(bytes_str(phc), &k->d->login->params) &&
        !result_is_ok(password_hash(&k->d->login->params, k->password, k->d->rng, k->rehash))) {
        k->rehash[0] = '\0'; /* the next time, then */
    }
}

/* May sign in: a person, active, not frozen, of a realm that is. */
static void flag_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    *(bool *)item = db_col_i64(s, 0) != 0;
}

static RESULT user_is_open(struct directory *d, const char *user_id, bool *ret, struct error *e)
{
    bool is_open = false;
    struct result r = directory_one(
            d, "user",
            "SELECT u.kind = 1 AND u.state = 0 AND u.frozen_ms = 0 AND r.state = 0 AND"
            " r.frozen_ms = 0 FROM users u JOIN realms r ON r.name = u.realm WHERE u.id = ?1",
            SQL_IN(SQL_STR(user_id)), flag_of_row, NULL, &is_open, e);
    if (r.code != ERRC_NOT_FOUND) {
        TRY(r);
    }
    *ret = is_open;
    return RESULT_OK;
}

/*= 2.1.4-9 "people sign in from the allowed networks alone" */
/*= 2.1.4-8 "where it is asked for, they sign in with a verified client certificate alone" */
RESULT login_origin_check(struct directory *d, const struct user *u,
                          const struct session_client *client, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(1024, false);
    CLEANUP(db_read_end_p) struct db_conn *c = NULL;
    struct origin_rule rule;
    TRY(db_read_begin(d->db, &c, e));
    TRY(origin_rule_load(c, u->realm, arena, &rule, e));
    enum origin_fit fit = origin_fit(&rule, client->ip, client->has_certificate);
    if (fit == ORIGIN_FITS) {
        return RESULT_OK;
    }
    if (client->ret_outside != NULL) {
        *client->ret_outside = (struct login_outside){ .fit = fit };
        (void)snprintf(client->ret_outside->realm, sizeof(client->ret_outside->realm), "%s",
                       u->realm);
        (void)snprintf(client->ret_outside->user, sizeof(client->ret_outside->user), "%s", u->name);
    }
    if (fit == ORIGIN_OUTSIDE) {
        FAIL(e, ERRC_DENIED, "%s is in none of the networks that people sign in from (P-IAM-6)",
             client->ip);
    }
    FAIL(e, ERRC_DENIED, "signing in needs a client certificate (P-IAM-7)");
}

static RESULT candidate_load(struct directory *d, const char *realm, const char *name,
                             struct arena *arena, struct candidate *k, struct error *e)
{
    struct result r = user_get(d, realm, bytes_str(name), arena, &k->u, e);
    if (r.code == ERRC_NOT_FOUND) {
        k->u = (struct user){ .name = "", .owner = "", .display = "", .email = "" };
    } else {
        TRY(r);
    }
    k->words = password_words(&k->u, arena);
    k->profile = password_profile_of(d, realm);
    TRY(user_is_open(d, k->u.id, &k->is_open, e));
    return password_load(d, k->u.id, arena, &k->row, e);
}

static RESULT has_active_factor(struct directory *d, const char *user_id, enum factor_kind kind,
                                bool *ret, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct factor *list = NULL;
    size_t n = 0;
    bool has = false;
    TRY(factor_list(d, user_id, arena, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        has = has || (list[i].is_active && (kind == FACTOR_NONE || list[i].kind == kind));
    }
    *ret = has;
    return RESULT_OK;
}

static RESULT candidate_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct candidate *k = arg;
    if (k->is_weak) {
        TRY(sql_run(c, "UPDATE passwords SET must_change = 1 WHERE user = ?1",
                    SQL_IN(SQL_STR(k->u.id)), e));
    }
    if (k->rehash[0] != '\0') {
        TRY(sql_run(c, "UPDATE passwords SET phc = ?2 WHERE user = ?1 AND phc = ?3",
                    SQL_IN(SQL_STR(k->u.id), SQL_STR(k->rehash), SQL_STR(k->row.phc)), e));
    }
    return session_insert(c, &k->make, e);
}

static RESULT candidate_open(struct directory *d, struct candidate *k,
                             const struct session_client *client, struct session_opened *ret,
                             struct error *e)
{
    bool has_factor = false;
    struct session_start in = { .user_id = k->u.id, .realm = k->u.realm, .client = client };
    TRY(has_active_factor(d, k->u.id, FACTOR_NONE, &has_factor, e));
    in.stage = has_factor ? SESSION_FACTOR : SESSION_ENROL;
    session_prepare(d, &in, &k->make);
    TRY(db_write(d->db, candidate_write, k, e));
    session_forget(d, k->u.id, NULL);
    *ret = k->make.out;
    return RESULT_OK;
}

static RESULT candidate_judge(struct directory *d, struct pool *pool, const char *realm,
                              const char *name, struct candidate *k, struct arena *arena,
                              struct error *e)
{
    TRY(candidate_load(d, realm, name, arena, k, e));
    TRY(password_work(d, pool, candidate_check, k, e));
    if (!result_is_ok(k->fits) && k->fits.code != ERRC_DENIED && k->fits.code != ERRC_RANGE) {
        FAIL(e, k->fits.code, "the password can't be checked");
    }
    return result_is_ok(k->fits) && k->is_open && k->row.phc[0] != '\0' ? RESULT_OK : not_you(e);
}

/*= 2.1.4-7 "one answer and the same work for a wrong password and an unknown name" */
RESULT login_password(struct directory *d, struct pool *pool, const char *realm, const char *name,
                      struct bytes password, const struct session_client *client,
                      struct session_opened *ret, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, true);
    struct candidate k = { .d = d, .password = password };
    struct tries t;

    TRY(tries_begin(&t, d, realm, name, client, e));
    struct result r = candidate_judge(d, pool, realm, name, &k, arena, e);
    r = result_is_ok(r) ? login_origin_check(d, &k.u, client, e) : r;
    r = result_is_ok(r) ? candidate_open(d, &k, client, ret, e) : r;
    mem_wipe(&k.make, sizeof(k.make));
    return tries_end(&t, r, false, e);
}

/* --- the second factor --- */

struct step {
    struct tries tries;
    struct user u;
    struct arena *arena;
};

static RESULT step_begin(struct directory *d, const struct session *s,
                         const struct session_client *client, struct step *ret, struct error *e)
{
    TRY(user_get_by_id(d, bytes_str(s->user_id), ret->arena, &ret->u, e));
    return tries_begin(&ret->tries, d, ret->u.realm, ret->u.name, client, e);
}

/* All factors fit: what is left to do decides the stage. */
static RESULT next_open(struct directory *d, const struct session *s, enum factor_kind kind,
                        const struct session_client *client, struct session_opened *ret,
                        struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, true);
    struct password_row row;
    TRY(password_load(d, s->user_id, arena, &row, e));
    const struct session_start in = {
        .user_id = s->user_id,
        .realm = s->realm,
        .stage = password_is_due(d, s->realm, &row) ? SESSION_CHANGE : SESSION_FULL,
        .mfa_kind = kind,
        .mfa_ms = clock_wall_ms(d->clock),
        .client = client,
        .old = s,
    };
    TRY(session_start(d, &in, ret, e));
    user_touch(d, s->user_id);
    return RESULT_OK;
}

/*= 2.1.4-1 "nobody signs in without a second factor" */
RESULT login_totp(struct directory *d, struct rpc_client *keeper, const struct session *s,
                  const char *code, const struct session_client *client, struct session_opened *ret,
                  struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct step step = { .arena = arena };

    TRY(session_stage_check(s, SESSION_FACTOR, e));
    TRY(step_begin(d, s, client, &step, e));
    struct result r = factor_totp_check(d, keeper, s->user_id, NULL, code, e);
    r = result_is_ok(r) ? next_open(d, s, FACTOR_TOTP, client, ret, e) : r;
    return tries_end(&step.tries, r, true, e);
}

RESULT login_recovery(struct directory *d, const struct session *s, const char *code,
                      const struct session_client *client, struct session_opened *ret,
                      struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct step step = { .arena = arena };

    TRY(session_stage_check(s, SESSION_FACTOR, e));
    TRY(step_begin(d, s, client, &step, e));
    struct result r = factor_recovery_check(d, s->user_id, code, e);
    r = result_is_ok(r) ? next_open(d, s, FACTOR_RECOVERY, client, ret, e) : r;
    return tries_end(&step.tries, r, true, e);
}

static RESULT passkey_fits(struct directory *d, const struct session *s,
                           const struct passkey_party *rp, struct bytes response_json,
                           struct error *e)
{
    uint8_t challenge[32];
    char whose[IDENTITY_ID_BYTES];
    TRY(session_challenge_take(d, s, challenge, e));
    return factor_passkey_check(d, rp, s->user_id, challenge, response_json, whose, e);
}

RESULT login_passkey(struct directory *d, const struct session *s, const struct passkey_party *rp,
                     struct bytes response_json, const struct session_client *client,
                     struct session_opened *ret, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct step step = { .arena = arena };

    TRY(session_stage_check(s, SESSION_FACTOR, e));
    TRY(step_begin(d, s, client, &step, e));
    struct result r = passkey_fits(d, s, rp, response_json, e);
    r = result_is_ok(r) ? next_open(d, s, FACTOR_PASSKEY, client, ret, e) : r;
    return tries_end(&step.tries, r, true, e);
}

RESULT login_enrolled(struct directory *d, const struct session *s, enum factor_kind kind,
                      const struct session_client *client, struct session_opened *ret,
                      struct error *e)
{
    bool has = false;
    TRY(session_stage_check(s, SESSION_ENROL, e));
    TRY(has_active_factor(d, s->user_id, kind, &has, e));
    if (!has || (kind != FACTOR_TOTP && kind != FACTOR_PASSKEY)) {
        FAIL(e, ERRC_CONFLICT, "no %s of this user is active", factor_kind_name(kind));
    }
    return next_open(d, s, kind, client, ret, e);
}

/* --- step-up --- */

struct fresh {
    const struct session *s;
    enum factor_kind kind;
    int64_t now_ms;
};

static RESULT fresh_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct fresh *f = arg;
    TRY(sql_run(
            c, "UPDATE sessions SET mfa_ms = ?3, mfa_kind = ?4 WHERE user = ?1 AND id = ?2",
            SQL_IN(SQL_STR(f->s->user_id), SQL_STR(f->s->id), SQL_INT(f->now_ms), SQL_INT(f->kind)),
            e));
    return db_changes(c) == 1 ? RESULT_OK : error_set(e, ERRC_DENIED, "no such session");
}

static RESULT fresh_mark(struct directory *d, const struct session *s, enum factor_kind kind,
                         struct error *e)
{
    struct fresh f = { s, kind, clock_wall_ms(d->clock) };
    TRY(db_write(d->db, fresh_write, &f, e));
    session_forget(d, s->user_id, s->id);
    return RESULT_OK;
}

RESULT login_step_up(struct directory *d, struct rpc_client *keeper, const struct session *s,
                     const char *totp_code, struct error *e)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    const struct session_client client = { .ip = s->ip, .agent = "" };
    struct step step = { .arena = arena };

    TRY(session_stage_check(s, SESSION_FULL, e));
    TRY(step_begin(d, s, &client, &step, e));
    struct result r = factor_totp_check(d, keeper, s->user_id, NULL, totp_code, e);
    r = result_is_ok(r) ? fresh_mark(d, s, FACTOR_TOTP, e) : r;
    return tries_end(&step.tries, r, true, e);
}

RESULT login_step_up_passkey(struct directory *d, const struct session *s,
                             const struct passkey_party *rp, struct bytes response_json,
                             struct error *e)
{
    TRY(session_stage_check(s, SESSION_FULL, e));
    TRY(passkey_fits(d, s, rp, response_json, e));
    return fresh_mark(d, s, FACTOR_PASSKEY, e);
}
