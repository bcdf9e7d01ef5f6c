/* Published vectors: Wycheproof's of what is used here, and the SM ones of the IETF drafts. */
#include "testkit.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/aead_priv.h"
#include "crypto/hmac.h"
#include "crypto/sign.h"

#define FIELD_MAX 65600

struct field {
    uint8_t b[FIELD_MAX];
    size_t n;
};

static struct bytes bytes_of_field(const struct field *f)
{
    return bytes_of(f->b, f->n);
}

static void hex_field(struct json obj, const char *key, struct field *ret)
{
    struct bytes text;
    struct error e;
    assert_ok(json_get_str(obj, key, &text, &e), e);
    assert_true(text.n % 2 == 0 && text.n / 2 <= FIELD_MAX);
    ret->n = text.n / 2;
    assert_code(hex_decode(text, ret->b, ret->n), ERRC_OK);
}

static bool is_valid(struct json test)
{
    struct bytes text;
    struct error e;
    assert_ok(json_get_str(test, "result", &text, &e), e);
    assert_true(bytes_equal_str(text, "valid") || bytes_equal_str(text, "invalid"));
    return bytes_equal_str(text, "valid");
}

/* Calls fn for every test of the file; returns how many said they applied. */
static size_t each_test(const char *path, bool (*fn)(struct json group, struct json test))
{
    struct bytes file = vectors_read(path);
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    struct error e;
    struct json groups, group, tests, test;
    struct json_iter gi = { 0 };
    size_t n = 0;
    assert_ok(json_parse(file, 8u << 20, &d, &e), e);
    free((void *)(uintptr_t)file.p);
    assert_ok(json_get(json_root(d), "testGroups", &groups, &e), e);
    while (json_next(groups, &gi, &group)) {
        struct json_iter ti = { 0 };
        assert_ok(json_get(group, "tests", &tests, &e), e);
        while (json_next(tests, &ti, &test)) {
            n += fn(group, test);
        }
    }
    return n;
}

static bool gcm_test(struct json group, struct json test)
{
    struct field key, iv, aad, msg, ct, tag, got;
    uint8_t got_tag[GCM_TAG];
    uint64_t key_bits = 0, iv_bits = 0;
    struct error e;
    assert_ok(json_get_u64(group, "keySize", 4096, &key_bits, &e), e);
    assert_ok(json_get_u64(group, "ivSize", 4096, &iv_bits, &e), e);
    if (key_bits != 256 || iv_bits != 96) {
        return false;
    }
    hex_field(test, "key", &key);
    hex_field(test, "iv", &iv);
    hex_field(test, "aad", &aad);
    hex_field(test, "msg", &msg);
    hex_field(test, "ct", &ct);
    hex_field(test, "tag", &tag);
    EVP_CIPHER_CTX *c = gcm_new();
    bool is_open = tag.n == GCM_TAG && gcm_open(c, key.b, iv.b, bytes_of_field(&aad),
                                                bytes_of_field(&ct), tag.b, got.b);
    assert_int_equal(is_open, is_valid(test));
    if (is_open) {
        assert_memory_equal(got.b, msg.b, msg.n);
        gcm_seal(c, key.b, iv.b, bytes_of_field(&aad), bytes_of_field(&msg), got.b, got_tag);
        assert_memory_equal(got.b, ct.b, ct.n);
        assert_memory_equal(got_tag, tag.b, GCM_TAG);
    }
    EVP_CIPHER_CTX_free(c);
    return true;
}

static void aes_gcm(void **state)
{
    (void)state;
    assert_true(each_test("wycheproof/aes_gcm_test.json", gcm_test) >= 60);
}

static bool hmac_test(struct json group, struct json test)
{
    struct field key, msg, tag;
    uint8_t full[HASH_MAX];
    uint64_t bits = 0;
    struct error e;
    assert_ok(json_get_u64(group, "tagSize", 512, &bits, &e), e);
    hex_field(test, "key", &key);
    hex_field(test, "msg", &msg);
    hex_field(test, "tag", &tag);
    enum hash_alg alg = HASH_SHA256;
    if (bits == 256) {
        struct result r =
                hmac_check(alg, bytes_of_field(&key), bytes_of_field(&msg), bytes_of_field(&tag));
        assert_int_equal(result_is_ok(r), is_valid(test));
    } else {
        hmac_once(alg, bytes_of_field(&key), bytes_of_field(&msg), full);
        assert_int_equal(memcmp(full, tag.b, tag.n) == 0, is_valid(test));
    }
    return true;
}

static void hmac_sha256_vectors(void **state)
{
    (void)state;
    assert_true(each_test("wycheproof/hmac_sha256_test.json", hmac_test) >= 100);
}

