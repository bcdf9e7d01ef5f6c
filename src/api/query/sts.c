/* STS: who am I; a session of one's own; how sessions are made and written. */
#include "api/query/sts_priv.h"

#include "identity/counter.h"
#include "net/xml.h"

/* --- who am I: needs no permission --- */

RESULT sts_identity_run(struct query *q, struct error *e)
{
    const struct principal *p = q->who.p;
    (void)e;
    xml_element_str(q->out, "Arn", p->arn);
    xml_element_str(q->out, "UserId", p->unique_id);
    xml_element_str(q->out, "Account", p->account);
    return RESULT_OK;
}

/* --- pieces --- */

RESULT sts_refuse(struct query *q, const char *realm, const char *action, const char *resource,
                  const char *why, struct error *e)
{
    const struct principal *p = q->who.p;
    result_ignore(error_set(e, ERRC_DENIED,
                            "User: %s is not authorized to perform: %s on resource: %s: %s",
                            p != NULL ? p->arn : "web identity", action, resource, why));
    struct api_refusal refusal = { .kind = "access.denied",
                                   .realm = realm,
                                   .error = why,
                                   .action = action,
                                   .resource = bytes_str(resource),
                                   .access_key = bytes_str(p != NULL ? p->access_key : ""),
                                   .actor = p != NULL ? p->actor : NULL,
                                   .ip = q->who.ip,
                                   .agent = q->who.agent,
                                   .request_id = q->id,
                                   .status = 403 };
    api_refused(q->l, &refusal);
    return result_of(ERRC_DENIED);
}

RESULT sts_session_name(struct query *q, const char **ret, struct error *e)
{
    const char *name = query_text_or(q, "RoleSessionName", "");
    if (strlen(name) < 2 || !identity_name_is_valid(bytes_str(name))) {
        FAIL(e, ERRC_FORMAT, "RoleSessionName: 2 to 64 of A-Z, a-z, 0-9 and _+=,.@-");
    }
    *ret = name;
    return RESULT_OK;
}

RESULT sts_end(struct query *q, uint64_t fallback_s, uint64_t max_s, int64_t limit_ms,
               int64_t *ret_ms, struct error *e)
{
    uint64_t seconds = 0;
    TRY(query_u64(q, "DurationSeconds", TOKEN_MIN_S, TOKEN_MAX_S,
                  fallback_s < max_s ? fallback_s : max_s, &seconds, e));
    if (seconds > max_s) {
        FAIL(e, ERRC_FORMAT,
             "The requested DurationSeconds exceeds the longest possible here, %llu.",
             (unsigned long long)max_s);
    }
    int64_t end = clock_wall_ms(q->l->api->clock) + (int64_t)seconds * 1000;
    *ret_ms = limit_ms != 0 && limit_ms < end ? limit_ms : end;
    return RESULT_OK;
}

/* --- a session --- */

struct making {
    struct query *q;
    struct sts_session *s;
    struct token *token;
};

static RESULT make(void *arg, struct buf *after, struct error *e)
{
    struct making *m = arg;
    char end[TIME_TEXT_MAX];
    TRY(token_create(m->q->l->api->directory, m->q->l->keeper, &m->s->token, m->token, e));
    struct jsonw w;
    jsonw_init(&w, after);
    jsonw_object(&w);
    jsonw_kv_cstr(&w, "access_key", m->token->id);
    jsonw_kv_cstr(&w, "expires", time_rfc3339(m->token->expires_ms, end));
    jsonw_kv_bool(&w, "mfa", m->s->token.mfa_ms != 0);
    if (m->s->token.policy[0] != '\0') {
        jsonw_kv_cstr(&w, "policy", m->s->token.policy);
    }
    jsonw_kv_cstr(&w, "tags", m->s->token.tags);
    jsonw_object_end(&w);
    return RESULT_OK;
}

