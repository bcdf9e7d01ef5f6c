/* The directory: tenants and access keys over a real keeper; caches that every change empties;
 * secrets that only the keeper opens. */
#include "identity_testkit.h"

#include "base/text.h"
#include "identity/sigv4.h"

static void test_names(void **state)
{
    static const char *const bad[] = { "",    "a",   "-ab",  "Ab",       "a b",      "a.b",
                                       "a_b", "a/b", "ab\n", "platform", "\xc3\xa4x" };
    char longest[65];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(tenant_name_is_valid(bytes_str(bad[i])));
    }
    assert_true(tenant_name_is_valid(BYTES_LIT("ab")));
    assert_true(tenant_name_is_valid(BYTES_LIT("0-a-")));
    assert_true(tenant_name_is_valid(BYTES_LIT("platforms")));
    memset(longest, 'a', 64);
    assert_true(tenant_name_is_valid(bytes_of(longest, 63)));
    assert_false(tenant_name_is_valid(bytes_of(longest, 64)));
}

static struct result gather(void *arg, const struct tenant *t, struct error *e)
{
    struct buf *out = arg;
    (void)e;
    buf_addf(out, "%s:%s ", t->name, tenant_state_name(t->state));
    return RESULT_OK;
}

static void assert_tenants(struct world *w, const char *want)
{
    CLEANUP(buf_done_p) struct buf out = BUF(4096);
    struct error e;
    assert_ok(directory_tenant_list(w->d, gather, &out, &e), e);
    buf_add_str(&out, "");
    assert_string_equal(buf_cstr(&out), want);
}

static void test_tenants(void **state)
{
    struct world *w = *state;
    struct error e;
    struct tenant t, again;
    assert_tenants(w, "");
    assert_ok(directory_tenant_create(w->d, "beta", SUITE_SM4_CTR_HMAC_SM3, &t, &e), e);
    assert_string_equal(t.name, "beta");
    assert_int_equal(strlen(t.account), 12);
    assert_int_equal(strspn(t.account, "0123456789"), 12);
    assert_int_equal(t.created_ms, T0);
    assert_ok(directory_tenant_create(w->d, "alpha", SUITE_AES256_GCM, &again, &e), e);
    assert_string_not_equal(t.account, again.account);
    assert_code(directory_tenant_create(w->d, "beta", SUITE_AES256_GCM, &again, &e), ERRC_EXISTS);
    assert_code(directory_tenant_create(w->d, "Beta", SUITE_AES256_GCM, &again, &e), ERRC_FORMAT);
    assert_code(directory_tenant_create(w->d, "platform", SUITE_AES256_GCM, &again, &e),
                ERRC_FORMAT);
    assert_code(directory_tenant_get(w->d, "gamma", &again, &e), ERRC_NOT_FOUND);
    reopen(w);
    assert_tenants(w, "alpha:active beta:active ");
    assert_ok(directory_tenant_get(w->d, "beta", &again, &e), e);
    assert_string_equal(again.account, t.account);
    assert_int_equal(again.suite, SUITE_SM4_CTR_HMAC_SM3);
    assert_ok(directory_check(w->d, &e), e);
}

static void test_states(void **state)
{
    struct world *w = *state;
    struct error e;
    tenant_make(w, "acme");
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_SUSPENDED, &e), e);
    assert_tenants(w, "acme:suspended ");
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_ACTIVE, &e), e);
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_CLOSED, &e), e);
    assert_code(directory_tenant_set_state(w->d, "acme", TENANT_ACTIVE, &e), ERRC_CONFLICT);
    assert_code(directory_tenant_set_state(w->d, "nobody", TENANT_ACTIVE, &e), ERRC_CONFLICT);
    reopen(w);
    assert_tenants(w, "acme:closed ");
}

static struct result count_key(void *arg, const struct access_key *k, struct error *e)
{
    (void)k, (void)e;
    ++*(unsigned *)arg;
    return RESULT_OK;
}

static unsigned key_count(struct world *w, const char *tenant)
{
    unsigned n = 0;
    struct error e;
    assert_ok(directory_key_list(w->d, tenant, NULL, count_key, &n, &e), e);
    return n;
}

