/* The decision: realms, administrators, grants, the local operator, and its words. */
#include "testkit.h"

#include "identity/access.h"
#include "identity/role_builtin.h"

#define NOW 1790000000000
#define ARN "arn:aws:s3:::b/k"

#define IN_FORCE_MAX 6

/* A principal with up to six policies, of one statement each. */
struct fixture {
    struct principal p;
    struct policy_in_force in_force[IN_FORCE_MAX];
    struct principal_grant grants[4];
    struct policy_in_force granted[4][2];
    struct policy *made[32];
    size_t made_n;
    struct access_query q;
    struct access_answer a;
};

static struct policy *make(struct fixture *f, enum policy_form form, const char *statements)
{
    CLEANUP(buf_done_p) struct buf json = BUF(POLICY_MAX);
    struct error e = { 0 };

    buf_addf(&json, "{\"Version\":\"2012-10-17\",\"Statement\":[%s]}", statements);
    assert_ok(policy_compile(buf_bytes(&json), form, "p", &f->made[f->made_n], &e), e);
    return f->made[f->made_n++];
}

static void in_force(struct fixture *f, enum policy_layer layer, const char *statements)
{
    assert_true(f->p.policy_count < IN_FORCE_MAX);
    f->in_force[f->p.policy_count++] =
            (struct policy_in_force){ make(f, POLICY_IDENTITY, statements), layer };
}

static struct principal_grant *grant(struct fixture *f, const char *realm, int64_t from,
                                     int64_t until, const char *statements)
{
    struct policy_in_force *in = f->granted[f->p.grant_count];
    struct principal_grant *g = &f->grants[f->p.grant_count++];

    in[0] = (struct policy_in_force){ make(f, POLICY_IDENTITY, statements), POLICY_LAYER_IDENTITY };
    *g = (struct principal_grant){ .id = "g-1",
                                   .realm = realm,
                                   .role = "support",
                                   .from_ms = from,
                                   .until_ms = until,
                                   .policies = in,
                                   .policy_count = 1 };
    return g;
}

static void start(struct fixture *f, enum principal_kind kind, const char *realm)
{
    memset(f, 0, sizeof(*f));
    f->p = (struct principal){ .kind = kind,
                               .realm = realm,
                               .home = realm,
                               .account = "123456789012",
                               .actor = "actor",
                               .arn = "arn:aws:iam::123456789012:user/lin",
                               .role_arn = "",
                               .issuer = "",
                               .user_id = "AIDA",
                               .user_name = "lin",
                               .role = "",
                               .grant = "",
                               .access_key = "",
                               .why_frozen = "",
                               .is_person = kind == PRINCIPAL_USER,
                               .policies = f->in_force,
                               .grants = f->grants };
    f->q = (struct access_query){ .p = &f->p,
                                  .realm = realm,
                                  .action = BYTES_LIT("s3:GetObject"),
                                  .resource = BYTES_LIT(ARN),
                                  .now_ms = NOW,
                                  .ip = "192.0.2.7",
                                  .is_tls = true,
                                  .realm_is_claimed = true };
}

static void done(struct fixture *f)
{
    for (size_t i = 0; i < f->made_n; i++) {
        policy_unref(f->made[i]);
    }
}

static void expect(struct fixture *f, enum policy_verdict verdict, enum access_reason reason)
{
    access_decide(&f->q, &f->a);
    if (f->a.verdict != verdict || f->a.reason != reason) {
        fail_msg("%.*s in %s: %s by %s, not %s by %s", BYTES_FMT(f->q.action), f->q.realm,
                 policy_verdict_name(f->a.verdict), access_reason_name(f->a.reason),
                 policy_verdict_name(verdict), access_reason_name(reason));
    }
}

#define S(effect, action) "{\"Effect\":\"" effect "\",\"Action\":\"" action "\",\"Resource\":\"*\"}"

