/*
 * Signing in, step by step: password, then a second factor; or a passkey alone where the realm
 * allows it; or with an enrolment code. Every step answers the session as it is now, with a new
 * token: in the body, or, where the page asked for it ("cookie": true), in a cookie that scripts
 * can't read.
 */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "identity/counter.h"
#include "identity/param.h"
#include "identity/token.h"

/* --- the answer of a step --- */

struct step {
    struct rest *r;
    const struct session_opened *o;
    struct user user;
    struct factor *factors;
    size_t factor_count;
    bool is_cookie;
};

static void factors_write(struct jsonw *w, const struct step *s)
{
    bool has[FACTOR_RECOVERY + 1] = { false };
    jsonw_key(w, "factors");
    jsonw_array(w);
    for (size_t i = 0; i < s->factor_count; i++) {
        if (s->factors[i].is_active && !has[s->factors[i].kind]) {
            has[s->factors[i].kind] = true;
            jsonw_cstr(w, factor_kind_name(s->factors[i].kind));
        }
    }
    jsonw_array_end(w);
}

static void step_write(void *arg, struct jsonw *w)
{
    const struct step *s = arg;
    jsonw_kv_cstr(w, "csrf", s->o->csrf);
    rest_kv_time(w, "expires", s->o->s.expires_ms);
    factors_write(w, s);
    rest_kv_time(w, "mfa", s->o->s.mfa_ms);
    jsonw_kv_cstr(w, "realm", s->o->s.realm);
    jsonw_kv_cstr(w, "session", s->o->s.id);
    jsonw_kv_cstr(w, "stage", session_stage_name(s->o->s.stage));
    if (!s->is_cookie) {
        jsonw_kv_cstr(w, "token", s->o->token);
    }
    jsonw_kv_cstr(w, "user", s->user.name);
}

static void cookie_set(struct rest *r, const char *token)
{
    char text[160];
    (void)snprintf(text, sizeof(text),
                   REST_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", token,
                   token[0] == '\0' ? "; Max-Age=0" : "");
    http_set_header_str(r->x, "Set-Cookie", text);
    mem_wipe(text, sizeof(text));
}

/* --- what is recorded --- */

/* A realm that a stranger made up is counted with the provider's. */
static void count(struct rest *r, const char *realm, const char *name)
{
    char account[ACCOUNT_BYTES];
    struct directory *d = r->l->api->directory;
    bool is_there = result_is_ok(realm_account(d, realm, account, NULL));
    counter_add(d, is_there ? realm : IDENTITY_PLATFORM, name, 1);
}

static RESULT signed_in(struct rest *r, const struct session_opened *o, const struct user *u,
                        struct error *e)
{
    struct api_act a = { .kind = "login",
                         .realm = o->s.realm,
                         .target = u->name,
                         .detail = o->s.stage == SESSION_FULL ? factor_kind_name(o->s.mfa_kind)
                                                              : session_stage_name(o->s.stage) };
    a.is_change = o->s.stage == SESSION_ENROL || o->s.mfa_kind == FACTOR_RECOVERY;
    TRY(api_act_note(r->l, &r->who, &a, e));
    if (o->s.stage != SESSION_FULL) {
        return RESULT_OK;
    }
    count(r, o->s.realm, "login");
    if (r->who.has_certificate) {
        count(r, o->s.realm, "login.certificate");
    }
    if (r->who.p->admins != 0 || r->who.p->grant_count > 0) {
        count(r, o->s.realm, "login.privileged");
        if (o->s.mfa_ms == 0) {
            count(r, o->s.realm, "login.privileged.no-mfa");
        }
    }
    return RESULT_OK;
}

/* The entry stands before the token is given out. */
static RESULT step_record(struct rest *r, const struct session_opened *o, const struct user *u,
                          struct error *e)
{
    principal_unref(r->who.p);
    r->who.p = NULL;
    TRY(principal_of_user(r->l->api->directory, u->id, o->s.mfa_ms != 0, &r->who.p, e));
    r->who.mfa_ms = o->s.mfa_ms;
    if (o->s.stage == SESSION_FACTOR || o->s.stage == SESSION_CHANGE) {
        return RESULT_OK;
    }
    return signed_in(r, o, u, e);
}

