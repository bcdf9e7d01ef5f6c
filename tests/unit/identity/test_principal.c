/* Principals: where their policies come from, what freezes them, how long a picture of one
 * holds. */
#include "principal_testkit.h"

#include "base/text.h"
#include "identity/access.h"
#include "identity/param.h"

#include <stdatomic.h>

#define HOUR ((int64_t)3600 * 1000)

/* --- sources of policies --- */

struct sources {
    struct user lin;
    struct group ops;
    struct access_role reader, keeper;
};

static void sources_make(struct world *w, struct sources *s)
{
    struct error e;
    tenant_make(w, "acme");
    s->lin = account(w, "acme", "lin", USER_PERSON);
    assert_ok(group_create(w->d, "acme", "ops", "/", scratch(), &s->ops, &e), e);
    assert_ok(group_add(w->d, s->ops.id, s->lin.id, &e), e);
    s->reader = role_make(w, "acme", &(struct role_new){ .name = "reader", .path = "/" },
                          ALLOW("s3:GetObject"));
    s->keeper = role_make(w, "acme", &(struct role_new){ .name = "keeper", .path = "/" },
                          ALLOW("s3:PutObject"));
}

/*= 2.1.4-2 test */
static void test_sources(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct error e;
    sources_make(w, &s);
    const char *attached = policy_make(w, "acme", "a", ALLOW("s3:ListBucket"));
    const char *of_group = policy_make(w, "acme", "b", ALLOW("s3:DeleteObject"));
    const char *of_role = policy_make(w, "acme", "c", ALLOW("s3:GetObjectTagging"));
    static const char *const actions_of[] = { "s3:CreateBucket",     "s3:ListBucket",
                                              "s3:DeleteBucket",     "s3:DeleteObject",
                                              "s3:GetObject",        "s3:PutObject",
                                              "s3:GetObjectTagging", "troth:GetStatus" };
    for (size_t n = 0; n <= ARRAY_LEN(actions_of); n++) {
        for (size_t i = 0; i < ARRAY_LEN(actions_of); i++) {
            assert_int_equal(user_may(w, &s.lin, false, actions_of[i]), i < n);
        }
        switch (n) { /* the next one */
        case 0:
            put(w, s.lin.id, "own", ALLOW("s3:CreateBucket"));
            break;
        case 1:
            assert_ok(policy_attach(w->d, s.lin.id, attached, &e), e);
            break;
        case 2:
            put(w, s.ops.id, "of-group", ALLOW("s3:DeleteBucket"));
            break;
        case 3:
            assert_ok(policy_attach(w->d, s.ops.id, of_group, &e), e);
            break;
        case 4:
            hold(w, "acme", s.lin.id, "reader");
            break;
        case 5:
            hold(w, "acme", s.ops.id, "keeper");
            break;
        case 6:
            assert_ok(policy_attach(w->d, s.keeper.id, of_role, &e), e);
            break;
        case 7:
            hold(w, "acme", s.lin.id, "storage-reader");
            assert_ok(role_unassign(w->d, s.lin.id, BYTES_LIT("reader"), &e), e);
            break;
        default:
            break;
        }
    }
    /* another version of a managed policy; a denial; out of the group */
    uint32_t version = 0;
    assert_ok(managed_version_create(w->d, attached, BYTES_LIT(ALLOW("s3:GetBucketAcl")), true,
                                     &version, &e),
              e);
    assert_true(user_may(w, &s.lin, false, "s3:GetBucketAcl"));
    put(w, s.ops.id, "no", DENY("s3:GetObject"));
    assert_false(user_may(w, &s.lin, false, "s3:GetObject"));
    assert_ok(group_remove(w->d, s.ops.id, s.lin.id, &e), e);
    assert_true(user_may(w, &s.lin, false, "s3:GetObject"));
    assert_false(user_may(w, &s.lin, false, "s3:PutObject"));
    /* nothing of a namesake of another tenant */
    tenant_make(w, "other");
    struct user namesake = account(w, "other", "lin", USER_PERSON);
    for (size_t i = 0; i < ARRAY_LEN(actions_of); i++) {
        assert_false(user_may(w, &namesake, true, actions_of[i]));
    }
}

