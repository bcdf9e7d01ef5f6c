/* The end of a user and its removal, with everything that hangs on it; a database of version 1 that
 * is opened by this one. */
#include "people_kit.h"

#include "identity/sql_priv.h"

struct statement {
    const char *sql, *id;
};

static RESULT statement_run(struct db_conn *c, void *arg, struct error *e)
{
    const struct statement *in = arg;
    return sql_run(c, in->sql, SQL_IN(SQL_STR(in->id)), e);
}

/* A row in every table that hangs on a user. */
static RESULT plant(struct db_conn *c, void *arg, struct error *e)
{
    static const char *const rows[] = {
        "INSERT INTO passwords VALUES(?1, 'phc', 1, 0, '')",
        "INSERT INTO factors VALUES('f', 'acme', ?1, 1, 'phone', 1, 1, 0, 0, NULL, NULL, NULL, 0,"
        " 0, NULL, 0)",
        "INSERT INTO recovery_codes VALUES(?1, x'01', 0)",
        "INSERT INTO enrolments VALUES(x'02', ?1, 1, 2)",
        "INSERT INTO sessions VALUES(x'03', 's', ?1, 'acme', 4, 1, 1, 9, '', x'', 1, 1, x'', NULL)",
        "INSERT INTO tokens VALUES('ASX', x'', 'acme', 'acme', ?1, '', '', '', x'', '', '{}', 0,"
        " '', 1, 9)",
        "INSERT INTO grants VALUES('g-1', 'beta', 'platform', ?1, 'n', 'r', '', 'why', '', 1, 2, 1,"
        " 1, 9, 1, '', '', '', 0, '', 0, 0)",
        "INSERT INTO grants VALUES('g-2', 'beta', 'platform', ?1, 'n', 'r', '', 'why', '', 1, 1, 1,"
        " 1, 9, 0, '', '', '', 0, '', 0, 0)",
    };
    const char *id = arg;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        TRY(sql_run(c, rows[i], SQL_IN(SQL_STR(id)), e));
    }
    return RESULT_OK;
}

static int64_t left(struct people *p, const char *id)
{
    int64_t n = 0;
    struct db_conn *c = NULL;
    assert_ok(db_read_begin(p->w->d->db, &c, &p->e), p->e);
    assert_ok(sql_i64(c,
                      "SELECT (SELECT count(*) FROM passwords WHERE user = ?1)"
                      " + (SELECT count(*) FROM factors WHERE user = ?1)"
                      " + (SELECT count(*) FROM recovery_codes WHERE user = ?1)"
                      " + (SELECT count(*) FROM enrolments WHERE user = ?1)"
                      " + (SELECT count(*) FROM sessions WHERE user = ?1)"
                      " + (SELECT count(*) FROM tokens WHERE user = ?1)"
                      " + (SELECT count(*) FROM access_keys WHERE owner = ?1)"
                      " + (SELECT count(*) FROM holders WHERE subject = ?1)"
                      " + (SELECT count(*) FROM members WHERE user = ?1)"
                      " + (SELECT count(*) FROM attachments WHERE subject = ?1)"
                      " + (SELECT count(*) FROM inlines WHERE subject = ?1)"
                      " + (SELECT count(*) FROM grants WHERE user = ?1 AND state IN (1, 2))",
                      SQL_IN(SQL_STR(id)), &n, &p->e),
              p->e);
    db_read_end(c);
    return n;
}

static void furnish(struct people *p, const struct user *u)
{
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    struct group g = group(p, u->realm, "dev");
    struct managed m = managed(p, u->realm, "read");
    assert_ok(db_write(p->w->d->db, plant, (void *)(uintptr_t)u->id, &p->e), p->e);
    assert_ok(directory_key_create(p->w->d, keeper(p->w), u->realm, u->id, &k, secret, &p->e),
              p->e);
    assert_ok(group_add(p->w->d, g.id, u->id, &p->e), p->e);
    assert_ok(policy_attach(p->w->d, u->id, m.id, &p->e), p->e);
    assert_ok(inline_put(p->w->d, u->id, "in", BYTES_LIT(READ_ALL), &p->e), p->e);
    assert_ok(role_assign(p->w->d, u->realm, u->id, BYTES_LIT("storage-reader"), &p->e), p->e);
    assert_int_equal(left(p, u->id), 13);
}

/*= 2.1.4-4 test */
static void test_end(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin"), other = person(p, "beta", "lin");
    struct user_change c = { .display = "x", .ends_ms = -1 };
    struct user_new n = { .name = "Lin", .kind = USER_PERSON, .owner = "Another" };
    furnish(p, &u);
    assert_ok(inline_put(p->w->d, other.id, "in", BYTES_LIT(READ_ALL), &p->e), p->e);
    assert_ok(user_set_state(p->w->d, u.id, USER_ENDED, &p->e), p->e);
    assert_int_equal(left(p, u.id), 0);
    assert_int_equal(left(p, other.id), 1);
    assert_int_equal(user_now(p, u.id).state, USER_ENDED);
    /* final: nothing brings it back, and nobody gets the name */
    assert_code(user_set_state(p->w->d, u.id, USER_ACTIVE, &p->e), ERRC_CONFLICT);
    assert_code(user_set_frozen(p->w->d, u.id, true, &p->e), ERRC_CONFLICT);
    assert_code(user_change(p->w->d, u.id, &c, &p->e), ERRC_CONFLICT);
    assert_code(user_delete(p->w->d, u.id, &p->e), ERRC_CONFLICT);
    assert_code(user_create(p->w->d, "acme", &n, p->arena, &u, &p->e), ERRC_EXISTS);
    assert_ok(user_get(p->w->d, "acme", BYTES_LIT("lin"), p->arena, &u, &p->e), p->e);
    assert_code(policy_attach(p->w->d, u.id, managed(p, "acme", "x").id, &p->e), ERRC_NOT_FOUND);
    assert_code(inline_put(p->w->d, u.id, "x", BYTES_LIT(READ_ALL), &p->e), ERRC_NOT_FOUND);
    assert_code(role_assign(p->w->d, "acme", u.id, BYTES_LIT("auditor"), &p->e), ERRC_NOT_FOUND);
}