static void own_realm(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "acme");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_POLICY);
    assert_null(f.a.decision.policy);
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "s3:*"));
    expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
    f.q.action = BYTES_LIT("s3:Nothing");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_UNKNOWN_ACTION);
    f.q.action = BYTES_LIT("s3:PutObject");
    in_force(&f, POLICY_LAYER_BOUNDARY, S("Allow", "s3:Get*"));
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_POLICY);
    assert_int_equal(f.a.decision.layer, POLICY_LAYER_BOUNDARY);
    f.q.bucket_policy = make(&f, POLICY_RESOURCE,
                             "{\"Sid\":\"No\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":"
                             "\"s3:PutObject\",\"Resource\":\"*\"}");
    expect(&f, POLICY_DENIED, ACCESS_BY_POLICY);
    done(&f);
}

static void frozen_and_expired(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "acme");
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "*"));
    f.p.expires_ms = NOW;
    expect(&f, POLICY_DENIED, ACCESS_EXPIRED);
    f.q.now_ms = NOW - 1;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
    f.p.is_frozen = true;
    expect(&f, POLICY_DENIED, ACCESS_FROZEN);
    f.p.kind = PRINCIPAL_OPERATOR;
    expect(&f, POLICY_DENIED, ACCESS_FROZEN);
    done(&f);
}

/*= 2.1.4-5 test */
static void other_realms(void **state)
{
    (void)state;
    static const char *const others[] = { "globex", "platform", "", "Acme", "acme2" };
    struct fixture f;

    start(&f, PRINCIPAL_USER, "acme");
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "*"));
    grant(&f, "globex", 0, NOW + 1, S("Allow", "*")); /* of a customer's account: worth nothing */
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        f.q.realm = others[i];
        expect(&f, POLICY_DENIED, ACCESS_OTHER_REALM);
    }
    f.q.realm = NULL;
    expect(&f, POLICY_DENIED, ACCESS_OTHER_REALM);
    /* a principal of no realm reaches nothing of no realm */
    f.p.realm = f.p.home = f.q.realm = "";
    expect(&f, POLICY_DENIED, ACCESS_OTHER_REALM);
    /* a tenant's token of the provider's staff is of that tenant alone */
    f.p.realm = "acme";
    f.p.home = "platform";
    f.p.kind = PRINCIPAL_SESSION;
    f.q.realm = "globex";
    expect(&f, POLICY_DENIED, ACCESS_OTHER_REALM);
    done(&f);
}

static void anonymous(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_ANONYMOUS, "acme");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_POLICY);
    f.q.bucket_policy = make(&f, POLICY_RESOURCE,
                             "{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:*\","
                             "\"Resource\":\"*\"}");
    expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
    /* open to everybody, but nobody without a name changes who may what */
    f.q.action = BYTES_LIT("s3:PutBucketPolicy");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_POLICY);
    /* the account of the bucket is no account of theirs */
    f.q.action = BYTES_LIT("s3:GetObject");
    f.q.bucket_policy = make(&f, POLICY_RESOURCE,
                             "{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"123456789012\"},"
                             "\"Action\":\"s3:*\",\"Resource\":\"*\"}");
    expect(&f, POLICY_DENIED, ACCESS_BY_POLICY);
    done(&f);
}

/*= 2.1.4-2 test */
static void two_administrators(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        enum admin_kind kind;
    } acts[] = {
        { "kms:CreateKey", ADMIN_SYSTEM },    { "troth:CreateTenant", ADMIN_SYSTEM },
        { "iam:CreateUser", ADMIN_SECURITY }, { "s3:PutBucketPolicy", ADMIN_SECURITY },
        { "troth:ReadLog", ADMIN_AUDIT },     { "troth:ExportLog", ADMIN_AUDIT },
        { "s3:GetObject", ADMIN_NONE },       { "iam:GetUser", ADMIN_NONE },
    };

    for (unsigned bits = 0; bits < 8; bits++) {
        for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
            struct fixture f;
            unsigned with = bits | (unsigned)acts[i].kind;
            bool is_two = acts[i].kind != ADMIN_NONE && (with & (with - 1)) != 0;
            start(&f, PRINCIPAL_USER, "acme");
            in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "*"));
            f.p.admins = bits;
            f.q.action = bytes_str(acts[i].action);
            expect(&f, is_two ? POLICY_DENIED : POLICY_ALLOWED,
                   is_two ? ACCESS_TWO_ADMINISTRATORS : ACCESS_BY_POLICY);
            /* programs are not persons */
            f.p.is_person = false;
            expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
            done(&f);
        }
    }
}