/*= 2.1.4-1 test */
static void test_second_factor(void **state)
{
    struct world *w = *state;
    struct sources s;
    sources_make(w, &s);
    role_make(w, "acme", &(struct role_new){ .name = "strict", .path = "/", .needs_mfa = true },
              ALLOW("s3:CreateBucket"));
    hold(w, "acme", s.lin.id, "strict");
    hold(w, "acme", s.lin.id, "reader");
    hold(w, "acme", s.ops.id, "auditor"); /* built in, needs one */
    for (int mfa = 0; mfa < 2; mfa++) {
        CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &s.lin, mfa);
        assert_int_equal(p->has_mfa, mfa);
        assert_int_equal(may(p, "s3:CreateBucket"), mfa);
        assert_int_equal(may(p, "troth:ReadLog"), mfa);
        assert_true(may(p, "s3:GetObject"));
        assert_int_equal(p->admins, ADMIN_AUDIT); /* by what it holds, in force or not */
    }
}

static void test_root(void **state)
{
    struct world *w = *state;
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    tenant_make(w, "acme");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &k, secret, &e), e);
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    assert_ok(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &p, &e), e);
    assert_true(may(p, "s3:CreateBucket"));
    assert_true(may(p, "iam:CreateUser"));
    assert_false(may(p, "troth:CreateTenant"));
    assert_false(p->is_person);
    assert_key(p, "aws:PrincipalType", "Account");
    /* a person called to it by name alone has nothing of it */
    struct user lin = account(w, "acme", "lin", USER_PERSON);
    assert_false(user_may(w, &lin, true, "s3:CreateBucket"));
}

/* The decision in its own realm; `grant`: by which, NULL: by none. */
static bool granted(struct world *w, const struct principal *p, const char *action,
                    const char *grant)
{
    struct access_query q = { .p = p,
                              .realm = p->realm,
                              .action = bytes_str(action),
                              .resource = BYTES_LIT("*"),
                              .now_ms = w->clock.wall,
                              .ip = "192.0.2.7",
                              .is_tls = true };
    struct access_answer a;
    access_decide(&q, &a);
    if (a.verdict != POLICY_ALLOWED) {
        return false;
    }
    assert_int_equal(a.reason, grant == NULL ? ACCESS_BY_POLICY : ACCESS_BY_GRANT);
    if (grant != NULL) {
        assert_string_equal(a.grant, grant);
    }
    return true;
}

