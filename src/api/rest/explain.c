/* Explaining decisions: why, and who else. Nothing here is allowed or refused: it is weighed. */
#include "api/rest/rest_priv.h"

#include "base/text.h"
#include "identity/grant.h"
#include "identity/policy/action.h"

#define CONTEXT_MAX 64
#define WHO_MAX     1000

/* --- the answer --- */

static const char *layer_name(enum policy_layer layer)
{
    switch (layer) {
    case POLICY_LAYER_IDENTITY:
        return "identity";
    case POLICY_LAYER_RESOURCE:
        return "resource";
    case POLICY_LAYER_BOUNDARY:
        return "boundary";
    case POLICY_LAYER_SESSION:
        break;
    }
    return "session";
}

void rest_decision_write(struct jsonw *w, const struct access_answer *a)
{
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    if (a->reason == ACCESS_BY_GRANT && a->grant != NULL) {
        jsonw_kv_cstr(w, "grant", a->grant);
    }
    const struct policy_decision *d = &a->decision;
    if ((a->reason == ACCESS_BY_POLICY || a->reason == ACCESS_BY_GRANT) && d->policy != NULL) {
        jsonw_kv_cstr(w, "layer", layer_name(d->layer));
        jsonw_kv_cstr(w, "policy", policy_name(d->policy));
        if (d->sid.n > 0) {
            jsonw_kv_str(w, "sid", d->sid);
        }
        if (d->statement != SIZE_MAX) {
            jsonw_kv_u64(w, "statement", d->statement);
        }
    }
    jsonw_kv_cstr(w, "reason", access_reason_name(a->reason));
    access_text(a, &text);
    jsonw_kv_str(w, "text", buf_bytes(&text));
    buf_reset(&text);
    access_text_zh(a, &text);
    jsonw_kv_str(w, "text_zh", buf_bytes(&text));
    jsonw_kv_cstr(w, "verdict", policy_verdict_name(a->verdict));
}

/* --- the question --- */

struct question {
    struct rest *r;
    const char *action, *resource;
    bool has_mfa, is_tls;
    bool has_origin; /* whence is part of the question: an address was told */
    bool has_certificate;
    const char *ip;
    struct policy *bucket_policy;
    struct policy_key keys[CONTEXT_MAX];
    size_t key_count;
};

/* "arn:aws:s3:::bucket/key" or a bucket alone: the policy of that bucket, where it has one. */
static RESULT bucket_policy_load(struct question *q, struct error *e)
{
    struct rest *r = q->r;
    struct bytes rest = bytes_str(q->resource), prefix = BYTES_LIT("arn:aws:s3:::"), name;
    struct vault_ctx cx;
    struct vault_bucket b;
    struct bucket_policy kept;
    if (!bytes_has_prefix(rest, prefix)) {
        return RESULT_OK;
    }
    rest = bytes_slice(rest, prefix.n, rest.n);
    (void)bytes_split(&rest, '/', &name);
    api_vault_ctx(r->l, r->x, r->realm, r->who.p->actor, "", r->request_id, &cx);
    struct result res = vault_bucket_get(&cx, name, &b, e);
    if (result_is_ok(res)) {
        res = bucket_policy_get(r->l->api->directory, r->realm, b.id, r->arena, &kept, e);
    }
    if (res.code == ERRC_NOT_FOUND) {
        return RESULT_OK;
    }
    TRY(res);
    if (kept.document[0] == '\0') {
        return RESULT_OK;
    }
    TRY(policy_compile(bytes_str(kept.document), POLICY_RESOURCE,
                       arena_printf(r->arena, "bucket policy %.*s", BYTES_FMT(name)),
                       &q->bucket_policy, e));
    if (kept.public_by[0] == '\0' && policy_is_public(q->bucket_policy)) {
        policy_unref(q->bucket_policy); /* blocked: it is as none */
        q->bucket_policy = NULL;
    }
    return RESULT_OK;
}

static RESULT context_value(struct question *q, struct json v, struct policy_key *k,
                            struct error *e)
{
    struct json one;
    struct json_iter it = { 0 };
    size_t n = json_type(v) == JSON_ARRAY ? json_count(v) : 1, i = 0;
    struct bytes *values = arena_zalloc(q->r->arena, (n + 1) * sizeof(*values));
    if (json_type(v) == JSON_STRING) {
        result_ignore(json_str(v, &values[0]));
    } else if (json_type(v) == JSON_ARRAY) {
        for (; json_next(v, &it, &one); i++) {
            if (!result_is_ok(json_str(one, &values[i]))) {
                FAIL(e, ERRC_FORMAT, "context: values are texts");
            }
        }
    } else {
        FAIL(e, ERRC_FORMAT, "context: values are texts or lists of texts");
    }
    k->values = values;
    k->count = n;
    return RESULT_OK;
}