static void test_keys(void **state)
{
    struct world *w = *state;
    struct error e;
    struct access_key a, b, c, found;
    char secret[SECRET_KEY_BYTES], other[SECRET_KEY_BYTES];
    tenant_make(w, "acme");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &a, secret, &e), e);
    assert_int_equal(strlen(a.id), 20);
    assert_int_equal(strncmp(a.id, "AK", 2), 0);
    assert_int_equal(strspn(a.id + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 18);
    assert_int_equal(strlen(secret), 40);
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &b, other, &e), e);
    assert_string_not_equal(a.id, b.id);
    assert_string_not_equal(secret, other);
    assert_code(directory_key_create(w->d, keeper(w), "acme", "", &c, other, &e), ERRC_LIMIT);
    assert_int_equal(key_count(w, "acme"), 2);
    assert_int_equal(key_count(w, "nobody"), 0);
    assert_code(directory_key_create(w->d, keeper(w), "nobody", "", &c, other, &e), ERRC_NOT_FOUND);
    assert_ok(directory_key_find(w->d, bytes_str(a.id), &found, &e), e);
    assert_string_equal(found.tenant, "acme");
    assert_string_equal(found.user_name, "root");
    assert_true(found.is_enabled);
    assert_code(directory_key_find(w->d, BYTES_LIT("AKNOBODY"), &found, &e), ERRC_NOT_FOUND);
    assert_code(directory_key_find(w->d, BYTES_LIT(""), &found, &e), ERRC_NOT_FOUND);
    tenant_make(w, "other");
    assert_code(directory_key_delete(w->d, "other", a.id, &e), ERRC_NOT_FOUND);
    assert_ok(directory_key_delete(w->d, "acme", a.id, &e), e);
    assert_code(directory_key_delete(w->d, "acme", a.id, &e), ERRC_NOT_FOUND);
    assert_code(directory_key_find(w->d, bytes_str(a.id), &found, &e), ERRC_NOT_FOUND);
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &c, other, &e), e);
}

/* A closed tenant gets no new keys. */
static void test_closed(void **state)
{
    struct world *w = *state;
    struct error e;
    struct access_key k;
    char secret[SECRET_KEY_BYTES];
    tenant_make(w, "acme");
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_CLOSED, &e), e);
    assert_code(directory_key_create(w->d, keeper(w), "acme", "", &k, secret, &e), ERRC_CONFLICT);
}

static struct result signing_key(struct world *w, const struct access_key *k, const char *date,
                                 struct key256 *ret, struct error *e)
{
    return directory_signing_key(w->d, keeper(w), k->tenant, k->id, bytes_str(date),
                                 BYTES_LIT("us-east-1"), BYTES_LIT("s3"), ret, e);
}

/*= 2.1.3-7 test */
static void test_signing_keys(void **state)
{
    struct world *w = *state;
    struct error e;
    struct access_key k;
    struct key256 got, want;
    char secret[SECRET_KEY_BYTES];
    tenant_make(w, "acme");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &k, secret, &e), e);
    for (int pass = 0; pass < 3; pass++) { /* from the keeper, from the cache, after a reopen */
        assert_ok(signing_key(w, &k, "20261122", &got, &e), e);
        sigv4_signing_key(bytes_str(secret), BYTES_LIT("20261122"), BYTES_LIT("us-east-1"),
                          BYTES_LIT("s3"), &want);
        assert_memory_equal(got.b, want.b, sizeof(got.b));
        if (pass == 1) {
            reopen(w);
        }
    }
    assert_ok(signing_key(w, &k, "20261123", &got, &e), e);
    assert_memory_not_equal(got.b, want.b, sizeof(got.b));
    /* while the keeper is away: what is cached serves, the rest waits */
    rpc_client_attach(keeper(w), -1);
    assert_ok(signing_key(w, &k, "20261122", &got, &e), e);
    assert_code(signing_key(w, &k, "20261124", &got, &e), ERRC_AGAIN);
}

