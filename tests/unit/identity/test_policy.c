/* Decisions: actions, resources, layers, principals, trust, what a policy could ever do, what is
 * public. */
#include "testkit.h"

#include "base/json.h"
#include "identity/policy/action.h"
#include "identity/policy/policy.h"
#include "identity/role_builtin.h"

#define ACCOUNT "123456789012"
#define USER    "arn:aws:iam::" ACCOUNT ":user/lin"
#define ROOT    "arn:aws:iam::" ACCOUNT ":root"
#define ROLE    "arn:aws:iam::" ACCOUNT ":role/reader"
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/reader/s1"

static struct policy *compile(enum policy_form form, const char *statements)
{
    CLEANUP(buf_done_p) struct buf json = BUF(POLICY_MAX);
    struct policy *p = NULL;
    struct error e = { 0 };

    buf_addf(&json, "{\"Version\":\"2012-10-17\",\"Statement\":[%s]}", statements);
    assert_ok(policy_compile(buf_bytes(&json), form, "p", &p, &e), e);
    return p;
}

static const struct bytes lin = { (const uint8_t *)"lin", 3 };
static const struct policy_key lin_key[] = { { BYTES_LIT("aws:username"), &lin, 1 } };

static struct policy_request request(const char *action, const char *resource)
{
    return (struct policy_request){ .action = bytes_str(action),
                                    .resource = bytes_str(resource),
                                    .principal_arn = BYTES_LIT(USER),
                                    .principal_account = BYTES_LIT(ACCOUNT),
                                    .keys = lin_key,
                                    .key_count = 1 };
}

static enum policy_verdict decide(const char *statements, const char *action, const char *resource)
{
    CLEANUP(policy_unref_p) struct policy *p = compile(POLICY_IDENTITY, statements);
    struct policy_request rq = request(action, resource);
    struct policy_decision d;

    policy_evaluate(&(struct policy_in_force){ p, POLICY_LAYER_IDENTITY }, 1, &rq, &d);
    return d.verdict;
}

#define S(effect, action, rest) "{\"Effect\":\"" effect "\",\"Action\":\"" action "\"," rest "}"
#define ON(resource)            "\"Resource\":\"" resource "\""

static void actions_in_order(void **state)
{
    (void)state;
    assert_true(action_count <= 512);
    for (size_t i = 0; i < action_count; i++) {
        assert_ptr_equal(action_find(bytes_str(actions[i].name)), &actions[i]);
        assert_true(i == 0 || strcasecmp(actions[i - 1].name, actions[i].name) < 0);
    }
    assert_ptr_equal(action_find(BYTES_LIT("S3:GETOBJECT")),
                     action_find(BYTES_LIT("s3:GetObject")));
    assert_null(action_find(BYTES_LIT("s3:GetObjec")));
    assert_null(action_find(BYTES_LIT("s3:GetObjectX")));
    assert_null(action_find(BYTES_LIT("")));
    assert_null(action_find(BYTES_LIT("zz:Z")));
}

static void each_action(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *action;
        bool want;
    } cases_[] = {
        { "*", "s3:GetObject", true },
        { "*", "none:Such", true },
        { "s3:*", "s3:GetObject", true },
        { "s3:*", "sts:GetSessionToken", false },
        { "s3:getobject", "s3:GetObject", true },
        { "S3:Get*", "s3:GetObject", true },
        { "s3:Get*", "s3:PutObject", false },
        { "s3:*Object", "s3:GetObject", true },
        { "s3:*Object", "s3:GetObjectAcl", false },
        { "s3:?etObject", "s3:GetObject", true },
        { "none:S*", "none:Such", true },
        { "none:S*", "none:such", true },
        { "none:S*", "none:other", false },
        { "s3:GetObject", "s3:GetObjectAcl", false },
    };
    char text[200];

    for (size_t i = 0; i < ARRAY_LEN(cases_); i++) {
        snprintf(text, sizeof(text), S("Allow", "%s", ON("*")), cases_[i].pattern);
        assert_int_equal(decide(text, cases_[i].action, "arn:aws:s3:::b/k"),
                         cases_[i].want ? POLICY_ALLOWED : POLICY_NOT_ALLOWED);
        snprintf(text, sizeof(text),
                 "{\"Effect\":\"Deny\",\"NotAction\":\"%s\",\"Resource\":\"*\"}",
                 cases_[i].pattern);
        assert_int_equal(decide(text, cases_[i].action, "arn:aws:s3:::b/k"),
                         cases_[i].want ? POLICY_NOT_ALLOWED : POLICY_DENIED);
    }
}

