/* IAM by the query protocol, with everything behind it. */
#include "query_kit.h"

#include "ledger/client.h"
#include "ledger/entry.h"

/* --- the protocol --- */

static void test_protocol(void **state)
{
    struct credentials wrong = acme, gone = acme;
    (void)state;
    const struct answer *a = query(house, &acme, "sts", form("GetCallerIdentity", NULL));
    assert_int_equal(a->status, 200);
    assert_string_equal(answer_element(a, "Account"), acme.account);
    assert_string_equal(answer_element(a, "Arn"), arn("user/root"));
    wrong.secret[4] ^= 1;
    gone.id[5] = gone.id[5] == 'A' ? 'B' : 'A';
    const char *who = "Action=GetCallerIdentity&Version=2011-06-15";
    query_expect(house, &wrong, "sts", who, 403, "SignatureDoesNotMatch");
    query_expect(house, &gone, "sts", who, 403, "InvalidClientTokenId");
    query_expect(house, NULL, NULL, who, 403, "MissingAuthenticationToken");
    query_expect(house, &acme, "iam", who, 400, "InvalidAction");
    query_expect(house, &acme, "sts", "Action=GetCallerIdentity&Version=2000-01-01", 400,
                 "InvalidAction");
    query_expect(house, &acme, "sts", form("GetFederationToken", NULL), 501, "NotImplemented");
    iam(501, "NotImplemented", form("CreateSAMLProvider", NULL));
    iam(400, "InvalidAction", form("DropEverything", NULL));
    iam(400, "ValidationError", form("CreateUser", NULL));
    iam(400, "ValidationError", form("GetUser", "Nonsense", "1", NULL));
    iam(400, "ValidationError", "Action=GetUser&Version=2010-05-08&UserName=a&UserName=b");
    iam(400, "ValidationError", "Action=GetUser&Version=2010-05-08&UserName=%zz");
    iam(400, "ValidationError", "Action=GetUser&Version=2010-05-08&UserName=%00");
    iam(400, "ValidationError", "Action=GetUser&Version=2010-05-08&User%20Name=a");
    iam(400, "ValidationError", form("ListUsers", "MaxItems", "0", NULL));
}

static void test_signature(void **state)
{
    struct answer a = { 0 };
    char digest[] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct ask q = { .as = &acme,
                     .method = "POST",
                     .target = "/",
                     .service = "sts",
                     .body = BYTES_LIT("Action=GetCallerIdentity&Version=2011-06-15"),
                     .heads = HEADS({ "x-amz-content-sha256", digest }) };
    (void)state;
    house_ask(house, &q, &a); /* a digest that is signed and not the body's */
    assert_int_equal(a.status, 403);
    assert_string_equal(answer_element(&a, "Code"), "SignatureDoesNotMatch");
    answer_done(&a);
    q.heads = HEADS({ "x-amz-content-sha256", "UNSIGNED-PAYLOAD" });
    house_ask(house, &q, &a);
    assert_int_equal(a.status, 403);
    answer_done(&a);
    q.heads = NULL;
    q.clock_off_ms = -16 * 60 * 1000;
    house_ask(house, &q, &a);
    assert_int_equal(a.status, 403);
    answer_done(&a);
    q.clock_off_ms = 0;
    q.method = "DELETE";
    house_ask(house, &q, &a);
    assert_int_equal(a.status, 405);
    answer_done(&a);
    q.method = "GET"; /* the parameters in the target */
    q.body = BYTES_NONE;
    q.target = "/?Action=GetCallerIdentity&Version=2011-06-15";
    house_ask(house, &q, &a);
    assert_int_equal(a.status, 200);
    answer_done(&a);
}

/* --- the form --- */

static RESULT parse(struct bytes in, struct form *f)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct error e;
    f->n = 0;
    return form_parse(f, in, arena, &e);
}

