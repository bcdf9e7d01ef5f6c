/* Decisions on S3 requests: policies of users and buckets, the block of public access, tokens. */
#include "house.h"

#include "identity/managed.h"
#include "identity/role.h"
#include "identity/token.h"

static struct house *house;
static struct credentials acme, beta;
static struct arena *arena;

#define DOCUMENT(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define ALLOW(actions, resources)                                                                  \
    "{\"Effect\":\"Allow\",\"Action\":" actions ",\"Resource\":" resources "}"
#define WORLD                                                                                      \
    DOCUMENT("{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\","              \
             "\"Resource\":\"arn:aws:s3:::open/*\"}")
#define BLOCK(policy)                                                                              \
    "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"                      \
    "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>" policy "</BlockPublicPolicy>"   \
    "<RestrictPublicBuckets>" policy "</RestrictPublicBuckets></PublicAccessBlockConfiguration>"

static struct directory *dir(void)
{
    return house_api(house)->directory;
}

static int group_setup(void **state)
{
    (void)state;
    arena = arena_new(16 * 1024, false);
    house = house_open();
    house_tenant(house, "acme", &acme);
    house_tenant(house, "beta", &beta);
    s3_expect(house, &acme, "PUT", "/data", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, &acme, "PUT", "/data/a/1", BYTES_LIT("one"),
              HEADS({ "x-amz-tagging", "class=open" }), 200, NULL);
    s3_expect(house, &acme, "PUT", "/data/b/2", BYTES_LIT("two"), NULL, 200, NULL);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    house_close(house);
    arena_free(arena);
    return 0;
}

static void user_make(const char *name, enum user_kind kind, const char *document, struct user *ret)
{
    struct error e;
    struct user_new n = { .name = name,
                          .owner = kind == USER_PERSON ? "A Person" : "root",
                          .kind = kind };
    assert_ok(user_create(dir(), "acme", &n, arena, ret, &e), e);
    if (document != NULL) {
        assert_ok(inline_put(dir(), ret->id, "own", bytes_str(document), &e), e);
    }
}

static void token_make(const struct user *u, bool has_mfa, int64_t expires_ms,
                       struct credentials *ret)
{
    struct error e;
    struct token t;
    struct token_new n = { .realm = "acme",
                           .home = "acme",
                           .user_id = u->id,
                           .role = "",
                           .name = u->name,
                           .issuer = "",
                           .policy = "",
                           .tags = "{}",
                           .grant = "",
                           .mfa_ms = has_mfa ? clock_wall_ms(&clock_system) : 0,
                           .expires_ms = expires_ms };
    assert_ok(token_create(dir(), house_keeper(house), &n, &t, &e), e);
    *ret = acme;
    snprintf(ret->id, sizeof(ret->id), "%s", t.id);
    snprintf(ret->secret, sizeof(ret->secret), "%s", t.secret);
    snprintf(ret->token, sizeof(ret->token), "%s", t.session_token);
}

static int64_t soon(void)
{
    return clock_wall_ms(&clock_system) + 3600 * 1000;
}

static struct user user_with(const char *name, const char *document, struct credentials *ret)
{
    struct user u;
    user_make(name, USER_SERVICE, document, &u);
    token_make(&u, false, soon(), ret);
    return u;
}

static void expect(const struct credentials *as, const char *method, const char *target,
                   unsigned status, const char *code)
{
    s3_expect(house, as, method, target, BYTES_NONE, NULL, status, code);
}