/* What the decision itself puts in is taken from the context as facts, the rest as further keys. */
static RESULT context_read(struct question *q, struct error *e)
{
    struct json context, v;
    struct json_iter it = { 0 };
    struct bytes name;
    if (q->r->doc == NULL || !json_has(json_root(q->r->doc), "context")) {
        return RESULT_OK;
    }
    TRY(json_get(json_root(q->r->doc), "context", &context, e));
    if (json_type(context) != JSON_OBJECT) {
        FAIL(e, ERRC_FORMAT, "context: an object");
    }
    while (json_next_member(context, &it, &name, &v)) {
        struct policy_key k = { .name = name };
        TRY(context_value(q, v, &k, e));
        if (bytes_equal_str_nocase(name, "aws:SourceIp")) {
            q->ip = arena_str(q->r->arena, k.values[0]);
            q->has_origin = true;
        } else if (bytes_equal_str_nocase(name, "troth:ClientCertificate")) {
            q->has_certificate = !bytes_equal_str_nocase(k.values[0], "false");
        } else if (bytes_equal_str_nocase(name, "aws:SecureTransport")) {
            q->is_tls = !bytes_equal_str_nocase(k.values[0], "false");
        } else if (q->key_count == CONTEXT_MAX) {
            FAIL(e, ERRC_LIMIT, "context: at most %d keys", CONTEXT_MAX);
        } else {
            q->keys[q->key_count++] = k;
        }
    }
    return RESULT_OK;
}

static RESULT weigh(const struct question *q, const struct principal *p, bool has_mfa,
                    struct access_answer *ret, struct error *e)
{
    int64_t now = clock_wall_ms(q->r->l->api->clock);
    struct access_query aq = { .p = p,
                               .realm = q->r->realm,
                               .action = bytes_str(q->action),
                               .resource = bytes_str(q->resource),
                               .now_ms = now,
                               .mfa_ms = has_mfa ? now : 0,
                               .ip = q->ip,
                               .is_tls = q->is_tls,
                               .has_certificate = q->has_certificate,
                               .any_origin = !q->has_origin,
                               .bucket_policy = q->bucket_policy,
                               .keys = q->keys,
                               .key_count = q->key_count };
    TRY(realm_is_claimed(q->r->l->api->directory, aq.realm, &aq.realm_is_claimed, e));
    TRY(realm_is_frozen(q->r->l->api->directory, aq.realm, &aq.realm_is_frozen, e));
    TRY(realm_is_rolled_back(q->r->l->api->directory, aq.realm, &aq.realm_is_rolled_back, e));
    access_decide(&aq, ret);
    return RESULT_OK;
}

/* --- explain --- */

/* "anonymous", a user's name or ARN, of the realm or with "platform/" before it of the provider. */
static RESULT principal_load(struct rest *r, const char *who, bool has_mfa,
                             const struct principal **ret, struct error *e)
{
    struct directory *d = r->l->api->directory;
    struct bytes name = bytes_str(who), platform = BYTES_LIT(IDENTITY_PLATFORM "/");
    const char *realm = r->realm;
    struct user u;
    if (strcmp(who, "anonymous") == 0) {
        return principal_anonymous(d, r->realm, ret, e);
    }
    if (bytes_has_prefix(name, BYTES_LIT("arn:"))) {
        TRY(arn_name(name, "user", r->account, &name, e));
    } else if (bytes_has_prefix(name, platform)) {
        name = bytes_slice(name, platform.n, name.n);
        realm = IDENTITY_PLATFORM;
    }
    TRY(user_get(d, realm, name, r->arena, &u, e));
    return principal_of_user(d, u.id, has_mfa, ret, e);
}

struct explanation {
    const struct question *q;
    const struct principal *p;
    struct access_answer answer;
};

static void explanation_write(void *arg, struct jsonw *w)
{
    const struct explanation *x = arg;
    jsonw_kv_cstr(w, "action", x->q->action);
    jsonw_kv_cstr(w, "principal", x->p->actor);
    jsonw_kv_cstr(w, "resource", x->q->resource);
    rest_decision_write(w, &x->answer);
}

/*= 2.1.4-5 "the decision, the statement that made it, and whether it was denied or merely not
 * allowed" */
