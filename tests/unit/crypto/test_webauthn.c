/*
 * Passkeys: the fifteen test vectors of WebAuthn level 3, and whatever is not as it should be,
 * refused.
 */
#include "testkit.h"

#include "base/json.h"
#include "base/text.h"
#include "crypto/cbor_priv.h"
#include "crypto/webauthn.h"

#define VECTORS "webauthn-l3/webauthn-vectors.json"

/* One vector: what the browser would have given. */
struct ceremony {
    struct buf challenge, client, object, /* registration */
            get_challenge, get_client, data, sig;
    struct bytes name;
};

static void hex_of(struct json obj, const char *key, struct buf *out)
{
    struct bytes text;
    struct error e;
    assert_ok(json_get_str(obj, key, &text, &e), e);
    *out = BUF(1 << 16);
    uint8_t *p = buf_reserve(out, text.n / 2);
    assert_non_null(p);
    assert_code(hex_decode(text, p, text.n / 2), ERRC_OK);
    buf_commit(out, text.n / 2);
}

static void ceremony_done(struct ceremony *c)
{
    buf_done(&c->challenge);
    buf_done(&c->client);
    buf_done(&c->object);
    buf_done(&c->get_challenge);
    buf_done(&c->get_client);
    buf_done(&c->data);
    buf_done(&c->sig);
}
DEFINE_CLEANUP_DONE(ceremony_done, struct ceremony)

static void ceremony_of(struct json v, struct ceremony *c)
{
    struct json reg, get;
    struct error e;
    assert_ok(json_get_str(v, "id", &c->name, &e), e);
    assert_ok(json_get(v, "registration", &reg, &e), e);
    assert_ok(json_get(v, "authentication", &get, &e), e);
    hex_of(reg, "challenge", &c->challenge);
    hex_of(reg, "clientDataJSON", &c->client);
    hex_of(reg, "attestationObject", &c->object);
    hex_of(get, "challenge", &c->get_challenge);
    hex_of(get, "clientDataJSON", &c->get_client);
    hex_of(get, "authenticatorData", &c->data);
    hex_of(get, "signature", &c->sig);
}

/* Calls fn for each of the fifteen; returns how many there were. */
static size_t each_ceremony(void (*fn)(const struct ceremony *c))
{
    struct bytes file = vectors_read(VECTORS);
    CLEANUP(json_doc_free_p) struct json_doc *d = NULL;
    struct json v, reg;
    struct json_iter it = { 0 };
    struct error e;
    size_t n = 0;
    assert_ok(json_parse(file, 1 << 20, &d, &e), e);
    free((void *)(uintptr_t)file.p);
    while (json_next(json_root(d), &it, &v)) {
        assert_ok(json_get(v, "registration", &reg, &e), e);
        if (json_has(reg, "attestationObject")) {
            CLEANUP(ceremony_done_p) struct ceremony c = { 0 };
            ceremony_of(v, &c);
            fn(&c);
            n++;
        }
    }
    return n;
}

static struct webauthn_party party(struct bytes challenge)
{
    return (struct webauthn_party){ .id = "example.org",
                                    .origin = "https://example.org",
                                    .challenge = challenge,
                                    .may_cross_origin = true };
}

static struct result do_register(const struct ceremony *c, struct webauthn_credential *cred,
                                 struct error *e)
{
    struct webauthn_party rp = party(buf_bytes(&c->challenge));
    return webauthn_register(&rp, buf_bytes(&c->client), buf_bytes(&c->object), cred, e);
}

static struct result do_assert(const struct ceremony *c, const struct webauthn_credential *cred,
                               struct error *e)
{
    struct webauthn_party rp = party(buf_bytes(&c->get_challenge));
    struct webauthn_assertion a;
    return webauthn_assert(&rp, cred->key, buf_bytes(&c->get_client), buf_bytes(&c->data),
                           buf_bytes(&c->sig), &a, e);
}

static unsigned formats_seen;

static void whole(const struct ceremony *c)
{
    struct webauthn_credential cred;
    struct error e;
    struct result r = do_register(c, &cred, &e);
    if (!result_is_ok(r)) {
        fail_msg("%.*s: %s: %s", BYTES_FMT(c->name), errc_name(r.code), e.msg);
    }
    assert_true(bytes_find(c->name, bytes_str(webauthn_format_name(cred.format))) < c->name.n);
    assert_true(cred.id.n >= 32 && cred.sign_count == 0);
    formats_seen |= 1u << cred.format;
    r = do_assert(c, &cred, &e);
    if (!result_is_ok(r)) {
        fail_msg("%.*s: %s: %s", BYTES_FMT(c->name), errc_name(r.code), e.msg);
    }
}

