/* Signed tokens: Wycheproof's cases, and forms that are refused. */
#include "testkit.h"

#include "base/text.h"
#include "crypto/jose.h"

/*
 * Cases the file calls valid and that are refused here on purpose. The key's own algorithm decides:
 * these keys name "PS256" for a token by PS384, and "ES521", which is no algorithm.
 */
static const uint64_t stricter[] = { 346, 347, 350, 351 };

struct counts {
    size_t valid, invalid, symmetric, stricter;
};

static bool is_stricter(uint64_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(stricter); i++) {
        if (stricter[i] == id) {
            return true;
        }
    }
    return false;
}

/* By a key set's key with the token's kid, or by the key itself. */
static struct result judge(struct json key, struct bytes token, struct error *e)
{
    CLEANUP(jws_done_p) struct jws t = { 0 };
    CLEANUP(jwk_free_p) struct jwk *own = NULL;
    CLEANUP(jwk_set_free_p) struct jwk_set *set = NULL;
    const struct jwk *k = NULL;
    TRY(jws_parse(token, &t, e));
    if (json_has(key, "keys")) {
        CLEANUP(buf_done_p) struct buf text = BUF(JWK_SET_MAX);
        TRY(json_canonical(key, &text, e));
        TRY(jwk_set_parse(buf_bytes(&text), &set, e));
        TRY(jwk_set_find(set, t.kid, &k, e));
    } else {
        TRY(jwk_parse(key, &own, e));
        k = own;
    }
    return jws_verify(&t, k, e);
}

static bool is_symmetric(struct json group)
{
    return !json_has(group, "public");
}

static void case_judge(struct json group, struct json test, struct counts *n, bool may_be_strict)
{
    struct json key;
    struct bytes token, result;
    uint64_t id = 0;
    struct error e;
    assert_ok(json_get(group, is_symmetric(group) ? "private" : "public", &key, &e), e);
    assert_ok(json_get_str(test, "jws", &token, &e), e);
    assert_ok(json_get_str(test, "result", &result, &e), e);
    assert_ok(json_get_u64(test, "tcId", 10000, &id, &e), e);
    bool is_valid = bytes_equal_str(result, "valid");
    bool is_taken = result_is_ok(judge(key, token, &e));
    if (is_valid && is_symmetric(group)) {
        assert_false(is_taken); /* never HMAC */
        n->symmetric++;
    } else if (is_valid && may_be_strict && is_stricter(id)) {
        assert_false(is_taken);
        n->stricter++;
    } else {
        if (is_taken != is_valid) {
            fail_msg("case %llu: %s", (unsigned long long)id, is_taken ? "taken" : e.msg);
        }
        n->valid += is_valid;
        n->invalid += !is_valid;
    }
}

static struct counts file_judge(const char *path, bool may_be_strict)
{
    struct bytes file = vectors_read(path);
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    struct json groups, group, tests, test;
    struct json_iter gi = { 0 };
    struct counts n = { 0 };
    struct error e;
    assert_ok(json_parse(file, 8u << 20, &d, &e), e);
    free((void *)(uintptr_t)file.p);
    assert_ok(json_get(json_root(d), "testGroups", &groups, &e), e);
    while (json_next(groups, &gi, &group)) {
        struct json_iter ti = { 0 };
        assert_ok(json_get(group, "tests", &tests, &e), e);
        while (json_next(tests, &ti, &test)) {
            case_judge(group, test, &n, may_be_strict);
        }
    }
    return n;
}

static void wycheproof_signatures(void **state)
{
    (void)state;
    struct counts n = file_judge("wycheproof/json_web_signature_test.json", true);
    assert_int_equal(n.valid + n.invalid + n.symmetric + n.stricter, 401);
    assert_int_equal(n.symmetric, 10);
    assert_int_equal(n.stricter, 4);
}

static void wycheproof_keys(void **state)
{
    (void)state;
    struct counts n = file_judge("wycheproof/json_web_key_test.json", false);
    assert_int_equal(n.valid + n.invalid + n.symmetric, 26);
    assert_int_equal(n.symmetric, 4);
}

/* RFC 8037, A.4. */
#define ED_KEY                                                                                     \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define ED_TOKEN                                                                                   \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."                                    \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static struct result judge_text(const char *key, struct bytes token, struct error *e)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    TRY(json_parse(bytes_str(key), JWK_SET_MAX, &d, e));
    return judge(json_root(d), token, e);
}

static void ed25519_of_the_rfc(void **state)
{
    struct error e;
    (void)state;
    assert_ok(judge_text(ED_KEY, BYTES_LIT(ED_TOKEN), &e), e);
}

static void every_byte_counts(void **state)
{
    uint8_t token[] = ED_TOKEN;
    size_t n = sizeof(token) - 1;
    struct error e;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            token[i] ^= (uint8_t)(1u << bit);
            assert_false(result_is_ok(judge_text(ED_KEY, bytes_of(token, n), &e)));
            token[i] ^= (uint8_t)(1u << bit);
        }
        assert_false(result_is_ok(judge_text(ED_KEY, bytes_of(token, i), &e)));
    }
    uint8_t longer[] = ED_TOKEN "A";
    assert_false(result_is_ok(judge_text(ED_KEY, bytes_of(longer, n + 1), &e)));
}