static void resources(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *resource;
        bool want;
    } cases_[] = {
        { "*", "arn:aws:s3:::b/k", true },
        { "*", "*", true },
        { "*", "", true },
        { "arn:aws:s3:::b/*", "*", false },
        { "arn:aws:s3:::b/*", "arn:aws:s3:::b/k/l", true },
        { "arn:aws:s3:::b/*", "arn:aws:s3:::b/", true },
        { "arn:aws:s3:::b/*", "arn:aws:s3:::b", false },
        { "arn:aws:s3:::b/*", "arn:aws:s3:::bb/k", false },
        { "arn:aws:s3:::b", "arn:aws:s3:::b", true },
        { "arn:aws:s3:::b", "arn:aws:s3:::b/k", false },
        { "arn:aws:s3:::b*", "arn:aws:s3:::bb/k", true },
        { "arn:aws:s3:::B", "arn:aws:s3:::b", false },
        { "arn:aws:s3:::b/a?c", "arn:aws:s3:::b/abc", true },
        { "arn:aws:s3:::b/a?c", "arn:aws:s3:::b/a中c", true },
        { "arn:aws:s3:::b/a?c", "arn:aws:s3:::b/ac", false },
        { "arn:aws:s3:::b/*/x", "arn:aws:s3:::b/1/2/x", true },
        { "arn:aws:s3:::b/*:x", "arn:aws:s3:::b/1:2:x", true },
        { "arn:*:s3:::b/*", "arn:aws:s3:::b/k", true },
        /* a wildcard stays within its part of the ARN */
        { "arn:aws:iam::*:user/x", "arn:aws:iam::" ACCOUNT ":user/x", true },
        { "arn:aws:iam::1*:user/x", "arn:aws:iam::" ACCOUNT ":role/a:user/x", false },
        { "arn:aws:kms:*:" ACCOUNT ":key/*", "arn:aws:kms:r:" ACCOUNT ":key/1", true },
        { "arn:aws:kms:*:" ACCOUNT ":key/*", "arn:aws:kms:r:9:" ACCOUNT ":key/1", false },
        { "arn:aws:kms:*", "arn:aws:kms:r:" ACCOUNT ":key/1", true },
        { "arn:aws:kms:r", "arn:aws:kms:r:" ACCOUNT ":key/1", true },
        { "arn:aws:kms:r", "arn:aws:kms:q:" ACCOUNT ":key/1", false },
        { "arn:aws:s3", "arn:aws:s3:::b/k", true },
        /* variables, whose value is literal */
        { "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/lin/k", true },
        { "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/wu/k", false },
        { "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/lina/k", false },
        { "arn:aws:s3:::b/${aws:nobody}/*", "arn:aws:s3:::b//k", false },
        { "arn:aws:s3:::b/${aws:nobody, 'd'}/*", "arn:aws:s3:::b/d/k", true },
        { "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", true },
        { "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/k", false },
        { "arn:aws:s3:::b/${?}*", "arn:aws:s3:::b/?k", true },
        { "arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::" ACCOUNT ":user/lin", true },
        { "arn:aws:iam::${aws:username}:user/x", "arn:aws:iam::lin:user/x", true },
    };
    char text[300];

    for (size_t i = 0; i < ARRAY_LEN(cases_); i++) {
        snprintf(text, sizeof(text), S("Allow", "s3:*", ON("%s")), cases_[i].pattern);
        if ((decide(text, "s3:GetObject", cases_[i].resource) == POLICY_ALLOWED) !=
            cases_[i].want) {
            fail_msg("%s on %s", cases_[i].pattern, cases_[i].resource);
        }
        snprintf(text, sizeof(text),
                 "{\"Effect\":\"Deny\",\"Action\":\"*\",\"NotResource\":\"%s\"}",
                 cases_[i].pattern);
        if ((decide(text, "s3:GetObject", cases_[i].resource) == POLICY_DENIED) == cases_[i].want) {
            fail_msg("all but %s on %s", cases_[i].pattern, cases_[i].resource);
        }
    }
}