/* A privileged role is in force through a grant alone, even where the table of holders has it. */
/*= 2.1.4-3 test */
static void test_privileged(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct error e;
    sources_make(w, &s);
    role_make(w, "acme", &(struct role_new){ .name = "power", .path = "/", .is_privileged = true },
              ALLOW("s3:*"));
    assert_code(role_assign(w->d, "acme", s.lin.id, BYTES_LIT("power"), &e), ERRC_DENIED);
    raw(w, "INSERT INTO holders(subject, role, created_ms) VALUES(?1, 'power', 0)",
        SQL_IN(SQL_STR(s.lin.id)));
    assert_false(user_may(w, &s.lin, true, "s3:GetObject"));
    /* its end and its beginning come by the clock: nothing is changed meanwhile */
    grant_put(w, "g-1", "acme", "acme", s.lin.id, "power", "", T0 + HOUR, T0 + 2 * HOUR);
    const struct principal *before = of_user(w, &s.lin, true);
    assert_int_equal(before->next_change_ms, T0 + HOUR);
    assert_false(may(before, "s3:GetObject"));
    assert_true(principal_is_current(w->d, before, T0 + HOUR - 1));
    assert_false(principal_is_current(w->d, before, T0 + HOUR));
    clock_fake_advance(&w->clock, HOUR);
    const struct principal *during = of_user(w, &s.lin, true);
    assert_true(granted(w, during, "s3:GetObject", "g-1"));
    assert_int_equal(during->next_change_ms, T0 + 2 * HOUR);
    assert_int_equal(during->grant_count, 1);
    clock_fake_advance(&w->clock, HOUR - 1);
    assert_true(granted(w, during, "s3:GetObject", "g-1"));
    clock_fake_advance(&w->clock, 1);
    assert_false(principal_is_current(w->d, during, w->clock.wall));
    assert_false(granted(w, during, "s3:GetObject", "g-1")); /* even if nobody asks again */
    assert_false(user_may(w, &s.lin, true, "s3:GetObject"));
    principal_unref(before);
    principal_unref(during);
    /* limits of its own bound the granted role, not the rest */
    put(w, s.lin.id, "own", ALLOW("s3:DeleteBucket"));
    grant_put(w, "g-2", "acme", "acme", s.lin.id, "power", ALLOW("s3:Get*"), w->clock.wall,
              w->clock.wall + HOUR);
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &s.lin, true);
    assert_true(granted(w, p, "s3:DeleteBucket", NULL)); /* its own, not the grant's */
    assert_true(granted(w, p, "s3:GetObject", "g-2"));
    assert_false(granted(w, p, "s3:PutObject", NULL));
    /* what denies the person denies the grant too, and a boundary bounds it */
    put(w, s.lin.id, "no", DENY("s3:GetObject"));
    CLEANUP(principal_unref_p) const struct principal *denied = of_user(w, &s.lin, true);
    assert_false(granted(w, denied, "s3:GetObject", "g-2"));
    assert_true(granted(w, denied, "s3:GetObjectTagging", "g-2"));
    policy_make(w, "acme", "fence", ALLOW("s3:Put*"));
    struct user_change change = { .boundary = policy_arn(w, "acme", "fence"), .ends_ms = -1 };
    assert_ok(user_change(w->d, s.lin.id, &change, &e), e);
    CLEANUP(principal_unref_p) const struct principal *fenced = of_user(w, &s.lin, true);
    assert_false(granted(w, fenced, "s3:GetObjectTagging", "g-2"));
}

/*= 2.1.3-9 test */
static void test_grants_elsewhere(void **state)
{
    struct world *w = *state;
    tenant_make(w, "acme");
    struct user wang = account(w, IDENTITY_PLATFORM, "wang", USER_PERSON);
    grant_put(w, "g-1", "acme", IDENTITY_PLATFORM, wang.id, "support-data-reader", "", T0,
              T0 + HOUR);
    grant_put(w, "g-2", "acme", IDENTITY_PLATFORM, wang.id, "support-accounts",
              ALLOW("iam:CreateUser"), T0 + 1, T0 + HOUR);
    grant_put(w, "g-3", IDENTITY_PLATFORM, IDENTITY_PLATFORM, wang.id, "system-administrator", "",
              T0, T0 + 2 * HOUR);
    grant_put(w, "g-4", "acme", IDENTITY_PLATFORM, wang.id, "no-such-role", "", T0, T0 + HOUR);
    /* a tenant's own role by that name is nothing to the provider's staff */
    role_make(w, "acme", &(struct role_new){ .name = "inside", .path = "/" }, ALLOW("s3:*"));
    {
        CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &wang, true);
        assert_string_equal(p->home, IDENTITY_PLATFORM);
        assert_string_equal(p->actor, "platform/user/wang");
        assert_int_equal(p->grant_count, 2);
        assert_string_equal(p->grants[0].id, "g-1");
        assert_string_equal(p->grants[0].role, "support-data-reader");
        assert_int_equal(p->grants[0].admin, ADMIN_NONE);
        assert_true(evaluate(p->grants[0].policies, p->grants[0].policy_count, "s3:GetObject"));
        assert_false(evaluate(p->grants[0].policies, p->grants[0].policy_count, "s3:PutObject"));
        assert_false(may(p, "s3:GetObject")); /* not at home */
        assert_false(may(p, "troth:CreateTenant"));
        assert_int_equal(p->grants[1].admin, ADMIN_SYSTEM);
        assert_true(granted(w, p, "troth:CreateTenant", "g-3"));
        assert_int_equal(p->next_change_ms, T0 + 1);
    }
    clock_fake_advance(&w->clock, 1);
    {
        CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &wang, true);
        assert_int_equal(p->grant_count, 3);
        const struct principal_grant *g = &p->grants[2];
        assert_string_equal(g->id, "g-2");
        assert_int_equal(g->admin, ADMIN_SECURITY);
        assert_true(evaluate(g->policies, g->policy_count, "iam:CreateUser"));
        assert_false(evaluate(g->policies, g->policy_count, "iam:DeleteUser"));
        /* all of them want a second factor */
        CLEANUP(principal_unref_p) const struct principal *bare = of_user(w, &wang, false);
        assert_int_equal(bare->grant_count, 0);
    }
    clock_fake_advance(&w->clock, HOUR);
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &wang, true);
    assert_int_equal(p->grant_count, 1);
    assert_true(granted(w, p, "troth:CreateTenant", "g-3"));
}