/* Every truncation and every flipped bit of a good body: taken as plain text or refused. */
static void test_form(void **state)
{
    static struct form f;
    uint8_t text[] = "Action=GetUser&UserName=%E4%B8%AD+b&Empty=&Bare&Tags.member.1.Key=a%26b";
    size_t n = sizeof(text) - 1;
    (void)state;
    assert_code(parse(bytes_of(text, n), &f), ERRC_OK);
    assert_int_equal(f.n, 5);
    for (size_t i = 0; i < n; i++) {
        (void)result_is_ok(parse(bytes_of(text, i), &f));
        assert_true(f.n <= 5);
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] ^= (uint8_t)(1u << bit);
            (void)result_is_ok(parse(bytes_of(text, n), &f));
            assert_true(f.n <= 6);
            text[i] ^= (uint8_t)(1u << bit);
        }
    }
    static const char *const bad[] = { "a=%", "a=%4",    "a=%00", "a=%ff", "a%20=1",
                                       "=1",  "a=1&a=2", "a=%1b", "a=%7f", "a=\xc0\xaf" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(parse(bytes_str(bad[i]), &f), ERRC_FORMAT);
    }
    CLEANUP(buf_done_p) struct buf many = BUF(1 << 16);
    for (int i = 0; i <= FORM_PARAMS_MAX; i++) {
        buf_addf(&many, "p%d=1&", i);
    }
    assert_code(parse(buf_bytes(&many), &f), ERRC_LIMIT);
}

/* --- users, keys, groups --- */

/*= 2.2.2-1 test */
static void test_users(void **state)
{
    (void)state;
    iam(200, NULL,
        form("CreateUser", "UserName", "lin", "Path", "/team/", "Tags.member.1.Key", "dept",
             "Tags.member.1.Value", "ops", NULL));
    iam(409, "EntityAlreadyExists", form("CreateUser", "UserName", "LIN", NULL));
    iam(400, "ValidationError", form("CreateUser", "UserName", "l\xc3\xadn", NULL));
    iam(400, "InvalidInput",
        form("CreateUser", "UserName", "orphan", "Tags.member.1.Key", "owner",
             "Tags.member.1.Value", "nobody", NULL));
    assert_string_equal(element(form("GetUser", "UserName", "lin", NULL), "Arn"),
                        arn("user/team/lin"));
    assert_string_equal(element(form("GetUser", "UserName", "lin", NULL), "Value"), "ops");
    assert_string_equal(element(form("GetUser", NULL), "UserName"), "root");
    iam(200, NULL,
        form("TagUser", "UserName", "lin", "Tags.member.1.Key", "a<b", "Tags.member.1.Value", "&",
             NULL));
    assert_int_equal(count(form("ListUserTags", "UserName", "lin", NULL), "<Key>"), 2);
    iam(200, NULL,
        form("UntagUser", "UserName", "lin", "TagKeys.member.1", "a<b", "TagKeys.member.2", "none",
             NULL));
    assert_int_equal(count(form("ListUserTags", "UserName", "lin", NULL), "<Key>"), 1);
    iam(200, NULL,
        form("UpdateUser", "UserName", "lin", "NewUserName", "lin2", "NewPath", "/", NULL));
    iam(404, "NoSuchEntity", form("GetUser", "UserName", "lin", NULL));
    iam(200, NULL, form("DeleteUser", "UserName", "lin2", NULL));
    iam(404, "NoSuchEntity", form("DeleteUser", "UserName", "lin2", NULL));
    iam(403, "AccessDenied", form("DeleteUser", "UserName", "root", NULL));
}

static void test_pages(void **state)
{
    char name[32];
    const char *marker = "";
    unsigned n = 0, pages = 0;
    (void)state;
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "page-%d", i);
        iam(200, NULL, form("CreateUser", "UserName", name, "Path", "/pages/", NULL));
    }
    for (bool more = true; more; pages++) {
        const char *text = form("ListUsers", "PathPrefix", "/pages/", "MaxItems", "3",
                                marker[0] != '\0' ? "Marker" : NULL, marker, NULL);
        n += count(text, "<UserName>");
        more = strcmp(element(text, "IsTruncated"), "true") == 0;
        marker = more ? strcpy(name, element(text, "Marker")) : "";
    }
    assert_int_equal(n, 7);
    assert_int_equal(pages, 3);
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "page-%d", i);
        iam(200, NULL, form("DeleteUser", "UserName", name, NULL));
    }
}

