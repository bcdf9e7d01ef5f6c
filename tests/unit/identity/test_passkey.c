/*
 * Passkeys of users against an authenticator of the test's own: registered, used, and whatever an
 * answer can have wrong.
 */
#include "testkit.h"

#include "identity_testkit.h"
#include "passkey_answers.h"
#include "passkey_kit.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "identity/factor.h"
#include "identity/sql_priv.h"

static struct user person(struct world *w, struct arena *arena, const char *name)
{
    const struct user_new n = { .name = name, .owner = name, .kind = USER_PERSON };
    struct user u;
    struct error e;
    assert_ok(user_create(w->d, "acme", &n, arena, &u, &e), e);
    return u;
}

static struct result enrol(struct world *w, const char *user_id, const struct authenticator *a,
                           struct error *e)
{
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    char id[FACTOR_ID_BYTES];
    create(a, &json);
    return factor_passkey_register(w->d, &rp, user_id, "a key", challenge, buf_bytes(&json), id, e);
}

static struct result use(struct world *w, const char *user_id, struct authenticator *a,
                         struct error *e)
{
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    char who[IDENTITY_ID_BYTES] = "";
    get(a, &json);
    struct result r = factor_passkey_check(w->d, &rp, user_id, challenge, buf_bytes(&json), who, e);
    if (result_is_ok(r) && user_id != NULL) {
        assert_string_equal(who, user_id);
    }
    return r;
}