static void test_boundary(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct error e;
    sources_make(w, &s);
    policy_make(w, "acme", "fence", ALLOW("s3:Get*"));
    put(w, s.lin.id, "own", ALLOW("*"));
    assert_true(user_may(w, &s.lin, true, "s3:PutObject"));
    struct user_change change = { .boundary = policy_arn(w, "acme", "fence"), .ends_ms = -1 };
    assert_ok(user_change(w->d, s.lin.id, &change, &e), e);
    {
        CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &s.lin, true);
        assert_true(may(p, "s3:GetObject"));
        assert_false(may(p, "s3:PutObject"));
        assert_int_equal(p->admins, 0); /* what the boundary keeps from it counts for nothing */
    }
    /* a boundary that is named and gone allows nothing */
    raw(w, "DELETE FROM policies WHERE name = ?1", SQL_IN(SQL_STR("fence")));
    assert_false(user_may(w, &s.lin, true, "s3:GetObject"));
}

/*= 2.1.4-2 test */
static void test_administrators(void **state)
{
    struct world *w = *state;
    struct sources s;
    sources_make(w, &s);
    put(w, s.lin.id, "own", ALLOW("iam:List*")); /* reading accounts makes no administrator */
    for (int step = 0; step < 3; step++) {
        static const unsigned want[] = { 0, ADMIN_AUDIT,
                                         ADMIN_AUDIT | ADMIN_SECURITY | ADMIN_SYSTEM };
        for (int mfa = 0; mfa < 2; mfa++) {
            CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &s.lin, mfa);
            assert_int_equal(p->admins, want[step]);
        }
        if (step == 0) {
            hold(w, "acme", s.lin.id, "audit-administrator");
        } else if (step == 1) {
            raw(w, "UPDATE inlines SET document = ?2 WHERE subject = ?1",
                SQL_IN(SQL_STR(s.lin.id), SQL_STR(ALLOW("*"))));
        }
    }
}

/* A role with a boundary is in force when it is assumed, not by holding it (test_tokens). */
static void test_role_with_boundary(void **state)
{
    struct world *w = *state;
    struct sources s;
    sources_make(w, &s);
    policy_make(w, "acme", "fence", ALLOW("s3:Get*"));
    role_make(w, "acme",
              &(struct role_new){
                      .name = "fenced", .path = "/", .boundary = policy_arn(w, "acme", "fence") },
              ALLOW("s3:*"));
    hold(w, "acme", s.lin.id, "fenced");
    put(w, s.lin.id, "own", ALLOW("s3:PutObject"));
    assert_true(user_may(w, &s.lin, true, "s3:PutObject"));
    assert_false(user_may(w, &s.lin, true, "s3:GetObject"));
}