/*= 2.2.2-2 test */
static void test_access_keys(void **state)
{
    struct credentials key;
    char id[32];
    (void)state;
    user_make("keys", NULL, &key);
    query_expect(house, &key, "sts", form("GetCallerIdentity", NULL), 200, NULL);
    iam(200, NULL, form("CreateAccessKey", "UserName", "keys", NULL));
    iam(409, "LimitExceeded", form("CreateAccessKey", "UserName", "keys", NULL));
    iam(409, "DeleteConflict", form("DeleteUser", "UserName", "keys", NULL));
    iam(400, "ValidationError",
        form("UpdateAccessKey", "UserName", "keys", "AccessKeyId", key.id, "Status", "Off", NULL));
    iam(200, NULL,
        form("UpdateAccessKey", "UserName", "keys", "AccessKeyId", key.id, "Status", "Inactive",
             NULL));
    query_expect(house, &key, "sts", form("GetCallerIdentity", NULL), 403, "InvalidClientTokenId");
    iam(404, "NoSuchEntity",
        form("DeleteAccessKey", "UserName", "root", "AccessKeyId", key.id, NULL));
    iam(200, NULL, form("DeleteAccessKey", "UserName", "keys", "AccessKeyId", key.id, NULL));
    snprintf(id, sizeof(id), "%s",
             element(form("ListAccessKeys", "UserName", "keys", NULL), "AccessKeyId"));
    assert_string_equal(element(form("GetAccessKeyLastUsed", "AccessKeyId", id, NULL), "UserName"),
                        "keys");
    iam(404, "NoSuchEntity", form("GetAccessKeyLastUsed", "AccessKeyId", beta.id, NULL));
    iam(200, NULL, form("DeleteAccessKey", "UserName", "keys", "AccessKeyId", id, NULL));
    iam(200, NULL, form("DeleteUser", "UserName", "keys", NULL));
}

