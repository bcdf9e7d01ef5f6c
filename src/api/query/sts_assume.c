/*
 * STS: AssumeRole. Who may:
 *
 *   a role of the caller's own realm, made there: who its trust policy lets in, and the caller's
 *   own
 *      policies allow it too (or the trust policy names the caller itself)
 *   a built-in role of the caller's own realm: who holds it, standing or by a running grant
 *   a privileged role: by a running grant alone; the session ends with the grant
 *   a role of another realm: the provider's staff alone, with a running grant of that tenant for
 *      that role; the session acts in the tenant and ends with the grant
 */
#include "api/query/sts_priv.h"

#include "identity/role_builtin.h"

struct assuming {
    struct query *q;
    const char *arn;
    char realm[TENANT_NAME_BYTES];
    const char *name;
    struct access_role role;
    struct sts_session s;
    int64_t now_ms, limit_ms; /* the grant's end; 0: none */
    const char *tags;         /* NULL: none */
};

static RESULT denied(struct assuming *a, const char *why, struct error *e)
{
    const struct principal *p = a->q->who.p;
    bool is_staff = strcmp(p->home, IDENTITY_PLATFORM) == 0;
    return sts_refuse(a->q, is_staff ? a->realm : p->realm, "sts:AssumeRole", a->arn, why, e);
}

/* --- by whom it is held --- */

static RESULT is_assigned(struct assuming *a, const char *subject_id, bool *ret, struct error *e)
{
    const char **names;
    size_t n;
    TRY(role_assigned(a->q->l->api->directory, subject_id, a->q->arena, &names, &n, e));
    for (size_t i = 0; i < n && !*ret; i++) {
        *ret = bytes_equal_str_nocase(bytes_str(names[i]), a->role.name);
    }
    return RESULT_OK;
}

static RESULT is_held(struct assuming *a, bool *ret, struct error *e)
{
    const char *user_id = a->q->who.p->user_id;
    struct group *groups;
    size_t n;
    *ret = false;
    TRY(is_assigned(a, user_id, ret, e));
    TRY(user_groups(a->q->l->api->directory, user_id, a->q->arena, &groups, &n, e));
    for (size_t i = 0; i < n && !*ret; i++) {
        TRY(is_assigned(a, groups[i].id, ret, e));
    }
    return RESULT_OK;
}

/* A running grant of the caller for this role over that realm. */
/*= 2.1.4-3 "privilege just in time: nothing without a running grant" */
static RESULT grant_find(struct assuming *a, struct error *e)
{
    struct grant *list;
    size_t n;
    int64_t next_ms;
    TRY(grants_running(a->q->l->api->directory, a->q->who.p->user_id, a->now_ms, a->q->arena, &list,
                       &n, &next_ms, e));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].realm, a->realm) == 0 &&
            bytes_equal_str_nocase(bytes_str(list[i].role), a->role.name)) {
            a->s.cx.grant = arena_str(a->q->arena, bytes_str(list[i].id));
            a->limit_ms = list[i].until_ms;
            return RESULT_OK;
        }
    }
    return denied(a, "it is held through a grant alone, and none is running: troth access ask", e);
}

/* --- what the policies say --- */

/* What was asked for, then what is known of the caller: a session of a role has a session name of
 * its own, which is not the one that is asked for. */
static struct policy_key *keys_of(struct assuming *a, const struct access_query *aq, size_t *ret_n)
{
    size_t own = a->s.cx.key_count, n;
    struct policy_key *known = access_keys_of(aq, a->q->arena, &n);
    struct policy_key *keys = arena_alloc(a->q->arena, (own + n) * sizeof(*keys));
    memcpy(keys, a->s.cx.keys, own * sizeof(*keys)); /* RoleSessionName is always there */
    memcpy(keys + own, known, n * sizeof(*keys));
    *ret_n = own + n;
    return keys;
}