/* --- freeze --- */

/*= 2.2.2-5 test */
static void test_frozen(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    sources_make(w, &s);
    hold(w, "acme", s.lin.id, "reader");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", s.lin.id, &k, secret, &e), e);
    static const char *const why[] = {
        "",
        "the account is frozen",
        "",
        "the account is suspended",
        "",
        "the tenant is frozen",
        "",
        "the tenant is suspended",
        "",
        "the account has ended",
        "the tenant is closed",
    };
    for (size_t step = 0; step < ARRAY_LEN(why); step++) {
        CLEANUP(principal_unref_p) const struct principal *p = NULL;
        if (step < 9) { /* the end of an account takes its keys with it */
            assert_ok(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &p, &e), e);
        } else {
            assert_code(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &p, &e),
                        ERRC_NOT_FOUND);
            p = of_user(w, &s.lin, true);
        }
        assert_frozen(p, why[step]);
        assert_int_equal(may(p, "s3:GetObject"), why[step][0] == '\0');
        assert_true(principal_is_current(w->d, p, w->clock.wall));
        switch (step) {
        case 0:
        case 1:
            assert_ok(user_set_frozen(w->d, s.lin.id, step == 0, &e), e);
            break;
        case 2:
        case 3:
            assert_ok(user_set_state(w->d, s.lin.id, step == 2 ? USER_SUSPENDED : USER_ACTIVE, &e),
                      e);
            break;
        case 4:
        case 5:
            assert_ok(realm_set_frozen(w->d, "acme", step == 4, &e), e);
            break;
        case 6:
        case 7:
            assert_ok(directory_tenant_set_state(w->d, "acme",
                                                 step == 6 ? TENANT_SUSPENDED : TENANT_ACTIVE, &e),
                      e);
            break;
        case 8:
            assert_ok(user_set_state(w->d, s.lin.id, USER_ENDED, &e), e);
            break;
        case 9:
            assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_CLOSED, &e), e);
            break;
        default:
            continue;
        }
        assert_false(
                principal_is_current(w->d, p, w->clock.wall)); /* a running request asks again */
    }
}

/* The provider's own accounts at once; the local operator is there to thaw them. */
static void test_frozen_platform(void **state)
{
    struct world *w = *state;
    struct error e;
    struct user wang = account(w, IDENTITY_PLATFORM, "wang", USER_PERSON);
    assert_ok(realm_set_frozen(w->d, IDENTITY_PLATFORM, true, &e), e);
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &wang, true), *op = NULL;
    assert_frozen(p, "the provider's accounts are frozen");
    assert_ok(principal_operator(w->d, 0, &op, &e), e);
    assert_frozen(op, "");
}

/* The day of leaving holds by the clock, before anybody has carried it out. */
/*= 2.1.4-4 test */
static void test_leaver(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct error e;
    sources_make(w, &s);
    hold(w, "acme", s.lin.id, "reader");
    struct user_change change = { .ends_ms = T0 + HOUR };
    assert_ok(user_change(w->d, s.lin.id, &change, &e), e);
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &s.lin, false);
    assert_frozen(p, "");
    assert_int_equal(p->next_change_ms, T0 + HOUR);
    clock_fake_advance(&w->clock, HOUR);
    assert_false(principal_is_current(w->d, p, w->clock.wall));
    assert_false(user_may(w, &s.lin, false, "s3:GetObject"));
    CLEANUP(principal_unref_p) const struct principal *after = of_user(w, &s.lin, false);
    assert_frozen(after, "the account has ended");
}