/* "All but one's own": without a name to be put in, nothing. */
static void not_resource_unresolved(void **state)
{
    (void)state;
    const char *allow = "{\"Effect\":\"Allow\",\"Action\":\"*\",\"NotResource\":\"arn:aws:s3:::b/"
                        "${aws:nobody}/*\"}";
    const char *deny = "{\"Effect\":\"Deny\",\"Action\":\"*\",\"NotResource\":\"arn:aws:s3:::b/"
                       "${aws:nobody}/*\"}";

    assert_int_equal(decide(allow, "s3:GetObject", "arn:aws:s3:::b/x/k"), POLICY_NOT_ALLOWED);
    assert_int_equal(decide(deny, "s3:GetObject", "arn:aws:s3:::b/x/k"), POLICY_DENIED);
}

static void glob_is_bounded(void **state)
{
    (void)state;
    CLEANUP(buf_done_p) struct buf pattern = BUF(POLICY_MAX), text = BUF(1 << 16);

    for (int i = 0; i < 120; i++) {
        buf_add_str(&pattern, "*a");
    }
    buf_add_str(&pattern, "*b");
    for (int i = 0; i < 8192; i++) {
        buf_add_u8(&text, 'a');
    }
    assert_false(policy_glob(buf_bytes(&pattern), buf_bytes(&text)));
    assert_true(policy_glob(BYTES_LIT("**a*?"), BYTES_LIT("xab")));
    assert_true(policy_glob(BYTES_LIT(""), BYTES_LIT("")));
    assert_true(policy_glob(BYTES_LIT("*"), BYTES_LIT("")));
    assert_false(policy_glob(BYTES_LIT("?"), BYTES_LIT("")));
    assert_true(policy_glob(BYTES_LIT("?"), BYTES_LIT("中")));
    assert_false(policy_glob(BYTES_LIT("*??"), BYTES_LIT("中")));
    CLEANUP(buf_done_p) struct buf s = BUF(POLICY_MAX);
    buf_addf(&s, S("Allow", "s3:*", ON("arn:aws:s3::*:%s")), buf_cstr(&pattern));
    CLEANUP(buf_done_p) struct buf r = BUF(1 << 16);
    buf_addf(&r, "arn:aws:s3:::%s", buf_cstr(&text));
    assert_int_equal(decide(buf_cstr(&s), "s3:GetObject", buf_cstr(&r)), POLICY_NOT_ALLOWED);
}

/* --- layers --- */

#define ANY_S3  S("Allow", "s3:*", ON("*"))
#define ANY_IAM S("Allow", "iam:*", ON("*"))
#define NO_S3                                                                                      \
    "{\"Sid\":\"NoS3\","                                                                           \
    "\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}"
#define BUCKET(effect, who)                                                                        \
    "{\"Effect\":\"" effect "\",\"Principal\":" who ",\"Action\":\"s3:*\",\"Resource\":\"*\"}"

