/*
 * STS: AssumeRoleWithWebIdentity. Nobody signs: the token of the issuer is the credential. A role
 * of the realm lets it in by its trust policy alone: Principal {"Federated": the provider's ARN},
 * with the condition keys HOST/PATH:aud, :sub, :azp.
 */
#include "api/query/sts_priv.h"

#include "net/xml.h"

struct web {
    struct query *q;
    const char *arn;
    char realm[TENANT_NAME_BYTES];
    const char *name;
    struct principal p; /* who the token says it is, for entries and decisions */
    struct api_who who;
    struct oidc_claims claims;
    struct access_role role;
    struct sts_session s;
};

static RESULT denied(struct web *w, const char *why, struct error *e)
{
    return sts_refuse(w->q, w->realm, "sts:AssumeRoleWithWebIdentity", w->arn, why, e);
}

static RESULT token_check(struct web *w, struct error *e)
{
    struct query *q = w->q;
    struct error why = { 0 };
    struct result r =
            oidc_verify(q->l->api->oidc, w->realm, bytes_str(query_text(q, "WebIdentityToken")),
                        q->arena, &w->claims, &why);
    switch (r.code) {
    case ERRC_OK:
        return RESULT_OK;
    case ERRC_EXPIRED:
        QUERY_FAIL(q, e, 400, "ExpiredTokenException", r.code, "Token expired: %s", why.msg);
    case ERRC_AGAIN:
        QUERY_FAIL(q, e, 400, "IDPCommunicationError", r.code,
                   "The identity provider's keys are not to be had now.");
    case ERRC_FORMAT:
    case ERRC_LIMIT:
    case ERRC_DENIED:
        break;
    default:
        *e = why;
        return r;
    }
    q->status = 400;
    q->code = "InvalidIdentityToken";
    struct result refused = denied(w, why.msg, e);
    result_ignore(error_set(e, ERRC_DENIED, "The web identity token is not valid: %s", why.msg));
    return refused;
}

static const char *claim_key(struct web *w, const char *claim)
{
    const char *issuer = w->claims.issuer + strlen("https://");
    return arena_printf(w->q->arena, "%s:%s", issuer, claim);
}

static void who_make(struct web *w)
{
    struct arena *arena = w->q->arena;
    w->p = (struct principal){
        .kind = PRINCIPAL_WEB,
        .realm = w->realm,
        .home = w->realm,
        .account = w->s.cx.account,
        .actor = arena_printf(arena, "%s/web/%s/%.200s", w->realm,
                              w->claims.issuer + strlen("https://"), w->claims.subject),
        .arn = "",
        .role_arn = "",
        .issuer = w->claims.issuer,
        .user_id = "",
        .user_name = "",
        .role = "",
        .unique_id = "",
        .grant = "",
        .access_key = "",
    };
    w->who.p = &w->p;
}

static RESULT trust_check(struct web *w, struct error *e)
{
    CLEANUP(policy_unref_p) struct policy *trust = NULL;
    struct query *q = w->q;
    struct policy_decision d;
    iam_key(&w->s.cx, claim_key(w, "aud"), bytes_str(w->claims.audience));
    iam_key(&w->s.cx, claim_key(w, "sub"), bytes_str(w->claims.subject));
    if (w->claims.azp[0] != '\0') {
        iam_key(&w->s.cx, claim_key(w, "azp"), bytes_str(w->claims.azp));
    }
    iam_key(&w->s.cx, "sts:RoleSessionName", bytes_str(w->s.token.name));
    struct access_query aq = { .p = &w->p,
                               .realm = w->realm,
                               .action = BYTES_LIT("sts:AssumeRoleWithWebIdentity"),
                               .resource = bytes_str(w->arn),
                               .now_ms = clock_wall_ms(q->l->api->clock),
                               .ip = q->who.ip,
                               .is_tls = q->who.is_tls,
                               .keys = w->s.cx.keys,
                               .key_count = w->s.cx.key_count };
    struct policy_request rq = { .action = aq.action,
                                 .resource = aq.resource,
                                 .principal_federated = bytes_str(w->claims.issuer) };
    TRY(policy_compile(bytes_str(w->role.trust), POLICY_TRUST, w->role.name, &trust, e));
    rq.keys = access_keys_of(&aq, q->arena, &rq.key_count);
    policy_evaluate_trust(trust, &rq, &d);
    return d.verdict == POLICY_ALLOWED ? RESULT_OK
                                       : denied(w, "the role's trust policy does not let it in", e);
}

static RESULT role_find(struct web *w, struct error *e)
{
    struct result r = role_get(w->q->l->api->directory, w->realm, bytes_str(w->name), w->q->arena,
                               &w->role, e);
    if (r.code == ERRC_NOT_FOUND) {
        return denied(w, "no such role for this caller", e);
    }
    TRY(r);
    if (w->role.is_builtin || w->role.is_privileged || w->role.needs_mfa) {
        return denied(w, "this role is held by people and programs of the account alone", e);
    }
    return RESULT_OK;
}

static RESULT frozen_check(struct web *w, struct error *e)
{
    struct tenant t;
    bool is_frozen = false;
    if (strcmp(w->realm, IDENTITY_PLATFORM) == 0) {
        return RESULT_OK;
    }
    TRY(realm_is_frozen(w->q->l->api->directory, w->realm, &is_frozen, e));
    TRY(directory_tenant_get(w->q->l->api->directory, w->realm, &t, e));
    return is_frozen || t.state != TENANT_ACTIVE ? denied(w, "the account is not active", e)
                                                 : RESULT_OK;
}

RESULT sts_web_run(struct query *q, struct error *e)
{
    struct web *w = arena_zalloc(q->arena, sizeof(*w));
    w->q = q;
    w->arn = query_text(q, "RoleArn");
    w->who = (struct api_who){ .ip = q->who.ip,
                               .agent = q->who.agent,
                               .request_id = q->id,
                               .is_tls = q->who.is_tls,
                               .has_certificate = q->who.has_certificate };
    TRY(sts_session_name(q, &w->s.token.name, e));
    TRY(sts_role_arn(q, w->arn, w->realm, &w->name, e));
    TRY(iam_init(&w->s.cx, q->l, &w->who, q->arena, w->realm, e));
    TRY(frozen_check(w, e));
    TRY(token_check(w, e));
    who_make(w);
    TRY(role_find(w, e));
    TRY(trust_check(w, e));
    TRY(sts_end(q, 3600, w->role.max_session_s, 0, &w->s.token.expires_ms, e));
    TRY(sts_session_policy(q, &w->s.cx, &w->s.token.policy, e));
    w->s.kind = "sts.web-identity";
    w->s.target = w->arn;
    w->s.token.home = w->realm;
    w->s.token.user_id = "";
    w->s.token.role = w->role.name;
    w->s.role_id = w->role.id;
    w->s.token.issuer = w->claims.issuer;
    w->s.token.tags = "{}";
    TRY(sts_session_make(q, &w->s, e));
    xml_element_str(q->out, "SubjectFromWebIdentityToken", w->claims.subject);
    xml_element_str(q->out, "Audience", w->claims.audience);
    xml_element_str(q->out, "Provider", iam_oidc_arn(&w->s.cx, w->claims.issuer));
    return RESULT_OK;
}