/*= 2.1.4-1 test */
static void level3_vectors(void **state)
{
    (void)state;
    formats_seen = 0;
    assert_int_equal(each_ceremony(whole), 15);
    assert_int_equal(formats_seen, 0x3f);
}

/* What flips within the attested registrations: anything but what nothing signs. */
static void flip_registration(const struct ceremony *c)
{
    struct webauthn_credential cred;
    bool is_none = bytes_find(c->name, BYTES_LIT("-none-")) < c->name.n;
    struct bytes object = buf_bytes(&c->object);
    size_t data_at = bytes_find(object, BYTES_LIT("authData"));
    size_t end = is_none ? data_at + 10 + 32 : object.n;
    for (size_t i = 0; i < end; i += is_none ? 1 : 1 + object.n / 400) {
        c->object.p[i] ^= 0x01;
        if (result_is_ok(do_register(c, &cred, NULL))) {
            /* a certificate's own signature and names are not traced to a root */
            bool is_cert = !is_none && bytes_find(object, BYTES_LIT("x5c")) < i && i < data_at;
            /* U2F signs neither flags, counter nor AAGUID */
            bool is_u2f = bytes_find(c->name, BYTES_LIT("u2f")) < c->name.n &&
                          i >= data_at + 10 + 32 && i < data_at + 10 + 32 + 21;
            if (!is_cert && !is_u2f) {
                fail_msg("%.*s: byte %zu of the object", BYTES_FMT(c->name), i);
            }
        }
        c->object.p[i] ^= 0x01;
    }
    for (size_t i = 0; i < c->client.n; i++) {
        c->client.p[i] ^= 0x01;
        if (!is_none && result_is_ok(do_register(c, &cred, NULL))) {
            fail_msg("%.*s: byte %zu of the client data", BYTES_FMT(c->name), i);
        }
        c->client.p[i] ^= 0x01;
    }
}

static void flipped_registrations(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(flip_registration), 15);
}

static void flip_all(const struct ceremony *c, const struct buf *b,
                     const struct webauthn_credential *cred, const char *what)
{
    for (size_t i = 0; i < b->n; i++) {
        b->p[i] ^= 0x01;
        if (result_is_ok(do_assert(c, cred, NULL))) {
            fail_msg("%.*s: byte %zu of the %s", BYTES_FMT(c->name), i, what);
        }
        b->p[i] ^= 0x01;
    }
}

static void flip_assertion(const struct ceremony *c)
{
    struct webauthn_credential cred;
    struct error e;
    assert_ok(do_register(c, &cred, &e), e);
    flip_all(c, &c->data, &cred, "authenticator data");
    flip_all(c, &c->get_client, &cred, "client data");
    flip_all(c, &c->sig, &cred, "signature");
    struct buf key = BUF(WEBAUTHN_KEY_MAX);
    buf_add(&key, cred.key);
    cred.key = buf_bytes(&key);
    flip_all(c, &key, &cred, "key");
    buf_done(&key);
}

static void flipped_assertions(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(flip_assertion), 15);
}

static void cut(const struct ceremony *c)
{
    struct webauthn_party rp = party(buf_bytes(&c->challenge));
    struct webauthn_party get = party(buf_bytes(&c->get_challenge));
    struct webauthn_credential cred, cred2;
    struct webauthn_assertion a;
    struct error e;
    struct bytes object = buf_bytes(&c->object), data = buf_bytes(&c->data),
                 sig = buf_bytes(&c->sig), client = buf_bytes(&c->get_client);
    assert_ok(do_register(c, &cred, &e), e);
    for (size_t n = 0; n < object.n; n++) {
        assert_false(result_is_ok(webauthn_register(&rp, buf_bytes(&c->client),
                                                    bytes_slice(object, 0, n), &cred2, NULL)));
    }
    for (size_t n = 0; n < data.n; n++) {
        assert_false(result_is_ok(
                webauthn_assert(&get, cred.key, client, bytes_slice(data, 0, n), sig, &a, NULL)));
    }
    for (size_t n = 0; n < cred.key.n; n++) {
        assert_false(result_is_ok(
                webauthn_assert(&get, bytes_slice(cred.key, 0, n), client, data, sig, &a, NULL)));
    }
    for (size_t n = 0; n < sig.n; n++) {
        assert_false(result_is_ok(
                webauthn_assert(&get, cred.key, client, data, bytes_slice(sig, 0, n), &a, NULL)));
    }
}

static void truncated(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(cut), 15);
}

