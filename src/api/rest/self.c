/* What is one's own: who am I, sessions, password, second factors. */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "identity/grant.h"
#include "identity/param.h"
#include "identity/token.h"

/* --- who am I --- */

/* What somebody may do is told once they are signed in wholly: a password alone shows nothing of
 * it. */
static void self_write(void *arg, struct jsonw *w)
{
    const struct rest *r = arg;
    const struct principal *p = r->who.p;
    bool is_whole = !r->has_session || r->session.stage == SESSION_FULL;
    unsigned admins = is_whole ? p->admins : 0;
    jsonw_kv_cstr(w, "account", p->account);
    jsonw_key(w, "administrator");
    jsonw_array(w);
    if ((admins & ADMIN_SYSTEM) != 0) {
        jsonw_cstr(w, "system");
    }
    if ((admins & ADMIN_SECURITY) != 0) {
        jsonw_cstr(w, "security");
    }
    if ((admins & ADMIN_AUDIT) != 0) {
        jsonw_cstr(w, "audit");
    }
    jsonw_array_end(w);
    jsonw_kv_cstr(w, "arn", p->arn);
    jsonw_kv_cstr(w, "actor", p->actor);
    jsonw_key(w, "grants");
    jsonw_array(w);
    for (size_t i = 0; i < p->grant_count && is_whole; i++) {
        jsonw_object(w);
        jsonw_kv_cstr(w, "id", p->grants[i].id);
        jsonw_kv_cstr(w, "realm", p->grants[i].realm);
        jsonw_kv_cstr(w, "role", p->grants[i].role);
        rest_kv_time(w, "until", p->grants[i].until_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_kv_cstr(w, "realm", p->home);
    jsonw_kv_cstr(w, "user", p->user_name);
    if (r->has_session) {
        rest_kv_time(w, "expires", r->session.expires_ms);
        rest_kv_time(w, "mfa", r->session.mfa_ms);
        jsonw_kv_cstr(w, "session", r->session.id);
        jsonw_kv_cstr(w, "stage", session_stage_name(r->session.stage));
    }
}

RESULT rest_self(struct rest *r, struct error *e)
{
    return rest_reply(r, 200, 0, self_write, r, e);
}

/* --- sessions --- */

struct sessions {
    const char *own; /* id of the one that asks, or "" */
    struct session *list;
    size_t n;
};

static void session_item(void *arg, size_t i, struct jsonw *w)
{
    const struct sessions *l = arg;
    const struct session *s = &l->list[i];
    rest_kv_time(w, "created", s->created_ms);
    jsonw_kv_bool(w, "current", strcmp(s->id, l->own) == 0);
    rest_kv_time(w, "expires", s->expires_ms);
    jsonw_kv_cstr(w, "id", s->id);
    jsonw_kv_cstr(w, "ip", s->ip);
    rest_kv_time(w, "mfa", s->mfa_ms);
    jsonw_kv_cstr(w, "mfa_kind", factor_kind_name(s->mfa_kind));
    rest_kv_time(w, "seen", s->seen_ms);
    jsonw_kv_cstr(w, "stage", session_stage_name(s->stage));
}

RESULT rest_sessions_reply(struct rest *r, const char *user_id, struct error *e)
{
    struct sessions l = { .own = r->has_session ? r->session.id : "" };
    TRY(session_list(r->l->api->directory, user_id, r->arena, &l.list, &l.n, e));
    return rest_reply_list(r, l.n, session_item, &l, NULL, e);
}

struct revocation {
    struct rest *r;
    const char *user_id, *session_id; /* NULL: all */
};

static RESULT do_revoke(void *arg, struct buf *after, struct error *e)
{
    const struct revocation *v = arg;
    struct directory *d = v->r->l->api->directory;
    (void)after;
    if (v->session_id != NULL) {
        return session_revoke(d, v->user_id, v->session_id, e);
    }
    TRY(sessions_revoke(d, v->user_id, e));
    return tokens_revoke(d, v->user_id, e);
}

RESULT rest_session_end(struct rest *r, const char *user_id, const char *user_name,
                        const char *session_id, struct error *e)
{
    struct revocation v = { r, user_id, session_id };
    struct api_act a = { .kind = "session.revoke",
                         .target = user_name,
                         .detail = session_id != NULL ? session_id : "all" };
    TRY(rest_run(r, &a, do_revoke, &v, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_self_sessions(struct rest *r, struct error *e)
{
    return rest_sessions_reply(r, r->session.user_id, e);
}

RESULT rest_self_session_end(struct rest *r, struct error *e)
{
    return rest_session_end(r, r->session.user_id, r->who.p->user_name, r->params[0], e);
}

/* --- password --- */

/* What decides about signing in is changed only shortly after a second factor, so that an unguarded
 * screen is not enough. */
static RESULT is_fresh(struct rest *r, struct error *e)
{
    if (r->session.stage == SESSION_FULL &&
        r->session.mfa_ms + GRANT_FRESH_MFA_MS < clock_wall_ms(r->l->api->clock)) {
        FAIL(e, ERRC_DENIED,
             "give your second factor again first: it was given more than 5 minutes ago");
    }
    return RESULT_OK;
}

struct password_change {
    struct rest *r;
    struct bytes old, password;
    struct session_opened opened;
    struct result res;
};

static RESULT do_password(void *arg, struct buf *after, struct error *e)
{
    struct password_change *c = arg;
    struct session_client client;
    (void)after;
    rest_client(c->r, &client);
    c->res = login_change_password(c->r->l->api->directory, c->r->l->api->pool, &c->r->session,
                                   c->old, c->password, &client, &c->opened, e);
    return c->res;
}

RESULT rest_self_password(struct rest *r, struct error *e)
{
    struct password_change c = { .r = r };
    TRY(rest_body_only(r, REST_ONLY("old", "password"), e));
    TRY(rest_body_secret(r, "old", &c.old, e));
    TRY(rest_body_secret(r, "password", &c.password, e));
    struct api_act a = { .kind = "password.set", .target = r->who.p->user_name };
    struct result res = rest_run(r, &a, do_password, &c, e);
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, r->realm, r->who.p->user_name, e);
    }
    return rest_session_reply(r, &c.opened, r->is_cookie, e);
}

/* --- factors --- */

struct factors {
    struct factor *list;
    size_t n;
};

static void factor_item(void *arg, size_t i, struct jsonw *w)
{
    const struct factors *l = arg;
    const struct factor *f = &l->list[i];
    jsonw_kv_bool(w, "active", f->is_active);
    jsonw_kv_bool(w, "backed_up", f->is_backed_up);
    rest_kv_time(w, "created", f->created_ms);
    jsonw_kv_cstr(w, "id", f->id);
    jsonw_kv_cstr(w, "kind", factor_kind_name(f->kind));
    jsonw_kv_cstr(w, "name", f->name);
    rest_kv_time(w, "used", f->used_ms);
}

RESULT rest_factors_reply(struct rest *r, const char *user_id, struct error *e)
{
    struct factors l = { 0 };
    TRY(factor_list(r->l->api->directory, user_id, r->arena, &l.list, &l.n, e));
    return rest_reply_list(r, l.n, factor_item, &l, NULL, e);
}

RESULT rest_self_factors(struct rest *r, struct error *e)
{
    return rest_factors_reply(r, r->session.user_id, e);
}

struct enrolment {
    struct rest *r;
    const char *name, *id, *code;
    struct totp_enrolment totp;
    struct passkey_party rp;
    struct bytes response;
    uint8_t challenge[32];
    char factor_id[FACTOR_ID_BYTES];
    bool was_claimed; /* the realm, before */
};

static void totp_write(void *arg, struct jsonw *w)
{
    const struct enrolment *n = arg;
    jsonw_kv_cstr(w, "id", n->totp.id);
    jsonw_kv_base64(w, "png", n->totp.png);
    jsonw_kv_cstr(w, "seed", n->totp.seed_base32);
    jsonw_kv_cstr(w, "uri", n->totp.uri);
}

RESULT rest_self_totp_begin(struct rest *r, struct error *e)
{
    struct enrolment n = { .r = r };
    TRY(rest_body_only(r, REST_ONLY("name"), e));
    TRY(rest_body_text(r, "name", "totp", &n.name, e));
    TRY(is_fresh(r, e));
    TRY(factor_totp_begin(r->l->api->directory, r->l->keeper, r->realm, r->session.user_id, n.name,
                          r->settings->origin, r->arena, &n.totp, e));
    struct result res = rest_reply(r, 201, 0, totp_write, &n, e);
    mem_wipe(&n.totp, sizeof(n.totp));
    return res;
}

static RESULT do_totp_confirm(void *arg, struct buf *after, struct error *e)
{
    struct enrolment *n = arg;
    (void)after;
    return factor_totp_confirm(n->r->l->api->directory, n->r->l->keeper, n->r->session.user_id,
                               n->id, n->code, NULL, e);
}

/* With its first factor a person is signed in wholly. */
static RESULT enrolled(struct rest *r, enum factor_kind kind, bool was_claimed, struct error *e)
{
    struct session_opened o;
    struct session_client client;
    TRY(api_claim_note(r->l, &r->who, r->realm, was_claimed, e));
    if (r->session.stage == SESSION_FULL) {
        rest_reply_empty(r);
        return RESULT_OK;
    }
    rest_client(r, &client);
    TRY(login_enrolled(r->l->api->directory, &r->session, kind, &client, &o, e));
    return rest_session_reply(r, &o, r->is_cookie, e);
}

RESULT rest_self_totp_confirm(struct rest *r, struct error *e)
{
    struct enrolment n = { .r = r, .id = r->params[0] };
    TRY(rest_body_only(r, REST_ONLY("code"), e));
    TRY(rest_body_need(r, "code", &n.code, e));
    TRY(is_fresh(r, e));
    TRY(realm_is_claimed(r->l->api->directory, r->realm, &n.was_claimed, e));
    struct api_act a = { .kind = "factor.add", .target = r->who.p->user_name, .detail = "totp" };
    struct result res = rest_run(r, &a, do_totp_confirm, &n, e);
    if (!result_is_ok(res)) {
        return res.code == ERRC_DENIED ? rest_refuse(r, 403, e, ERRC_DENIED, "the code is wrong")
                                       : res;
    }
    return enrolled(r, FACTOR_TOTP, n.was_claimed, e);
}

static void options_write(void *arg, struct jsonw *w)
{
    jsonw_key(w, "options");
    jsonw_raw(w, buf_bytes(arg));
}

RESULT rest_self_passkey_begin(struct rest *r, struct error *e)
{
    struct passkey_party rp;
    struct user u;
    uint8_t challenge[32];
    struct directory *d = r->l->api->directory;
    CLEANUP(buf_done_p) struct buf options = BUF(64 * 1024);
    TRY(is_fresh(r, e));
    TRY(rest_party(r, &rp, e));
    TRY(user_get_by_id(d, bytes_str(r->session.user_id), r->arena, &u, e));
    TRY(session_challenge(d, &r->session, challenge, e));
    TRY(factor_passkey_options(d, &rp, &u, challenge, &options, e));
    return rest_reply(r, 200, 0, options_write, &options, e);
}

static RESULT do_passkey(void *arg, struct buf *after, struct error *e)
{
    struct enrolment *n = arg;
    (void)after;
    return factor_passkey_register(n->r->l->api->directory, &n->rp, n->r->session.user_id, n->name,
                                   n->challenge, n->response, n->factor_id, e);
}

RESULT rest_self_passkey_register(struct rest *r, struct error *e)
{
    struct enrolment n = { .r = r };
    TRY(rest_body_only(r, REST_ONLY("name", "response"), e));
    TRY(rest_body_text(r, "name", "passkey", &n.name, e));
    TRY(rest_body_object(r, "response", &n.response, e));
    TRY(is_fresh(r, e));
    TRY(rest_party(r, &n.rp, e));
    TRY(realm_is_claimed(r->l->api->directory, r->realm, &n.was_claimed, e));
    TRY(session_challenge_take(r->l->api->directory, &r->session, n.challenge, e));
    struct api_act a = { .kind = "factor.add", .target = r->who.p->user_name, .detail = "passkey" };
    TRY(rest_run(r, &a, do_passkey, &n, e));
    return enrolled(r, FACTOR_PASSKEY, n.was_claimed, e);
}

static RESULT do_delete(void *arg, struct buf *after, struct error *e)
{
    const struct enrolment *n = arg;
    (void)after;
    return factor_delete_own(n->r->l->api->directory, n->r->session.user_id, n->id, e);
}

RESULT rest_self_factor_delete(struct rest *r, struct error *e)
{
    struct enrolment n = { .r = r, .id = r->params[0] };
    TRY(is_fresh(r, e));
    struct api_act a = { .kind = "factor.remove", .target = r->who.p->user_name, .detail = n.id };
    TRY(rest_run(r, &a, do_delete, &n, e));
    rest_reply_empty(r);
    return RESULT_OK;
}

/* --- recovery codes --- */

struct codes {
    struct rest *r;
    const char **list;
};

static RESULT do_codes(void *arg, struct buf *after, struct error *e)
{
    struct codes *c = arg;
    (void)after;
    return factor_recovery_new(c->r->l->api->directory, c->r->session.user_id, c->r->arena,
                               &c->list, e);
}

static void codes_write(void *arg, struct jsonw *w)
{
    const struct codes *c = arg;
    jsonw_key(w, "codes");
    jsonw_array(w);
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        jsonw_cstr(w, c->list[i]);
    }
    jsonw_array_end(w);
}

RESULT rest_self_codes(struct rest *r, struct error *e)
{
    struct codes c = { .r = r };
    TRY(is_fresh(r, e));
    struct api_act a = { .kind = "factor.add",
                         .target = r->who.p->user_name,
                         .detail = "recovery codes" };
    TRY(rest_run(r, &a, do_codes, &c, e));
    return rest_reply(r, 201, 0, codes_write, &c, e);
}
