/* Access keys: whose they are, two at most, off and on, last use. */
#include "identity_testkit.h"

#include "identity/directory_priv.h"
#include "identity/sigv4.h"
#include "identity/user.h"

/* A user straight into the table. */
static struct result user_insert(struct db_conn *c, void *arg, struct error *e)
{
    const struct user *u = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(
            c,
            "INSERT INTO users(id, realm, name, path, kind, owner, display, email, state,"
            " created_ms, changed_ms, active_ms, ends_ms, frozen_ms, boundary, tags, version)"
            " VALUES(?1, ?2, ?3, '/', 2, 'o', '', '', ?4, 0, 0, 0, 0, 0, '', '{}', 1)",
            &s, e));
    db_bind_text(s, 1, bytes_str(u->id));
    db_bind_text(s, 2, bytes_str(u->realm));
    db_bind_text(s, 3, bytes_str(u->name));
    db_bind_i64(s, 4, u->state);
    return db_run(s, e);
}

static void user_put(struct world *w, const char *id, const char *realm, const char *name,
                     enum user_state state)
{
    struct user u = { .name = name, .state = state };
    struct error e;
    snprintf(u.id, sizeof(u.id), "%s", id);
    snprintf(u.realm, sizeof(u.realm), "%s", realm);
    assert_ok(db_write(w->d->db, user_insert, &u, &e), e);
    directory_caches_empty(w->d);
}

static void key_make(struct world *w, const char *realm, const char *user_id, struct access_key *k)
{
    char secret[SECRET_KEY_BYTES];
    struct error e;
    assert_ok(directory_key_create(w->d, keeper(w), realm, user_id, k, secret, &e), e);
}

static struct result names_add(void *arg, const struct access_key *k, struct error *e)
{
    (void)e;
    buf_addf(arg, "%s:%s ", k->id, k->user_name);
    return RESULT_OK;
}

static void test_owners(void **state)
{
    struct world *w = *state;
    struct access_key root, lin, again, third;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    tenant_make(w, "acme");
    tenant_make(w, "other");
    user_put(w, "AIDALIN", "acme", "lin", USER_ACTIVE);
    user_put(w, "AIDAGONE", "acme", "gone", USER_ENDED);
    key_make(w, "acme", "", &root);
    assert_string_equal(root.user_name, "root");
    assert_int_equal(strncmp(root.user_id, "AIDA", 4), 0);
    assert_int_equal(strlen(root.user_id), 21);
    key_make(w, "acme", "AIDALIN", &lin);
    assert_string_equal(lin.user_name, "lin");
    key_make(w, "acme", "AIDALIN", &again); /* a second one: to rotate without a gap */
    assert_code(directory_key_create(w->d, keeper(w), "acme", "AIDALIN", &third, secret, &e),
                ERRC_LIMIT);
    assert_code(directory_key_create(w->d, keeper(w), "other", "AIDALIN", &third, secret, &e),
                ERRC_NOT_FOUND);
    assert_code(directory_key_create(w->d, keeper(w), "acme", "AIDANOBODY", &third, secret, &e),
                ERRC_NOT_FOUND);
    assert_code(directory_key_create(w->d, keeper(w), "", "", &third, secret, &e), ERRC_NOT_FOUND);
    assert_code(directory_key_create(w->d, keeper(w), "acme", "AIDAGONE", &third, secret, &e),
                ERRC_CONFLICT);
    assert_ok(directory_key_delete(w->d, "acme", lin.id, &e), e);
    CLEANUP(buf_done_p) struct buf got = BUF(1024), want = BUF(1024);
    assert_ok(directory_key_list(w->d, "acme", "AIDALIN", names_add, &got, &e), e);
    buf_addf(&want, "%s:lin ", again.id);
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
    buf_reset(&got);
    assert_ok(directory_key_list(w->d, "other", "AIDALIN", names_add, &got, &e), e);
    assert_int_equal(got.n, 0);
}

/* The provider's own programs have keys like a tenant's. */
static void test_platform(void **state)
{
    struct world *w = *state;
    struct access_key k, found;
    struct key256 got, want;
    char secret[SECRET_KEY_BYTES];
    struct error e;
    user_put(w, "AIDAWANG", IDENTITY_PLATFORM, "wang", USER_ACTIVE);
    assert_code(directory_key_create(w->d, keeper(w), IDENTITY_PLATFORM, "", &k, secret, &e),
                ERRC_NOT_FOUND); /* the platform has no root */
    assert_ok(directory_key_create(w->d, keeper(w), IDENTITY_PLATFORM, "AIDAWANG", &k, secret, &e),
              e);
    assert_string_equal(k.account, IDENTITY_PLATFORM_ACCOUNT);
    assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
    assert_string_equal(found.account, IDENTITY_PLATFORM_ACCOUNT);
    assert_string_equal(found.tenant, IDENTITY_PLATFORM);
    assert_int_equal(found.tenant_state, TENANT_ACTIVE);
    assert_ok(directory_signing_key(w->d, keeper(w), IDENTITY_PLATFORM, k.id, BYTES_LIT("20261122"),
                                    BYTES_LIT("us-east-1"), BYTES_LIT("iam"), &got, &e),
              e);
    sigv4_signing_key(bytes_str(secret), BYTES_LIT("20261122"), BYTES_LIT("us-east-1"),
                      BYTES_LIT("iam"), &want);
    assert_memory_equal(got.b, want.b, sizeof(got.b));
    /* bound to its realm */
    tenant_make(w, "acme");
    assert_int_not_equal(directory_signing_key(w->d, keeper(w), "acme", k.id, BYTES_LIT("20261123"),
                                               BYTES_LIT("us-east-1"), BYTES_LIT("iam"), &got, &e)
                                 .code,
                         ERRC_OK);
}