static RESULT trust_allows(struct assuming *a, const char *action, const char *account, bool *ret,
                           struct error *e)
{
    const struct principal *p = a->q->who.p;
    CLEANUP(policy_unref_p) struct policy *trust = NULL;
    struct access_query aq = { .p = p,
                               .realm = a->realm,
                               .action = bytes_str(action),
                               .resource = bytes_str(a->arn),
                               .now_ms = a->now_ms,
                               .mfa_ms = a->q->who.mfa_ms,
                               .ip = a->q->who.ip,
                               .is_tls = a->q->who.is_tls };
    struct policy_request rq = { .action = aq.action,
                                 .resource = aq.resource,
                                 .principal_arn = bytes_str(p->arn),
                                 .principal_role = bytes_str(p->role_arn),
                                 .principal_account = bytes_str(account) };
    struct policy_decision d;
    TRY(policy_compile(bytes_str(a->role.trust), POLICY_TRUST, a->role.name, &trust, e));
    rq.keys = keys_of(a, &aq, &rq.key_count);
    policy_evaluate_trust(trust, &rq, &d);
    *ret = d.verdict == POLICY_ALLOWED;
    return RESULT_OK;
}

/* Nothing narrows what the caller may: then a trust policy that names it is enough. */
static bool is_unbounded(const struct principal *p)
{
    for (size_t i = 0; i < p->policy_count; i++) {
        if (p->policies[i].layer == POLICY_LAYER_BOUNDARY ||
            p->policies[i].layer == POLICY_LAYER_SESSION) {
            return false;
        }
    }
    return true;
}

/*= 2.1.4-5 "a role lets in whom its trust policy names, and nobody on another's behalf" */
static RESULT own_role(struct assuming *a, struct error *e)
{
    const struct principal *p = a->q->who.p;
    struct access_answer own;
    bool is_trusted, is_named, may_tag = true;
    TRY(trust_allows(a, "sts:AssumeRole", p->account, &is_trusted, e));
    TRY(trust_allows(a, "sts:AssumeRole", "", &is_named, e));
    if (a->tags != NULL) {
        TRY(trust_allows(a, "sts:TagSession", p->account, &may_tag, e));
    }
    if (!is_trusted) {
        return denied(a, "the role's trust policy does not let it in", e);
    }
    if (!may_tag) {
        return denied(a, "the role's trust policy does not allow sts:TagSession", e);
    }
    TRY(api_weigh(a->q->l, &a->q->who, a->realm, "sts:AssumeRole", bytes_str(a->arn), a->s.cx.keys,
                  a->s.cx.key_count, &own, e));
    bool is_silent = own.verdict == POLICY_NOT_ALLOWED && own.reason == ACCESS_BY_POLICY;
    if (own.verdict != POLICY_ALLOWED && !(is_silent && is_named && is_unbounded(p))) {
        return api_decide(a->q->l, &a->q->who, a->realm, "sts:AssumeRole", bytes_str(a->arn),
                          a->s.cx.keys, a->s.cx.key_count, NULL, e);
    }
    return a->role.is_privileged ? grant_find(a, e) : RESULT_OK;
}

static RESULT builtin_role(struct assuming *a, struct error *e)
{
    bool held = false;
    if (a->tags != NULL) {
        return denied(a, "a built-in role takes no session tags", e);
    }
    if (a->role.is_privileged) {
        return grant_find(a, e);
    }
    TRY(is_held(a, &held, e));
    return held ? RESULT_OK : denied(a, "the caller does not hold this role", e);
}

/* --- the call --- */

static RESULT keys_make(struct assuming *a, struct error *e)
{
    const char *external = query_text(a->q, "ExternalId");
    TRY(query_tags(a->q, "Tags", &a->tags, e));
    iam_key(&a->s.cx, "sts:RoleSessionName", bytes_str(a->s.token.name));
    if (external != NULL) {
        iam_key(&a->s.cx, "sts:ExternalId", bytes_str(external));
    }
    iam_key_tags(&a->s.cx, "aws:RequestTag/", a->tags);
    return RESULT_OK;
}

static RESULT mfa_take(struct assuming *a, struct error *e)
{
    struct query *q = a->q;
    const char *serial = query_text(q, "SerialNumber"), *code = query_text(q, "TokenCode");
    if ((serial == NULL) != (code == NULL)) {
        FAIL(e, ERRC_FORMAT, "SerialNumber and TokenCode belong together");
    }
    if (serial != NULL) {
        TRY(iam_mfa_check(&q->iam, serial, code, &q->who.mfa_ms, e));
    }
    return RESULT_OK;
}