/* Administrative actions of persons, by whatever credentials and wherever; nothing else. */
/*= 2.1.4-9 test */
/*= 2.1.4-8 test */
static void origins(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "platform");
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "*"));
    grant(&f, "acme", 0, NOW + 1, S("Allow", "*"));
    f.p.origin = (struct origin_rule){ .networks = "10.0.0.0/8" };
    f.q.action = BYTES_LIT("iam:CreateUser");
    expect(&f, POLICY_DENIED, ACCESS_OUTSIDE); /* from 192.0.2.7 */
    f.q.realm = "acme";
    expect(&f, POLICY_DENIED, ACCESS_OUTSIDE);
    f.p.kind = PRINCIPAL_SESSION;
    expect(&f, POLICY_DENIED, ACCESS_OUTSIDE);
    f.p.kind = PRINCIPAL_USER;
    f.q.any_origin = true;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.any_origin = false;
    f.q.ip = "10.1.2.3";
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.ip = "unix";
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.p.origin.needs_certificate = true;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.ip = "10.1.2.3";
    expect(&f, POLICY_DENIED, ACCESS_NO_CERTIFICATE);
    f.q.has_certificate = true;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.ip = "192.0.2.7";
    expect(&f, POLICY_DENIED, ACCESS_OUTSIDE);
    /* what administers nothing, and programs, from anywhere */
    f.q.action = BYTES_LIT("s3:GetObject");
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.action = BYTES_LIT("iam:CreateUser");
    f.p.is_person = false;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    done(&f);
}

/* Two of them by a role and a running grant, or by a role and a bucket's policy. */
static void two_administrators_together(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "platform");
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "iam:*"));
    f.p.admins = ADMIN_SECURITY;
    f.q.action = BYTES_LIT("iam:CreateUser");
    struct principal_grant *g = grant(&f, "acme", NOW - 1, NOW + 1, S("Allow", "kms:*"));
    g->admin = ADMIN_SYSTEM;
    expect(&f, POLICY_DENIED, ACCESS_TWO_ADMINISTRATORS);
    f.q.realm = "acme";
    f.q.action = BYTES_LIT("kms:CreateKey");
    expect(&f, POLICY_DENIED, ACCESS_TWO_ADMINISTRATORS);
    f.q.action = BYTES_LIT("kms:ListKeys");
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    g->until_ms = NOW;
    f.q.realm = "platform";
    f.q.action = BYTES_LIT("iam:CreateUser");
    expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
    done(&f);

    start(&f, PRINCIPAL_USER, "acme");
    f.p.admins = ADMIN_SYSTEM;
    f.q.action = BYTES_LIT("s3:PutBucketPolicy");
    f.q.bucket_policy = make(&f, POLICY_RESOURCE,
                             "{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::"
                             "123456789012:user/lin\"},\"Action\":\"s3:*\",\"Resource\":\"*\"}");
    expect(&f, POLICY_DENIED, ACCESS_TWO_ADMINISTRATORS);
    f.p.admins = ADMIN_SECURITY;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
    done(&f);
}

/*= 2.1.3-9 test */
static void grants(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "platform");
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "*"));
    f.q.realm = "acme";
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    struct principal_grant *g = grant(&f, "acme", NOW, NOW + 1000, S("Allow", "s3:Get*"));
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    assert_string_equal(f.a.grant, "g-1");
    /* its role decides, not what the person may at home */
    f.q.action = BYTES_LIT("s3:PutObject");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_GRANT);
    f.q.action = BYTES_LIT("s3:GetObject");
    f.q.now_ms = NOW - 1;
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    f.q.now_ms = NOW + 999;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.now_ms = NOW + 1000;
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    f.q.now_ms = NOW;
    g->until_ms = 0; /* none stands over a tenant */
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    g->until_ms = NOW + 1000;
    f.q.realm = "globex";
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    /* a second grant adds to the first */
    f.q.realm = "acme";
    f.q.action = BYTES_LIT("s3:PutObject");
    grant(&f, "acme", NOW, NOW + 1, S("Allow", "s3:Put*"))->id = "g-2";
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    assert_string_equal(f.a.grant, "g-2");
    done(&f);
}