static RESULT session_write(struct query *q, const struct sts_session *s, const struct token *t,
                            struct error *e)
{
    const struct principal *p = NULL;
    TRY(principal_of_key(q->l->api->directory, bytes_str(t->id), bytes_str(t->session_token), &p,
                         e));
    xml_open(q->out, "Credentials");
    xml_element_str(q->out, "AccessKeyId", t->id);
    xml_element_str(q->out, "SecretAccessKey", t->secret);
    xml_element_str(q->out, "SessionToken", t->session_token);
    query_time(q, "Expiration", t->expires_ms);
    xml_close(q->out, "Credentials");
    if (s->token.role[0] != '\0') {
        xml_open(q->out, "AssumedRoleUser");
        xml_element_str(q->out, "Arn", p->arn);
        xml_element_str(q->out, "AssumedRoleId", p->unique_id);
        xml_close(q->out, "AssumedRoleUser");
    }
    if (s->token.policy[0] != '\0') {
        xml_element_u64(q->out, "PackedPolicySize", 1 + strlen(s->token.policy) * 99 / POLICY_MAX);
    }
    principal_unref(p);
    return RESULT_OK;
}

RESULT sts_session_make(struct query *q, struct sts_session *s, struct error *e)
{
    struct token t = { 0 };
    struct making m = { q, s, &t };
    s->token.realm = s->cx.realm;
    s->token.grant = s->cx.grant != NULL ? s->cx.grant : "";
    if (s->token.grant[0] != '\0') {
        grant_touch(q->l->api->directory, s->token.grant);
    }
    struct result r = iam_act(&s->cx, s->kind, s->target, s->token.name, BYTES_NONE, make, &m, e);
    if (result_is_ok(r)) {
        counter_add(q->l->api->directory, s->cx.realm, "token", 1);
        if (s->role_id != NULL && s->role_id[0] != '\0') {
            role_touch(q->l->api->directory, s->role_id);
        }
        r = session_write(q, s, &t, e);
    }
    token_wipe(&t);
    return r;
}

/* --- GetSessionToken --- */

/* Everybody may, unless a policy denies it. */
static RESULT may_have_session(struct query *q, const char *arn, struct error *e)
{
    struct access_answer a;
    TRY(api_weigh(q->l, &q->who, q->iam.realm, "sts:GetSessionToken", bytes_str(arn), NULL, 0, &a,
                  e));
    bool is_open = a.verdict == POLICY_NOT_ALLOWED && a.reason == ACCESS_BY_POLICY;
    return a.verdict == POLICY_ALLOWED || is_open
                   ? RESULT_OK
                   : api_decide(q->l, &q->who, q->iam.realm, "sts:GetSessionToken", bytes_str(arn),
                                NULL, 0, NULL, e);
}

RESULT sts_session_run(struct query *q, struct error *e)
{
    const struct principal *p = q->who.p;
    struct sts_session s = { .cx = q->iam, .kind = "sts.session-token", .target = p->arn };
    const char *serial = query_text(q, "SerialNumber"), *code = query_text(q, "TokenCode");
    if (p->kind != PRINCIPAL_USER) {
        QUERY_FAIL(q, e, 403, "AccessDenied", ERRC_DENIED,
                   "Cannot call GetSessionToken with session credentials");
    }
    if ((serial == NULL) != (code == NULL)) {
        FAIL(e, ERRC_FORMAT, "SerialNumber and TokenCode belong together");
    }
    TRY(may_have_session(q, p->arn, e));
    s.token = (struct token_new){ .home = p->home,
                                  .user_id = p->user_id,
                                  .role = "",
                                  .name = p->user_name,
                                  .issuer = "",
                                  .policy = "",
                                  .tags = "{}" };
    TRY(sts_end(q, 43200, TOKEN_MAX_S, 0, &s.token.expires_ms, e));
    if (serial != NULL) {
        TRY(iam_mfa_check(&q->iam, serial, code, &s.token.mfa_ms, e));
    }
    return sts_session_make(q, &s, e);
}