/* The header of ED_TOKEN replaced. */
static void header_refused(const char *header, enum errc want)
{
    CLEANUP(buf_done_p) struct buf token = BUF(JWS_MAX);
    CLEANUP(jws_done_p) struct jws t = { 0 };
    struct error e;
    buf_add_base64url(&token, bytes_str(header));
    buf_add_str(&token, strchr(ED_TOKEN, '.'));
    assert_int_equal(jws_parse(buf_bytes(&token), &t, &e).code, want);
}

static void headers_refused(void **state)
{
    (void)state;
    header_refused("{\"alg\":\"none\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"None\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"HS256\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"HS512\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"ES256K\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"eddsa\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"\"}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"EdDSA\",\"crit\":[\"exp\"],\"exp\":1}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"EdDSA\",\"b64\":false}", ERRC_UNSUPPORTED);
    header_refused("{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}", ERRC_FORMAT);
    header_refused("{\"alg\":7}", ERRC_FORMAT);
    header_refused("{\"alg\":\"EdDSA\",\"kid\":7}", ERRC_FORMAT);
    header_refused("{}", ERRC_NOT_FOUND);
    header_refused("[]", ERRC_FORMAT);
    header_refused("", ERRC_FORMAT);
}

static void sizes_are_bounded(void **state)
{
    CLEANUP(jws_done_p) struct jws t = { 0 };
    struct jwk_set *set = NULL;
    struct error e;
    (void)state;
    char *big = mem_alloc(JWK_SET_MAX + 1);
    memset(big, 'A', JWK_SET_MAX + 1);
    assert_code(jws_parse(bytes_of(big, JWS_MAX + 1), &t, &e), ERRC_LIMIT);
    assert_code(jwk_set_parse(bytes_of(big, JWK_SET_MAX + 1), &set, &e), ERRC_LIMIT);
    mem_free(big);
    CLEANUP(buf_done_p) struct buf keys = BUF(JWK_SET_MAX);
    buf_add_str(&keys, "{\"keys\":[{}");
    for (int i = 0; i < JWK_KEYS_MAX; i++) {
        buf_add_str(&keys, ",{}");
    }
    buf_add_str(&keys, "]}");
    assert_code(jwk_set_parse(buf_bytes(&keys), &set, &e), ERRC_LIMIT);
}

static void key_refused(const char *text, enum errc want)
{
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    struct jwk *k = NULL;
    struct error e;
    assert_ok(json_parse(bytes_str(text), JWK_SET_MAX, &d, &e), e);
    struct result r = jwk_parse(json_root(d), &k, &e);
    if (r.code != want) {
        fail_msg("%s: %s", text, errc_name(r.code));
    }
}

#define X "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
static void keys_refused(void **state)
{
    (void)state;
    key_refused("{}", ERRC_NOT_FOUND);
    key_refused("{\"kty\":\"oct\",\"k\":\"AAAA\"}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"X25519\"," X "}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"EC\",\"crv\":\"Ed25519\"," X "}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"EC\",\"crv\":\"secp256k1\"," X ",\"y\":\"AA\"}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed448\"," X "}", ERRC_FORMAT);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," X ",\"use\":\"enc\"}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," X ",\"key_ops\":[\"sign\"]}",
                ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," X ",\"key_ops\":\"verify\"}",
                ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," X ",\"alg\":\"ES256\"}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," X ",\"alg\":\"none\"}", ERRC_UNSUPPORTED);
    key_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}", ERRC_FORMAT);
    key_refused("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERRC_RANGE);
}

/* A key's owner is asked for by kid; two of one name are none. */
static void sets(void **state)
{
    const char *one = "{\"keys\":[" ED_KEY ",{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"s\"}]}";
    const char *two = "{\"keys\":[{\"kid\":\"a\"," X ",\"kty\":\"OKP\",\"crv\":\"Ed25519\"},"
                      "{\"kid\":\"b\"," X ",\"kty\":\"OKP\",\"crv\":\"Ed25519\"},"
                      "{\"kid\":\"b\"," X ",\"kty\":\"OKP\",\"crv\":\"Ed25519\"}]}";
    CLEANUP(jwk_set_free_p) struct jwk_set *s1 = NULL;
    CLEANUP(jwk_set_free_p) struct jwk_set *s2 = NULL;
    const struct jwk *k = NULL;
    struct error e;
    (void)state;
    assert_ok(jwk_set_parse(bytes_str(one), &s1, &e), e);
    assert_int_equal(jwk_set_count(s1), 1);
    assert_ok(jwk_set_find(s1, BYTES_NONE, &k, &e), e);
    assert_string_equal(jwk_kid(k), "");
    assert_code(jwk_set_find(s1, BYTES_LIT("s"), &k, &e), ERRC_NOT_FOUND);
    assert_ok(jwk_set_parse(bytes_str(two), &s2, &e), e);
    assert_ok(jwk_set_find(s2, BYTES_LIT("a"), &k, &e), e);
    assert_string_equal(jwk_kid(k), "a");
    assert_code(jwk_set_find(s2, BYTES_LIT("b"), &k, &e), ERRC_CONFLICT);
    assert_code(jwk_set_find(s2, BYTES_NONE, &k, &e), ERRC_CONFLICT);
    assert_code(jwk_set_find(s2, BYTES_LIT("c"), &k, &e), ERRC_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof_signatures), cmocka_unit_test(wycheproof_keys),
        cmocka_unit_test(ed25519_of_the_rfc),    cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(headers_refused),       cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(keys_refused),          cmocka_unit_test(sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