RESULT rest_session_reply(struct rest *r, struct session_opened *o, bool is_cookie, struct error *e)
{
    struct step s = { .r = r, .o = o, .is_cookie = is_cookie };
    struct directory *d = r->l->api->directory;
    struct result res = user_get_by_id(d, bytes_str(o->s.user_id), r->arena, &s.user, e);
    if (result_is_ok(res)) {
        res = factor_list(d, s.user.id, r->arena, &s.factors, &s.factor_count, e);
    }
    if (result_is_ok(res)) {
        res = step_record(r, o, &s.user, e);
    }
    if (result_is_ok(res)) {
        if (is_cookie) {
            cookie_set(r, o->token);
        }
        res = rest_reply(r, 200, 0, step_write, &s, e);
    } else {
        result_ignore(session_revoke(d, o->s.user_id, o->s.id, NULL));
    }
    mem_wipe(o, sizeof(*o));
    return res;
}

/* The credentials were right: it is known whose they are. */
static void outside_record(struct rest *r, const struct error *e)
{
    const struct login_outside *o = &r->outside;
    r->status = 403;
    count(r, o->realm, o->fit == ORIGIN_OUTSIDE ? "login.outside-range" : "login.no-certificate");
    rest_refusal_log(r, o->realm, o->user, e->msg);
}

static void failure_record(struct rest *r, const char *realm, const char *name, bool is_wrong,
                           const struct error *e)
{
    if (is_wrong) {
        count(r, realm, "login.failed");
    }
    rest_refusal_log(r, realm, name, e->msg);
}

/*= 2.1.4-7 "failed logins and lockouts are records, with who was named, whence and why" */
RESULT rest_login_failed(struct rest *r, struct result res, const char *realm, const char *name,
                         const struct error *e)
{
    bool is_waiting = res.code == ERRC_AGAIN,
         is_wrong = res.code == ERRC_DENIED || res.code == ERRC_EXPIRED;
    if (!is_waiting && !is_wrong) {
        return res;
    }
    r->status = is_waiting ? 429 : 401;
    name = name != NULL ? arena_printf(r->arena, "%.128s", name) : NULL; /* as a stranger sent it */
    if (r->outside.fit != ORIGIN_FITS) {
        outside_record(r, e);
    } else {
        failure_record(r, realm, name, is_wrong, e);
    }
    if (r->is_lockout) {
        struct api_refusal refusal = { .kind = "lockout",
                                       .realm = realm,
                                       .error = "too many failures: this source waits",
                                       .actor = name,
                                       .ip = r->who.ip,
                                       .agent = r->who.agent,
                                       .request_id = r->request_id };
        count(r, realm, "lockout");
        api_refused(r->l, &refusal);
    }
    return res;
}

/* --- the first step --- */

static RESULT login(struct rest *r, const char *realm, const char *name, struct session_opened *o,
                    struct error *e)
{
    struct session_client client;
    struct bytes password;
    rest_client(r, &client);
    TRY(rest_body_secret(r, "password", &password, e));
    struct result res = login_password(r->l->api->directory, r->l->api->pool, realm, name, password,
                                       &client, o, e);
    return result_is_ok(res) ? res : rest_login_failed(r, res, realm, name, e);
}

RESULT rest_login(struct rest *r, struct error *e)
{
    struct session_opened o;
    const char *realm = NULL, *name = NULL;
    bool is_cookie = false;
    TRY(rest_body_only(r, REST_ONLY("cookie", "password", "realm", "user"), e));
    TRY(rest_body_need(r, "realm", &realm, e));
    TRY(rest_body_need(r, "user", &name, e));
    TRY(rest_body_bool(r, "cookie", false, &is_cookie, e));
    TRY(login(r, realm, name, &o, e));
    return rest_session_reply(r, &o, is_cookie, e);
}