static void test_off_and_on(void **state)
{
    struct world *w = *state;
    struct access_key k, found;
    struct error e;
    tenant_make(w, "acme");
    tenant_make(w, "other");
    key_make(w, "acme", "", &k);
    assert_code(directory_key_set_enabled(w->d, "other", k.id, false, &e), ERRC_NOT_FOUND);
    assert_code(directory_key_set_enabled(w->d, "acme", "AKNOBODY", false, &e), ERRC_NOT_FOUND);
    for (int on = 0; on < 2; on++) {
        assert_ok(directory_key_set_enabled(w->d, "acme", k.id, on, &e), e);
        assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
        assert_int_equal(found.is_enabled, on);
    }
}

static struct result keep_key(void *arg, const struct access_key *k, struct error *e)
{
    (void)e;
    *(struct access_key *)arg = *k;
    return RESULT_OK;
}

/*= 2.1.4-6 test */
static void test_last_use(void **state)
{
    struct world *w = *state;
    struct access_key k, seen;
    struct error e;
    char from[100];
    tenant_make(w, "acme");
    key_make(w, "acme", "", &k);
    assert_ok(directory_key_list(w->d, "acme", NULL, keep_key, &seen, &e), e);
    assert_int_equal(seen.used_ms, 0);
    directory_key_used(w->d, bytes_str(k.id), T0 + 5, "192.0.2.7", "s3");
    directory_key_used(w->d, bytes_str(k.id), T0 + 4, "192.0.2.8", "iam"); /* older: another loop */
    for (int pass = 0; pass < 3; pass++) { /* from memory; written; after a reopen */
        assert_ok(directory_key_list(w->d, "acme", NULL, keep_key, &seen, &e), e);
        assert_int_equal(seen.used_ms, T0 + 5);
        assert_string_equal(seen.used_from, "192.0.2.7");
        assert_string_equal(seen.used_service, "s3");
        if (pass == 0) {
            assert_ok(directory_key_uses_flush(w->d, &e), e);
            assert_ok(directory_key_uses_flush(w->d, &e), e); /* nothing left to write */
        } else {
            reopen(w);
        }
    }
    memset(from, '1', sizeof(from));
    from[99] = '\0';
    directory_key_used(w->d, bytes_str(k.id), T0 + 6, from, "a-service-of-a-long-name");
    reopen(w); /* what was kept is written at the end */
    assert_ok(directory_key_list(w->d, "acme", NULL, keep_key, &seen, &e), e);
    assert_int_equal(seen.used_ms, T0 + 6);
    assert_int_equal(strlen(seen.used_from), sizeof(seen.used_from) - 1);
    assert_int_equal(strlen(seen.used_service), sizeof(seen.used_service) - 1);
}

/* A directory of the first version: its tenants get their root, its keys belong to it and go on
 * working. */
struct before {
    struct bytes sealed;
};

static struct result before_write(struct db_conn *c, void *arg, struct error *e)
{
    const struct before *b = arg;
    struct db_stmt *s = NULL;
    TRY(db_prepare(c,
                   "INSERT INTO tenants(name, account, state, suite, created_ms)"
                   " VALUES('acme', '123456789012', 0, 1, 7)",
                   &s, e));
    TRY(db_run(s, e));
    TRY(db_prepare(c,
                   "INSERT INTO access_keys(id, tenant, owner, is_enabled, created_ms, sealed)"
                   " VALUES('AKOLDOLDOLDOLDOLDOLD', 'acme', 'ci', 1, 8, ?1)",
                   &s, e));
    db_bind_blob(s, 1, b->sealed);
    return db_run(s, e);
}

static void test_from_first_version(void **state)
{
    struct world *w = *state;
    static const char id[] = "AKOLDOLDOLDOLDOLDOLD";
    struct access_key k;
    struct key_info info;
    struct key256 got, want;
    struct db *db = NULL;
    struct error e;
    CLEANUP(buf_done_p) struct buf sealed = BUF(8192);
    directory_close(w->d);
    w->d = NULL;
    fs_free(w->fs);
    w->fs = fs_fake_new((uint64_t)64 << 20);
    assert_ok(keys_tenant_create(keeper(w), "acme", SUITE_AES256_GCM, &info, &e), e);
    assert_ok(keys_seal_secret(keeper(w), "acme", BYTES_LIT("access-key/acme/AKOLDOLDOLDOLDOLDOLD"),
                               BYTES_LIT("an old secret"), &sealed, &e),
              e);
    assert_ok(db_open(w->fs, "identity.db", &database_key, directory_migrations, 1, &db, &e), e);
    struct before b = { buf_bytes(&sealed) };
    assert_ok(db_write(db, before_write, &b, &e), e);
    db_close(db);
    reopen(w);
    assert_ok(directory_key_find(w->d, bytes_str(id), &k, &e), e);
    assert_string_equal(k.user_name, IDENTITY_ROOT_NAME);
    assert_string_equal(k.account, "123456789012");
    assert_int_equal(k.created_ms, 8);
    assert_int_equal(k.used_ms, 0);
    assert_ok(directory_signing_key(w->d, keeper(w), "acme", id, BYTES_LIT("20261122"),
                                    BYTES_LIT("us-east-1"), BYTES_LIT("s3"), &got, &e),
              e);
    sigv4_signing_key(BYTES_LIT("an old secret"), BYTES_LIT("20261122"), BYTES_LIT("us-east-1"),
                      BYTES_LIT("s3"), &want);
    assert_memory_equal(got.b, want.b, sizeof(got.b));
    struct access_key next;
    key_make(w, "acme", "", &next);
    assert_string_equal(next.user_id, k.user_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_owners),   TEST(test_platform),           TEST(test_off_and_on),
        TEST(test_last_use), TEST(test_from_first_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