/* What can't be read any more may have been a denial. */
static void test_unreadable(void **state)
{
    struct world *w = *state;
    struct sources s;
    sources_make(w, &s);
    put(w, s.lin.id, "good", ALLOW("s3:*"));
    put(w, s.ops.id, "bad", DENY("s3:PutObject"));
    assert_true(user_may(w, &s.lin, false, "s3:GetObject"));
    raw(w, "UPDATE inlines SET document = '{\"Statement\":' WHERE name = ?1",
        SQL_IN(SQL_STR("bad")));
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &s.lin, false);
    assert_frozen(p, "its policy 'group/ops inline bad' can't be read");
}

/* --- keys and names --- */

static void test_keys(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct access_key k;
    const struct principal *p = NULL;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    sources_make(w, &s);
    assert_ok(directory_key_create(w->d, keeper(w), "acme", s.lin.id, &k, secret, &e), e);
    assert_code(principal_of_key(w->d, BYTES_LIT(""), BYTES_NONE, &p, &e), ERRC_NOT_FOUND);
    assert_code(principal_of_key(w->d, BYTES_LIT("AKAAAAAAAAAAAAAAAAAA"), BYTES_NONE, &p, &e),
                ERRC_NOT_FOUND);
    assert_code(principal_of_key(w->d, bytes_str(k.id), BYTES_LIT("x"), &p, &e), ERRC_DENIED);
    assert_ok(directory_key_set_enabled(w->d, "acme", k.id, false, &e), e);
    assert_code(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &p, &e), ERRC_DENIED);
    assert_ok(directory_key_set_enabled(w->d, "acme", k.id, true, &e), e);
    assert_ok(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &p, &e), e);
    /* the same picture until something changes */
    const struct principal *again = NULL;
    assert_ok(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &again, &e), e);
    assert_ptr_equal(p, again);
    principal_unref(again);
    assert_ok(directory_key_delete(w->d, "acme", k.id, &e), e);
    assert_code(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &again, &e), ERRC_NOT_FOUND);
    assert_string_equal(p->access_key, k.id); /* whoever has it keeps it */
    principal_unref(p);
    /* names of the cache are no access keys: "realm/" and 14 letters are 20 */
    tenant_make(w, "fourteen-bytes");
    assert_ok(principal_anonymous(w->d, "fourteen-bytes", &p, &e), e);
    principal_unref(p);
    assert_code(principal_of_key(w->d, BYTES_LIT("realm/fourteen-bytes"), BYTES_NONE, &p, &e),
                ERRC_NOT_FOUND);
}

static void test_names(void **state)
{
    struct world *w = *state;
    struct error e;
    tenant_make(w, "acme");
    struct user_new new = { .name = "lin",
                            .path = "/team/",
                            .owner = "Lin",
                            .kind = USER_PERSON,
                            .tags = "{\"team\":\"blue\",\"cost\":\"7\"}" };
    struct user lin;
    char number[ACCOUNT_BYTES];
    assert_ok(user_create(w->d, "acme", &new, scratch(), &lin, &e), e);
    assert_ok(realm_account(w->d, "acme", number, &e), e);
    const char *arn = arena_printf(scratch(), "arn:aws:iam::%s:user/team/lin", number);
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &lin, true);
    assert_int_equal(p->kind, PRINCIPAL_USER);
    assert_string_equal(p->realm, "acme");
    assert_string_equal(p->home, "acme");
    assert_string_equal(p->account, number);
    assert_string_equal(p->actor, "acme/user/lin");
    assert_string_equal(p->arn, arn);
    assert_string_equal(p->user_id, lin.id);
    assert_string_equal(p->unique_id, lin.id);
    assert_string_equal(p->role, "");
    assert_string_equal(p->grant, "");
    assert_string_equal(p->access_key, "");
    assert_true(p->is_person);
    assert_key(p, "aws:username", "lin");
    assert_key(p, "aws:userid", lin.id);
    assert_key(p, "aws:PrincipalArn", arn);
    assert_key(p, "aws:PrincipalAccount", number);
    assert_key(p, "aws:PrincipalType", "User");
    assert_key(p, "aws:PrincipalTag/team", "blue");
    assert_key(p, "aws:PrincipalTag/cost", "7");
    assert_key(p, "troth:Realm", "acme");
    assert_key(p, "troth:Grant", "");
    assert_key(p, "aws:TokenIssueTime", "");
}