/* Every change empties the caches: what was true before it is not served after it. */
static void test_changes_empty_caches(void **state)
{
    struct world *w = *state;
    struct error e;
    struct access_key k, found;
    struct key256 got;
    char secret[SECRET_KEY_BYTES];
    tenant_make(w, "acme");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &k, secret, &e), e);
    assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
    assert_int_equal(found.tenant_state, TENANT_ACTIVE);
    assert_ok(signing_key(w, &k, "20261122", &got, &e), e);
    assert_ok(directory_tenant_set_state(w->d, "acme", TENANT_SUSPENDED, &e), e);
    assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
    assert_int_equal(found.tenant_state, TENANT_SUSPENDED);
    rpc_client_attach(keeper(w), -1);
    assert_code(signing_key(w, &k, "20261122", &got, &e), ERRC_AGAIN); /* no longer cached */
    assert_ok(directory_key_delete(w->d, "acme", k.id, &e), e);
    assert_code(signing_key(w, &k, "20261122", &got, &e), ERRC_NOT_FOUND);
}

static struct result keep_name(void *arg, const char *name)
{
    snprintf(arg, 64, "%s", name);
    return strncmp(name, "identity.db", 11) == 0 ? RESULT_OK : result_of(ERRC_BUG);
}

/* Neither the secret nor the names stand on the disk as they are; another key does not open it. */
static void test_sealed(void **state)
{
    struct world *w = *state;
    struct error e;
    struct access_key k;
    char secret[SECRET_KEY_BYTES], name[64];
    tenant_make(w, "acme-in-the-clear");
    assert_ok(directory_key_create(w->d, keeper(w), "acme-in-the-clear", "", &k, secret, &e), e);
    directory_close(w->d);
    w->d = NULL;
    assert_ok(fs_list(w->fs, "", keep_name, name, &e), e);
    CLEANUP(buf_done_p) struct buf file = BUF(64u << 20);
    assert_ok(fs_read_file(w->fs, "identity.db", 64u << 20, &file, &e), e);
    assert_true(file.n > 0);
    assert_int_equal(bytes_find(buf_bytes(&file), bytes_str(secret)), file.n);
    assert_int_equal(bytes_find(buf_bytes(&file), bytes_str(k.id)), file.n);
    assert_int_equal(bytes_find(buf_bytes(&file), BYTES_LIT("acme-in-the-clear")), file.n);
    static const struct key256 wrong = { { 6 } };
    assert_int_not_equal(
            directory_open(w->fs, &wrong, &w->clock.base, &w->rng.base, &w->d, &e).code, ERRC_OK);
    assert_ok(directory_open(w->fs, &database_key, &w->clock.base, &w->rng.base, &w->d, &e), e);
}

/* Readers beside a writer: never an error, never a state that was not. */
struct racing {
    struct world *w;
    const char *id;
    _Atomic bool is_over;
    _Atomic unsigned wrong;
};

static void *race(void *arg)
{
    struct racing *r = arg;
    struct access_key k;
    struct error e;
    while (!atomic_load(&r->is_over)) {
        if (!result_is_ok(directory_key_find(r->w->d, bytes_str(r->id), &k, &e)) ||
            strcmp(k.tenant, "acme") != 0 || k.tenant_state == TENANT_CLOSED) {
            r->wrong++;
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct world *w = *state;
    struct error e;
    struct access_key k, found;
    char secret[SECRET_KEY_BYTES];
    pthread_t threads[3];
    tenant_make(w, "acme");
    assert_ok(directory_key_create(w->d, keeper(w), "acme", "", &k, secret, &e), e);
    struct racing r = { .w = w, .id = k.id };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &r), 0);
    }
    for (int i = 0; i < 100; i++) {
        enum tenant_state want = i % 2 == 0 ? TENANT_SUSPENDED : TENANT_ACTIVE;
        assert_ok(directory_tenant_set_state(w->d, "acme", want, &e), e);
        assert_ok(directory_key_find(w->d, bytes_str(k.id), &found, &e), e);
        assert_int_equal(found.tenant_state, want);
    }
    atomic_store(&r.is_over, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(r.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        TEST(test_tenants),
        TEST(test_states),
        TEST(test_keys),
        TEST(test_closed),
        TEST(test_signing_keys),
        TEST(test_changes_empty_caches),
        TEST(test_sealed),
        TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