static void layers(void **state)
{
    (void)state;
    static const struct {
        const char *identity, *resource, *boundary, *session;
        enum policy_verdict want;
        enum policy_layer layer; /* that decides */
        bool has_policy;
    } cases_[] = {
        { ANY_S3, NULL, NULL, NULL, POLICY_ALLOWED, POLICY_LAYER_IDENTITY, true },
        { ANY_IAM, NULL, NULL, NULL, POLICY_NOT_ALLOWED, POLICY_LAYER_IDENTITY, false },
        { NULL, NULL, NULL, NULL, POLICY_NOT_ALLOWED, POLICY_LAYER_IDENTITY, false },
        { NULL, BUCKET("Allow", "\"*\""), NULL, NULL, POLICY_ALLOWED, POLICY_LAYER_RESOURCE, true },
        { ANY_S3, BUCKET("Deny", "\"*\""), NULL, NULL, POLICY_DENIED, POLICY_LAYER_RESOURCE, true },
        { ANY_S3 "," NO_S3, NULL, NULL, NULL, POLICY_DENIED, POLICY_LAYER_IDENTITY, true },
        { ANY_S3, NULL, ANY_IAM, NULL, POLICY_NOT_ALLOWED, POLICY_LAYER_BOUNDARY, true },
        { ANY_S3, NULL, ANY_S3, NULL, POLICY_ALLOWED, POLICY_LAYER_IDENTITY, true },
        { ANY_S3, NULL, NO_S3, NULL, POLICY_DENIED, POLICY_LAYER_BOUNDARY, true },
        { ANY_S3, NULL, NULL, ANY_IAM, POLICY_NOT_ALLOWED, POLICY_LAYER_SESSION, true },
        { ANY_S3, NULL, ANY_IAM, NO_S3, POLICY_DENIED, POLICY_LAYER_SESSION, true },
        { ANY_S3, NULL, ANY_IAM, ANY_IAM, POLICY_NOT_ALLOWED, POLICY_LAYER_BOUNDARY, true },
        { NULL, BUCKET("Allow", "\"*\""), ANY_IAM, NULL, POLICY_NOT_ALLOWED, POLICY_LAYER_BOUNDARY,
          true },
        { NULL, BUCKET("Allow", "\"*\""), NULL, ANY_IAM, POLICY_NOT_ALLOWED, POLICY_LAYER_SESSION,
          true },
        { NULL, NULL, ANY_S3, ANY_S3, POLICY_NOT_ALLOWED, POLICY_LAYER_IDENTITY, false },
        { ANY_IAM, NULL, ANY_IAM, NULL, POLICY_NOT_ALLOWED, POLICY_LAYER_IDENTITY, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases_); i++) {
        const char *texts[] = { cases_[i].identity, cases_[i].resource, cases_[i].boundary,
                                cases_[i].session };
        struct policy_in_force in[4];
        struct policy *made[4];
        size_t n = 0;
        for (size_t k = 0; k < 4; k++) {
            if (texts[k] != NULL) {
                made[n] = compile(k == 1 ? POLICY_RESOURCE : POLICY_IDENTITY, texts[k]);
                in[n] = (struct policy_in_force){ made[n], (enum policy_layer)k };
                n++;
            }
        }
        struct policy_request rq = request("s3:GetObject", "arn:aws:s3:::b/k");
        struct policy_decision d;
        policy_evaluate(in, n, &rq, &d);
        if (d.verdict != cases_[i].want || d.layer != cases_[i].layer ||
            (d.policy != NULL) != cases_[i].has_policy) {
            fail_msg("case %zu: %s in layer %d", i, policy_verdict_name(d.verdict), (int)d.layer);
        }
        if (d.verdict == POLICY_DENIED && texts[d.layer] != NULL &&
            strstr(texts[d.layer], "NoS3") != NULL) {
            assert_true(bytes_equal_str(d.sid, "NoS3"));
        }
        for (size_t k = 0; k < n; k++) {
            policy_unref(made[k]);
        }
    }
}

static void names_the_statement(void **state)
{
    (void)state;
    CLEANUP(policy_unref_p)
    struct policy *p = compile(POLICY_IDENTITY, ANY_IAM
                               "," S("Allow", "s3:Get*", "\"Sid\":\"Two\"," ON("*")) "," ANY_S3);
    struct policy_request rq = request("s3:GetObject", "*");
    struct policy_decision d;

    assert_int_equal(policy_statements(p), 3);
    policy_evaluate(&(struct policy_in_force){ p, POLICY_LAYER_IDENTITY }, 1, &rq, &d);
    assert_ptr_equal(d.policy, p);
    assert_int_equal(d.statement, 1);
    assert_true(bytes_equal_str(d.sid, "Two"));
    assert_string_equal(policy_name(d.policy), "p");
    rq.action = BYTES_LIT("s3:PutObject");
    policy_evaluate(&(struct policy_in_force){ p, POLICY_LAYER_IDENTITY }, 1, &rq, &d);
    assert_int_equal(d.statement, 2);
    assert_int_equal(d.sid.n, 0);
}

