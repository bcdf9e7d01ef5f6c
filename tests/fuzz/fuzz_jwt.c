/* A token, and a key set, of somebody else: no crash, and no token verifies by chance. Input:
 * length of the token (two bytes), token, key set. */
#include "crypto/jose.h"

#include <stdlib.h>

static const char known[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                            "\"QgGaO8m4ke4lF8aF0ZLSTcBGNlW3AMvvhtuKqb3vJ4E\"}]}";

static void verify_by(const struct jws *t, struct bytes keys, bool must_fail)
{
    CLEANUP(jwk_set_free_p) struct jwk_set *set = NULL;
    const struct jwk *k = NULL;
    struct error e;

    if (result_is_ok(jwk_set_parse(keys, &set, &e)) &&
        result_is_ok(jwk_set_find(set, t->kid, &k, &e)) && result_is_ok(jws_verify(t, k, &e)) &&
        must_fail) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(jws_done_p) struct jws t = { 0 };
    struct bytes in = bytes_of(data, size), token;
    struct error e;

    if (!result_is_ok(bytes_take_be16_prefixed(&in, &token))) {
        return 0;
    }
    if (result_is_ok(jws_parse(token, &t, &e))) {
        verify_by(&t, in, false);
        verify_by(&t, bytes_of(known, sizeof(known) - 1), true);
    }
    return 0;
}