RESULT rest_explain(struct rest *r, struct error *e)
{
    struct question q = { .r = r, .ip = "127.0.0.1", .is_tls = true, .has_certificate = true };
    struct explanation x = { .q = &q };
    const char *who = NULL;
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    TRY(rest_body_only(r, REST_ONLY("action", "context", "mfa", "principal", "resource"), e));
    TRY(rest_body_need(r, "principal", &who, e));
    TRY(rest_body_need(r, "action", &q.action, e));
    TRY(rest_body_text(r, "resource", "*", &q.resource, e));
    TRY(rest_body_bool(r, "mfa", false, &q.has_mfa, e));
    TRY(context_read(&q, e));
    TRY(principal_load(r, who, q.has_mfa, &p, e));
    TRY(bucket_policy_load(&q, e));
    x.p = p;
    struct result res = weigh(&q, p, q.has_mfa, &x.answer, e);
    if (result_is_ok(res)) {
        res = rest_reply(r, 200, 0, explanation_write, &x, e);
    }
    policy_unref(q.bucket_policy);
    return res;
}

/* --- who can --- */

struct who_can {
    struct question q;
    struct jsonw w;
    size_t n;
    bool is_cut;
};

static RESULT user_weigh(struct who_can *c, const struct user *u, struct error *e)
{
    struct access_answer a = { .verdict = POLICY_NOT_ALLOWED };
    bool needs_mfa = false;
    CLEANUP(principal_unref_p) const struct principal *plain = NULL;
    CLEANUP(principal_unref_p) const struct principal *strong = NULL;
    struct directory *d = c->q.r->l->api->directory;
    TRY(principal_of_user(d, u->id, false, &plain, e));
    TRY(weigh(&c->q, plain, false, &a, e));
    const struct principal *p = plain;
    if (a.verdict != POLICY_ALLOWED) {
        needs_mfa = true;
        TRY(principal_of_user(d, u->id, true, &strong, e));
        TRY(weigh(&c->q, strong, true, &a, e));
        p = strong;
    }
    if (a.verdict != POLICY_ALLOWED) {
        return RESULT_OK;
    }
    if (c->n == WHO_MAX) {
        c->is_cut = true;
        return RESULT_OK;
    }
    c->n++;
    jsonw_object(&c->w);
    jsonw_kv_bool(&c->w, "needs_mfa", needs_mfa);
    jsonw_kv_cstr(&c->w, "principal", p->actor);
    jsonw_kv_cstr(&c->w, "user", u->name);
    rest_decision_write(&c->w, &a);
    jsonw_object_end(&c->w);
    return RESULT_OK;
}

#define USERS_STEP 200

static RESULT realm_weigh(struct who_can *c, const char *realm, struct error *e)
{
    struct rest *r = c->q.r;
    const char *after = "";
    for (size_t n = USERS_STEP; n == USERS_STEP;) {
        struct user *list = NULL;
        TRY(user_list(r->l->api->directory, realm, bytes_str("/"), bytes_str(after), USERS_STEP,
                      r->arena, &list, &n, e));
        for (size_t i = 0; i < n; i++) {
            TRY(user_weigh(c, &list[i], e));
            co_yield (); /* there may be thousands */
        }
        after = n > 0 ? list[n - 1].name : "";
    }
    return RESULT_OK;
}

static RESULT who_can(struct who_can *c, struct buf *out, struct error *e)
{
    struct rest *r = c->q.r;
    jsonw_init(&c->w, out);
    jsonw_object(&c->w);
    jsonw_kv_cstr(&c->w, "action", c->q.action);
    jsonw_key(&c->w, "items");
    jsonw_array(&c->w);
    TRY(realm_weigh(c, r->realm, e));
    if (strcmp(r->realm, IDENTITY_PLATFORM) != 0) {
        TRY(realm_weigh(c, IDENTITY_PLATFORM, e)); /* the provider's staff with a running grant */
    }
    jsonw_array_end(&c->w);
    jsonw_key(&c->w, "next");
    jsonw_null(&c->w);
    jsonw_kv_bool(&c->w, "public",
                  c->q.bucket_policy != NULL && policy_is_public(c->q.bucket_policy));
    jsonw_kv_cstr(&c->w, "resource", c->q.resource);
    jsonw_kv_bool(&c->w, "truncated", c->is_cut);
    jsonw_object_end(&c->w);
    return rest_reply_json(r, 200, 0, out, e);
}

RESULT rest_who_can(struct rest *r, struct error *e)
{
    struct who_can c = { .q = { .r = r, .ip = "127.0.0.1", .is_tls = true } };
    CLEANUP(buf_done_p) struct buf out = BUF(16u * 1024 * 1024);
    const char *resource = rest_query(r, "resource");
    c.q.action = rest_query(r, "action");
    c.q.resource = resource != NULL ? resource : "*";
    if (c.q.action == NULL) {
        FAIL(e, ERRC_FORMAT, "action: missing");
    }
    if (action_find(bytes_str(c.q.action)) == NULL) {
        FAIL(e, ERRC_FORMAT, "action: there is no action '%.64s'", c.q.action);
    }
    TRY(bucket_policy_load(&c.q, e));
    struct result res = who_can(&c, &out, e);
    policy_unref(c.q.bucket_policy);
    return res;
}