/* --- principals --- */

struct asker {
    const char *arn, *role, *account, *issuer;
};
static const struct asker a_user = { USER, "", ACCOUNT, "" };
static const struct asker a_root = { ROOT, "", ACCOUNT, "" };
static const struct asker a_session = { SESSION, ROLE, ACCOUNT, "" };
static const struct asker a_stranger = { "arn:aws:iam::999999999999:user/lin", "", "999999999999",
                                         "" };
static const struct asker a_nobody = { "", "", "", "" };
static const struct asker a_web = { "", "", ACCOUNT, "https://id.example/realm/" };

static bool lets(enum policy_form form, const char *effect, const char *element, const char *who,
                 const struct asker *a)
{
    CLEANUP(buf_done_p) struct buf s = BUF(4096);
    struct policy_decision d;
    bool is_trust = form == POLICY_TRUST;

    buf_addf(&s, "{\"Effect\":\"%s\",\"%s\":%s,\"Action\":\"%s\"%s}", effect, element, who,
             is_trust ? "sts:AssumeRole" : "s3:*", is_trust ? "" : ",\"Resource\":\"*\"");
    CLEANUP(policy_unref_p) struct policy *p = compile(form, buf_cstr(&s));
    struct policy_request rq = { .action = bytes_str(is_trust ? "sts:AssumeRole" : "s3:GetObject"),
                                 .resource = BYTES_LIT("arn:aws:s3:::b/k"),
                                 .principal_arn = bytes_str(a->arn),
                                 .principal_role = bytes_str(a->role),
                                 .principal_account = bytes_str(a->account),
                                 .principal_federated = bytes_str(a->issuer) };
    if (is_trust) {
        policy_evaluate_trust(p, &rq, &d);
    } else {
        policy_evaluate(&(struct policy_in_force){ p, POLICY_LAYER_RESOURCE }, 1, &rq, &d);
    }
    return d.verdict != POLICY_NOT_ALLOWED;
}

static void principals(void **state)
{
    (void)state;
    static const struct {
        const char *who;
        const struct asker *asker;
        bool resource, trust;
    } cases_[] = {
        { "\"*\"", &a_nobody, true, true },
        { "{\"AWS\":\"*\"}", &a_stranger, true, true },
        { "{\"AWS\":\"" USER "\"}", &a_user, true, true },
        { "{\"AWS\":[\"arn:aws:iam::" ACCOUNT ":user/wu\",\"" USER "\"]}", &a_user, true, true },
        { "{\"AWS\":\"" USER "\"}", &a_session, false, false },
        { "{\"AWS\":\"" USER "\"}", &a_stranger, false, false },
        { "{\"AWS\":\"" USER "\"}", &a_nobody, false, false },
        { "{\"AWS\":\"arn:aws:iam::" ACCOUNT ":user/li\"}", &a_user, false, false },
        { "{\"AWS\":\"" ROLE "\"}", &a_session, true, true },
        { "{\"AWS\":\"" SESSION "\"}", &a_session, true, true },
        { "{\"AWS\":\"" SESSION "2\"}", &a_session, false, false },
        { "{\"AWS\":\"" ROLE "\"}", &a_user, false, false },
        /* a whole account: its own policies decide; a role's trust takes it at its word */
        { "{\"AWS\":\"" ACCOUNT "\"}", &a_user, false, true },
        { "{\"AWS\":\"" ROOT "\"}", &a_user, false, true },
        { "{\"AWS\":\"" ROOT "\"}", &a_root, true, true },
        { "{\"AWS\":\"" ACCOUNT "\"}", &a_stranger, false, false },
        { "{\"AWS\":\"" ACCOUNT "\"}", &a_nobody, false, false },
        { "{\"Service\":\"ec2.amazonaws.com\"}", &a_user, false, false },
        { "{\"Federated\":\"arn:aws:iam::" ACCOUNT ":oidc-provider/id.example/realm\"}", &a_web,
          true, true },
        { "{\"Federated\":\"https://id.example/realm\"}", &a_web, true, true },
        { "{\"Federated\":\"id.example/real\"}", &a_web, false, false },
        { "{\"Federated\":\"id.example/realm\"}", &a_user, false, false },
        { "{\"Service\":\"x.amazonaws.com\",\"AWS\":\"" USER "\"}", &a_user, true, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases_); i++) {
        if (lets(POLICY_RESOURCE, "Allow", "Principal", cases_[i].who, cases_[i].asker) !=
                    cases_[i].resource ||
            lets(POLICY_TRUST, "Allow", "Principal", cases_[i].who, cases_[i].asker) !=
                    cases_[i].trust) {
            fail_msg("case %zu: %s", i, cases_[i].who);
        }
        /* a Deny counts an account's people in */
        assert_int_equal(lets(POLICY_RESOURCE, "Deny", "Principal", cases_[i].who, cases_[i].asker),
                         cases_[i].trust);
        assert_int_equal(
                lets(POLICY_RESOURCE, "Deny", "NotPrincipal", cases_[i].who, cases_[i].asker),
                !cases_[i].trust);
    }
}