static void test_groups(void **state)
{
    struct credentials key;
    (void)state;
    user_make("member", NULL, &key);
    iam(200, NULL, form("CreateGroup", "GroupName", "readers", NULL));
    iam(200, NULL,
        form("PutGroupPolicy", "GroupName", "readers", "PolicyName", "list", "PolicyDocument",
             HOLDER "\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}]}", NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 403, "AccessDenied");
    iam(200, NULL, form("AddUserToGroup", "GroupName", "readers", "UserName", "member", NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    assert_int_equal(count(form("GetGroup", "GroupName", "readers", NULL), "<UserName>"), 1);
    assert_int_equal(count(form("ListGroupsForUser", "UserName", "member", NULL), "<GroupName>"),
                     1);
    iam(409, "DeleteConflict", form("DeleteGroup", "GroupName", "readers", NULL));
    iam(200, NULL, form("RemoveUserFromGroup", "GroupName", "readers", "UserName", "member", NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 403, "AccessDenied");
    iam(200, NULL, form("DeleteGroupPolicy", "GroupName", "readers", "PolicyName", "list", NULL));
    iam(200, NULL, form("DeleteGroup", "GroupName", "readers", NULL));
    assert_int_equal(count(form("ListGroups", NULL), "<GroupName>"), 0);
}

/* --- policies --- */

static void test_policies(void **state)
{
    struct credentials key;
    const char *read = HOLDER "\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}]}";
    const char *deny = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Action\":"
                       "\"s3:*\",\"Resource\":\"*\"}}";
    (void)state;
    user_make("policed", NULL, &key);
    iam(400, "MalformedPolicyDocument",
        form("CreatePolicy", "PolicyName", "bad", "PolicyDocument", "{}", NULL));
    iam(400, "MalformedPolicyDocument",
        form("PutUserPolicy", "UserName", "policed", "PolicyName", "x", "PolicyDocument",
             HOLDER "\"*:Get\",\"Resource\":\"*\"}]}", NULL));
    iam(200, NULL,
        form("CreatePolicy", "PolicyName", "read", "PolicyDocument", read, "Path", "/p/", NULL));
    const char *policy = arn("policy/p/read");
    iam(200, NULL, form("AttachUserPolicy", "UserName", "policed", "PolicyArn", policy, NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    assert_string_equal(element(form("GetPolicy", "PolicyArn", policy, NULL), "AttachmentCount"),
                        "1");
    assert_int_equal(
            count(form("ListEntitiesForPolicy", "PolicyArn", policy, NULL), "<UserName>policed"),
            1);
    iam(409, "DeleteConflict", form("DeletePolicy", "PolicyArn", policy, NULL));
    iam(200, NULL,
        form("CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", deny, "SetAsDefault",
             "true", NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 403, "AccessDenied");
    iam(409, "DeleteConflict",
        form("DeletePolicyVersion", "PolicyArn", policy, "VersionId", "v2", NULL));
    iam(200, NULL, form("SetDefaultPolicyVersion", "PolicyArn", policy, "VersionId", "v1", NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    iam(200, NULL, form("DeletePolicyVersion", "PolicyArn", policy, "VersionId", "v2", NULL));
    for (int i = 0; i < 4; i++) {
        iam(200, NULL,
            form("CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", read, NULL));
    }
    iam(409, "LimitExceeded",
        form("CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", read, NULL));
    assert_int_equal(count(form("ListPolicyVersions", "PolicyArn", policy, NULL), "<VersionId>"),
                     5);
    iam(404, "NoSuchEntity",
        form("GetPolicyVersion", "PolicyArn", policy, "VersionId", "v99", NULL));
    iam(404, "NoSuchEntity",
        form("AttachUserPolicy", "UserName", "policed", "PolicyArn",
             "arn:aws:iam::aws:policy/AdministratorAccess", NULL));
    assert_int_equal(
            count(form("ListAttachedUserPolicies", "UserName", "policed", NULL), "<PolicyArn>"), 1);
    iam(200, NULL, form("DetachUserPolicy", "UserName", "policed", "PolicyArn", policy, NULL));
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 403, "AccessDenied");
}

#define NARROW HOLDER "\"s3:GetObject\",\"Resource\":\"*\"}]}"

struct looked {
    unsigned outcomes, with_before;
    size_t longest;
};

static struct result look(void *arg, const struct ledger_record *r, struct error *e)
{
    struct looked *l = arg;
    struct entry en;
    TRY(entry_parse(r->leaf, &en, e));
    if (strcmp(en.kind, "policy.put-inline") == 0 &&
        bytes_find(r->payload, BYTES_LIT("\"phase\":\"outcome\"")) < r->payload.n &&
        bytes_find(r->payload, BYTES_LIT("user/lengthy\"")) < r->payload.n) {
        assert_true(bytes_find(r->payload, BYTES_LIT("\"after\":")) < r->payload.n);
        l->outcomes++;
        l->with_before += bytes_find(r->payload, BYTES_LIT("\"before\":")) < r->payload.n;
        l->longest = MAX(l->longest, r->payload.n);
    }
    return RESULT_OK;
}

/* Documents that double in an entry: what came of a change is there whatever was before it. */
/*= 2.1.5-3 test */
static void test_long_documents(void **state)
{
    struct credentials key;
    struct looked l = { 0 };
    struct ledger_status now;
    struct error e = { 0 };
    CLEANUP(buf_done_p) struct buf wide = BUF(POLICY_MAX);
    (void)state;
    user_make("lengthy", NULL, &key);
    buf_add_str(&wide, NARROW);
    while (wide.n < POLICY_MAX - 200) {
        buf_add_u8(&wide, '\n');
    }
    const char *const documents[] = { NARROW, NARROW, buf_cstr(&wide), buf_cstr(&wide) };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        iam(200, NULL,
            form("PutUserPolicy", "UserName", "lengthy", "PolicyName", "p", "PolicyDocument",
                 documents[i], NULL));
    }
    assert_ok(ledger_get_status(house_scribe(house), "acme", &now, &e), e);
    assert_ok(ledger_read(house_scribe(house), "acme", 0, now.size, look, &l, &e), e);
    assert_int_equal(l.outcomes, 4);
    assert_int_equal(l.with_before, 2); /* nothing before the first; no room in the last */
    assert_true(l.longest > LEDGER_PAYLOAD_MAX / 2);
}

static void test_boundary(void **state)
{
    struct credentials key;
    (void)state;
    user_make("bounded", HOLDER "[\"s3:*\",\"iam:*\"],\"Resource\":\"*\"}]}", &key);
    query_expect(house, &key, "iam", form("ListUsers", NULL), 200, NULL);
    iam(200, NULL,
        form("CreatePolicy", "PolicyName", "only-s3", "PolicyDocument",
             HOLDER "\"s3:*\",\"Resource\":\"*\"}]}", NULL));
    iam(200, NULL,
        form("PutUserPermissionsBoundary", "UserName", "bounded", "PermissionsBoundary",
             arn("policy/only-s3"), NULL));
    query_expect(house, &key, "iam", form("ListUsers", NULL), 403, "AccessDenied");
    s3_expect(house, &key, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    iam(200, NULL, form("DeleteUserPermissionsBoundary", "UserName", "bounded", NULL));
    query_expect(house, &key, "iam", form("ListUsers", NULL), 200, NULL);
}

/*= 2.1.4-5 test */
static void test_tenants_apart(void **state)
{
    char role[128];
    (void)state;
    iam(200, NULL, form("CreateUser", "UserName", "mine", NULL));
    query_expect(house, &beta, "iam", form("GetUser", "UserName", "mine", NULL), 404,
                 "NoSuchEntity");
    query_expect(house, &beta, "iam", form("GetPolicy", "PolicyArn", arn("policy/only-s3"), NULL),
                 404, "NoSuchEntity");
    snprintf(role, sizeof(role), "arn:aws:iam::%s:role/storage-owner", beta.account);
    query_expect(house, &acme, "sts",
                 form("AssumeRole", "RoleArn", role, "RoleSessionName", "x1", NULL), 403,
                 "AccessDenied");
    query_expect(house, &acme, "sts",
                 form("AssumeRole", "RoleArn", "arn:aws:iam::999999999999:role/x",
                      "RoleSessionName", "x1", NULL),
                 403, "AccessDenied");
}

/* --- the rest --- */

static void test_account(void **state)
{
    struct credentials key;
    (void)state;
    user_make("simulated", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &key);
    assert_true(count(form("GetAccountSummary", NULL), "<entry>") >= 8);
    const char *text = form("SimulatePrincipalPolicy", "PolicySourceArn", arn("user/simulated"),
                            "ActionNames.member.1", "sts:AssumeRole", "ActionNames.member.2",
                            "s3:GetObject", "ResourceArns.member.1", arn("role/open"), NULL);
    assert_int_equal(count(text, "<EvalDecision>allowed"), 1);
    assert_int_equal(count(text, "<EvalDecision>implicitDeny"), 1);
}

/* Issuers of web identities; a token of none of them is no credential. */
static void test_web_identity(void **state)
{
    const char *provider = arn("oidc-provider/idp.example/realm");
    const char *token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlL3JlYWxtIn0.";
    const char *web =
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":"
            "{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/idp.example/realm\"},"
            "\"Action\":\"sts:AssumeRoleWithWebIdentity\"}]}";
    (void)state;
    iam(200, NULL,
        form("CreateOpenIDConnectProvider", "Url", "https://idp.example/realm",
             "ClientIDList.member.1", "ci", NULL));
    iam(409, "EntityAlreadyExists",
        form("CreateOpenIDConnectProvider", "Url", "https://idp.example/realm",
             "ClientIDList.member.1", "ci", NULL));
    iam(400, "ValidationError",
        form("CreateOpenIDConnectProvider", "Url", "http://idp.example", NULL));
    assert_int_equal(count(form("ListOpenIDConnectProviders", NULL), "<Arn>"), 1);
    iam(200, NULL,
        form("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", provider, "ClientID",
             "cd", NULL));
    iam(200, NULL,
        form("RemoveClientIDFromOpenIDConnectProvider", "OpenIDConnectProviderArn", provider,
             "ClientID", "ci", NULL));
    assert_int_equal(
            count(form("GetOpenIDConnectProvider", "OpenIDConnectProviderArn", provider, NULL),
                  "<member>cd"),
            1);
    iam(200, NULL, form("CreateRole", "RoleName", "web", "AssumeRolePolicyDocument", web, NULL));
    query_expect(house, NULL, NULL,
                 form("AssumeRoleWithWebIdentity", "RoleArn", arn("role/web"), "RoleSessionName",
                      "w1", "WebIdentityToken", token, NULL),
                 400, "InvalidIdentityToken");
    query_expect(house, NULL, NULL, form("GetCallerIdentity", NULL), 403,
                 "MissingAuthenticationToken");
    query_expect(house, NULL, NULL, form("CreateUser", "UserName", "x", NULL), 403,
                 "MissingAuthenticationToken");
    iam(200, NULL, form("DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", provider, NULL));
    iam(404, "NoSuchEntity",
        form("GetOpenIDConnectProvider", "OpenIDConnectProviderArn", provider, NULL));
}

/* Who may not is not told what is there. */
static void test_nothing_is_told(void **state)
{
    struct credentials caller;
    (void)state;
    user_make("curious", NULL, &caller);
    query_expect(house, &caller, "iam", form("GetUser", "UserName", "mine", NULL), 403,
                 "AccessDenied");
    query_expect(house, &caller, "iam", form("GetUser", "UserName", "nobody-there", NULL), 403,
                 "AccessDenied");
}

/* A value that passes for the parameter. */
static const char *fitting(const struct query_action *a, struct bytes param)
{
    const struct {
        const char *name, *value;
    } values[] = {
        { "AssumeRolePolicyDocument", HOLDER "\"sts:AssumeRole\",\"Principal\":\"*\"}]}" },
        { "OpenIDConnectProviderArn", arn("oidc-provider/idp.example/realm") },
        { "PermissionsBoundary", arn("policy/only-s3") },
        { "PolicyArn", arn("policy/only-s3") },
        { "PolicyDocument", strcmp(a->name, "UpdateAssumeRolePolicy") == 0
                                    ? HOLDER "\"sts:AssumeRole\",\"Principal\":\"*\"}]}"
                                    : HOLDER "\"s3:*\",\"Resource\":\"*\"}]}" },
        { "PolicySourceArn", arn("user/root") },
        { "RoleArn", arn("role/open") },
        { "SerialNumber", arn("mfa/pad") },
        { "Status", "Active" },
        { "Url", "https://idp.example/realm" },
        { "VersionId", "v1" },
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (bytes_equal_str(param, values[i].name)) {
            return values[i].value;
        }
    }
    return "some-name";
}

/* Every action of the table needs leave: who has no policy gets nothing but the answer who it
 * is. */
static void test_every_action_is_decided(void **state)
{
    struct credentials caller;
    (void)state;
    user_make("nobody", NULL, &caller);
    for (const struct query_action *a = query_actions; a->name != NULL; a++) {
        CLEANUP(buf_done_p) struct buf text = BUF(8192);
        struct bytes rest = bytes_str(a->params), one;
        buf_addf(&text, "Action=%s&Version=%s", a->name,
                 a->service == QUERY_IAM ? "2010-05-08" : "2011-06-15");
        for (bool more = true; more;) {
            more = bytes_split(&rest, ' ', &one);
            if (bytes_has_suffix(one, BYTES_LIT("!"))) {
                one = bytes_slice(one, 0, one.n - 1);
                const char *value = fitting(a, one);
                buf_addf(&text, "&%.*s=", BYTES_FMT(one));
                buf_add_percent(&text, bytes_str(value), false);
            }
        }
        const char *service = a->service == QUERY_IAM ? "iam" : "sts";
        if (strcmp(a->name, "GetCallerIdentity") == 0 || strcmp(a->name, "GetSessionToken") == 0) {
            query_expect(house, &caller, service, buf_cstr(&text), 200, NULL);
        } else if (strcmp(a->name, "AssumeRoleWithWebIdentity") != 0) {
            query_expect(house, &caller, service, buf_cstr(&text), 403, "AccessDenied");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_access_keys),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_long_documents),
        cmocka_unit_test(test_boundary),
        cmocka_unit_test(test_tenants_apart),
        cmocka_unit_test(test_account),
        cmocka_unit_test(test_web_identity),
        cmocka_unit_test(test_nothing_is_told),
        cmocka_unit_test(test_every_action_is_decided),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
