/*
 * A passkey's registration and assertion: whatever comes, no crash. Input: length of the client
 * data (two bytes), client data, then an attestation object or, for the assertion, authenticator
 * data.
 */
#include "crypto/webauthn.h"

#include <stdlib.h>

/* COSE_Key of the vector packed-eddsa's kind: Ed25519. */
static const uint8_t key[] = {
    0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20, 0xd7, 0x5a, 0x98, 0x01,
    0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1,
    0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* of the vector none-es256: the corpus holds what it signed */
    static const uint8_t create[32] = { 0x00, 0xc3, 0x0f, 0xb7, 0x85, 0x31, 0xc4, 0x64,
                                        0xd2, 0xb6, 0x77, 0x1d, 0xab, 0x8d, 0x7b, 0x60,
                                        0x3c, 0x01, 0x16, 0x2f, 0x2f, 0xa4, 0x86, 0xbe,
                                        0xa7, 0x0f, 0x28, 0x3a, 0xe5, 0x56, 0xe1, 0x30 };
    static const uint8_t sig[64] = { 0 };
    struct webauthn_party rp = { .id = "example.org",
                                 .origin = "https://example.org",
                                 .challenge = bytes_of(create, sizeof(create)),
                                 .may_cross_origin = true };
    struct webauthn_credential cred;
    struct webauthn_assertion a;
    struct bytes in = bytes_of(data, size), client;
    struct error e;

    if (!result_is_ok(bytes_take_be16_prefixed(&in, &client))) {
        return 0;
    }
    if (result_is_ok(webauthn_register(&rp, client, in, &cred, &e)) &&
        (cred.id.n == 0 || cred.id.n > WEBAUTHN_ID_MAX || cred.key.n > WEBAUTHN_KEY_MAX)) {
        abort();
    }
    if (result_is_ok(webauthn_assert(&rp, bytes_of(key, sizeof(key)), client, in,
                                     bytes_of(sig, sizeof(sig)), &a, &e))) {
        abort();
    }
    return 0;
}