static void trust_denies(void **state)
{
    (void)state;
    CLEANUP(policy_unref_p)
    struct policy *p =
            compile(POLICY_TRUST,
                    "{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"" ACCOUNT
                    "\"},\"Action\":\"sts:AssumeRole\"},{\"Sid\":\"NoLin\",\"Effect\":\"Deny\","
                    "\"Principal\":{\"AWS\":\"" USER "\"},\"Action\":\"sts:*\"}");
    struct policy_request rq = request("sts:AssumeRole", "");
    struct policy_decision d;

    policy_evaluate_trust(p, &rq, &d);
    assert_int_equal(d.verdict, POLICY_DENIED);
    assert_true(bytes_equal_str(d.sid, "NoLin"));
    rq.principal_arn = BYTES_LIT("arn:aws:iam::" ACCOUNT ":user/wu");
    policy_evaluate_trust(p, &rq, &d);
    assert_int_equal(d.verdict, POLICY_ALLOWED);
    rq.action = BYTES_LIT("sts:AssumeRoleWithWebIdentity");
    policy_evaluate_trust(p, &rq, &d);
    assert_int_equal(d.verdict, POLICY_NOT_ALLOWED);
}

/* --- reach --- */

static void may_allow(void **state)
{
    (void)state;
    CLEANUP(policy_unref_p)
    struct policy *p = compile(
            POLICY_IDENTITY, S("Allow", "kms:*",
                               ON("arn:aws:kms:*:*:key/1") ",\"Condition\":{\"Bool\":{\"a:b\":"
                                                           "true}}") "," S("Deny", "kms:CreateKey",
                                                                           ON("*")) "," NO_S3);

    assert_true(policy_may_allow(p, BYTES_LIT("kms:CreateKey")));
    assert_true(policy_may_allow(p, BYTES_LIT("KMS:Unheard")));
    assert_false(policy_may_allow(p, BYTES_LIT("s3:GetObject")));
    CLEANUP(policy_unref_p)
    struct policy *q = compile(POLICY_IDENTITY,
                               "{\"Effect\":\"Allow\",\"NotAction\":\"kms:*\",\"Resource\":\"*\"}");
    assert_false(policy_may_allow(q, BYTES_LIT("kms:CreateKey")));
    assert_true(policy_may_allow(q, BYTES_LIT("iam:CreateUser")));
    assert_true(policy_may_allow(q, BYTES_LIT("no:Such")));
}

#define PUBLIC(who, condition)                                                                     \
    "{\"Effect\":\"Allow\",\"Principal\":" who                                                     \
    ",\"Action\":\"s3:GetObject\",\"Resource\":\"*\",\"Condition\":{" condition "}}"