static void test_delete(void **state)
{
    struct people *p = *state;
    struct user u = person(p, "acme", "lin"), ci = service(p, "acme", "ci", "lin"), root, again;
    assert_code(user_delete(p->w->d, u.id, &p->e), ERRC_CONFLICT); /* answers for ci */
    assert_ok(user_delete(p->w->d, ci.id, &p->e), p->e);
    assert_code(user_delete(p->w->d, ci.id, &p->e), ERRC_NOT_FOUND);
    furnish(p, &u);
    static const struct {
        const char *sql, *what;
    } steps[] = {
        { "DELETE FROM access_keys WHERE owner = ?1", "access keys" },
        { "DELETE FROM factors WHERE user = ?1", "second factors" },
        { "DELETE FROM attachments WHERE subject = ?1", "attached policies" },
        { "DELETE FROM inlines WHERE subject = ?1", "inline policies" },
        { "DELETE FROM members WHERE user = ?1", "groups" },
        { "DELETE FROM holders WHERE subject = ?1", "roles" },
        { "UPDATE grants SET state = 5 WHERE user = ?1", "open grants" },
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct statement s = { steps[i].sql, u.id };
        assert_code(user_delete(p->w->d, u.id, &p->e), ERRC_CONFLICT);
        assert_non_null(strstr(p->e.msg, steps[i].what));
        assert_ok(db_write(p->w->d->db, statement_run, &s, &p->e), p->e);
    }
    assert_ok(user_delete(p->w->d, u.id, &p->e), p->e); /* the password and sessions go along */
    assert_int_equal(left(p, u.id), 0);
    assert_code(user_get_by_id(p->w->d, bytes_str(u.id), p->arena, &again, &p->e), ERRC_NOT_FOUND);
    again = person(p, "acme", "lin");
    assert_string_not_equal(again.id, u.id);
    assert_ok(user_get(p->w->d, "acme", BYTES_LIT("root"), p->arena, &root, &p->e), p->e);
    assert_code(user_delete(p->w->d, root.id, &p->e), ERRC_CONFLICT);
}

/* --- a database of version 1 --- */

static RESULT version_1_fill(struct db_conn *c, void *arg, struct error *e)
{
    (void)arg;
    TRY(sql_run(c,
                "INSERT INTO tenants(name, account, state, suite, created_ms) VALUES"
                "('old', '123456789012', 0, 1, 77), ('older', '210987654321', 2, 1, 66)",
                (struct sql_in){ NULL, 0 }, e));
    return sql_run(c,
                   "INSERT INTO access_keys(id, tenant, owner, is_enabled, created_ms, sealed)"
                   " VALUES('AKONE', 'old', 'root', 1, 78, x'01'), ('AKTWO', 'old', 'ci', 0, 79,"
                   " x'02'), ('AKOLD', 'older', 'root', 1, 67, x'03')",
                   (struct sql_in){ NULL, 0 }, e);
}

static struct result key_seen(void *arg, const struct access_key *k, struct error *e)
{
    struct buf *out = arg;
    (void)e;
    buf_addf(out, "%s %s %s %d; ", k->id, k->user_id, k->user_name, k->is_enabled);
    return RESULT_OK;
}

static void test_version_1(void **state)
{
    struct fs *fs = fs_fake_new((uint64_t)64 << 20);
    struct clock_fake clock;
    struct rng_test rng;
    struct db *db = NULL;
    struct directory *d = NULL;
    struct arena *arena = arena_new(4096, false);
    struct user root, other;
    struct error e;
    char account[ACCOUNT_BYTES];
    CLEANUP(buf_done_p) struct buf keys = BUF(1024);
    CLEANUP(buf_done_p) struct buf want = BUF(1024);
    (void)state;
    clock_fake_init(&clock, T0);
    rng_test_init(&rng, 3);
    assert_ok(db_open(fs, "identity.db", &database_key, directory_migrations, 1, &db, &e), e);
    assert_ok(db_write(db, version_1_fill, NULL, &e), e);
    db_close(db);
    for (unsigned i = 0; i < 2; i++) { /* once: the second opening changes nothing */
        assert_ok(directory_open(fs, &database_key, &clock.base, &rng.base, &d, &e), e);
        assert_ok(user_get(d, "old", BYTES_LIT("root"), arena, &root, &e), e);
        assert_ok(user_get(d, "older", BYTES_LIT("root"), arena, &other, &e), e);
        assert_string_not_equal(root.id, other.id);
        assert_int_equal(strlen(root.id), 21);
        assert_true(root.kind == USER_ROOT && root.state == USER_ACTIVE && root.created_ms == 77);
        assert_string_equal(root.owner, "old");
        assert_string_equal(root.tags, "{}");
        assert_ok(realm_account(d, "old", account, &e), e);
        assert_string_equal(account, "123456789012");
        buf_reset(&keys);
        buf_reset(&want);
        assert_ok(directory_key_list(d, "old", NULL, key_seen, &keys, &e), e);
        buf_addf(&want, "AKONE %s root 1; AKTWO %s root 0; ", root.id, root.id);
        assert_bytes(buf_bytes(&keys), buf_bytes(&want));
        assert_ok(directory_check(d, &e), e);
        directory_close(d);
    }
    arena_free(arena);
    fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(test_end),
        PEOPLE(test_delete),
        cmocka_unit_test(test_version_1),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