static void append(const struct ceremony *c)
{
    struct webauthn_credential cred;
    struct error e;
    assert_ok(do_register(c, &cred, &e), e);
    struct buf *parts[] = { (struct buf *)(uintptr_t)&c->data, (struct buf *)(uintptr_t)&c->sig,
                            (struct buf *)(uintptr_t)&c->get_client };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        buf_add_u8(parts[i], 0);
        assert_false(result_is_ok(do_assert(c, &cred, NULL)));
        parts[i]->n--;
    }
    assert_ok(do_assert(c, &cred, &e), e);
    struct buf *object = (struct buf *)(uintptr_t)&c->object;
    buf_add_u8(object, 0);
    assert_code(do_register(c, &cred, &e), ERRC_FORMAT);
    object->n--;
    struct buf key = BUF(WEBAUTHN_KEY_MAX + 1);
    assert_ok(do_register(c, &cred, &e), e);
    buf_add(&key, cred.key);
    buf_add_u8(&key, 0);
    cred.key = buf_bytes(&key);
    assert_code(do_assert(c, &cred, &e), ERRC_FORMAT);
    buf_done(&key);
}

static void trailing_bytes(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(append), 15);
}

/* Everything is as it was but for what is asked for. */
static void other_party(const struct ceremony *c)
{
    struct webauthn_credential cred, cred2;
    struct webauthn_assertion a;
    struct error e;
    const uint8_t other[32] = { 1 };
    assert_ok(do_register(c, &cred, &e), e);
    for (int i = 0; i < 5; i++) {
        struct webauthn_party rp = party(buf_bytes(&c->challenge)),
                              get = party(buf_bytes(&c->get_challenge));
        bool is_refused = true;
        switch (i) {
        case 0:
            rp.id = get.id = "example.com";
            break;
        case 1:
            rp.origin = get.origin = "https://example.org:8443";
            break;
        case 2:
            rp.challenge = get.challenge = BYTES_OF(other);
            break;
        case 3:
            rp.needs_uv = get.needs_uv = true;
            is_refused = !cred.is_verified;
            break;
        default:
            rp.may_cross_origin = get.may_cross_origin = false;
            is_refused = bytes_find(c->name, BYTES_LIT("Origin")) < c->name.n;
            break;
        }
        assert_int_equal(
                webauthn_register(&rp, buf_bytes(&c->client), buf_bytes(&c->object), &cred2, &e)
                        .code,
                is_refused ? ERRC_DENIED : ERRC_OK);
        if (i != 3) {
            assert_int_equal(webauthn_assert(&get, cred.key, buf_bytes(&c->get_client),
                                             buf_bytes(&c->data), buf_bytes(&c->sig), &a, &e)
                                     .code,
                             is_refused ? ERRC_DENIED : ERRC_OK);
        }
    }
    /* the one ceremony's client data in the other */
    struct webauthn_party rp = party(buf_bytes(&c->get_challenge));
    assert_code(
            webauthn_register(&rp, buf_bytes(&c->get_client), buf_bytes(&c->object), &cred2, &e),
            ERRC_DENIED);
    rp = party(buf_bytes(&c->challenge));
    assert_code(webauthn_assert(&rp, cred.key, buf_bytes(&c->client), buf_bytes(&c->data),
                                buf_bytes(&c->sig), &a, &e),
                ERRC_DENIED);
}

/*= 2.1.4-1 test */
static void wrong_party(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(other_party), 15);
}

static void no_user(const struct ceremony *c)
{
    struct webauthn_credential cred;
    struct error e;
    assert_ok(do_register(c, &cred, &e), e);
    uint8_t flags = c->data.p[32];
    c->data.p[32] = flags & 0xfe;
    assert_code(do_assert(c, &cred, &e), ERRC_DENIED);
    c->data.p[32] = 0x11; /* backed up, not eligible */
    assert_code(do_assert(c, &cred, &e), ERRC_FORMAT);
    c->data.p[32] = flags | 0x40;
    assert_code(do_assert(c, &cred, &e), ERRC_FORMAT);
    c->data.p[32] = flags | 0x80;
    assert_code(do_assert(c, &cred, &e), ERRC_FORMAT);
    c->data.p[32] = flags;
    assert_ok(do_assert(c, &cred, &e), e);
}

static void flags(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(no_user), 15);
}