static void test_policies_of_users(void **state)
{
    struct credentials none, some, tagged;
    (void)state;
    user_with("none", NULL, &none);
    user_with("some",
              DOCUMENT(ALLOW("\"s3:GetObject\"", "\"arn:aws:s3:::data/a/*\"") "," ALLOW(
                      "[\"s3:PutObject\",\"s3:DeleteObject\"]", "\"arn:aws:s3:::data/c/*\"")),
              &some);
    user_with(
            "tagged",
            DOCUMENT("{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"*\","
                     "\"Condition\":{\"StringEquals\":{\"s3:ExistingObjectTag/class\":\"open\"}}}"),
            &tagged);
    expect(&none, "GET", "/data/a/1", 403, "AccessDenied");
    expect(&none, "GET", "/nothing/a", 403, "AccessDenied");
    expect(&some, "GET", "/data/a/1", 200, NULL);
    expect(&some, "GET", "/data/b/2", 403, "AccessDenied");
    expect(&some, "GET", "/data/a/none", 403, "AccessDenied"); /* who may not list learns nothing */
    expect(&acme, "GET", "/data/a/none", 404, "NoSuchKey");
    expect(&some, "PUT", "/data/c/1", 200, NULL);
    s3_expect(house, &some, "PUT", "/data/c/2", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "/data/a/1" }), 200, NULL);
    s3_expect(house, &some, "PUT", "/data/c/3", BYTES_NONE,
              HEADS({ "x-amz-copy-source", "/data/b/2" }), 403, "AccessDenied");
    s3_expect(house, &some, "PUT", "/data/c/4", BYTES_LIT("x"), HEADS({ "x-amz-tagging", "a=b" }),
              403, "AccessDenied");
    expect(&some, "POST", "/data/c/5?uploads", 200, NULL);
    expect(&some, "POST", "/data/d/5?uploads", 403, "AccessDenied");
    expect(&tagged, "GET", "/data/a/1", 200, NULL);
    expect(&tagged, "GET", "/data/b/2", 403, "AccessDenied");
}