/* What denies or limits the person, and the bucket's own policy, go on in a tenant. */
static void grants_within_limits(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "platform");
    f.q.realm = "acme";
    grant(&f, "acme", NOW, NOW + 1000, S("Allow", "s3:*"));
    in_force(&f, POLICY_LAYER_BOUNDARY, S("Allow", "s3:Get*"));
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.action = BYTES_LIT("s3:PutObject");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_GRANT);
    f.q.action = BYTES_LIT("s3:GetObject");
    in_force(&f, POLICY_LAYER_IDENTITY,
             "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"Bool\":{"
             "\"aws:MultiFactorAuthPresent\":\"false\"}}}");
    expect(&f, POLICY_DENIED, ACCESS_BY_GRANT);
    f.q.mfa_ms = NOW - 1000;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.bucket_policy = make(&f, POLICY_RESOURCE,
                             "{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"999999999999\"},"
                             "\"Action\":\"s3:*\",\"Resource\":\"*\"}");
    expect(&f, POLICY_DENIED, ACCESS_BY_GRANT);
    f.q.bucket_policy = NULL;
    /* an assumed role has not what its user is granted */
    f.p.kind = PRINCIPAL_SESSION;
    f.p.role = "reader";
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    done(&f);
}

static void local_operator(void **state)
{
    (void)state;
    static const struct {
        const char *action, *realm;
        bool claimed_too;
    } acts[] = {
        { "troth:GetStatus", "platform", true },    { "troth:CheckState", "platform", true },
        { "troth:CreateTenant", "platform", true }, { "troth:ListTenants", "platform", true },
        { "troth:SuspendTenant", "acme", true },    { "troth:GetTenant", "acme", true },
        { "troth:BreakGlass", "acme", true },       { "iam:CreateUser", "platform", false },
        { "iam:CreateUser", "acme", false },        { "kms:ListKeys", "acme", false },
        { "troth:ReadLog", "acme", false },         { "troth:ReadLog", "platform", false },
        { "iam:CreateAccessKey", "acme", false },   { "s3:GetObject", "acme", false },
        { "troth:ApproveGrant", "acme", false },    { "troth:AckNotice", "acme", false },
        { "iam:Unfreeze", "acme", false },          { "troth:ListGrants", "acme", false },
    };
    struct fixture f;

    start(&f, PRINCIPAL_OPERATOR, "platform");
    f.q.ip = "unix";
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        f.q.action = bytes_str(acts[i].action);
        f.q.realm = acts[i].realm;
        f.q.realm_is_claimed = false;
        expect(&f, POLICY_ALLOWED, ACCESS_BY_OPERATOR);
        f.q.realm_is_claimed = true;
        expect(&f, acts[i].claimed_too ? POLICY_ALLOWED : POLICY_DENIED,
               acts[i].claimed_too ? ACCESS_BY_OPERATOR : ACCESS_NEEDS_GRANT);
    }
    /* what an older copy froze; not an account that somebody did */
    f.q.action = BYTES_LIT("iam:Unfreeze");
    f.q.realm = "acme";
    f.q.resource = BYTES_LIT("*");
    f.q.realm_is_frozen = true;
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    f.q.realm_is_rolled_back = true;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_OPERATOR);
    f.q.resource = BYTES_LIT("arn:aws:iam::1:user/x");
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    f.q.resource = BYTES_LIT("*");
    f.q.action = BYTES_LIT("iam:Freeze");
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    f.q.action = BYTES_LIT("iam:CreateUser");
    expect(&f, POLICY_DENIED, ACCESS_FROZEN);
    f.q.realm_is_frozen = f.q.realm_is_rolled_back = false;
    f.q.resource = BYTES_LIT(ARN);
    /* break-glass */
    f.q.action = BYTES_LIT("kms:ListKeys");
    struct principal_grant *g = grant(&f, "acme", NOW - 1, NOW + 1, S("Allow", "kms:*"));
    expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
    f.q.action = BYTES_LIT("iam:CreateUser");
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_GRANT);
    g->until_ms = NOW;
    expect(&f, POLICY_DENIED, ACCESS_NEEDS_GRANT);
    f.q.realm = "";
    f.q.realm_is_claimed = false;
    expect(&f, POLICY_DENIED, ACCESS_OTHER_REALM);
    done(&f);
}

