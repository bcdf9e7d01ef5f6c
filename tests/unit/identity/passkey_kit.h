/* An authenticator of the tests' own, for passkeys: what it answers, right or wrong. */
#ifndef TROTH_PASSKEY_KIT_H
#define TROTH_PASSKEY_KIT_H

#include "identity_testkit.h"

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "identity/factor.h"

#define UP 0x01
#define UV 0x04
#define AT 0x40

static const struct passkey_party rp = { "localhost", "https://localhost:8443", "Troth" };
static const uint8_t challenge[32] = { 7, 7, 7 };

/* An authenticator with one P-256 key, and the browser before it. What a test wants wrong it
 * sets. */
struct authenticator {
    struct sign_key *key;
    uint8_t id[16];
    uint32_t count;
    uint8_t flags;
    const char *rp_id, *origin, *type, *extra; /* extra: members of the client data */
    const uint8_t *challenge;
    const char *handle; /* user handle; NULL: none */
    bool is_other_id, is_trailing;
};

static inline __attribute__((unused)) struct authenticator authenticator_new(struct world *w,
                                                                             uint8_t id)
{
    struct authenticator a = { .id = { id },
                               .flags = UP | UV,
                               .rp_id = rp.id,
                               .origin = rp.origin,
                               .extra = "\"crossOrigin\":false",
                               .challenge = challenge };
    assert_code(sign_key_generate(SIGN_ECDSA_P256, &w->rng.base, &a.key), ERRC_OK);
    return a;
}

static inline void client_data(const struct authenticator *a, const char *type, struct buf *out)
{
    buf_addf(out, "{\"type\":\"%s\",\"challenge\":\"", a->type == NULL ? type : a->type);
    buf_add_base64url(out, bytes_of(a->challenge, 32));
    buf_addf(out, "\",\"origin\":\"%s\"%s%s}", a->origin, a->extra[0] == '\0' ? "" : ",", a->extra);
}

static inline void auth_data(const struct authenticator *a, bool has_key, struct buf *out)
{
    uint8_t hash[SHA256_BYTES];
    struct bytes pub = sign_key_public(a->key);
    static const uint8_t head[] = { 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20 };
    static const uint8_t between[] = { 0x22, 0x58, 0x20 };
    sha256(bytes_str(a->rp_id), hash);
    buf_add(out, BYTES_OF(hash));
    buf_add_u8(out, (uint8_t)(a->flags | (has_key ? AT : 0)));
    buf_add_be32(out, a->count);
    if (has_key) {
        static const uint8_t aaguid[16] = { 1, 2, 3 };
        buf_add(out, BYTES_OF(aaguid));
        buf_add_be16_prefixed(out, BYTES_OF(a->id));
        buf_add(out, BYTES_OF(head));
        buf_add(out, bytes_slice(pub, 1, 33));
        buf_add(out, BYTES_OF(between));
        buf_add(out, bytes_slice(pub, 33, 65));
    }
    if (a->is_trailing) {
        buf_add_u8(out, 0);
    }
}

static inline void put_id(const struct authenticator *a, struct buf *out)
{
    uint8_t other[16] = { 0xee };
    struct bytes id = a->is_other_id ? BYTES_OF(other) : BYTES_OF(a->id);
    buf_add_str(out, "{\"type\":\"public-key\",\"id\":\"");
    buf_add_base64url(out, id);
    buf_add_str(out, "\",\"rawId\":\"");
    buf_add_base64url(out, id);
    buf_add_str(out, "\",\"clientExtensionResults\":{},\"response\":{\"clientDataJSON\":\"");
}

/* navigator.credentials.create(...).toJSON() */
static inline __attribute__((unused)) void create(const struct authenticator *a, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf client = BUF(4096), data = BUF(4096), object = BUF(4096);
    static const uint8_t head[] = { 0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n',  'e',
                                    0x67, 'a',  't', 't', 'S', 't',  'm', 't', 0xa0, 0x68,
                                    'a',  'u',  't', 'h', 'D', 'a',  't', 'a', 0x58 };
    client_data(a, "webauthn.create", &client);
    auth_data(a, true, &data);
    buf_add(&object, BYTES_OF(head));
    buf_add_u8(&object, (uint8_t)data.n);
    buf_add(&object, buf_bytes(&data));
    put_id(a, out);
    buf_add_base64url(out, buf_bytes(&client));
    buf_add_str(out, "\",\"attestationObject\":\"");
    buf_add_base64url(out, buf_bytes(&object));
    buf_add_str(out, "\",\"transports\":[\"internal\"]}}");
}

/* navigator.credentials.get(...).toJSON(); the counter moves on. */
static inline __attribute__((unused)) void get(struct authenticator *a, struct buf *out)
{
    CLEANUP(buf_done_p) struct buf client = BUF(4096), data = BUF(4096), message = BUF(8192);
    uint8_t hash[SHA256_BYTES], sig[SIGN_MAX];
    size_t n = 0;
    client_data(a, "webauthn.get", &client);
    auth_data(a, false, &data);
    sha256(buf_bytes(&client), hash);
    buf_add(&message, buf_bytes(&data));
    buf_add(&message, BYTES_OF(hash));
    assert_code(sign_bytes(a->key, buf_bytes(&message), sig, &n), ERRC_OK);
    put_id(a, out);
    buf_add_base64url(out, buf_bytes(&client));
    buf_add_str(out, "\",\"authenticatorData\":\"");
    buf_add_base64url(out, buf_bytes(&data));
    buf_add_str(out, "\",\"signature\":\"");
    buf_add_base64url(out, bytes_of(sig, n));
    buf_add_str(out, "\"");
    if (a->handle != NULL) {
        buf_add_str(out, ",\"userHandle\":\"");
        buf_add_base64url(out, bytes_str(a->handle));
        buf_add_str(out, "\"");
    }
    buf_add_str(out, "}}");
}

#endif
