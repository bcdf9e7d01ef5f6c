/* What the tests of principals and tokens share: accounts, roles, policies and grants in few words;
 * what a principal may do. */
#ifndef TROTH_PRINCIPAL_TESTKIT_H
#define TROTH_PRINCIPAL_TESTKIT_H

#include "identity_testkit.h"

#include "identity/directory_priv.h"
#include "identity/grant.h"
#include "identity/managed.h"
#include "identity/principal.h"
#include "identity/role.h"
#include "identity/sql_priv.h"

#define KIT inline __attribute__((unused))
#define ALLOW(action)                                                                              \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"" action        \
    "\",\"Resource\":\"*\"}]}"
#define DENY(action)                                                                               \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"" action         \
    "\",\"Resource\":\"*\"}]}"
#define SERVICE BYTES_LIT("s3")
#define REGION  BYTES_LIT("us-east-1")

static KIT struct arena *scratch(void) /* of the whole test program */
{
    static struct arena *a;
    return a != NULL ? a : (a = arena_new(4096, false));
}

static KIT struct user account(struct world *w, const char *realm, const char *name,
                               enum user_kind kind)
{
    struct user_new u = { .name = name,
                          .owner = kind == USER_PERSON ? "A Person" : "root",
                          .kind = kind };
    struct user ret;
    struct error e;
    if (kind == USER_SERVICE && strcmp(realm, IDENTITY_PLATFORM) == 0) {
        u.owner = "wang";
    }
    assert_ok(user_create(w->d, realm, &u, scratch(), &ret, &e), e);
    return ret;
}

static KIT struct user root_of(struct world *w, const char *realm)
{
    struct user ret;
    struct error e;
    assert_ok(user_get(w->d, realm, BYTES_LIT("root"), scratch(), &ret, &e), e);
    return ret;
}

static KIT struct access_role role_make(struct world *w, const char *realm,
                                        const struct role_new *r, const char *allowed)
{
    struct access_role ret;
    struct error e;
    assert_ok(role_create(w->d, realm, r, scratch(), &ret, &e), e);
    assert_ok(inline_put(w->d, ret.id, "what", bytes_str(allowed), &e), e);
    return ret;
}

static KIT void hold(struct world *w, const char *realm, const char *subject, const char *role)
{
    struct error e;
    assert_ok(role_assign(w->d, realm, subject, bytes_str(role), &e), e);
}

static KIT void put(struct world *w, const char *subject, const char *name, const char *json)
{
    struct error e;
    assert_ok(inline_put(w->d, subject, name, bytes_str(json), &e), e);
}

static KIT const char *policy_make(struct world *w, const char *realm, const char *name,
                                   const char *json)
{
    struct managed m;
    struct error e;
    assert_ok(managed_create(w->d, realm, name, "/", "", bytes_str(json), scratch(), &m, &e), e);
    return arena_str(scratch(), bytes_str(m.id));
}

static KIT const char *policy_arn(struct world *w, const char *realm, const char *name)
{
    char number[ACCOUNT_BYTES];
    struct error e;
    assert_ok(realm_account(w->d, realm, number, &e), e);
    return arena_printf(scratch(), "arn:aws:iam::%s:policy/%s", number, name);
}

/* A statement of the tests' own, past every check. */
struct raw {
    const char *sql;
    struct sql_in in;
};
static KIT struct result raw_run(struct db_conn *c, void *arg, struct error *e)
{
    const struct raw *r = arg;
    return sql_run(c, r->sql, r->in, e);
}
static KIT void raw(struct world *w, const char *sql, struct sql_in in)
{
    struct raw r = { sql, in };
    struct error e;
    assert_ok(directory_change(w->d, raw_run, &r, &e), e);
}

/* A grant that was approved: what it takes to get one is in test_grants. */
static KIT void grant_put(struct world *w, const char *id, const char *realm, const char *home,
                          const char *user_id, const char *role, const char *policy,
                          int64_t from_ms, int64_t until_ms)
{
    raw(w,
        "INSERT INTO grants(id, realm, home, user, user_name, role, policy, reason, ticket, kind,"
        " state, asked_ms, from_ms, until_ms, decided_ms, decided_by, decided_name, note, ended_ms,"
        " ended_by, uses, used_ms)"
        " VALUES(?1, ?2, ?3, ?4, '', ?5, ?6, 'why', '', 1, 2, 0, ?7, ?8, 0, '', '', '', 0, '', 0,"
        " 0)",
        SQL_IN(SQL_STR(id), SQL_STR(realm), SQL_STR(home), SQL_STR(user_id), SQL_STR(role),
               SQL_STR(policy), SQL_INT(from_ms), SQL_INT(until_ms)));
}

static KIT const struct principal *of_user(struct world *w, const struct user *u, bool has_mfa)
{
    const struct principal *p = NULL;
    struct error e;
    assert_ok(principal_of_user(w->d, u->id, has_mfa, &p, &e), e);
    return p;
}

static KIT bool evaluate(const struct policy_in_force *in, size_t n, const char *action)
{
    struct policy_request rq = { .action = bytes_str(action), .resource = BYTES_LIT("*") };
    struct policy_decision got;
    policy_evaluate(in, n, &rq, &got);
    return got.verdict == POLICY_ALLOWED;
}

static KIT bool may(const struct principal *p, const char *action)
{
    return !p->is_frozen && evaluate(p->policies, p->policy_count, action);
}

/* The same for a user, asked anew. */
static KIT bool user_may(struct world *w, const struct user *u, bool has_mfa, const char *action)
{
    CLEANUP(principal_unref_p) const struct principal *p = of_user(w, u, has_mfa);
    return may(p, action);
}

static KIT struct bytes key_of(const struct principal *p, const char *name)
{
    for (size_t i = 0; i < p->key_count; i++) {
        if (bytes_equal_str(p->keys[i].name, name)) {
            assert_int_equal(p->keys[i].count, 1);
            return p->keys[i].values[0];
        }
    }
    return BYTES_NONE;
}

static KIT void assert_key(const struct principal *p, const char *name, const char *want)
{
    struct bytes got = key_of(p, name);
    CLEANUP(buf_done_p) struct buf text = BUF(4096);
    buf_add(&text, got);
    assert_string_equal(buf_cstr(&text), want);
}

static KIT void assert_frozen(const struct principal *p, const char *why)
{
    assert_string_equal(p->why_frozen, why);
    assert_int_equal(p->is_frozen, why[0] != '\0');
}

#endif
