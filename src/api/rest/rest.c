/* The way of a REST request: route, who asks, stage, cross-site checks, decision, body, handler. */
#include "api/rest/rest_priv.h"

#define PREFIX "/api/v1/"

bool rest_takes(const struct http_exchange *x)
{
    struct bytes v;
    if (!bytes_has_prefix(http_request(x)->path, BYTES_LIT(PREFIX))) {
        return false;
    }
    if (!http_find(x, "Authorization", &v)) {
        struct bytes query = http_request(x)->query;
        return bytes_find(query, BYTES_LIT("X-Amz-Signature=")) == query.n;
    }
    return !bytes_has_prefix(v, BYTES_LIT("AWS")) ||
           bytes_find(v, BYTES_LIT("/troth/aws4_request")) < v.n;
}

/* --- the decision --- */

static bool is_providers(const struct rest *r)
{
    return strcmp(r->who.p->home, IDENTITY_PLATFORM) == 0 || r->who.p->kind == PRINCIPAL_OPERATOR;
}

/* To a stranger a realm that is not there is one that is not theirs: names of tenants are not
 * told. */
static RESULT realm_set(struct rest *r, const char *realm, const char *action, struct error *e)
{
    struct result res = realm_account(r->l->api->directory, realm, r->account, e);
    if (res.code != ERRC_NOT_FOUND || is_providers(r)) {
        TRY(res);
        r->realm = realm;
        return RESULT_OK;
    }
    CLEANUP(buf_done_p) struct buf why = BUF(ERROR_MAX);
    r->access = (struct access_answer){ .verdict = POLICY_DENIED, .reason = ACCESS_OTHER_REALM };
    access_text(&r->access, &why);
    struct api_refusal refusal = { .kind = "access.denied",
                                   .error = buf_cstr(&why),
                                   .action = action,
                                   .path = r->http->path,
                                   .actor = r->who.p->actor,
                                   .ip = r->who.ip,
                                   .agent = r->who.agent,
                                   .request_id = r->request_id };
    api_refused(r->l, &refusal);
    r->is_recorded = true;
    FAIL(e, ERRC_DENIED, "%s", buf_cstr(&why));
}

static RESULT decide_here(struct rest *r, const char *action, const char *resource, struct error *e)
{
    r->access = (struct access_answer){ .verdict = POLICY_ALLOWED };
    struct result res = api_decide(r->l, &r->who, r->realm, action, bytes_str(resource), NULL, 0,
                                   &r->access, e);
    if (!result_is_ok(res)) {
        struct access_answer a;
        if (res.code == ERRC_DENIED &&
            result_is_ok(api_weigh(r->l, &r->who, r->realm, action, bytes_str(resource), NULL, 0,
                                   &a, NULL))) {
            r->access = a;
        }
        return res;
    }
    r->grant = NULL;
    if (r->access.reason == ACCESS_BY_GRANT) {
        r->grant = arena_str(r->arena, bytes_str(r->access.grant));
    } else if (r->who.p->grant[0] != '\0') {
        r->grant = arena_str(r->arena, bytes_str(r->who.p->grant));
    }
    return RESULT_OK;
}

static unsigned stage_flag(enum session_stage s)
{
    switch (s) {
    case SESSION_FACTOR:
        return REST_AT_FACTOR;
    case SESSION_CHANGE:
        return REST_AT_CHANGE;
    case SESSION_ENROL:
        return REST_AT_ENROL;
    case SESSION_FULL:
        break;
    }
    return REST_AT_FULL;
}

/*= 2.1.4-1 "before the second factor was given, and while there is none, nothing else is possible" */
static RESULT stage_check(struct rest *r, struct error *e)
{
    const struct rest_route *o = r->route;
    bool is_own = o->realm == REST_STAGE || o->realm == REST_SELF;
    if (r->who.p->is_frozen) {
        FAIL(e, ERRC_DENIED, "this account can't act now: %s", r->who.p->why_frozen);
    }
    if (!r->has_session) {
        if (is_own) {
            FAIL(e, ERRC_DENIED, "this is for a person who is signed in");
        }
        return RESULT_OK;
    }
    if (o->realm == REST_ANYBODY) {
        return RESULT_OK;
    }
    unsigned at = o->realm == REST_STAGE ? o->flags & REST_AT_ANY : REST_AT_FULL;
    if ((at & stage_flag(r->session.stage)) == 0) {
        FAIL(e, ERRC_DENIED, "not in this stage of signing in: '%s'",
             session_stage_name(r->session.stage));
    }
    r->realm = is_own ? r->session.realm : NULL;
    return is_own ? realm_account(r->l->api->directory, r->realm, r->account, e) : RESULT_OK;
}

/*= 2.1.4-1 "every call is decided by who asks, what for and on what; nothing is reachable without" */
static RESULT route_decide(struct rest *r, struct error *e)
{
    const struct rest_route *o = r->route;
    const char *realm = IDENTITY_PLATFORM;
    switch (o->realm) {
    case REST_OPEN:
    case REST_STAGE:
    case REST_ANYBODY:
    case REST_SELF:
        return RESULT_OK;
    case REST_PLATFORM:
        break;
    case REST_PARAM:
        realm = r->params[0];
        break;
    case REST_ABOUT:
        realm = is_providers(r) ? IDENTITY_PLATFORM : r->params[0];
        break;
    case REST_HOME:
        if (!is_providers(r) && strcmp(r->params[0], r->who.p->home) != 0) {
            return realm_set(r, "", o->action, e); /* a customer's own people ask for their own */
        }
        realm = is_providers(r) ? IDENTITY_PLATFORM
                                : arena_str(r->arena, bytes_str(r->who.p->home));
        break;
    }
    TRY(realm_set(r, realm, o->action, e));
    bool is_own = is_providers(r) || strcmp(r->realm, r->who.p->realm) == 0;
    if ((o->flags & REST_AGAIN) != 0 && is_own && rest_iam_is_open(r, o->action)) {
        r->is_doubtful = true;
        return RESULT_OK;
    }
    if (o->resource[0] == '@' && is_own) {
        return rest_iam_decide(r, o->action, o->resource, e);
    }
    return decide_here(r, o->action, is_own ? rest_resource(r, o->resource) : "*", e);
}

