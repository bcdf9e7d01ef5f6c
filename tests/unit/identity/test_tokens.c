/* Tokens of STS: their shape, what they may do, what ends them. */
#include "principal_testkit.h"

#include "base/text.h"
#include "identity/sigv4.h"
#include "identity/token.h"

#define HOUR ((int64_t)3600 * 1000)

struct cast {
    struct user lin, other;
    struct access_role reader;
};

static void cast_make(struct world *w, struct cast *c)
{
    tenant_make(w, "acme");
    c->lin = account(w, "acme", "lin", USER_PERSON);
    c->other = account(w, "acme", "other", USER_PERSON);
    put(w, c->lin.id, "own", ALLOW("s3:PutObject"));
    c->reader = role_make(w, "acme",
                          &(struct role_new){ .name = "reader",
                                              .path = "/team/",
                                              .tags = "{\"team\":\"red\",\"cost\":\"1\"}" },
                          ALLOW("s3:GetObject"));
}

static struct token_new wish(const struct cast *c, const char *role)
{
    return (struct token_new){ .realm = "acme",
                               .home = "acme",
                               .user_id = c->lin.id,
                               .role = role,
                               .name = "s1",
                               .issuer = "",
                               .policy = "",
                               .tags = "{}",
                               .grant = "",
                               .expires_ms = T0 + HOUR };
}

static void make(struct world *w, const struct token_new *new, struct token *t)
{
    struct error e;
    assert_ok(token_create(w->d, keeper(w), new, t, &e), e);
}

static struct result get(struct world *w, const struct token *t, const struct principal **ret)
{
    struct error e;
    return principal_of_key(w->d, bytes_str(t->id), bytes_str(t->session_token), ret, &e);
}

static const struct principal *got(struct world *w, const struct token *t)
{
    const struct principal *p = NULL;
    assert_int_equal(get(w, t, &p).code, ERRC_OK);
    return p;
}

static void assert_why(struct world *w, const struct token *t, const char *why)
{
    CLEANUP(principal_unref_p) const struct principal *p = got(w, t);
    assert_frozen(p, why);
}

/* --- shape and secrets --- */

static void hash_of_row(struct db_stmt *s, struct arena *arena, void *item)
{
    *(struct bytes *)item = arena_bytes(arena, db_col_bytes(s, 0));
}