/*= 2.1.4-1 test */
static void registered_and_used(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct error e;
    struct factor *list = NULL;
    size_t n = 0;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin"), wang = person(w, arena, "wang");
    struct authenticator a = authenticator_new(w, 1);
    assert_ok(enrol(w, lin.id, &a, &e), e);
    assert_ok(factor_list(w->d, lin.id, arena, &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_true(list[0].is_active && list[0].kind == FACTOR_PASSKEY && list[0].used_ms == 0);
    assert_string_equal(list[0].name, "a key");
    assert_ok(use(w, lin.id, &a, &e), e); /* no counter: 0 stays 0 */
    a.count = 5;
    assert_ok(use(w, lin.id, &a, &e), e);
    assert_ok(factor_list(w->d, lin.id, arena, &list, &n, &e), e);
    assert_true(list[0].used_ms > 0);
    a.count = 6;
    assert_code(use(w, wang.id, &a, &e), ERRC_DENIED);
    assert_ok(use(w, lin.id, &a, &e), e);
    /* the same credential again, also for somebody else */
    assert_code(enrol(w, lin.id, &a, &e), ERRC_EXISTS);
    assert_code(enrol(w, wang.id, &a, &e), ERRC_EXISTS);
    assert_ok(factor_delete(w->d, lin.id, list[0].id, &e), e);
    a.count = 7;
    assert_code(use(w, lin.id, &a, &e), ERRC_DENIED);
    sign_key_free(a.key);
}

/* A clone: the counter that was seen, a lower one, none. */
static void counter_must_grow(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin");
    struct authenticator a = authenticator_new(w, 1);
    a.count = 3;
    assert_ok(enrol(w, lin.id, &a, &e), e);
    for (uint32_t i = 0; i <= 3; i++) {
        a.count = i;
        assert_code(use(w, lin.id, &a, &e), ERRC_DENIED);
    }
    a.count = UINT32_MAX;
    assert_ok(use(w, lin.id, &a, &e), e);
    assert_code(use(w, lin.id, &a, &e), ERRC_DENIED);
    sign_key_free(a.key);
}

static void set_wrong(struct authenticator *a, int i)
{
    static const uint8_t other[32] = { 1 };
    switch (i) {
    case 0:
        a->origin = "https://localhost:9443";
        break;
    case 1:
        a->origin = "http://localhost:8443";
        break;
    case 2:
        a->rp_id = "example.org";
        break;
    case 3:
        a->challenge = other;
        break;
    case 4:
        a->flags = UV;
        break;
    case 5:
        a->flags = UP; /* the user was not verified */
        break;
    case 6:
        a->extra = "\"crossOrigin\":true";
        break;
    case 7:
        a->extra = "\"crossOrigin\":true,\"topOrigin\":\"https://evil.example\"";
        break;
    case 8:
        a->type = "payment.get";
        break;
    case 9:
        a->extra = "\"type\":\"webauthn.create\"";
        break;
    case 10:
        a->is_trailing = true;
        break;
    case 11:
        a->is_other_id = true;
        break;
    default:
        a->flags = UP | UV | 0x10; /* backed up, not eligible */
        break;
    }
}
#define WRONGS 13

/*= 2.1.4-1 test */
static void each_wrong_is_refused(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin");
    struct authenticator good = authenticator_new(w, 1);
    for (int i = 0; i < WRONGS; i++) {
        struct authenticator a = good;
        set_wrong(&a, i);
        struct result r = enrol(w, lin.id, &a, &e);
        if (r.code != ERRC_DENIED && r.code != ERRC_FORMAT) {
            fail_msg("registering, case %d: %s", i, errc_name(r.code));
        }
    }
    assert_ok(enrol(w, lin.id, &good, &e), e);
    for (int i = 0; i < WRONGS; i++) {
        struct authenticator a = good;
        set_wrong(&a, i);
        struct result r = use(w, lin.id, &a, &e);
        if (r.code != ERRC_DENIED && r.code != ERRC_FORMAT) {
            fail_msg("using, case %d: %s", i, errc_name(r.code));
        }
    }
    assert_ok(use(w, lin.id, &good, &e), e);
    sign_key_free(good.key);
}

/* A passkey alone: the authenticator must name its user. */
static void without_a_name(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    char who[IDENTITY_ID_BYTES] = "";
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin"), wang = person(w, arena, "wang");
    struct authenticator a = authenticator_new(w, 1);
    assert_ok(enrol(w, lin.id, &a, &e), e);
    assert_code(use(w, NULL, &a, &e), ERRC_DENIED);
    a.handle = wang.id;
    assert_code(use(w, NULL, &a, &e), ERRC_DENIED);
    assert_code(use(w, lin.id, &a, &e), ERRC_DENIED);
    a.handle = lin.id;
    get(&a, &json);
    assert_ok(factor_passkey_check(w->d, &rp, NULL, challenge, buf_bytes(&json), who, &e), e);
    assert_string_equal(who, lin.id);
    sign_key_free(a.key);
}

/* Every byte of the answer, flipped and cut. */
static void swept(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    char who[IDENTITY_ID_BYTES] = "";
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin");
    struct authenticator a = authenticator_new(w, 1);
    assert_ok(enrol(w, lin.id, &a, &e), e);
    a.count = 9;
    get(&a, &json);
    size_t from = bytes_find(buf_bytes(&json), BYTES_LIT("clientDataJSON"));
    for (size_t i = 0; i < json.n; i++) {
        assert_false(result_is_ok(factor_passkey_check(
                w->d, &rp, lin.id, challenge, bytes_slice(buf_bytes(&json), 0, i), who, &e)));
        json.p[i] ^= 0x02;
        /* what stands before is the envelope, of which nobody asks for everything */
        if (i >= from) {
            assert_false(result_is_ok(
                    factor_passkey_check(w->d, &rp, lin.id, challenge, buf_bytes(&json), who, &e)));
        }
        json.p[i] ^= 0x02;
    }
    assert_ok(factor_passkey_check(w->d, &rp, lin.id, challenge, buf_bytes(&json), who, &e), e);
    sign_key_free(a.key);
}

static void malformed(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"type\":\"public-key\"}",
        "{\"type\":\"public-key\",\"id\":\"AA\",\"rawId\":\"AQ\",\"response\":{}}",
        "{\"type\":\"password\",\"id\":\"AA\",\"rawId\":\"AA\",\"response\":{}}",
        "{\"type\":\"public-key\",\"id\":\"A!\",\"rawId\":\"A!\",\"response\":{}}",
        "{\"type\":\"public-key\",\"id\":\"AA\",\"rawId\":\"AA\",\"response\":[]}",
        "{\"type\":\"public-key\",\"id\":\"\",\"rawId\":\"\",\"response\":7}",
    };
    struct world *w = *state;
    char who[IDENTITY_ID_BYTES] = "", id[FACTOR_ID_BYTES];
    struct error e;
    tenant_make(w, "acme");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_code(factor_passkey_check(w->d, &rp, NULL, challenge, bytes_str(bad[i]), who, &e),
                    ERRC_FORMAT);
        assert_code(factor_passkey_register(w->d, &rp, "AIDAX", "key", challenge, bytes_str(bad[i]),
                                            id, &e),
                    ERRC_FORMAT);
    }
}

static void names_and_numbers(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf json = BUF(16384);
    char id[FACTOR_ID_BYTES];
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin");
    struct authenticator first = authenticator_new(w, 0);
    create(&first, &json);
    assert_code(factor_passkey_register(w->d, &rp, lin.id, "", challenge, buf_bytes(&json), id, &e),
                ERRC_FORMAT);
    assert_code(
            factor_passkey_register(w->d, &rp, lin.id, "a\nb", challenge, buf_bytes(&json), id, &e),
            ERRC_FORMAT);
    assert_code(factor_passkey_register(w->d, &rp, "AIDANOBODY", "key", challenge, buf_bytes(&json),
                                        id, &e),
                ERRC_NOT_FOUND);
    sign_key_free(first.key);
    for (uint8_t i = 1; i <= FACTORS_MAX + 1; i++) {
        struct authenticator a = authenticator_new(w, i);
        struct result r = enrol(w, lin.id, &a, &e);
        assert_int_equal(r.code, i <= FACTORS_MAX ? ERRC_OK : ERRC_LIMIT);
        sign_key_free(a.key);
    }
}