/*= 2.2.2-5 "a freeze or the end of a grant reaches what runs" */
RESULT rest_still(struct rest *r, struct error *e)
{
    if (principal_is_current(r->l->api->directory, r->who.p, clock_wall_ms(r->l->api->clock))) {
        return RESULT_OK;
    }
    TRY(rest_authenticate_again(r, e));
    TRY(stage_check(r, e));
    return route_decide(r, e);
}

/* --- dispatch --- */

static RESULT who_asks(struct rest *r, struct error *e)
{
    bool is_known = false;
    if (r->route->realm == REST_OPEN) { /* a stale cookie is no reason not to sign in */
        return principal_anonymous(r->l->api->directory, IDENTITY_PLATFORM, &r->who.p, e);
    }
    struct result res = rest_authenticate(r, &is_known, e);
    if (!result_is_ok(res) && res.code != ERRC_AGAIN && res.code != ERRC_IO) {
        rest_refusal_log(r, r->who.p != NULL ? r->who.p->home : NULL, NULL, e->msg);
    }
    TRY(res);
    if (!is_known) {
        return rest_refuse(r, 401, e, ERRC_DENIED, "sign in first");
    }
    return RESULT_OK;
}

static RESULT route_take(struct rest *r, struct error *e)
{
    CLEANUP(buf_done_p) struct buf allow = BUF(256);
    r->route = rest_route_find(r, &allow);
    if (r->route == NULL && allow.n > 0) {
        r->allow = arena_str(r->arena, buf_bytes(&allow));
        return rest_refuse(r, 405, e, ERRC_UNSUPPORTED, "this path has no such method");
    }
    if (r->route == NULL) {
        FAIL(e, ERRC_NOT_FOUND, "no such call");
    }
    return RESULT_OK;
}

static RESULT body_and_run(struct rest *r, struct error *e)
{
    bool is_answered = false;
    TRY(rest_body_read(r, e));
    TRY(rest_body_parse(r, e));
    TRY(rest_idempotent_begin(r, &is_answered, e));
    return is_answered ? RESULT_OK : r->route->run(r, e);
}

/* Who would be refused whatever the body said is not told what is wrong with the body. */
static RESULT doubtful_run(struct rest *r, struct error *e)
{
    struct result res = body_and_run(r, e);
    if (result_is_ok(res) || res.code == ERRC_DENIED) {
        return res;
    }
    struct error refusal;
    struct result decided = rest_iam_decide(r, r->route->action, r->route->resource, &refusal);
    if (!result_is_ok(decided)) {
        *e = refusal;
        r->status = 0;
        return decided;
    }
    return res;
}

static RESULT dispatch(struct rest *r, struct error *e)
{
    TRY(route_take(r, e));
    TRY(who_asks(r, e));
    TRY(rest_same_site(r, e));
    if (r->route->realm != REST_OPEN) {
        TRY(stage_check(r, e));
        TRY(route_decide(r, e));
    }
    return r->is_doubtful ? doubtful_run(r, e) : body_and_run(r, e);
}

/* What a handler refuses, and no decision before it: an entry of the realm that it is about. */
/*= 2.1.5-3 "refused requests are records too, with who, whence and why" */
static void refusal_record(struct rest *r, const struct error *e)
{
    bool is_refusal = e->code == ERRC_DENIED || r->status == 401 || r->status == 403;
    if (!is_refusal || r->is_recorded || r->who.p == NULL) {
        return;
    }
    struct api_refusal refusal = { .kind = "access.denied",
                                   .realm = r->realm != NULL ? r->realm : r->who.p->home,
                                   .error = e->msg,
                                   .action = r->route->action,
                                   .method = r->http->method,
                                   .path = r->http->path,
                                   .access_key = bytes_str(r->who.p->access_key),
                                   .actor = r->who.p->actor,
                                   .ip = r->who.ip,
                                   .agent = r->who.agent,
                                   .request_id = r->request_id };
    api_refused(r->l, &refusal);
}

void rest_handle(struct api_loop *l, struct http_exchange *x, bool is_management)
{
    int64_t started = clock_mono_ns();
    const struct http_request *http = http_request(x);
    struct rest *r = arena_zalloc(http->arena, sizeof(*r));
    struct error e = { 0 };
    struct session_client client;
    r->l = l;
    r->x = x;
    r->http = http;
    r->arena = http->arena;
    r->settings = api_settings(l);
    r->is_management = is_management;
    r->body = BUF_SECRET(REST_BODY_MAX);
    api_request_id(l, r->request_id);
    rest_client(r, &client);
    r->who = (struct api_who){ .ip = client.ip,
                               .agent = client.agent,
                               .request_id = r->request_id,
                               .is_tls = http->is_tls,
                               .has_certificate = client.has_certificate,
                               .ret_is_recorded = &r->is_recorded };
    if (!result_is_ok(dispatch(r, &e))) {
        rest_idempotent_drop(r);
        refusal_record(r, &e);
        rest_problem(r, &e);
    }
    json_doc_free(r->doc);
    buf_done(&r->body);
    api_who_done(&r->who);
    mem_wipe(&r->session, sizeof(r->session));
    metrics_request(l->api->metrics, "rest", http_status(x), 0, 0,
                    (clock_mono_ns() - started) / 1000);
}
