/* Groups and roles: their limits, realms apart, what keeps them from being removed; privileged
 * roles and the three administrators. */
#include "people_kit.h"

#include "identity/policy/admins.h"
#include "identity/role_builtin.h"
#include "identity/sql_priv.h"

static void test_groups(void **state)
{
    struct people *p = *state;
    struct group g = group(p, "acme", "dev"), b = group(p, "beta", "dev"), got, *list = NULL;
    size_t n = 0;
    assert_memory_equal(g.id, "AGPA", 4);
    assert_string_equal(g.path, "/");
    assert_code(group_create(p->w->d, "acme", "Dev", NULL, p->arena, &got, &p->e), ERRC_EXISTS);
    assert_code(group_create(p->w->d, "acme", "d\xd0\xb5v", NULL, p->arena, &got, &p->e),
                ERRC_FORMAT);
    assert_code(group_create(p->w->d, "acme", "x", "y", p->arena, &got, &p->e), ERRC_FORMAT);
    assert_code(group_create(p->w->d, "gamma", "x", NULL, p->arena, &got, &p->e), ERRC_NOT_FOUND);
    assert_ok(group_get(p->w->d, "beta", BYTES_LIT("dev"), p->arena, &got, &p->e), p->e);
    assert_string_equal(got.id, b.id);
    assert_code(group_get(p->w->d, "beta", BYTES_LIT("DEV"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
    assert_ok(group_create(p->w->d, "acme", "aaa", "/ops/", p->arena, &got, &p->e), p->e);
    assert_ok(group_list(p->w->d, "acme", BYTES_NONE, BYTES_NONE, 9, p->arena, &list, &n, &p->e),
              p->e);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "aaa");
    assert_ok(group_list(p->w->d, "acme", BYTES_NONE, BYTES_LIT("aaa"), 9, p->arena, &list, &n,
                         &p->e),
              p->e);
    assert_int_equal(n, 1);
    assert_ok(group_list(p->w->d, "acme", BYTES_LIT("/ops/"), BYTES_NONE, 9, p->arena, &list, &n,
                         &p->e),
              p->e);
    assert_int_equal(n, 1);
}

static void test_members(void **state)
{
    struct people *p = *state;
    struct group g = group(p, "acme", "dev");
    struct user u = person(p, "acme", "lin"), b = person(p, "beta", "lin"), *members = NULL;
    struct group *groups = NULL;
    size_t n = 0;
    assert_ok(group_add(p->w->d, g.id, u.id, &p->e), p->e);
    assert_ok(group_add(p->w->d, g.id, u.id, &p->e), p->e);             /* twice is once */
    assert_code(group_add(p->w->d, g.id, b.id, &p->e), ERRC_NOT_FOUND); /* of another realm */
    assert_code(group_add(p->w->d, g.id, "AIDAX", &p->e), ERRC_NOT_FOUND);
    assert_code(group_add(p->w->d, "AGPAX", u.id, &p->e), ERRC_NOT_FOUND);
    assert_ok(group_members(p->w->d, g.id, p->arena, &members, &n, &p->e), p->e);
    assert_int_equal(n, 1);
    assert_string_equal(members[0].id, u.id);
    assert_code(group_delete(p->w->d, g.id, &p->e), ERRC_CONFLICT);
    for (unsigned i = 1; i <= 10; i++) {
        struct group more = group(p, "acme", arena_printf(p->arena, "g%u", i));
        assert_code(group_add(p->w->d, more.id, u.id, &p->e), i < 10 ? ERRC_OK : ERRC_LIMIT);
    }
    assert_ok(user_groups(p->w->d, u.id, p->arena, &groups, &n, &p->e), p->e);
    assert_int_equal(n, 10); /* the eleventh left no trace */
    assert_ok(group_remove(p->w->d, g.id, u.id, &p->e), p->e);
    assert_code(group_remove(p->w->d, g.id, u.id, &p->e), ERRC_NOT_FOUND);
}

static void test_group_delete(void **state)
{
    struct people *p = *state;
    struct group g = group(p, "acme", "dev"), got;
    struct managed m = managed(p, "acme", "read");
    assert_ok(policy_attach(p->w->d, g.id, m.id, &p->e), p->e);
    assert_code(group_delete(p->w->d, g.id, &p->e), ERRC_CONFLICT);
    assert_ok(policy_detach(p->w->d, g.id, m.id, &p->e), p->e);
    assert_ok(inline_put(p->w->d, g.id, "x", BYTES_LIT(READ_ALL), &p->e), p->e);
    assert_code(group_delete(p->w->d, g.id, &p->e), ERRC_CONFLICT);
    assert_ok(inline_delete(p->w->d, g.id, "x", &p->e), p->e);
    assert_ok(role_assign(p->w->d, "acme", g.id, BYTES_LIT("auditor"), &p->e), p->e);
    assert_code(group_delete(p->w->d, g.id, &p->e), ERRC_CONFLICT);
    assert_ok(role_unassign(p->w->d, g.id, BYTES_LIT("auditor"), &p->e), p->e);
    assert_ok(group_delete(p->w->d, g.id, &p->e), p->e);
    assert_code(group_delete(p->w->d, g.id, &p->e), ERRC_NOT_FOUND);
    assert_code(group_get(p->w->d, "acme", BYTES_LIT("dev"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
}

/* --- roles --- */

#define TRUST                                                                                      \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":"     \
    "\"123456789012\"},\"Action\":\"sts:AssumeRole\"}]}"

static struct access_role role(struct people *p, const char *realm, const char *name)
{
    struct role_new n = { .name = name, .trust = TRUST };
    struct access_role r;
    assert_ok(role_create(p->w->d, realm, &n, p->arena, &r, &p->e), p->e);
    return r;
}

static void test_roles(void **state)
{
    struct people *p = *state;
    struct access_role r = role(p, "acme", "reader"), got;
    struct role_change c = { .description = "d", .max_session_s = 900, .version = 1 };
    assert_memory_equal(r.id, "AROA", 4);
    assert_int_equal(r.max_session_s, 3600);
    assert_false(r.is_builtin || r.is_privileged || r.needs_mfa);
    assert_ok(role_change(p->w->d, r.id, &c, &p->e), p->e);
    assert_code(role_change(p->w->d, r.id, &c, &p->e), ERRC_CONFLICT);
    assert_ok(role_get(p->w->d, "acme", BYTES_LIT("reader"), p->arena, &got, &p->e), p->e);
    assert_string_equal(got.description, "d");
    assert_string_equal(got.trust, TRUST);
    assert_true(got.max_session_s == 900 && got.version == 2);
    assert_code(role_get(p->w->d, "acme", BYTES_LIT("Reader"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
    assert_code(role_get(p->w->d, "beta", BYTES_LIT("reader"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
    c = (struct role_change){ .max_session_s = 899 };
    assert_code(role_change(p->w->d, r.id, &c, &p->e), ERRC_RANGE);
    c = (struct role_change){ .trust = READ_ALL };
    assert_code(role_change(p->w->d, r.id, &c, &p->e), ERRC_FORMAT);
    assert_code(role_change(p->w->d, "", &c, &p->e), ERRC_FORMAT);
    c = (struct role_change){ .description = "x" };
    assert_code(role_change(p->w->d, "", &c, &p->e), ERRC_NOT_FOUND); /* a built-in one has no id */

    static const struct {
        struct role_new n;
        enum errc want;
    } refused[] = {
        { { .name = "READER", .trust = TRUST }, ERRC_EXISTS },
        { { .name = "auditor", .trust = TRUST }, ERRC_EXISTS },
        { { .name = "Auditor", .trust = TRUST }, ERRC_EXISTS },
        { { .name = "support-keys", .trust = TRUST }, ERRC_EXISTS },
        { { .name = "a\xd1\x83" }, ERRC_FORMAT },
        { { .name = "x", .trust = "{}" }, ERRC_FORMAT },
        { { .name = "x", .trust = READ_ALL }, ERRC_FORMAT }, /* no Principal */
        { { .name = "x", .max_session_s = 43201 }, ERRC_RANGE },
        { { .name = "x", .tags = "[]" }, ERRC_FORMAT },
        { { .name = "x", .boundary = "arn:aws:iam::1:policy/x" }, ERRC_NOT_FOUND },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_code(role_create(p->w->d, "acme", &refused[i].n, p->arena, &got, &p->e),
                    refused[i].want);
    }
}

static void test_builtin_roles(void **state)
{
    struct people *p = *state;
    struct access_role got, *list = NULL;
    size_t n = 0, seen = 0;
    struct bytes after = BYTES_NONE;
    const char *last = "";
    role(p, "acme", "m-custom");
    assert_ok(role_get(p->w->d, "acme", BYTES_LIT("support-keys"), p->arena, &got, &p->e), p->e);
    assert_true(got.is_builtin && got.is_privileged && got.needs_mfa);
    assert_string_equal(got.id, "");
    assert_string_equal(got.realm, "acme");
    assert_code(role_get(p->w->d, "acme", BYTES_LIT("staff"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
    assert_code(
            role_get(p->w->d, IDENTITY_PLATFORM, BYTES_LIT("support-keys"), p->arena, &got, &p->e),
            ERRC_NOT_FOUND);
    assert_code(role_get(p->w->d, "", BYTES_LIT("auditor"), p->arena, &got, &p->e), ERRC_NOT_FOUND);
    assert_code(role_get(p->w->d, "gamma", BYTES_LIT("auditor"), p->arena, &got, &p->e),
                ERRC_NOT_FOUND);
    do { /* built-in and own ones in pages of one order */
        assert_ok(role_list(p->w->d, "acme", BYTES_NONE, after, 3, p->arena, &list, &n, &p->e),
                  p->e);
        for (size_t i = 0; i < n; i++, seen++) {
            assert_true(strcmp(last, list[i].name) < 0);
            last = list[i].name;
        }
        after = bytes_str(last);
    } while (n > 0);
    size_t want = 1;
    for (const struct role_builtin *b = role_builtins; b->name != NULL; b++) {
        want += b->place != ROLE_OF_PLATFORM;
    }
    assert_int_equal(seen, want);
}

/*= 2.1.4-2 test */
static void test_builtin_documents(void **state)
{
    struct error e;
    (void)state;
    for (const struct role_builtin *b = role_builtins; b->name != NULL; b++) {
        unsigned bits = 0;
        assert_ok(policy_document_admins(bytes_str(b->document), &bits, &e), e);
        bool is_root = b->place == ROLE_OF_TENANT && strcmp(b->name, "root") == 0;
        if (!is_root && bits != (unsigned)b->admin) {
            fail_msg("role %s: its policy reaches %x, the table says %x", b->name, bits, b->admin);
        }
        assert_false(b->admin != ADMIN_NONE && !b->needs_mfa);
        assert_true(b->place != ROLE_IN_TENANT || b->is_privileged);
    }
}

static bool holds(struct people *p, const char *id, const char *role)
{
    const char **names = NULL;
    size_t n = 0;
    bool is = false;
    assert_ok(role_assigned(p->w->d, id, p->arena, &names, &n, &p->e), p->e);
    for (size_t i = 0; i < n; i++) {
        is = is || strcmp(names[i], role) == 0;
    }
    return is;
}

/*= 2.1.4-3 test */
static void test_assign(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin"), s = person(p, IDENTITY_PLATFORM, "wang");
    struct role_new privileged = { .name = "surgeon", .is_privileged = true };
    struct access_role r;
    assert_ok(role_create(p->w->d, "acme", &privileged, p->arena, &r, &p->e), p->e);
    assert_ok(role_assign(p->w->d, "acme", u.id, BYTES_LIT("storage-owner"), &p->e), p->e);
    assert_ok(role_assign(p->w->d, "acme", u.id, BYTES_LIT("storage-owner"), &p->e), p->e);
    assert_true(holds(p, u.id, "storage-owner"));
    static const struct {
        const char *realm, *role;
        enum errc want;
    } refused[] = {
        { "acme", "surgeon", ERRC_DENIED },
        { "acme", "support-data-reader", ERRC_DENIED },
        { "acme", "root", ERRC_DENIED },
        { "acme", "staff", ERRC_NOT_FOUND },
        { "acme", "Storage-Owner", ERRC_NOT_FOUND },
        { "acme", "", ERRC_NOT_FOUND },
        { "beta", "auditor", ERRC_NOT_FOUND }, /* not beta's account */
        { IDENTITY_PLATFORM, "staff", ERRC_NOT_FOUND },
        { "", "auditor", ERRC_NOT_FOUND },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_code(role_assign(p->w->d, refused[i].realm, u.id, bytes_str(refused[i].role), &p->e),
                    refused[i].want);
    }
    static const char *const standing_never[] = { "system-administrator", "security-administrator",
                                                  "audit-administrator" };
    for (size_t i = 0; i < ARRAY_LEN(standing_never); i++) {
        assert_code(
                role_assign(p->w->d, IDENTITY_PLATFORM, s.id, bytes_str(standing_never[i]), &p->e),
                ERRC_DENIED);
    }
    assert_ok(role_assign(p->w->d, IDENTITY_PLATFORM, s.id, BYTES_LIT("staff"), &p->e), p->e);
    assert_code(role_assign(p->w->d, "acme", r.id, BYTES_LIT("auditor"), &p->e), ERRC_NOT_FOUND);
    assert_ok(role_unassign(p->w->d, u.id, BYTES_LIT("storage-owner"), &p->e), p->e);
    assert_code(role_unassign(p->w->d, u.id, BYTES_LIT("storage-owner"), &p->e), ERRC_NOT_FOUND);
    assert_false(holds(p, u.id, "storage-owner"));
}

/*= 2.1.4-2 test */
static void test_two_administrators(void **state)
{
    static const struct {
        const char *role;
        enum admin_kind kind;
    } roles[] = {
        { "system-administrator", ADMIN_SYSTEM },
        { "security-administrator", ADMIN_SECURITY },
        { "audit-administrator", ADMIN_AUDIT },
        { "auditor", ADMIN_AUDIT },
        { "approver", ADMIN_NONE },
        { "storage-owner", ADMIN_NONE },
    };
    struct people *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        for (size_t j = 0; j < ARRAY_LEN(roles); j++) {
            struct user u = person(p, "acme", arena_printf(p->arena, "p%zu-%zu", i, j)),
                        s = service(p, "acme", arena_printf(p->arena, "s%zu-%zu", i, j), u.name);
            bool is_two =
                    roles[i].kind != roles[j].kind && roles[i].kind != 0 && roles[j].kind != 0;
            assert_ok(role_assign(p->w->d, "acme", u.id, bytes_str(roles[i].role), &p->e), p->e);
            assert_code(role_assign(p->w->d, "acme", u.id, bytes_str(roles[j].role), &p->e),
                        is_two ? ERRC_DENIED : ERRC_OK);
            assert_int_equal(holds(p, u.id, roles[j].role), !is_two);
            /* the rule is for persons */
            assert_ok(role_assign(p->w->d, "acme", s.id, bytes_str(roles[i].role), &p->e), p->e);
            assert_ok(role_assign(p->w->d, "acme", s.id, bytes_str(roles[j].role), &p->e), p->e);
        }
    }
}

/* By groups, by roles of one's own making, by policies. */
static void test_two_administrators_by_detours(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin"), v = person(p, "acme", "mei");
    struct group g = group(p, "acme", "security");
    struct access_role r = role(p, "acme", "keys");
    assert_ok(role_assign(p->w->d, "acme", g.id, BYTES_LIT("security-administrator"), &p->e), p->e);
    assert_ok(role_assign(p->w->d, "acme", u.id, BYTES_LIT("auditor"), &p->e), p->e);
    assert_code(group_add(p->w->d, g.id, u.id, &p->e), ERRC_DENIED);
    assert_ok(group_add(p->w->d, g.id, v.id, &p->e), p->e);
    assert_code(role_assign(p->w->d, "acme", v.id, BYTES_LIT("auditor"), &p->e), ERRC_DENIED);
    assert_code(role_assign(p->w->d, "acme", g.id, BYTES_LIT("system-administrator"), &p->e),
                ERRC_DENIED); /* it would reach mei */
    assert_ok(inline_put(p->w->d, r.id, "all", BYTES_LIT(ALLOW_ALL_OF("kms")), &p->e), p->e);
    assert_code(role_assign(p->w->d, "acme", u.id, BYTES_LIT("keys"), &p->e), ERRC_DENIED);
    assert_ok(inline_put(p->w->d, u.id, "own", BYTES_LIT(ALLOW_ALL_OF("s3")), &p->e), p->e);
    assert_code(role_assign(p->w->d, "acme", u.id, BYTES_LIT("approver"), &p->e), ERRC_DENIED);
    assert_ok(inline_delete(p->w->d, u.id, "own", &p->e), p->e);
    assert_ok(role_assign(p->w->d, "acme", u.id, BYTES_LIT("approver"), &p->e), p->e);
}

static RESULT token_plant(struct db_conn *c, void *arg, struct error *e)
{
    const char *user = arg;
    return sql_run(
            c,
            "INSERT INTO tokens VALUES('AS1', x'', 'acme', 'acme', ?1, 'reader', '', '', x'',"
            " '', '{}', 0, '', 1, 9)",
            SQL_IN(SQL_STR(user)), e);
}

static int64_t tokens(struct people *p)
{
    int64_t n = 0;
    struct db_conn *c = NULL;
    assert_ok(db_read_begin(p->w->d->db, &c, &p->e), p->e);
    assert_ok(sql_i64(c, "SELECT count(*) FROM tokens", (struct sql_in){ NULL, 0 }, &n, &p->e),
              p->e);
    db_read_end(c);
    return n;
}

static void test_role_ends(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin");
    struct access_role r = role(p, "acme", "reader"), other = role(p, "beta", "reader");
    assert_ok(role_assign(p->w->d, "acme", u.id, BYTES_LIT("reader"), &p->e), p->e);
    assert_ok(db_write(p->w->d->db, token_plant, u.id, &p->e), p->e);
    assert_code(role_delete(p->w->d, r.id, &p->e), ERRC_CONFLICT); /* held */
    assert_ok(role_delete(p->w->d, other.id, &p->e), p->e); /* another realm's of the same name */
    assert_int_equal(tokens(p), 1);
    assert_ok(role_unassign(p->w->d, u.id, BYTES_LIT("reader"), &p->e), p->e);
    assert_int_equal(tokens(p), 0);
    assert_ok(inline_put(p->w->d, r.id, "x", BYTES_LIT(READ_ALL), &p->e), p->e);
    assert_code(role_delete(p->w->d, r.id, &p->e), ERRC_CONFLICT);
    assert_ok(inline_delete(p->w->d, r.id, "x", &p->e), p->e);
    assert_ok(db_write(p->w->d->db, token_plant, u.id, &p->e), p->e);
    assert_ok(role_delete(p->w->d, r.id, &p->e), p->e);
    assert_int_equal(tokens(p), 0);
    assert_code(role_delete(p->w->d, r.id, &p->e), ERRC_NOT_FOUND);
    assert_code(role_delete(p->w->d, "", &p->e), ERRC_NOT_FOUND);
}

/* What decides about one's own rights: by itself, by a group, by a role, as a boundary. */
/*= 2.1.4-2 test */
static void test_reach(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin"), other = person(p, "acme", "wu");
    struct group g = group(p, "acme", "dev");
    struct managed own = managed(p, "acme", "own"), by_group = managed(p, "acme", "by-group"),
                   by_role = managed(p, "acme", "by-role"), bound = managed(p, "acme", "bound"),
                   none = managed(p, "acme", "none");
    struct role_new new = { .name = "reader" };
    struct access_role r, free_role;
    char account[ACCOUNT_BYTES];
    assert_ok(role_create(p->w->d, "acme", &new, p->arena, &r, &p->e), p->e);
    new.name = "unheld";
    assert_ok(role_create(p->w->d, "acme", &new, p->arena, &free_role, &p->e), p->e);
    assert_ok(realm_account(p->w->d, "acme", account, &p->e), p->e);
    struct user_change change = {
        .boundary = arena_printf(p->arena, "arn:aws:iam::%s:policy/bound", account), .ends_ms = -1
    };
    assert_ok(user_change(p->w->d, u.id, &change, &p->e), p->e);
    assert_ok(group_add(p->w->d, g.id, u.id, &p->e), p->e);
    assert_ok(role_assign(p->w->d, "acme", g.id, BYTES_LIT("reader"), &p->e), p->e);
    assert_ok(policy_attach(p->w->d, u.id, own.id, &p->e), p->e);
    assert_ok(policy_attach(p->w->d, g.id, by_group.id, &p->e), p->e);
    assert_ok(policy_attach(p->w->d, r.id, by_role.id, &p->e), p->e);
    assert_ok(policy_attach(p->w->d, free_role.id, none.id, &p->e), p->e);
    const struct {
        const char *id;
        bool reaches;
    } cases[] = {
        { u.id, true },        { g.id, true },          { r.id, true },     { own.id, true },
        { by_group.id, true }, { by_role.id, true },    { bound.id, true }, { none.id, false },
        { other.id, false },   { free_role.id, false }, { "", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool reaches = !cases[i].reaches;
        assert_ok(rights_reach(p->w->d, u.id, cases[i].id, &reaches, &p->e), p->e);
        assert_int_equal(reaches, cases[i].reaches);
        assert_ok(rights_reach(p->w->d, other.id, cases[i].id, &reaches, &p->e), p->e);
        assert_int_equal(reaches, cases[i].id == other.id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(test_groups),
        PEOPLE(test_members),
        PEOPLE(test_group_delete),
        PEOPLE(test_roles),
        PEOPLE(test_builtin_roles),
        cmocka_unit_test(test_builtin_documents),
        PEOPLE(test_assign),
        PEOPLE(test_two_administrators),
        PEOPLE(test_two_administrators_by_detours),
        PEOPLE(test_reach),
        PEOPLE(test_role_ends),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