/* As parseCreationOptionsFromJSON and parseRequestOptionsFromJSON take them. */
static void options(void **state)
{
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    CLEANUP(buf_done_p) struct buf json = BUF(16384), id = BUF(64), want = BUF(64);
    CLEANUP(json_doc_free_p) struct json_doc *doc = NULL;
    CLEANUP(json_doc_free_p) struct json_doc *doc2 = NULL;
    struct json v, part;
    struct json_iter it = { 0 };
    struct bytes text;
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin");
    struct authenticator a = authenticator_new(w, 1);
    assert_code(factor_passkey_request(w->d, &rp, lin.id, challenge, &json, &e), ERRC_NOT_FOUND);
    assert_ok(enrol(w, lin.id, &a, &e), e);
    buf_reset(&json);
    assert_ok(factor_passkey_options(w->d, &rp, &lin, challenge, &json, &e), e);
    assert_ok(json_parse(buf_bytes(&json), 16384, &doc, &e), e);
    v = json_root(doc);
    assert_ok(json_get(v, "user", &part, &e), e);
    assert_ok(json_get_str(part, "id", &text, &e), e);
    assert_code(base64url_decode(text, &id), ERRC_OK);
    assert_true(bytes_equal_str(buf_bytes(&id), lin.id));
    assert_ok(json_get(v, "authenticatorSelection", &part, &e), e);
    assert_ok(json_get_str(part, "userVerification", &text, &e), e);
    assert_true(bytes_equal_str(text, "required"));
    assert_ok(json_get_str(v, "attestation", &text, &e), e);
    assert_true(bytes_equal_str(text, "none"));
    assert_ok(json_get(v, "excludeCredentials", &part, &e), e);
    assert_int_equal(json_count(part), 1);
    assert_true(json_next(part, &it, &v));
    assert_ok(json_get_str(v, "id", &text, &e), e);
    buf_add_base64url(&want, BYTES_OF(a.id));
    assert_bytes(text, buf_bytes(&want));
    buf_reset(&json);
    assert_ok(factor_passkey_request(w->d, &rp, NULL, challenge, &json, &e), e);
    assert_ok(json_parse(buf_bytes(&json), 16384, &doc2, &e), e);
    assert_ok(json_get(json_root(doc2), "allowCredentials", &part, &e), e);
    assert_int_equal(json_count(part), 0);
    assert_ok(json_get_str(json_root(doc2), "rpId", &text, &e), e);
    assert_true(bytes_equal_str(text, "localhost"));
    sign_key_free(a.key);
}

static struct result user_rename(struct db_conn *c, void *arg, struct error *e)
{
    return sql_run(c, "UPDATE users SET id = 'AIDATEST' WHERE id = ?1", SQL_IN(SQL_STR(arg)), e);
}

/* Recorded from a browser: platform authenticator and security key. */
static void browser(void **state)
{
    static const struct passkey_party there = { "localhost", "http://localhost:18443", "Troth" };
    struct world *w = *state;
    CLEANUP(arena_free_p) struct arena *arena = arena_new(4096, false);
    char id[FACTOR_ID_BYTES], who[IDENTITY_ID_BYTES];
    struct error e;
    tenant_make(w, "acme");
    struct user lin = person(w, arena, "lin");
    assert_ok(directory_change(w->d, user_rename, lin.id, &e), e);
    for (size_t i = 0; i < ARRAY_LEN(browser_answers); i++) {
        struct bytes created = bytes_str(browser_answers[i].created),
                     got = bytes_str(browser_answers[i].got);
        assert_code(factor_passkey_check(w->d, &there, NULL, challenge, got, who, &e), ERRC_DENIED);
        assert_ok(factor_passkey_register(w->d, &there, "AIDATEST", "browser", challenge, created,
                                          id, &e),
                  e);
        assert_code(factor_passkey_check(w->d, &rp, NULL, challenge, got, who, &e), ERRC_DENIED);
        assert_ok(factor_passkey_check(w->d, &there, NULL, challenge, got, who, &e), e);
        assert_string_equal(who, "AIDATEST");
        /* its counter does not grow when it is given again */
        assert_code(factor_passkey_check(w->d, &there, NULL, challenge, got, who, &e), ERRC_DENIED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registered_and_used),
        TEST(counter_must_grow),
        TEST(each_wrong_is_refused),
        TEST(without_a_name),
        TEST(swept),
        TEST(malformed),
        TEST(names_and_numbers),
        TEST(options),
        TEST(browser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