static void test_others(void **state)
{
    struct world *w = *state;
    const struct principal *p = NULL;
    struct error e;
    tenant_make(w, "acme");
    assert_ok(principal_operator(w->d, 1000, &p, &e), e);
    assert_int_equal(p->kind, PRINCIPAL_OPERATOR);
    assert_string_equal(p->actor, "operator/1000");
    assert_string_equal(p->realm, IDENTITY_PLATFORM);
    assert_int_equal(p->policy_count, 0);
    assert_int_equal(p->grant_count, 0);
    principal_unref(p);
    /* break-glass: the socket stands for the second factor */
    grant_put(w, "g-1", "acme", IDENTITY_PLATFORM, "operator/1000", "support-keys", "", T0,
              T0 + HOUR);
    grant_put(w, "g-2", IDENTITY_PLATFORM, IDENTITY_PLATFORM, "operator/1000",
              "security-administrator", "", T0, T0 + HOUR);
    assert_ok(principal_operator(w->d, 1000, &p, &e), e);
    assert_int_equal(p->grant_count, 2);
    assert_true(evaluate(p->grants[0].policies, p->grants[0].policy_count, "kms:CreateKey"));
    assert_true(evaluate(p->grants[1].policies, p->grants[1].policy_count, "iam:CreateUser"));
    principal_unref(p);
    assert_ok(principal_operator(w->d, 1001, &p, &e), e);
    assert_int_equal(p->grant_count, 0);
    principal_unref(p);
    assert_ok(principal_anonymous(w->d, "acme", &p, &e), e);
    assert_int_equal(p->kind, PRINCIPAL_ANONYMOUS);
    assert_string_equal(p->actor, "anonymous");
    assert_string_equal(p->realm, "acme");
    assert_string_equal(p->account, "");
    assert_string_equal(p->arn, "");
    assert_int_equal(p->policy_count, 0);
    assert_frozen(p, "");
    principal_unref(p);
    assert_code(principal_anonymous(w->d, "nobody", &p, &e), ERRC_NOT_FOUND);
    assert_code(principal_anonymous(w->d, "", &p, &e), ERRC_NOT_FOUND);
    assert_code(principal_of_user(w->d, "AIDANOBODY", true, &p, &e), ERRC_NOT_FOUND);
    assert_code(principal_of_user(w->d, "", true, &p, &e), ERRC_NOT_FOUND);
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_SUSPENDED, &e), e);
    assert_ok(principal_anonymous(w->d, "acme", &p, &e), e);
    assert_frozen(p, "the tenant is suspended");
    principal_unref(p);
}

/*= 2.1.4-6 test */
static void test_touch(void **state)
{
    struct world *w = *state;
    struct access_key k, found;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    CLEANUP(principal_unref_p) const struct principal *p = NULL;
    tenant_make(w, "acme");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &k, secret, &e), e);
    assert_ok(principal_of_key(w->d, bytes_str(k.id), BYTES_NONE, &p, &e), e);
    access_key_touch(w->d, p, "192.0.2.7", "s3");
    clock_fake_advance(&w->clock, 999);
    access_key_touch(w->d, p, "192.0.2.9", "s3"); /* the same second */
    assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
    assert_int_equal(found.used_ms, T0);
    assert_string_equal(found.used_from, "192.0.2.7");
    clock_fake_advance(&w->clock, 1);
    access_key_touch(w->d, p, "192.0.2.8", "s3");
    assert_ok(directory_key_uses_flush(w->d, &e), e);
    reopen(w);
    assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
    assert_int_equal(found.used_ms, T0 + 1000);
    assert_string_equal(found.used_from, "192.0.2.8");
}