RESULT rest_login_enrol(struct rest *r, struct error *e)
{
    struct session_client client;
    struct session_opened o;
    struct bytes code, password;
    bool is_cookie = false;
    rest_client(r, &client);
    TRY(rest_body_only(r, REST_ONLY("code", "cookie", "password"), e));
    TRY(rest_body_secret(r, "code", &code, e));
    TRY(rest_body_secret(r, "password", &password, e));
    TRY(rest_body_bool(r, "cookie", false, &is_cookie, e));
    struct result res =
            login_enrol(r->l->api->directory, r->l->api->pool, code, password, &client, &o, e);
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, IDENTITY_PLATFORM, NULL, e);
    }
    return rest_session_reply(r, &o, is_cookie, e);
}

/* --- a passkey alone --- */

RESULT rest_party(struct rest *r, struct passkey_party *ret, struct error *e)
{
    const struct api_settings *s = r->settings;
    struct bytes rest = r->http->host, name;
    *ret = (struct passkey_party){ .id = s->rp_id, .origin = s->rp_origin, .name = s->origin };
    if (s->rp_origin[0] != '\0') {
        return RESULT_OK;
    }
    (void)bytes_split(&rest, ':', &name);
    if (!bytes_equal_str_nocase(name, s->rp_id)) {
        FAIL(e, ERRC_CONFLICT, "passkeys are bound to %s: use that name in the address", s->rp_id);
    }
    ret->origin = arena_printf(r->arena, "https://%.*s", BYTES_FMT(r->http->host));
    return RESULT_OK;
}

struct challenge {
    struct buf options, state;
    bool has_state;
};

static void challenge_write(void *arg, struct jsonw *w)
{
    const struct challenge *c = arg;
    jsonw_key(w, "options");
    jsonw_raw(w, buf_bytes(&c->options));
    if (c->has_state) {
        jsonw_kv_str(w, "state", buf_bytes(&c->state));
    }
}

static RESULT challenge_reply(struct rest *r, struct challenge *c, struct error *e)
{
    struct result res = rest_reply(r, 200, 0, challenge_write, c, e);
    buf_done(&c->options);
    buf_done(&c->state);
    return res;
}

RESULT rest_login_passkey_begin(struct rest *r, struct error *e)
{
    struct challenge c = { .options = BUF(64 * 1024), .state = BUF(4096), .has_state = true };
    struct passkey_party rp;
    const char *realm = NULL;
    TRY(rest_body_only(r, REST_ONLY("realm"), e));
    TRY(rest_body_need(r, "realm", &realm, e));
    TRY(rest_party(r, &rp, e));
    struct result res =
            login_passkey_only_begin(r->l->api->directory, &rp, realm, &c.options, &c.state, e);
    if (!result_is_ok(res)) {
        buf_done(&c.options);
        buf_done(&c.state);
        return res;
    }
    return challenge_reply(r, &c, e);
}

RESULT rest_login_passkey(struct rest *r, struct error *e)
{
    struct session_client client;
    struct session_opened o;
    struct passkey_party rp;
    struct bytes response;
    const char *realm = NULL, *state = NULL;
    bool is_cookie = false;
    rest_client(r, &client);
    TRY(rest_body_only(r, REST_ONLY("cookie", "realm", "response", "state"), e));
    TRY(rest_body_need(r, "realm", &realm, e));
    TRY(rest_body_need(r, "state", &state, e));
    TRY(rest_body_object(r, "response", &response, e));
    TRY(rest_body_bool(r, "cookie", false, &is_cookie, e));
    TRY(rest_party(r, &rp, e));
    struct result res = login_passkey_only(r->l->api->directory, &rp, realm, bytes_str(state),
                                           response, &client, &o, e);
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, realm, NULL, e);
    }
    return rest_session_reply(r, &o, is_cookie, e);
}

/* --- the second step --- */