static void test_shape(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t, u;
    struct bytes hash;
    uint8_t want[SHA256_BYTES];
    struct error e;
    cast_make(w, &c);
    struct token_new new = wish(&c, "");
    make(w, &new, &t);
    make(w, &new, &u);
    assert_int_equal(strlen(t.id), 20);
    assert_int_equal(strncmp(t.id, "AS", 2), 0);
    assert_int_equal(strspn(t.id + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 18);
    assert_int_equal(strlen(t.secret), 40);
    assert_int_equal(strlen(t.session_token), 256);
    assert_int_equal(strspn(t.session_token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789-_"),
                     256);
    assert_int_equal(t.expires_ms, T0 + HOUR);
    assert_string_not_equal(t.id, u.id);
    assert_string_not_equal(t.secret, u.secret);
    assert_string_not_equal(t.session_token, u.session_token);
    /* of the session token the digest alone is kept */
    assert_ok(directory_one(w->d, "token", "SELECT hash FROM tokens WHERE id = ?1",
                            SQL_IN(SQL_STR(t.id)), hash_of_row, scratch(), &hash, &e),
              e);
    sha256(bytes_str(t.session_token), want);
    assert_int_equal(hash.n, sizeof(want));
    assert_memory_equal(hash.p, want, sizeof(want));
    /* for a time: not over already, not past the longest */
    static const int64_t bad[] = { T0, T0 - 1, 0, T0 + (int64_t)TOKEN_MAX_S * 1000 + 1 };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        new.expires_ms = bad[i];
        assert_code(token_create(w->d, keeper(w), &new, &t, &e), ERRC_RANGE);
    }
    new.expires_ms = T0 + (int64_t)TOKEN_MAX_S * 1000;
    make(w, &new, &t);
}

static void test_signing_key(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t, other;
    struct key256 key, want;
    struct error e;
    cast_make(w, &c);
    struct token_new new = wish(&c, "");
    make(w, &new, &t);
    make(w, &new, &other);
    for (int pass = 0; pass < 2; pass++) {
        assert_ok(directory_signing_key(w->d, keeper(w), "acme", t.id, BYTES_LIT("20261122"),
                                        REGION, SERVICE, &key, &e),
                  e);
        sigv4_signing_key(bytes_str(t.secret), BYTES_LIT("20261122"), REGION, SERVICE, &want);
        assert_memory_equal(key.b, want.b, sizeof(want.b));
        reopen(w);
    }
    /* a sealed secret moved to another token does not open */
    raw(w, "UPDATE tokens SET sealed = (SELECT sealed FROM tokens WHERE id = ?1) WHERE id = ?2",
        SQL_IN(SQL_STR(other.id), SQL_STR(t.id)));
    assert_int_not_equal(directory_signing_key(w->d, keeper(w), "acme", t.id, BYTES_LIT("20261122"),
                                               REGION, SERVICE, &key, &e)
                                 .code,
                         ERRC_OK);
}

/* Every truncation, every flipped byte, the token of another, none at all. */
/*= 2.1.4-5 test */
static void test_wrong_session_token(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t, other;
    struct access_key k;
    const struct principal *p = NULL;
    char secret[SECRET_KEY_BYTES], text[TOKEN_TEXT_BYTES + 1];
    struct error e;
    cast_make(w, &c);
    struct token_new new = wish(&c, "");
    make(w, &new, &t);
    make(w, &new, &other);
    assert_ok(directory_key_create(w->d, keeper(w), "acme", c.lin.id, &k, secret, &e), e);
    struct bytes id = bytes_str(t.id);
    for (size_t n = 0; n < strlen(t.session_token); n++) {
        assert_code(principal_of_key(w->d, id, bytes_of(t.session_token, n), &p, &e), ERRC_DENIED);
        memcpy(text, t.session_token, TOKEN_TEXT_BYTES);
        text[n] = (char)(text[n] ^ 1);
        assert_code(principal_of_key(w->d, id, bytes_str(text), &p, &e), ERRC_DENIED);
    }
    snprintf(text, sizeof(text), "%sA", t.session_token);
    assert_code(principal_of_key(w->d, id, bytes_str(text), &p, &e), ERRC_DENIED);
    assert_code(principal_of_key(w->d, id, bytes_str(other.session_token), &p, &e), ERRC_DENIED);
    assert_code(principal_of_key(w->d, bytes_str(k.id), bytes_str(t.session_token), &p, &e),
                ERRC_DENIED);
    assert_code(principal_of_key(w->d, BYTES_LIT("ASAAAAAAAAAAAAAAAAAA"),
                                 bytes_str(t.session_token), &p, &e),
                ERRC_NOT_FOUND);
    assert_null(p);
    principal_unref(got(w, &t));
}

/* --- what they may do --- */

static void test_of_a_user(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t;
    cast_make(w, &c);
    role_make(w, "acme", &(struct role_new){ .name = "strict", .path = "/", .needs_mfa = true },
              ALLOW("s3:DeleteBucket"));
    hold(w, "acme", c.lin.id, "strict");
    for (int mfa = 0; mfa < 2; mfa++) {
        struct token_new new = wish(&c, "");
        new.mfa_ms = mfa ? T0 - 7 : 0;
        make(w, &new, &t);
        CLEANUP(principal_unref_p) const struct principal *p = got(w, &t);
        assert_int_equal(p->kind, PRINCIPAL_SESSION);
        assert_string_equal(p->role, "");
        assert_string_equal(p->actor, "acme/user/lin");
        assert_string_equal(p->access_key, t.id);
        assert_int_equal(p->has_mfa, mfa);
        assert_int_equal(p->token_mfa_ms, mfa ? T0 - 7 : 0);
        assert_int_equal(p->expires_ms, T0 + HOUR);
        assert_true(may(p, "s3:PutObject"));
        assert_int_equal(may(p, "s3:DeleteBucket"), mfa);
        assert_key(p, "aws:username", "lin");
        assert_key(p, "aws:PrincipalType", "User");
        assert_key(p, "aws:TokenIssueTime", "2026-11-22T09:41:16.000Z");
    }
}

static void test_of_a_role(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t;
    char number[ACCOUNT_BYTES];
    struct error e;
    cast_make(w, &c);
    assert_ok(realm_account(w->d, "acme", number, &e), e);
    hold(w, "acme", c.lin.id, "audit-administrator");
    raw(w, "UPDATE inlines SET document = ?2 WHERE subject = ?1",
        SQL_IN(SQL_STR(c.reader.id), SQL_STR(ALLOW("iam:*"))));
    struct token_new new = wish(&c, "reader");
    new.tags = "{\"team\":\"blue\"}";
    make(w, &new, &t);
    CLEANUP(principal_unref_p) const struct principal *p = got(w, &t);
    assert_int_equal(p->kind, PRINCIPAL_SESSION);
    assert_true(may(p, "iam:CreateUser"));
    assert_false(may(p, "s3:PutObject")); /* the role's alone */
    /* but who is behind it is still who it is */
    assert_true(p->is_person);
    assert_string_equal(p->user_name, "lin");
    assert_int_equal(p->admins, ADMIN_AUDIT | ADMIN_SECURITY);
    const char *role_arn = arena_printf(scratch(), "arn:aws:iam::%s:role/team/reader", number);
    assert_string_equal(p->role_arn, role_arn);
    assert_string_equal(p->arn,
                        arena_printf(scratch(), "arn:aws:sts::%s:assumed-role/reader/s1", number));
    assert_string_equal(p->actor, "acme/role/reader/s1");
    assert_string_equal(p->unique_id, arena_printf(scratch(), "%s:s1", c.reader.id));
    assert_key(p, "aws:PrincipalArn", role_arn);
    assert_key(p, "aws:PrincipalType", "AssumedRole");
    assert_key(p, "aws:username", "");
    assert_key(p, "aws:userid", p->unique_id);
    assert_key(p, "aws:PrincipalTag/team", "blue"); /* the session's before the role's */
    assert_key(p, "aws:PrincipalTag/cost", "1");
    assert_key(p, "sts:RoleSessionName", "s1");
}

static void test_session_policy(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t;
    struct error e;
    cast_make(w, &c);
    put(w, c.lin.id, "own", ALLOW("s3:*"));
    struct token_new new = wish(&c, "");
    new.policy = ALLOW("s3:Get*");
    make(w, &new, &t);
    CLEANUP(principal_unref_p) const struct principal *p = got(w, &t);
    assert_true(may(p, "s3:GetObject"));
    assert_false(may(p, "s3:PutObject"));
    /* boundaries hold in sessions too: the user's, the role's */
    policy_make(w, "acme", "fence", ALLOW("s3:List*"));
    const char *fence = policy_arn(w, "acme", "fence");
    struct user_change change = { .boundary = fence, .ends_ms = -1 };
    assert_ok(user_change(w->d, c.lin.id, &change, &e), e);
    CLEANUP(principal_unref_p) const struct principal *bounded = got(w, &t);
    assert_false(may(bounded, "s3:GetObject"));
    role_make(w, "acme", &(struct role_new){ .name = "fenced", .path = "/", .boundary = fence },
              ALLOW("s3:*"));
    new = wish(&c, "fenced");
    make(w, &new, &t);
    CLEANUP(principal_unref_p) const struct principal *fenced = got(w, &t);
    assert_true(may(fenced, "s3:ListBucket"));
    assert_false(may(fenced, "s3:GetObject"));
}

/* A role that needs a second factor gives nothing to a session without one. */
/*= 2.1.4-1 test */
static void test_role_needs_factor(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t;
    cast_make(w, &c);
    role_make(w, "acme", &(struct role_new){ .name = "strict", .path = "/", .needs_mfa = true },
              ALLOW("s3:GetObject"));
    for (int mfa = 0; mfa < 2; mfa++) {
        struct token_new new = wish(&c, "strict");
        new.mfa_ms = mfa ? T0 : 0;
        make(w, &new, &t);
        CLEANUP(principal_unref_p) const struct principal *p = got(w, &t);
        assert_int_equal(may(p, "s3:GetObject"), mfa);
    }
}

static void test_web_identity(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t;
    struct error e;
    cast_make(w, &c);
    struct token_new new = wish(&c, "reader");
    new.user_id = "";
    new.issuer = "https://id.example.org";
    make(w, &new, &t);
    {
        CLEANUP(principal_unref_p) const struct principal *p = got(w, &t);
        assert_int_equal(p->kind, PRINCIPAL_WEB);
        assert_string_equal(p->issuer, "https://id.example.org");
        assert_string_equal(p->user_id, "");
        assert_string_equal(p->user_name, "");
        assert_string_equal(p->actor, "acme/role/reader/s1");
        assert_false(p->is_person);
        assert_frozen(p, "");
        assert_true(may(p, "s3:GetObject"));
        assert_false(may(p, "s3:PutObject"));
        assert_key(p, "aws:FederatedProvider", "https://id.example.org");
    }
    assert_ok(realm_set_frozen(w->d, "acme", true, &e), e);
    assert_why(w, &t, "the tenant is frozen");
    assert_ok(realm_set_frozen(w->d, "acme", false, &e), e);
    /* a built-in role has no trust policy: nobody from outside holds it */
    new.role = "storage-reader";
    make(w, &new, &t);
    assert_why(w, &t, "its role is not held any more");
}

/* --- what ends them --- */

static void test_expiry(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t;
    const struct principal *p = NULL;
    cast_make(w, &c);
    struct token_new new = wish(&c, "reader");
    make(w, &new, &t);
    clock_fake_advance(&w->clock, HOUR - 1);
    CLEANUP(principal_unref_p) const struct principal *last = got(w, &t);
    assert_true(principal_is_current(w->d, last, w->clock.wall));
    clock_fake_advance(&w->clock, 1);
    assert_int_equal(get(w, &t, &p).code, ERRC_EXPIRED);
    assert_false(principal_is_current(w->d, last, w->clock.wall));
    reopen(w);
    assert_int_equal(get(w, &t, &p).code, ERRC_EXPIRED); /* not from the cache either */
    assert_null(p);
}

static void test_revoked(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t, web, others;
    const struct principal *p = NULL;
    struct error e;
    cast_make(w, &c);
    struct token_new new = wish(&c, "reader");
    make(w, &new, &t);
    new.user_id = c.other.id;
    make(w, &new, &others);
    new.user_id = "";
    new.issuer = "https://id.example.org";
    make(w, &new, &web);
    principal_unref(got(w, &t));
    assert_ok(tokens_revoke(w->d, c.lin.id, &e), e);
    assert_int_equal(get(w, &t, &p).code, ERRC_NOT_FOUND);
    assert_code(tokens_revoke(w->d, "", &e), ERRC_NOT_FOUND); /* not all web identities at once */
    principal_unref(got(w, &others));
    principal_unref(got(w, &web));
}

/*= 2.2.2-5 test */
static void test_ends_with_user(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t, session;
    const struct principal *p = NULL;
    struct error e;
    cast_make(w, &c);
    struct token_new new = wish(&c, "reader");
    make(w, &new, &t);
    new.role = "";
    make(w, &new, &session);
    principal_unref(got(w, &t));
    principal_unref(got(w, &session));
    assert_ok(user_set_frozen(w->d, c.lin.id, true, &e), e);
    assert_why(w, &t, "the account is frozen");
    assert_why(w, &session, "the account is frozen");
    assert_ok(user_set_frozen(w->d, c.lin.id, false, &e), e);
    assert_ok(user_set_state(w->d, c.lin.id, USER_SUSPENDED, &e), e);
    assert_why(w, &t, "the account is suspended");
    assert_ok(user_set_state(w->d, c.lin.id, USER_ACTIVE, &e), e);
    assert_why(w, &t, "");
    assert_ok(user_set_state(w->d, c.lin.id, USER_ENDED, &e), e);
    assert_int_equal(get(w, &t, &p).code, ERRC_NOT_FOUND);
    /* a token whose account is not there, or is of another realm */
    new.user_id = "AIDANOBODY";
    make(w, &new, &t);
    assert_why(w, &t, "its account is gone");
    tenant_make(w, "elsewhere");
    struct user namesake = account(w, "elsewhere", "lin", USER_PERSON);
    new.user_id = namesake.id;
    make(w, &new, &t);
    assert_why(w, &t, "its account is gone");
}

static void test_ends_with_role(void **state)
{
    struct world *w = *state;
    struct cast c;
    struct token t, builtin;
    cast_make(w, &c);
    struct token_new new = wish(&c, "reader");
    make(w, &new, &t);
    assert_why(w, &t, "");
    raw(w, "DELETE FROM roles WHERE name = ?1", SQL_IN(SQL_STR("reader")));
    assert_why(w, &t, "its role is gone");
    /* another role by that name is another role */
    clock_fake_advance(&w->clock, 1);
    role_make(w, "acme", &(struct role_new){ .name = "reader", .path = "/" }, ALLOW("s3:*"));
    assert_why(w, &t, "its role is gone");
    make(w, &new, &t);
    assert_why(w, &t, "");
    /* built in: as long as it is held */
    hold(w, "acme", c.lin.id, "storage-reader");
    new.role = "storage-reader";
    make(w, &new, &builtin);
    assert_why(w, &builtin, "");
    raw(w, "DELETE FROM holders WHERE subject = ?1", SQL_IN(SQL_STR(c.lin.id)));
    assert_why(w, &builtin, "its role is not held any more");
    /* privileged: never without a grant */
    role_make(w, "acme", &(struct role_new){ .name = "power", .path = "/", .is_privileged = true },
              ALLOW("s3:*"));
    new.role = "power";
    make(w, &new, &t);
    assert_why(w, &t, "its role is held through a grant alone");
}

/* The provider's staff in a tenant: for as long as the tenant's grant runs, and what it names. */
/*= 2.1.3-9 test */
static void test_ends_with_grant(void **state)
{
    struct world *w = *state;
    struct token t, wrong;
    struct error e;
    tenant_make(w, "acme");
    tenant_make(w, "other");
    struct user wang = account(w, IDENTITY_PLATFORM, "wang", USER_PERSON);
    grant_put(w, "g-1", "acme", IDENTITY_PLATFORM, wang.id, "support-data-reader",
              ALLOW("s3:GetObject"), T0, T0 + HOUR);
    struct token_new new = { .realm = "acme",
                             .home = IDENTITY_PLATFORM,
                             .user_id = wang.id,
                             .role = "support-data-reader",
                             .name = "case-7",
                             .issuer = "",
                             .policy = "",
                             .tags = "{}",
                             .grant = "g-1",
                             .mfa_ms = T0,
                             .expires_ms = T0 + 2 * HOUR };
    make(w, &new, &t);
    {
        CLEANUP(principal_unref_p) const struct principal *p = got(w, &t);
        assert_frozen(p, "");
        assert_string_equal(p->realm, "acme");
        assert_string_equal(p->home, IDENTITY_PLATFORM);
        assert_string_equal(p->grant, "g-1");
        assert_string_equal(p->user_name, "wang");
        assert_true(p->is_person);
        assert_true(may(p, "s3:GetObject"));
        assert_false(may(p, "s3:ListBucket")); /* the grant's own limits */
        assert_int_equal(p->grant_count, 0);   /* no way on from here */
        assert_key(p, "troth:Grant", "g-1");
        assert_key(p, "troth:Realm", "acme");
        assert_int_equal(p->next_change_ms, T0 + HOUR);
    }
    /* of another tenant, of another role, of another person, without a grant */
    new.realm = "other";
    make(w, &new, &wrong);
    assert_why(w, &wrong, "its grant has ended");
    new.realm = "acme";
    new.role = "support-data-writer";
    make(w, &new, &wrong);
    assert_why(w, &wrong, "its grant has ended");
    new.role = "support-data-reader";
    new.grant = "";
    make(w, &new, &wrong);
    assert_why(w, &wrong, "it has no grant of that tenant");
    role_make(w, "acme", &(struct role_new){ .name = "inside", .path = "/" }, ALLOW("s3:*"));
    new.role = "inside"; /* a role of the tenant's own, whoever it trusts */
    make(w, &new, &wrong);
    assert_why(w, &wrong, "it has no grant of that tenant");
    new.role = "support-data-reader";
    new.grant = "g-1";
    struct user zhao = account(w, IDENTITY_PLATFORM, "zhao", USER_PERSON);
    new.user_id = zhao.id;
    make(w, &new, &wrong);
    assert_why(w, &wrong, "its grant has ended");
    /* by either side's freeze */
    assert_ok(realm_set_frozen(w->d, IDENTITY_PLATFORM, true, &e), e);
    assert_why(w, &t, "the provider's accounts are frozen");
    assert_ok(realm_set_frozen(w->d, IDENTITY_PLATFORM, false, &e), e);
    assert_ok(realm_set_frozen(w->d, "acme", true, &e), e);
    assert_why(w, &t, "the tenant is frozen");
    assert_ok(realm_set_frozen(w->d, "acme", false, &e), e);
    /* by the clock, under a running request */
    CLEANUP(principal_unref_p) const struct principal *running = got(w, &t);
    clock_fake_advance(&w->clock, HOUR - 1);
    assert_true(principal_is_current(w->d, running, w->clock.wall));
    assert_why(w, &t, "");
    clock_fake_advance(&w->clock, 1);
    assert_false(principal_is_current(w->d, running, w->clock.wall));
    assert_why(w, &t, "its grant has ended");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shape),
        TEST(test_signing_key),
        TEST(test_wrong_session_token),
        TEST(test_of_a_user),
        TEST(test_of_a_role),
        TEST(test_session_policy),
        TEST(test_role_needs_factor),
        TEST(test_web_identity),
        TEST(test_expiry),
        TEST(test_revoked),
        TEST(test_ends_with_user),
        TEST(test_ends_with_role),
        TEST(test_ends_with_grant),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(scratch());
    return failed;
}