/* --- threads --- */

struct racing {
    struct world *w;
    struct bytes key;
    const char *user_id;
    _Atomic bool is_over;
    _Atomic unsigned wrong, rounds;
};

static void *race(void *arg)
{
    struct racing *r = arg;
    while (!atomic_load(&r->is_over)) {
        const struct principal *p = NULL, *u = NULL;
        struct error e;
        if (!result_is_ok(principal_of_key(r->w->d, r->key, BYTES_NONE, &p, &e)) ||
            !result_is_ok(principal_of_user(r->w->d, r->user_id, true, &u, &e)) ||
            strcmp(p->user_name, "lin") != 0 || may(p, "s3:PutObject") ||
            may(p, "s3:GetObject") == p->is_frozen) {
            atomic_fetch_add(&r->wrong, 1);
        }
        if (p != NULL) {
            access_key_touch(r->w->d, p, "192.0.2.7", "s3");
        }
        principal_unref(p);
        principal_unref(u);
        atomic_fetch_add(&r->rounds, 1);
    }
    return NULL;
}

/* Readers beside changes: never a picture that was not; after a change returned, none from
 * before. */
static void test_threads(void **state)
{
    struct world *w = *state;
    struct sources s;
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    pthread_t threads[3];
    sources_make(w, &s);
    hold(w, "acme", s.lin.id, "reader");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", s.lin.id, &k, secret, &e), e);
    struct racing r = { .w = w, .key = bytes_str(k.id), .user_id = s.lin.id };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &r), 0);
    }
    for (int i = 0; i < 60 || atomic_load(&r.rounds) < 100; i++) {
        CLEANUP(principal_unref_p) const struct principal *p = NULL;
        assert_ok(user_set_frozen(w->d, s.lin.id, i % 2 == 0, &e), e);
        assert_ok(principal_of_key(w->d, r.key, BYTES_NONE, &p, &e), e);
        assert_int_equal(p->is_frozen, i % 2 == 0);
        assert_ok(directory_key_uses_flush(w->d, &e), e);
    }
    atomic_store(&r.is_over, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(r.wrong, 0);
}

/* Of persons, by the parameters of their home; a change of them makes a new picture. */
static void test_origin(void **state)
{
    struct world *w = *state;
    struct error e;
    tenant_make(w, "acme");
    struct user lin = account(w, "acme", "lin", USER_PERSON);
    struct user job = account(w, "acme", "job", USER_SERVICE);
    CLEANUP(principal_unref_p) const struct principal *before = of_user(w, &lin, true);
    assert_string_equal(before->origin.networks, "");
    assert_false(before->origin.needs_certificate);
    assert_ok(param_set(w->d, "acme", "P-IAM-6", "10.0.0.0/8", &e), e);
    assert_ok(param_set(w->d, "acme", "P-IAM-7", "yes", &e), e);
    assert_ok(param_set(w->d, IDENTITY_PLATFORM, "P-IAM-6", "192.0.2.0/24", &e), e);
    assert_false(principal_is_current(w->d, before, w->clock.wall));
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, &lin, true);
    assert_string_equal(p->origin.networks, "10.0.0.0/8");
    assert_true(p->origin.needs_certificate);
    CLEANUP(principal_unref_p) const struct principal *program = of_user(w, &job, false);
    assert_string_equal(program->origin.networks, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sources),
        TEST(test_origin),
        TEST(test_second_factor),
        TEST(test_root),
        TEST(test_privileged),
        TEST(test_grants_elsewhere),
        TEST(test_boundary),
        TEST(test_administrators),
        TEST(test_role_with_boundary),
        TEST(test_frozen),
        TEST(test_frozen_platform),
        TEST(test_leaver),
        TEST(test_unreadable),
        TEST(test_keys),
        TEST(test_names),
        TEST(test_others),
        TEST(test_touch),
        TEST(test_threads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(scratch());
    return failed;
}