static const char *own_name(const struct rest *r)
{
    return r->who.p->user_name;
}

RESULT rest_session_totp(struct rest *r, struct error *e)
{
    struct session_client client;
    struct session_opened o;
    const char *code = NULL;
    rest_client(r, &client);
    TRY(rest_body_only(r, REST_ONLY("code"), e));
    TRY(rest_body_need(r, "code", &code, e));
    struct result res =
            login_totp(r->l->api->directory, r->l->keeper, &r->session, code, &client, &o, e);
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, r->realm, own_name(r), e);
    }
    return rest_session_reply(r, &o, r->is_cookie, e);
}

RESULT rest_session_recovery(struct rest *r, struct error *e)
{
    struct session_client client;
    struct session_opened o;
    const char *code = NULL;
    rest_client(r, &client);
    TRY(rest_body_only(r, REST_ONLY("code"), e));
    TRY(rest_body_need(r, "code", &code, e));
    struct result res = login_recovery(r->l->api->directory, &r->session, code, &client, &o, e);
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, r->realm, own_name(r), e);
    }
    return rest_session_reply(r, &o, r->is_cookie, e);
}

RESULT rest_session_passkey_begin(struct rest *r, struct error *e)
{
    struct challenge c = { .options = BUF(64 * 1024) };
    struct passkey_party rp;
    uint8_t challenge[32];
    TRY(rest_party(r, &rp, e));
    TRY(session_challenge(r->l->api->directory, &r->session, challenge, e));
    struct result res = factor_passkey_request(r->l->api->directory, &rp, r->session.user_id,
                                               challenge, &c.options, e);
    if (!result_is_ok(res)) {
        buf_done(&c.options);
        return res;
    }
    return challenge_reply(r, &c, e);
}

/* The second factor anew: the session goes on. */
static RESULT step_up(struct rest *r, struct result res, struct error *e)
{
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, r->realm, own_name(r), e);
    }
    TRY(rest_note(r, "login", NULL, "step-up", e));
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_session_passkey(struct rest *r, struct error *e)
{
    struct session_client client;
    struct session_opened o;
    struct passkey_party rp;
    struct bytes response;
    rest_client(r, &client);
    TRY(rest_body_only(r, REST_ONLY("response"), e));
    TRY(rest_body_object(r, "response", &response, e));
    TRY(rest_party(r, &rp, e));
    if (r->session.stage == SESSION_FULL) {
        return step_up(
                r, login_step_up_passkey(r->l->api->directory, &r->session, &rp, response, e), e);
    }
    struct result res =
            login_passkey(r->l->api->directory, &r->session, &rp, response, &client, &o, e);
    if (!result_is_ok(res)) {
        return rest_login_failed(r, res, r->realm, own_name(r), e);
    }
    return rest_session_reply(r, &o, r->is_cookie, e);
}

RESULT rest_session_step_up(struct rest *r, struct error *e)
{
    const char *code = NULL;
    TRY(rest_body_only(r, REST_ONLY("code"), e));
    TRY(rest_body_need(r, "code", &code, e));
    return step_up(r, login_step_up(r->l->api->directory, r->l->keeper, &r->session, code, e), e);
}

/* --- the end --- */

RESULT rest_logout(struct rest *r, struct error *e)
{
    TRY(rest_note(r, "logout", NULL, NULL, e));
    TRY(session_revoke(r->l->api->directory, r->session.user_id, r->session.id, e));
    if (r->is_cookie) {
        cookie_set(r, "");
    }
    rest_reply_empty(r);
    return RESULT_OK;
}

RESULT rest_logout_everywhere(struct rest *r, struct error *e)
{
    TRY(rest_note(r, "logout", NULL, "everywhere", e));
    TRY(sessions_revoke(r->l->api->directory, r->session.user_id, e));
    TRY(tokens_revoke(r->l->api->directory, r->session.user_id, e));
    if (r->is_cookie) {
        cookie_set(r, "");
    }
    rest_reply_empty(r);
    return RESULT_OK;
}