/* The role, where this caller may see that it exists; else AccessDenied, whether it does or not. */
static RESULT role_find(struct assuming *a, struct error *e)
{
    const struct principal *p = a->q->who.p;
    bool is_own = strcmp(a->realm, p->realm) == 0;
    bool is_user =
            p->kind == PRINCIPAL_USER || (p->kind == PRINCIPAL_SESSION && p->role[0] == '\0');
    if (!is_own) {
        const struct role_builtin *b = role_builtin_find(ROLE_IN_TENANT, bytes_str(a->name));
        if (strcmp(p->home, IDENTITY_PLATFORM) != 0 || strcmp(p->realm, IDENTITY_PLATFORM) != 0 ||
            b == NULL || !is_user) {
            return denied(a, "a role of another account", e);
        }
        a->role = (struct access_role){ .name = b->name,
                                        .is_builtin = true,
                                        .is_privileged = true,
                                        .needs_mfa = b->needs_mfa,
                                        .trust = "",
                                        .max_session_s = 43200 };
        return RESULT_OK;
    }
    struct result r = role_get(a->q->l->api->directory, a->realm, bytes_str(a->name), a->q->arena,
                               &a->role, e);
    if (r.code == ERRC_NOT_FOUND) {
        return denied(a, "no such role for this caller", e);
    }
    TRY(r);
    if (!is_user && (a->role.is_builtin || a->role.is_privileged)) {
        return denied(a, "a session of a role can't assume a role that is held", e);
    }
    return RESULT_OK;
}

static RESULT decide(struct assuming *a, struct error *e)
{
    TRY(role_find(a, e));
    TRY(a->role.is_builtin ? builtin_role(a, e) : own_role(a, e));
    if (a->role.needs_mfa && a->q->who.mfa_ms == 0) {
        return denied(a, "this role needs a second factor: SerialNumber and TokenCode", e);
    }
    return RESULT_OK;
}

/* A session made from a session: not longer than an hour, and not past the grant of the first. */
static RESULT chain_limit(struct assuming *a, uint64_t *max_s, struct error *e)
{
    const struct principal *p = a->q->who.p;
    if (p->kind != PRINCIPAL_SESSION && p->kind != PRINCIPAL_WEB) {
        return RESULT_OK;
    }
    if (p->role[0] != '\0' && *max_s > STS_CHAIN_MAX_S) {
        *max_s = STS_CHAIN_MAX_S;
    }
    if (p->grant[0] != '\0') {
        struct grant g;
        TRY(grant_get(a->q->l->api->directory, p->grant, a->q->arena, &g, e));
        a->s.cx.grant = p->grant;
        a->limit_ms = g.until_ms;
    }
    return RESULT_OK;
}

RESULT sts_assume_run(struct query *q, struct error *e)
{
    const struct principal *p = q->who.p;
    struct assuming *a = arena_zalloc(q->arena, sizeof(*a));
    a->q = q;
    a->arn = query_text(q, "RoleArn");
    a->now_ms = clock_wall_ms(q->l->api->clock);
    TRY(sts_session_name(q, &a->s.token.name, e));
    TRY(sts_role_arn(q, a->arn, a->realm, &a->name, e));
    TRY(iam_init(&a->s.cx, q->l, &q->who, q->arena, a->realm, e));
    TRY(keys_make(a, e));
    TRY(mfa_take(a, e));
    TRY(decide(a, e));
    uint64_t max_s = a->role.max_session_s;
    TRY(chain_limit(a, &max_s, e));
    TRY(sts_end(q, 3600, max_s, a->limit_ms, &a->s.token.expires_ms, e));
    TRY(sts_session_policy(q, &a->s.cx, &a->s.token.policy, e));
    a->s.kind = "sts.assume";
    a->s.target = a->arn;
    a->s.token.home = p->home;
    a->s.token.user_id = p->user_id;
    a->s.token.role = a->role.name;
    a->s.role_id = a->role.id;
    a->s.token.issuer = p->kind == PRINCIPAL_WEB ? p->issuer : "";
    a->s.token.tags = a->tags != NULL ? a->tags : "{}";
    a->s.token.mfa_ms = q->who.mfa_ms;
    return sts_session_make(q, &a->s, e);
}
