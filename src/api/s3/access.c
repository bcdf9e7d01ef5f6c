/* Decisions on S3 requests. */
#include "api/s3/access.h"

#include "base/text.h"

#define KEYS_MAX 48
#define ARN_MAX  (64 + 3 * VAULT_KEY_MAX)

struct keys {
    struct policy_key list[KEYS_MAX];
    size_t n;
};

static void add(struct s3_request *r, struct keys *k, const char *name, struct bytes value)
{
    if (value.p == NULL || k->n == KEYS_MAX) {
        return;
    }
    struct bytes *v = arena_alloc(r->arena, sizeof(*v));
    *v = value;
    k->list[k->n++] = (struct policy_key){ .name = bytes_str(name), .values = v, .count = 1 };
}

static void add_headers(struct s3_request *r, struct keys *k)
{
    static const struct {
        const char *header, *key;
    } table[] = {
        { "x-amz-acl", "s3:x-amz-acl" },
        { "x-amz-content-sha256", "s3:x-amz-content-sha256" },
        { "x-amz-copy-source", "s3:x-amz-copy-source" },
        { "x-amz-metadata-directive", "s3:x-amz-metadata-directive" },
        { "x-amz-server-side-encryption", "s3:x-amz-server-side-encryption" },
        { "x-amz-server-side-encryption-aws-kms-key-id",
          "s3:x-amz-server-side-encryption-aws-kms-key-id" },
        { "x-amz-storage-class", "s3:x-amz-storage-class" },
        { "User-Agent", "aws:UserAgent" },
        { "Referer", "aws:Referer" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        add(r, k, table[i].key, s3_header(r, table[i].header));
    }
}

static void add_params(struct s3_request *r, struct keys *k)
{
    static const struct {
        const char *param, *key;
    } table[] = {
        { "prefix", "s3:prefix" },
        { "delimiter", "s3:delimiter" },
        { "max-keys", "s3:max-keys" },
        { "versionId", "s3:VersionId" },
    };
    for (size_t i = 0; i < ARRAY_LEN(table) && r->param_count > 0; i++) {
        add(r, k, table[i].key, s3_param_or(r, table[i].param, BYTES_NONE));
    }
}

/* s3:RequestObjectTag/<name> and s3:RequestObjectTagKeys, of the header x-amz-tagging. A header
 * that does not parse is refused by the operation itself. */
static void add_tags(struct s3_request *r, struct keys *k)
{
    struct bytes v = s3_header(r, "x-amz-tagging"), one, name;
    if (v.p == NULL) {
        return;
    }
    struct bytes *names = arena_alloc(r->arena, sizeof(*names) * VAULT_TAGS_MAX);
    size_t n = 0;
    bool more = v.n > 0;
    while (more && n < VAULT_TAGS_MAX) {
        CLEANUP(buf_done_p) struct buf text = BUF(2048);
        more = bytes_split(&v, '&', &one);
        (void)bytes_split(&one, '=', &name);
        buf_add_str(&text, "s3:RequestObjectTag/");
        size_t prefix = text.n;
        if (!result_is_ok(percent_decode(name, true, &text))) {
            return;
        }
        const char *key = arena_str(r->arena, buf_bytes(&text));
        names[n++] = bytes_str(key + prefix);
        buf_reset(&text);
        if (!result_is_ok(percent_decode(one, true, &text))) {
            return;
        }
        add(r, k, key, arena_bytes(r->arena, buf_bytes(&text)));
    }
    if (k->n < KEYS_MAX) {
        k->list[k->n++] = (struct policy_key){ BYTES_LIT("s3:RequestObjectTagKeys"), names, n };
    }
}

static void add_signature(struct s3_request *r, struct keys *k)
{
    if (r->is_anonymous) {
        return;
    }
    int64_t age = clock_wall_ms(r->l->api->clock) - r->claim.time_ms;
    add(r, k, "s3:signatureversion", BYTES_LIT("AWS4-HMAC-SHA256"));
    add(r, k, "s3:authType",
        bytes_str(r->claim.is_presigned ? "REST-QUERY-STRING" : "REST-HEADER"));
    add(r, k, "s3:signatureAge", bytes_str(arena_printf(r->arena, "%lld", (long long)MAX(age, 0))));
}

const struct policy_key *s3_condition_keys(struct s3_request *r, size_t *ret_n)
{
    if (r->keys == NULL) {
        struct keys *k = arena_zalloc(r->arena, sizeof(*k));
        add_headers(r, k);
        add_params(r, k);
        add_tags(r, k);
        add_signature(r, k);
        r->keys = k->list;
        r->key_count = k->n;
    }
    *ret_n = r->key_count;
    return r->keys;
}

/* The tags of the object as it is, where a policy that is in force asks for them. */
static void existing_tags(struct s3_request *r, const struct vault_bucket *bucket, struct bytes key,
                          struct keys *k)
{
    struct vault_object o;
    if (!result_is_ok(vault_head(&r->cx, bucket, key, "", false, &o, NULL))) {
        return;
    }
    for (size_t i = 0; i < o.tag_count; i++) {
        add(r, k, arena_printf(r->arena, "s3:ExistingObjectTag/%.*s", BYTES_FMT(o.tags[i].name)),
            o.tags[i].value);
    }
}

static bool any_mentions(const struct policy_in_force *in, size_t n, struct bytes prefix)
{
    for (size_t i = 0; i < n; i++) {
        if (policy_mentions(in[i].policy, prefix)) {
            return true;
        }
    }
    return false;
}

static bool asks_for_tags(const struct s3_request *r, const struct policy *bucket_policy)
{
    struct bytes prefix = BYTES_LIT("s3:ExistingObjectTag/");
    bool asks = any_mentions(r->p->policies, r->p->policy_count, prefix) ||
                (bucket_policy != NULL && policy_mentions(bucket_policy, prefix));
    for (size_t i = 0; i < r->p->grant_count && !asks; i++) {
        asks = any_mentions(r->p->grants[i].policies, r->p->grants[i].policy_count, prefix);
    }
    return asks;
}

static void arn_of(const struct vault_bucket *bucket, struct bytes key, struct buf *out)
{
    if (bucket == NULL) {
        buf_add_str(out, "arn:aws:s3:::*"); /* so that policies for "*" and for this one both fit */
        return;
    }
    buf_addf(out, "arn:aws:s3:::%s", bucket->name);
    if (key.p != NULL) {
        buf_add_u8(out, '/');
        buf_add(out, key);
    }
}

/* ERRC_OK: *ret says what was decided. */
static RESULT decide(struct s3_request *r, const char *action, const struct vault_bucket *bucket,
                     struct bytes key, struct bytes arn, struct access_answer *ret, struct error *e)
{
    CLEANUP(policy_unref_p) struct policy *bucket_policy = NULL;
    struct access_query q = {
        .p = r->p,
        .realm = r->p->realm,
        .action = bytes_str(action),
        .resource = arn,
        .now_ms = clock_wall_ms(r->l->api->clock),
        .mfa_ms = r->p->token_mfa_ms,
        .ip = r->http->peer_host,
        .is_tls = r->http->is_tls,
        .has_certificate = r->http->client_certificate != NULL,
        .realm_is_claimed = true,
    };
    if (bucket != NULL && bucket->id != 0) {
        TRY(bucket_policy_compiled(r->l->api->directory, r->p->realm, bucket->id, &bucket_policy,
                                   e));
        q.bucket_policy = bucket_policy;
    }
    q.keys = s3_condition_keys(r, &q.key_count);
    if (key.p != NULL && bucket->id != 0 && asks_for_tags(r, bucket_policy)) {
        struct keys *k = arena_zalloc(r->arena, sizeof(*k));
        memcpy(k->list, q.keys, q.key_count * sizeof(*q.keys));
        k->n = q.key_count;
        existing_tags(r, bucket, key, k);
        q.keys = k->list;
        q.key_count = k->n;
    }
    access_decide(&q, ret);
    ret->decision.policy = NULL; /* it may go with the bucket's policy */
    ret->decision.sid = BYTES_NONE;
    return RESULT_OK;
}

bool s3_may(struct s3_request *r, const char *action, const struct vault_bucket *bucket,
            struct bytes key)
{
    CLEANUP(buf_done_p) struct buf arn = BUF(ARN_MAX);
    struct access_answer a;
    arn_of(bucket, key, &arn);
    if (!result_is_ok(decide(r, action, bucket, key, buf_bytes(&arn), &a, NULL))) {
        return false;
    }
    r->denial = a;
    return a.verdict == POLICY_ALLOWED;
}

/* As S3 words it: who, what, on what, and whether something denies it or nothing allows it. */
static void refuse(struct s3_request *r, const char *action, const struct vault_bucket *bucket,
                   struct bytes key)
{
    CLEANUP(buf_done_p) struct buf arn = BUF(ARN_MAX);
    CLEANUP(buf_done_p) struct buf why = BUF(2 * ARN_MAX);
    const char *who = r->is_anonymous ? "Anonymous" : r->p->arn;
    arn_of(bucket, key, &arn);
    buf_addf(&why, "User: %s is not authorized to perform: %s on resource: \"", who, action);
    text_add_escaped(&why, buf_bytes(&arn), ARN_MAX);
    buf_addf(&why, "\" %s",
             r->denial.reason == ACCESS_BY_POLICY && r->denial.verdict == POLICY_DENIED
                     ? "with an explicit deny"
             : r->denial.reason == ACCESS_BY_POLICY ? "because no policy allows it"
                                                    : access_reason_name(r->denial.reason));
    r->denied_action = action;
    s3_refusal_log(r, S3_ACCESS_DENIED);
    s3_fail(r, S3_ACCESS_DENIED, buf_cstr(&why));
}

bool s3_allow(struct s3_request *r, const char *action, const struct vault_bucket *bucket,
              struct bytes key)
{
    if (s3_may(r, action, bucket, key)) {
        return true;
    }
    refuse(r, action, bucket, key);
    return false;
}

bool s3_allow_tags(struct s3_request *r, const struct vault_put *put)
{
    return s3_header(r, "x-amz-tagging").p == NULL || put->tag_count == 0 ||
           s3_allow(r, "s3:PutObjectTagging", &r->bucket, r->key);
}

/*= 2.1.4-5 "each request is decided by policy before anything of it is done" */
bool s3_allow_op(struct s3_request *r, bool bucket_is_there)
{
    struct vault_bucket unknown = { 0 };
    const struct vault_bucket *bucket = r->level == S3_SERVICE ? NULL : &r->bucket;
    struct bytes key = r->level == S3_OBJECT ? r->key : BYTES_NONE;
    if (r->op->action == NULL && bucket_is_there) { /* DeleteObjects decides for each key */
        return true;
    }
    if (bucket != NULL && !bucket_is_there) {
        size_t n = MIN(r->bucket_name.n, sizeof(unknown.name) - 1);
        memcpy(unknown.name, r->bucket_name.p, n);
        bucket = &unknown;
    }
    return r->op->action != NULL ? s3_allow(r, r->op->action, bucket, key)
                                 : s3_allow(r, "s3:DeleteObject", bucket, BYTES_LIT("*"));
}

/*= 2.1.4-3 "a request that is running when its grant ends is cut" */
bool s3_may_still(struct s3_request *r)
{
    struct directory *d = r->l->api->directory;
    const struct principal *now = NULL;
    if (principal_is_current(d, r->p, clock_wall_ms(r->l->api->clock))) {
        return true;
    }
    struct result res = r->is_anonymous ? principal_anonymous(d, r->p->realm, &now, NULL)
                                        : principal_of_key(d, r->claim.access_key,
                                                           r->claim.session_token, &now, NULL);
    if (!result_is_ok(res)) {
        return false;
    }
    /* What the vault's context borrowed of the older picture lives until the end of the request. */
    s3_principal_keep(r, now);
    return r->op->action == NULL ||
           s3_may(r, r->op->action, r->level == S3_SERVICE ? NULL : &r->bucket,
                  r->level == S3_OBJECT ? r->key : BYTES_NONE);
}