static void client_data_forms(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"type\":\"webauthn.create\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":1,\"origin\":\"https://example.org\"}",
        "{\"type\":\"webauthn.create\",\"type\":\"webauthn.create\",\"challenge\":"
        "\"AAAAAAAAAAAAAAAAAAAAAA\",\"origin\":\"https://example.org\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAA==\",\"origin\":"
        "\"https://example.org\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"origin\":"
        "\"https://example.org/\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"origin\":"
        "\"HTTPS://example.org\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"origin\":"
        "\"https://example.org\",\"crossOrigin\":\"false\"}",
        "{\"type\":\"webauthn.create\",\"challenge\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"origin\":"
        "\"https://example.org\",\"topOrigin\":\"https://a.example\"}",
    };
    const uint8_t challenge[16] = { 0 };
    struct webauthn_party rp = party(BYTES_OF(challenge));
    struct webauthn_credential cred;
    struct error e;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct result r = webauthn_register(&rp, bytes_str(bad[i]), BYTES_LIT("\xa0"), &cred, &e);
        assert_true(r.code == ERRC_FORMAT || r.code == ERRC_DENIED || r.code == ERRC_NOT_FOUND);
        assert_true(strncmp(e.msg, "client data: ", 13) == 0);
    }
    char *big = mem_zalloc(WEBAUTHN_CLIENT_DATA_MAX + 1);
    memset(big, ' ', WEBAUTHN_CLIENT_DATA_MAX + 1);
    assert_code(webauthn_register(&rp, bytes_of(big, WEBAUTHN_CLIENT_DATA_MAX + 1), BYTES_NONE,
                                  &cred, &e),
                ERRC_LIMIT);
    mem_free(big);
}

static struct result skip_hex(const char *hex)
{
    uint8_t raw[64];
    size_t n = strlen(hex) / 2;
    assert_code(hex_decode(bytes_str(hex), raw, n), ERRC_OK);
    struct bytes in = bytes_of(raw, n);
    struct result r = cbor_skip(&in, NULL);
    return result_is_ok(r) ? bytes_take_end(in) : r;
}

static void cbor_forms(void **state)
{
    static const char *const good[] = { "00", "1818",   "20",         "40",     "4100",      "6161",
                                        "80", "8100",   "a0",         "a10001", "f4",        "f5",
                                        "f6", "820102", "8181818100", "391000", "1a00010000" };
    static const char *const bad[] = {
        "",                   /* nothing */
        "41",                 /* short */
        "9bffffffffffffffff", /* 2^64 elements */
        "9a7fffffff00",       /* 2^31 elements in a byte */
        "bb0fffffffffffffff", /* pairs whose number overflows when doubled */
        "bb8000000000000000",
        "5bffffffffffffffff",
        "5a7fffffff00",
        "9f00ff", /* indefinite */
        "bf0000ff",
        "5f4100ff",
        "7f6161ff",
        "c000", /* tag */
        "f90000",
        "fa00000000",
        "fb0000000000000000", /* floats */
        "f7",
        "ff",
        "1c",           /* undefined, break, reserved */
        "818181818100", /* deeper than taken */
        "1bffffffffffffffff",
        "3bffffffffffffffff",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (!result_is_ok(skip_hex(good[i]))) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (result_is_ok(skip_hex(bad[i]))) {
            fail_msg("%s is taken", bad[i]);
        }
    }
}

/* A hundred thousand arrays in one another, and an object past its limit. */
static void deep_and_huge(const struct ceremony *c)
{
    struct webauthn_party rp = party(buf_bytes(&c->challenge));
    struct webauthn_credential cred;
    struct error e;
    size_t n = WEBAUTHN_OBJECT_MAX + 1;
    uint8_t *p = mem_alloc(n);
    memset(p, 0x81, n);
    assert_code(webauthn_register(&rp, buf_bytes(&c->client), bytes_of(p, n), &cred, &e),
                ERRC_LIMIT);
    assert_code(webauthn_register(&rp, buf_bytes(&c->client), bytes_of(p, n - 1), &cred, &e),
                ERRC_FORMAT);
    static const uint8_t head[] = {
        0xa3, 0x67, 'a', 't', 't', 'S', 't', 'm', 't', 0xa1, 0x61, 'x'
    };
    memcpy(p, head, sizeof(head));
    assert_code(webauthn_register(&rp, buf_bytes(&c->client), bytes_of(p, n - 1), &cred, &e),
                ERRC_FORMAT);
    mem_free(p);
}

static void deep_and_huge_cbor(void **state)
{
    (void)state;
    assert_int_equal(each_ceremony(deep_and_huge), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level3_vectors),
        cmocka_unit_test(flipped_registrations),
        cmocka_unit_test(flipped_assertions),
        cmocka_unit_test(truncated),
        cmocka_unit_test(trailing_bytes),
        cmocka_unit_test(wrong_party),
        cmocka_unit_test(flags),

        cmocka_unit_test(client_data_forms),
        cmocka_unit_test(cbor_forms),
        cmocka_unit_test(deep_and_huge_cbor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