/* The provider's staff with a grant are not frozen with the tenant: they look, and thaw. */
static void frozen_realm(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "platform");
    grant(&f, "acme", NOW - 1, NOW + 1, S("Allow", "*"));
    f.p.is_person = false; /* so that the three administrators do not come between */
    f.q.realm = "acme";
    static const struct {
        const char *action;
        bool is_left;
    } acts[] = { { "s3:GetObject", false },   { "s3:PutObject", false },
                 { "iam:CreateUser", false }, { "kms:RotateKeyOnDemand", false },
                 { "iam:Unfreeze", true },    { "troth:ReadLog", true },
                 { "iam:ListUsers", true } };
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        f.q.action = bytes_str(acts[i].action);
        f.q.realm_is_frozen = false;
        expect(&f, POLICY_ALLOWED, ACCESS_BY_GRANT);
        f.q.realm_is_frozen = true;
        expect(&f, acts[i].is_left ? POLICY_ALLOWED : POLICY_DENIED,
               acts[i].is_left ? ACCESS_BY_GRANT : ACCESS_FROZEN);
    }
    done(&f);
}

/* --- keys --- */

static struct bytes key_of(const struct policy_key *keys, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_equal_str_nocase(keys[i].name, name)) {
            assert_int_equal(keys[i].count, 1);
            return keys[i].values[0];
        }
    }
    return BYTES_NONE;
}

static void keys(void **state)
{
    (void)state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct bytes lin = BYTES_LIT("lin"), spoof = BYTES_LIT("203.0.113.1");
    struct policy_key own = { BYTES_LIT("aws:username"), &lin, 1 };
    struct policy_key sent = { BYTES_LIT("aws:SourceIp"), &spoof, 1 };
    struct fixture f;
    size_t n = 0;

    start(&f, PRINCIPAL_USER, "acme");
    f.p.keys = &own;
    f.p.key_count = 1;
    f.q.keys = &sent;
    f.q.key_count = 1;
    f.q.mfa_ms = NOW - 61500;
    struct policy_key *k = access_keys_of(&f.q, arena, &n);
    assert_true(bytes_equal_str(key_of(k, n, "aws:CurrentTime"), "2026-09-21T14:13:20.000Z"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:EpochTime"), "1790000000"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:SecureTransport"), "true"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:MultiFactorAuthPresent"), "true"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:MultiFactorAuthAge"), "61"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:SourceIp"), "192.0.2.7"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:username"), "lin"));

    f.q.mfa_ms = 0;
    f.q.is_tls = false;
    f.q.now_ms = 0;
    k = access_keys_of(&f.q, arena, &n);
    assert_true(bytes_equal_str(key_of(k, n, "aws:MultiFactorAuthPresent"), "false"));
    assert_int_equal(key_of(k, n, "aws:MultiFactorAuthAge").n, 0);
    assert_true(bytes_equal_str(key_of(k, n, "aws:SecureTransport"), "false"));
    assert_true(bytes_equal_str(key_of(k, n, "aws:EpochTime"), "0"));
    f.p.token_mfa_ms = f.q.now_ms = NOW;
    f.q.ip = "unix";
    f.q.key_count = 0;
    k = access_keys_of(&f.q, arena, &n);
    assert_true(bytes_equal_str(key_of(k, n, "aws:MultiFactorAuthAge"), "0"));
    assert_int_equal(key_of(k, n, "aws:SourceIp").n, 0);
    assert_true(bytes_equal_str(key_of(k, n, "aws:SecureTransport"), "true"));
    done(&f);
}