static void public_policies(void **state)
{
    (void)state;
    static const struct {
        const char *statement;
        bool want;
    } cases_[] = {
        { PUBLIC("\"*\"", ""), true },
        { PUBLIC("{\"AWS\":\"*\"}", ""), true },
        { PUBLIC("{\"AWS\":[\"" USER "\",\"*\"]}", ""), true },
        { PUBLIC("{\"AWS\":\"" USER "\"}", ""), false },
        { PUBLIC("{\"AWS\":\"" ACCOUNT "\"}", ""), false },
        { BUCKET("Deny", "\"*\""), false },
        { PUBLIC("\"*\"", "\"Bool\":{\"aws:SecureTransport\":true}"), true },
        { PUBLIC("\"*\"", "\"StringEquals\":{\"aws:Referer\":\"x\"}"), true },
        { PUBLIC("\"*\"", "\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}"), false },
        { PUBLIC("\"*\"", "\"IpAddress\":{\"aws:sourceip\":[\"192.0.2.1\",\"2001:db8::/32\"]}"),
          false },
        { PUBLIC("\"*\"", "\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/0\"}"), true },
        { PUBLIC("\"*\"", "\"IpAddress\":{\"aws:SourceIp\":[\"0.0.0.0/1\",\"128.0.0.0/1\"]}"),
          true },
        { PUBLIC("\"*\"", "\"IpAddress\":{\"aws:SourceIp\":[\"192.0.2.1\",\"::/0\"]}"), true },
        { PUBLIC("\"*\"", "\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}"), true },
        { PUBLIC("\"*\"", "\"IpAddressIfExists\":{\"aws:SourceIp\":\"10.0.0.0/8\"}"), true },
        { PUBLIC("\"*\"", "\"ForAllValues:IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}"), true },
        { PUBLIC("\"*\"", "\"StringEquals\":{\"aws:PrincipalAccount\":\"" ACCOUNT "\"}"), false },
        { PUBLIC("\"*\"", "\"StringNotEquals\":{\"aws:PrincipalAccount\":\"" ACCOUNT "\"}"), true },
        { PUBLIC("\"*\"", "\"StringLike\":{\"aws:PrincipalAccount\":\"*\"}"), true },
        { PUBLIC("\"*\"", "\"StringEquals\":{\"aws:PrincipalAccount\":\"${aws:x, '1'}\"}"), true },
        { PUBLIC("\"*\"", "\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::" ACCOUNT ":*\"}"),
          false },
        { PUBLIC("\"*\"", "\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:user/lin\"}"), true },
        { PUBLIC("\"*\"", "\"ArnLike\":{\"aws:PrincipalArn\":\"*\"}"), true },
        { BUCKET("Allow", "{\"AWS\":\"" USER "\"}") "," PUBLIC("\"*\"", ""), true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases_); i++) {
        CLEANUP(policy_unref_p) struct policy *p = compile(POLICY_RESOURCE, cases_[i].statement);
        if (policy_is_public(p) != cases_[i].want) {
            fail_msg("case %zu: %s", i, cases_[i].statement);
        }
    }
}

static void builtin_roles_compile(void **state)
{
    (void)state;
    struct error e = { 0 };

    for (const struct role_builtin *r = role_builtins; r->name != NULL; r++) {
        CLEANUP(policy_unref_p) struct policy *p = NULL;
        assert_ok(policy_compile(bytes_str(r->document), POLICY_IDENTITY, r->name, &p, &e), e);
    }
}

/* Counted: the last one frees it. */
static void references(void **state)
{
    (void)state;
    struct policy *p = compile(POLICY_IDENTITY, ANY_S3);

    policy_unref(policy_ref(p));
    assert_int_equal(policy_statements(p), 1);
    policy_unref(p);
    policy_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_in_order),    cmocka_unit_test(each_action),
        cmocka_unit_test(resources),           cmocka_unit_test(not_resource_unresolved),
        cmocka_unit_test(glob_is_bounded),     cmocka_unit_test(layers),
        cmocka_unit_test(names_the_statement), cmocka_unit_test(principals),
        cmocka_unit_test(trust_denies),        cmocka_unit_test(may_allow),
        cmocka_unit_test(public_policies),     cmocka_unit_test(builtin_roles_compile),
        cmocka_unit_test(references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