static bool hkdf_test(struct json group, struct json test)
{
    struct field ikm, salt, info, okm;
    uint8_t got[255 * 32];
    uint64_t size = 0;
    struct error e;
    (void)group;
    hex_field(test, "ikm", &ikm);
    hex_field(test, "salt", &salt);
    hex_field(test, "info", &info);
    hex_field(test, "okm", &okm);
    assert_ok(json_get_u64(test, "size", 1 << 20, &size, &e), e);
    struct result r = hkdf(HASH_SHA256, bytes_of_field(&ikm), bytes_of_field(&salt),
                           bytes_of_field(&info), got, (size_t)size);
    assert_int_equal(result_is_ok(r), is_valid(test));
    if (result_is_ok(r)) {
        assert_memory_equal(got, okm.b, (size_t)size);
    }
    return true;
}

static void hkdf_sha256(void **state)
{
    (void)state;
    assert_true(each_test("wycheproof/hkdf_sha256_test.json", hkdf_test) >= 80);
}

static bool verify_test(enum sign_alg alg, const char *pub_name, struct json group,
                        struct json test)
{
    struct field pub, msg, sig;
    struct json key;
    struct error e;
    assert_ok(json_get(group, "publicKey", &key, &e), e);
    hex_field(key, pub_name, &pub);
    hex_field(test, "msg", &msg);
    hex_field(test, "sig", &sig);
    struct result r =
            verify_once(alg, bytes_of_field(&pub), bytes_of_field(&msg), bytes_of_field(&sig));
    assert_int_equal(result_is_ok(r), is_valid(test));
    return true;
}

static bool ed25519_test(struct json group, struct json test)
{
    return verify_test(SIGN_ED25519, "pk", group, test);
}

static bool ecdsa_test(struct json group, struct json test)
{
    return verify_test(SIGN_ECDSA_P256, "uncompressed", group, test);
}

static void ed25519(void **state)
{
    (void)state;
    assert_true(each_test("wycheproof/ed25519_test.json", ed25519_test) >= 100);
}

static void ecdsa_p256(void **state)
{
    (void)state;
    assert_true(each_test("wycheproof/ecdsa_secp256r1_sha256_test.json", ecdsa_test) >= 100);
}

/* "NAME = hex" lines; NULL after the last. Returns where to go on. */
static const char *next_field(const char *p, const char *name, struct field *ret)
{
    char head[40];
    snprintf(head, sizeof(head), "\n%s = ", name);
    p = strstr(p, head);
    if (p == NULL) {
        return NULL;
    }
    p += strlen(head);
    size_t n = strcspn(p, "\r\n");
    assert_true(n / 2 <= FIELD_MAX);
    ret->n = n / 2;
    assert_code(hex_decode(bytes_of(p, 2 * ret->n), ret->b, ret->n), ERRC_OK);
    return p + n;
}

static char *text_of(const char *path)
{
    struct bytes file = vectors_read(path);
    char *text = mem_alloc(file.n + 1);
    memcpy(text, file.p, file.n);
    text[file.n] = '\0';
    free((void *)(uintptr_t)file.p);
    return text;
}

static void sm3_vectors(void **state)
{
    CLEANUP(mem_free_p) char *text = text_of("sm-rfc/SM3/oscca.txt");
    size_t n = 0;
    (void)state;
    for (const char *p = text; (p = strstr(p, "\nLen = ")) != NULL; n++) {
        struct field msg, want;
        uint8_t got[SM3_BYTES];
        unsigned bits = 0;
        assert_int_equal(sscanf(p, "\nLen = %u", &bits), 1);
        p = next_field(p + 1, "Msg", &msg);
        assert_non_null(p);
        p = next_field(p, "MD", &want);
        assert_non_null(p);
        sm3(bytes_of(msg.b, bits / 8), got);
        assert_memory_equal(got, want.b, SM3_BYTES);
    }
    assert_true(n >= 6);
}

static void sm4_ctr_vectors(void **state)
{
    CLEANUP(mem_free_p) char *text = text_of("sm-rfc/SM4/draft-ribose-cfrg-sm4-10-ctr.txt");
    struct field key, plain, iv, ct, got;
    size_t n = 0;
    (void)state;
    for (const char *p = text; (p = next_field(p, "KEY", &key)) != NULL; n++) {
        p = next_field(p, "PLAINTEXT", &plain);
        p = next_field(p, "IV", &iv);
        p = next_field(p, "CIPHERTEXT", &ct);
        EVP_CIPHER_CTX *c = sm4_new();
        sm4_ctr(c, key.b, iv.b, bytes_of_field(&plain), got.b);
        assert_memory_equal(got.b, ct.b, ct.n);
        EVP_CIPHER_CTX_free(c);
    }
    assert_true(n >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_gcm),         cmocka_unit_test(hmac_sha256_vectors),
        cmocka_unit_test(hkdf_sha256),     cmocka_unit_test(ed25519),
        cmocka_unit_test(ecdsa_p256),      cmocka_unit_test(sm3_vectors),
        cmocka_unit_test(sm4_ctr_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