/* More keys and policies than the stack has room for. */
static void many(void **state)
{
    (void)state;
    struct policy_key tags[100];
    struct policy_in_force in[100];
    struct bytes value = BYTES_LIT("v");
    char names[100][20];
    struct fixture f;

    start(&f, PRINCIPAL_USER, "acme");
    const struct policy *never = make(&f, POLICY_IDENTITY, S("Allow", "iam:*"));
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "aws:PrincipalTag/%zu", i);
        tags[i] = (struct policy_key){ bytes_str(names[i]), &value, 1 };
        in[i] = (struct policy_in_force){ never, POLICY_LAYER_IDENTITY };
    }
    in[99].policy = make(&f, POLICY_IDENTITY,
                         "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{"
                         "\"StringEquals\":{\"aws:PrincipalTag/99\":\"v\"}}}");
    f.p.policies = in;
    f.p.policy_count = 100;
    f.p.keys = tags;
    f.p.key_count = 100;
    expect(&f, POLICY_ALLOWED, ACCESS_BY_POLICY);
    f.p.key_count = 99;
    expect(&f, POLICY_NOT_ALLOWED, ACCESS_BY_POLICY);
    done(&f);
}

/* --- words --- */

static void says(struct fixture *f, const char *en, const char *zh)
{
    CLEANUP(buf_done_p) struct buf text = BUF(1024);

    access_text(&f->a, &text);
    assert_string_equal(buf_cstr(&text), en);
    buf_reset(&text);
    access_text_zh(&f->a, &text);
    assert_string_equal(buf_cstr(&text), zh);
}

static void words(void **state)
{
    (void)state;
    struct fixture f;

    start(&f, PRINCIPAL_USER, "platform");
    access_decide(&f.q, &f.a);
    says(&f, "not allowed: no statement allows it", "未获允许：没有任何策略语句允许该操作");
    in_force(&f, POLICY_LAYER_IDENTITY, S("Allow", "s3:*"));
    access_decide(&f.q, &f.a);
    says(&f, "allowed: statement 1 of p", "允许：第 1 条策略语句（p）");
    in_force(&f, POLICY_LAYER_BOUNDARY, S("Allow", "iam:*"));
    access_decide(&f.q, &f.a);
    says(&f, "not allowed: the permissions boundary p does not allow it",
         "未获允许：权限边界 p 不允许该操作");
    in_force(&f, POLICY_LAYER_IDENTITY,
             "{\"Sid\":\"No\xe2\x80\xaeX\",\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":"
             "\"*\"}");
    access_decide(&f.q, &f.a);
    says(&f, "denied: statement \"No\\xe2\\x80\\xaeX\" of p",
         "拒绝：策略语句“No\\xe2\\x80\\xaeX”（p）");
    f.q.realm = "acme";
    access_decide(&f.q, &f.a);
    says(&f,
         "denied: needs the leave of tenant acme: ask with \"troth access ask\", or in an "
         "emergency "
         "\"troth access break-glass\"",
         "拒绝：需要租户 acme 的同意：使用 troth access ask 申请，紧急情况下使用 troth access "
         "break-glass");
    f.p.policy_count = 0;
    grant(&f, "acme", NOW, NOW + 1, S("Allow", "s3:*"));
    access_decide(&f.q, &f.a);
    says(&f, "allowed: by grant g-1: statement 1 of p", "允许：依据授权 g-1：第 1 条策略语句（p）");
    f.p.is_frozen = true;
    f.p.why_frozen = "the tenant is frozen";
    access_decide(&f.q, &f.a);
    says(&f, "denied: the tenant is frozen", "拒绝：租户已冻结");
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_realm),
        cmocka_unit_test(frozen_and_expired),
        cmocka_unit_test(other_realms),
        cmocka_unit_test(anonymous),
        cmocka_unit_test(two_administrators),
        cmocka_unit_test(origins),
        cmocka_unit_test(two_administrators_together),
        cmocka_unit_test(grants),
        cmocka_unit_test(grants_within_limits),
        cmocka_unit_test(local_operator),
        cmocka_unit_test(frozen_realm),
        cmocka_unit_test(keys),
        cmocka_unit_test(many),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