static void test_many_deletes(void **state)
{
    struct credentials some;
    (void)state;
    user_with("cleaner", DOCUMENT(ALLOW("\"s3:DeleteObject\"", "\"arn:aws:s3:::data/x/*\"")),
              &some);
    expect(&acme, "PUT", "/data/x/1", 200, NULL);
    struct bytes body = BYTES_LIT("<Delete><Object><Key>x/1</Key></Object>"
                                  "<Object><Key>a/1</Key></Object></Delete>");
    const struct answer *a = s3(house, &some, "POST", "/data?delete", body, NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(answer_element(a, "Code"), "AccessDenied");
    expect(&acme, "HEAD", "/data/x/1", 404, NULL);
    expect(&acme, "HEAD", "/data/a/1", 200, NULL);
}

static void test_bucket_policy(void **state)
{
    struct credentials guest;
    char document[512];
    (void)state;
    struct user u = user_with("guest", NULL, &guest);
    snprintf(document, sizeof(document),
             DOCUMENT("{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::%s:user/%s\"},"
                      "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::data/a/*\"}"),
             acme.account, u.name);
    expect(&acme, "GET", "/data?policy", 404, "NoSuchBucketPolicy");
    expect(&acme, "GET", "/data?policyStatus", 404, "NoSuchBucketPolicy");
    s3_expect(house, &acme, "PUT", "/data?policy", bytes_str(document), NULL, 204, NULL);
    s3_expect(house, &guest, "PUT", "/data?policy", bytes_str(document), NULL, 403, "AccessDenied");
    expect(&guest, "GET", "/data/a/1", 200, NULL);
    expect(&guest, "GET", "/data/b/2", 403, "AccessDenied");
    expect(&beta, "GET", "/data/a/1", 404, "NoSuchBucket");
    const struct answer *a = s3(house, &acme, "GET", "/data?policyStatus", BYTES_NONE, NULL);
    assert_string_equal(answer_element(a, "IsPublic"), "false");
    s3_expect(house, &acme, "PUT", "/data?policy", BYTES_LIT("{"), NULL, 400, "MalformedPolicy");
    s3_expect(house, &acme, "PUT", "/data?policy", bytes_str(DOCUMENT(ALLOW("\"s3:*\"", "\"*\""))),
              NULL, 400, "MalformedPolicy");
    s3_expect(
            house, &acme, "PUT", "/data?policy",
            bytes_str(DOCUMENT("{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\","
                               "\"Resource\":[\"arn:aws:s3:::data/*\",\"arn:aws:s3:::data2/*\"]}")),
            NULL, 400, "MalformedPolicy"); /* another bucket's */
    expect(&acme, "DELETE", "/data?policy", 204, NULL);
    expect(&acme, "DELETE", "/data?policy", 204, NULL);
    expect(&guest, "GET", "/data/a/1", 403, "AccessDenied");
}

/* Only a person with a second factor opens a bucket to the world; and what was opened is shut by
 * the block at once. */
static void test_public(void **state)
{
    struct user u;
    struct credentials person, with_mfa;
    (void)state;
    user_make("officer", USER_PERSON, DOCUMENT(ALLOW("\"s3:*\"", "\"*\"")), &u);
    token_make(&u, false, soon(), &person);
    token_make(&u, true, soon(), &with_mfa);
    expect(&acme, "PUT", "/open", 200, NULL);
    expect(&acme, "PUT", "/open/k", 200, NULL);
    s3_expect(house, &acme, "PUT", "/open?policy", bytes_str(WORLD), NULL, 403, "AccessDenied");
    s3_expect(house, &acme, "PUT", "/open?publicAccessBlock", bytes_str(BLOCK("false")), NULL, 403,
              "AccessDenied");
    s3_expect(house, &person, "PUT", "/open?publicAccessBlock", bytes_str(BLOCK("false")), NULL,
              403, "AccessDenied");
    expect(NULL, "GET", "/open/k", 403, "AccessDenied");
    s3_expect(house, &with_mfa, "PUT", "/open?publicAccessBlock", bytes_str(BLOCK("false")), NULL,
              200, NULL);
    expect(NULL, "GET", "/open/k", 403, "AccessDenied"); /* nothing lets them in yet */
    s3_expect(house, &acme, "PUT", "/open?policy", bytes_str(WORLD), NULL, 204, NULL);
    expect(NULL, "GET", "/open/k", 200, NULL);
    expect(NULL, "GET", "/data/a/1", 403, "AccessDenied");
    expect(NULL, "PUT", "/open/k", 403, "AccessDenied");
    expect(NULL, "GET", "/open", 403, "AccessDenied");
    const struct answer *a = s3(house, &acme, "GET", "/open?policyStatus", BYTES_NONE, NULL);
    assert_string_equal(answer_element(a, "IsPublic"), "true");
    expect(&acme, "DELETE", "/open?publicAccessBlock", 204, NULL);
    expect(NULL, "GET", "/open/k", 403, "AccessDenied");
    a = s3(house, &acme, "GET", "/open?publicAccessBlock", BYTES_NONE, NULL);
    assert_string_equal(answer_element(a, "BlockPublicPolicy"), "true");
}

static void test_tokens(void **state)
{
    struct error e;
    struct user u;
    struct credentials good, other, wrong;
    (void)state;
    user_make("token", USER_SERVICE, DOCUMENT(ALLOW("\"s3:GetObject\"", "\"*\"")), &u);
    token_make(&u, false, soon(), &good);
    token_make(&u, false, soon(), &other);
    expect(&good, "GET", "/data/a/1", 200, NULL);
    wrong = good;
    snprintf(wrong.token, sizeof(wrong.token), "%s", other.token);
    expect(&wrong, "GET", "/data/a/1", 400, "InvalidToken");
    wrong.token[0] = '\0';
    expect(&wrong, "GET", "/data/a/1", 403, "InvalidAccessKeyId");
    assert_ok(user_set_frozen(dir(), u.id, true, &e), e);
    expect(&good, "GET", "/data/a/1", 403, "AccessDenied");
    assert_ok(user_set_frozen(dir(), u.id, false, &e), e);
    expect(&good, "GET", "/data/a/1", 200, NULL);
    assert_ok(realm_set_frozen(dir(), "acme", true, &e), e);
    expect(&good, "GET", "/data/a/1", 403, "AccessDenied");
    expect(&acme, "GET", "/data/a/1", 403, "AccessDenied");
    assert_ok(realm_set_frozen(dir(), "acme", false, &e), e);
    assert_ok(tokens_revoke(dir(), u.id, &e), e);
    expect(&good, "GET", "/data/a/1", 403, "InvalidAccessKeyId");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies_of_users),
        cmocka_unit_test(test_many_deletes),
        cmocka_unit_test(test_bucket_policy),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
