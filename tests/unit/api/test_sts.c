/* STS by the query protocol, with everything behind it. */
#include "query_kit.h"

#include "base/clock.h"
#include "identity/grant.h"

static void test_assume_role(void **state)
{
    struct credentials caller, stranger, session, chained;
    (void)state;
    user_make("caller", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    user_make("stranger", NULL, &stranger);
    role_make("open", arn("root"), "");
    role_make("named", arn("user/stranger"), "");
    session_of(query(house, &caller, "sts", assume("open", NULL, NULL)), &session);
    s3_expect(house, &caller, "GET", "/", BYTES_NONE, NULL, 403, "AccessDenied");
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    const struct answer *a = query(house, &session, "sts", form("GetCallerIdentity", NULL));
    assert_non_null(strstr(answer_element(a, "Arn"), ":assumed-role/open/s1"));
    /* the account alone is trusted: the caller's own policies must allow it too */
    query_expect(house, &stranger, "sts", assume("open", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &stranger, "sts", assume("named", NULL, NULL), 200, NULL);
    query_expect(house, &caller, "sts", assume("named", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &caller, "sts", assume("nothing", NULL, NULL), 403, "AccessDenied");
    /* longer than the role has it, shorter than possible; chained: an hour */
    query_expect(house, &caller, "sts", assume("open", "DurationSeconds", "3601"), 400,
                 "ValidationError");
    query_expect(house, &caller, "sts", assume("open", "DurationSeconds", "899"), 400,
                 "ValidationError");
    iam(200, NULL, form("UpdateRole", "RoleName", "open", "MaxSessionDuration", "7200", NULL));
    query_expect(house, &caller, "sts", assume("open", "DurationSeconds", "7200"), 200, NULL);
    query_expect(house, &session, "sts", assume("open", "DurationSeconds", "7200"), 400,
                 "ValidationError");
    session_of(query(house, &session, "sts", assume("open", NULL, NULL)), &chained);
    s3_expect(house, &chained, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    /* parts that are known and not offered are refused, not passed over */
    query_expect(house, &caller, "sts", assume("open", "TransitiveTagKeys.member.1", "a"), 400,
                 "ValidationError");
    query_expect(house, &caller, "sts", assume("open", "SourceIdentity", "a1"), 400,
                 "ValidationError");
    /* a session's own secret without or with another token */
    session.token[10] ^= 1;
    query_expect(house, &session, "sts", form("GetCallerIdentity", NULL), 403,
                 "InvalidClientTokenId");
    session.token[0] = '\0';
    query_expect(house, &session, "sts", form("GetCallerIdentity", NULL), 403,
                 "InvalidClientTokenId");
}

static void test_session_policy(void **state)
{
    struct credentials caller, session;
    (void)state;
    user_make("narrow", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    role_make("wide", arn("root"), "");
    session_of(
            query(house, &caller, "sts",
                  assume("wide", "Policy", HOLDER "\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}]}")),
            &session);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, &session, "PUT", "/narrow", BYTES_NONE, NULL, 403, "AccessDenied");
    query_expect(house, &caller, "sts", assume("wide", "Policy", "{"), 400,
                 "MalformedPolicyDocument");
    iam(200, NULL,
        form("CreatePolicy", "PolicyName", "list-only", "PolicyDocument",
             HOLDER "\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}]}", NULL));
    session_of(query(house, &caller, "sts",
                     assume("wide", "PolicyArns.member.1.arn", arn("policy/list-only"))),
               &session);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, &session, "PUT", "/narrow", BYTES_NONE, NULL, 403, "AccessDenied");
}

/* The confused deputy: who is trusted acts for strangers only with the id agreed with each. */
static void test_external_id(void **state)
{
    struct credentials caller;
    (void)state;
    user_make("deputy", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    role_make("agreed", arn("user/deputy"),
              ",\"Condition\":{\"StringEquals\":{\"sts:ExternalId\":\"agreed-42\"}}");
    query_expect(house, &caller, "sts", assume("agreed", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &caller, "sts", assume("agreed", "ExternalId", "other-42"), 403,
                 "AccessDenied");
    query_expect(house, &caller, "sts", assume("agreed", "ExternalId", "agreed-42"), 200, NULL);
}

/* The name that is asked for counts, not the one that the asking session has. */
static void test_session_name(void **state)
{
    struct credentials caller, session;
    (void)state;
    user_make("namer", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    role_make("first", arn("root"), "");
    role_make("second", arn("root"),
              ",\"Condition\":{\"StringEquals\":{\"sts:RoleSessionName\":\"s1\"}}");
    session_of(query(house, &caller, "sts", assume("first", NULL, NULL)), &session);
    query_expect(house, &session, "sts", assume("second", NULL, NULL), 200, NULL);
    query_expect(house, &session, "sts",
                 form("AssumeRole", "RoleArn", arn("role/second"), "RoleSessionName", "s2", NULL),
                 403, "AccessDenied");
}

static void test_session_token(void **state)
{
    struct credentials caller, session;
    (void)state;
    user_make("short", HOLDER "\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}]}", &caller);
    session_of(query(house, &caller, "sts", form("GetSessionToken", NULL)), &session);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    query_expect(house, &session, "sts", form("GetSessionToken", NULL), 403, "AccessDenied");
    query_expect(house, &caller, "sts", form("GetSessionToken", "DurationSeconds", "129601", NULL),
                 400, "ValidationError");
    /* the session goes with its user's keys of old: revoked at once by the end of the user */
    iam(200, NULL,
        form("UpdateAccessKey", "UserName", "short", "AccessKeyId", caller.id, "Status", "Inactive",
             NULL));
    query_expect(house, &caller, "sts", form("GetSessionToken", NULL), 403, "InvalidClientTokenId");
}

/* --- MFA --- */

/*= 2.1.4-1 test */
static void test_mfa(void **state)
{
    struct credentials caller, session;
    struct device d;
    (void)state;
    user_make("factor", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    role_make("guarded", arn("root"),
              ",\"Condition\":{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"true\"}}");
    device_make("phone", &d);
    const char *serial = arn("mfa/phone");
    iam(409, "EntityAlreadyExists",
        form("CreateVirtualMFADevice", "VirtualMFADeviceName", "phone", NULL));
    assert_int_equal(count(form("ListVirtualMFADevices", "AssignmentStatus", "Unassigned", NULL),
                           "<SerialNumber>"),
                     1);
    int64_t now = step_now();
    iam(403, "InvalidAuthenticationCode",
        form("EnableMFADevice", "UserName", "factor", "SerialNumber", serial, "AuthenticationCode1",
             "000000", "AuthenticationCode2", "000001", NULL));
    iam(200, NULL,
        form("EnableMFADevice", "UserName", "factor", "SerialNumber", serial, "AuthenticationCode1",
             code(&d, now - 1), "AuthenticationCode2", code(&d, now), NULL));
    assert_int_equal(count(form("ListMFADevices", "UserName", "factor", NULL), "<SerialNumber>"),
                     1);
    char role[128];
    snprintf(role, sizeof(role), "%s", arn("role/guarded"));
    const char *const ask[] = { "RoleArn", role, "RoleSessionName", "s1" };
    query_expect(house, &caller, "sts", form("AssumeRole", ask[0], ask[1], ask[2], ask[3], NULL),
                 403, "AccessDenied");
    /* a code that was used before is refused: replay */
    query_expect(house, &caller, "sts",
                 form("AssumeRole", ask[0], ask[1], ask[2], ask[3], "SerialNumber", serial,
                      "TokenCode", code(&d, now), NULL),
                 403, "AccessDenied");
    const char *fresh = code(&d, now + 1);
    session_of(query(house, &caller, "sts",
                     form("AssumeRole", ask[0], ask[1], ask[2], ask[3], "SerialNumber", serial,
                          "TokenCode", fresh, NULL)),
               &session);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    query_expect(house, &caller, "sts",
                 form("AssumeRole", ask[0], ask[1], ask[2], ask[3], "SerialNumber", serial,
                      "TokenCode", fresh, NULL),
                 403, "AccessDenied");
    query_expect(house, &caller, "sts",
                 form("AssumeRole", ask[0], ask[1], ask[2], ask[3], "TokenCode", fresh, NULL), 400,
                 "ValidationError");
    iam(409, "DeleteConflict", form("DeleteVirtualMFADevice", "SerialNumber", serial, NULL));
    iam(200, NULL, form("DeactivateMFADevice", "UserName", "factor", "SerialNumber", serial, NULL));
    iam(200, NULL, form("DeleteVirtualMFADevice", "SerialNumber", serial, NULL));
    iam(404, "NoSuchEntity", form("DeleteVirtualMFADevice", "SerialNumber", serial, NULL));
}

/* Guessing codes is slowed down. */
/*= 2.1.4-7 test */
static void test_mfa_guessing(void **state)
{
    struct credentials caller;
    struct device d;
    unsigned slowed = 0;
    (void)state;
    user_make("guessed", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    device_make("pad", &d);
    int64_t now = step_now();
    iam(200, NULL,
        form("EnableMFADevice", "UserName", "guessed", "SerialNumber", arn("mfa/pad"),
             "AuthenticationCode1", code(&d, now - 1), "AuthenticationCode2", code(&d, now), NULL));
    for (int i = 0; i < 12; i++) {
        const struct answer *a = query(house, &caller, "sts",
                                       form("GetSessionToken", "SerialNumber", arn("mfa/pad"),
                                            "TokenCode", "000000", NULL));
        slowed += a->status == 403 && strstr(answer_element(a, "Message"), "try again") != NULL;
    }
    assert_true(slowed >= 4);
}

/* --- the provider's staff in a tenant --- */

static struct user person(struct arena *arena, const char *realm, const char *name,
                          const char *role)
{
    struct directory *d = house_api(house)->directory;
    struct user_new n = { .name = name, .owner = "A Person", .kind = USER_PERSON };
    struct user u;
    struct error e;
    assert_ok(user_create(d, realm, &n, arena, &u, &e), e);
    assert_ok(role_assign(d, realm, u.id, bytes_str(role), &e), e);
    return u;
}

/* An own key and an active TOTP device "own". */
static void equip(struct arena *arena, const struct user *u, struct credentials *ret,
                  struct device *dev)
{
    struct directory *d = house_api(house)->directory;
    struct rpc_client *keeper = house_keeper(house);
    struct totp_enrolment t;
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    assert_ok(directory_key_create(d, keeper, u->realm, u->id, &k, secret, &e), e);
    *ret = (struct credentials){ 0 };
    snprintf(ret->id, sizeof(ret->id), "%s", k.id);
    snprintf(ret->secret, sizeof(ret->secret), "%s", secret);
    assert_ok(factor_totp_begin(d, keeper, u->realm, u->id, "own", "troth", arena, &t, &e), e);
    *dev = (struct device){ .n = 0 };
    base32_decode(t.seed_base32, dev);
    assert_ok(factor_totp_confirm(d, keeper, u->id, t.id, code(dev, step_now() - 1), NULL, &e), e);
}

static void grant_make(struct arena *arena, const struct user *asker, const struct user *approver,
                       struct grant *ret)
{
    struct directory *d = house_api(house)->directory;
    struct grant_ask ask = { .realm = "acme",
                             .home = IDENTITY_PLATFORM,
                             .user_id = asker->id,
                             .user_name = asker->name,
                             .role = "support-data-reader",
                             .policy = "",
                             .reason = "a lost object",
                             .ticket = "T-1",
                             .kind = GRANT_ORDINARY,
                             .length_ms = 30 * 60 * 1000 };
    struct grant g;
    struct error e;
    assert_ok(grant_create(d, &ask, arena, &g, &e), e);
    assert_ok(grant_approve(d, g.id, approver, clock_wall_ms(&clock_system), 0, "", arena, ret, &e),
              e);
}

/* Without the tenant's leave there is no session; with it, one that ends with the grant; every step
 * stands in the tenant's log with the grant's id. */
/*= 2.1.4-3 test */
static void test_staff(void **state)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct directory *d = house_api(house)->directory;
    struct credentials wang_key, mei_key, session;
    struct device wang_device, mei_device;
    struct grant g;
    struct error e;
    (void)state;
    struct user wang = person(arena, IDENTITY_PLATFORM, "wang", "staff");
    struct user mei = person(arena, "acme", "mei", "approver");
    equip(arena, &wang, &wang_key, &wang_device);
    equip(arena, &mei, &mei_key, &mei_device);
    char role[128];
    snprintf(role, sizeof(role), "%s", arn("role/support-data-reader"));
    const char *serial = "arn:aws:iam::000000000000:mfa/wang";
    s3_expect(house, &acme, "PUT", "/staff-data", BYTES_NONE, NULL, 200, NULL);
    query_expect(house, &wang_key, "sts", form("GetSessionToken", NULL), 200, NULL);
    const char *plain = form("AssumeRole", "RoleArn", role, "RoleSessionName", "wang-1", NULL);
    query_expect(house, &wang_key, "sts", plain, 403, "AccessDenied"); /* no grant */
    grant_make(arena, &wang, &mei, &g);
    plain = form("AssumeRole", "RoleArn", role, "RoleSessionName", "wang-1", NULL);
    query_expect(house, &wang_key, "sts", plain, 403, "AccessDenied"); /* no second factor */
    plain = form("AssumeRole", "RoleArn", role, "RoleSessionName", "mei-1", NULL);
    query_expect(house, &mei_key, "sts", plain, 403, "AccessDenied"); /* not hers */
    const struct answer *a = query(house, &wang_key, "sts",
                                   form("AssumeRole", "RoleArn", role, "RoleSessionName", "wang-1",
                                        "DurationSeconds", "43200", "SerialNumber", serial,
                                        "TokenCode", code(&wang_device, step_now()), NULL));
    session_of(a, &session);
    int64_t expires = 0;
    assert_int_equal(time_parse_rfc3339(bytes_str(answer_element(a, "Expiration")), &expires).code,
                     ERRC_OK);
    assert_true(expires <= g.until_ms);
    s3_expect(house, &session, "GET", "/staff-data", BYTES_NONE, NULL, 200, NULL);
    s3_expect(house, &session, "PUT", "/staff-more", BYTES_NONE, NULL, 403, "AccessDenied");
    s3_expect(house, &wang_key, "GET", "/staff-data", BYTES_NONE, NULL, 403, NULL);
    /* what is made from it ends with it too */
    role_make("inner", arn("root"), "");
    query_expect(house, &session, "sts", assume("inner", NULL, NULL), 403, "AccessDenied");
    assert_ok(grant_end(d, g.id, mei.id, "mei", arena, &g, &e), e);
    s3_expect(house, &session, "GET", "/staff-data", BYTES_NONE, NULL, 403, NULL);
    query_expect(house, &session, "sts", form("GetCallerIdentity", NULL), 403,
                 "InvalidClientTokenId");
}

/* A freeze reaches what runs: keys and sessions, at the next request. */
/*= 2.2.2-5 test */
static void test_freeze(void **state)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct directory *d = house_api(house)->directory;
    struct credentials caller, session;
    struct user u;
    struct error e;
    (void)state;
    user_make("cold", HOLDER "\"sts:AssumeRole\",\"Resource\":\"*\"}]}", &caller);
    role_make("warm", arn("root"), "");
    session_of(query(house, &caller, "sts", assume("warm", NULL, NULL)), &session);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    assert_ok(user_get(d, "acme", BYTES_LIT("cold"), arena, &u, &e), e);
    assert_ok(user_set_frozen(d, u.id, true, &e), e);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 403, "AccessDenied");
    query_expect(house, &session, "sts", form("GetCallerIdentity", NULL), 403, "AccessDenied");
    query_expect(house, &caller, "sts", form("GetCallerIdentity", NULL), 403, "AccessDenied");
    query_expect(house, &caller, "sts", assume("warm", NULL, NULL), 403, "AccessDenied");
    assert_ok(user_set_frozen(d, u.id, false, &e), e);
    query_expect(house, &caller, "sts", assume("warm", NULL, NULL), 200, NULL);
    assert_ok(realm_set_frozen(d, "acme", true, &e), e);
    query_expect(house, &acme, "sts", form("GetCallerIdentity", NULL), 403, "AccessDenied");
    assert_ok(realm_set_frozen(d, "acme", false, &e), e);
    query_expect(house, &acme, "sts", form("GetCallerIdentity", NULL), 200, NULL);
}

/* A role that is built in: who holds it, and nobody else. */
static void test_held_roles(void **state)
{
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct credentials holder, other, session;
    struct user u;
    struct error e;
    (void)state;
    user_make("holder", NULL, &holder);
    user_make("other", NULL, &other);
    struct directory *d = house_api(house)->directory;
    assert_ok(user_get(d, "acme", BYTES_LIT("holder"), arena, &u, &e), e);
    assert_ok(role_assign(d, "acme", u.id, BYTES_LIT("storage-reader"), &e), e);
    session_of(query(house, &holder, "sts", assume("storage-reader", NULL, NULL)), &session);
    s3_expect(house, &session, "GET", "/", BYTES_NONE, NULL, 200, NULL);
    query_expect(house, &session, "sts", assume("storage-reader", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &other, "sts", assume("storage-reader", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &holder, "sts", assume("storage-owner", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &holder, "sts", assume("root", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &acme, "sts", assume("root", NULL, NULL), 403, "AccessDenied");
    query_expect(house, &holder, "sts", assume("storage-reader", "Tags.member.1.Key", "a"), 400,
                 "ValidationError");
    iam(403, "AccessDenied",
        form("PutRolePolicy", "RoleName", "storage-reader", "PolicyName", "x", "PolicyDocument",
             HOLDER "\"s3:*\",\"Resource\":\"*\"}]}", NULL));
    iam(403, "AccessDenied", form("DeleteRole", "RoleName", "storage-reader", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assume_role),  cmocka_unit_test(test_session_policy),
        cmocka_unit_test(test_external_id),  cmocka_unit_test(test_session_token),
        cmocka_unit_test(test_session_name), cmocka_unit_test(test_mfa),
        cmocka_unit_test(test_mfa_guessing), cmocka_unit_test(test_staff),
        cmocka_unit_test(test_freeze),       cmocka_unit_test(test_held_roles),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
