/*
 * Receipts. Properties: it ends; what is accepted is canonical and signed by the one key that is
 * trusted.
 */
#include "crypto/sign.h"
#include "ledger/receipt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void key_make(struct note_key *ret)
{
    static const uint8_t seed[32] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    struct sign_key *k = NULL;

    if (!result_is_ok(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k)) ||
        !result_is_ok(
                note_key_make("troth.test/acme", NOTE_ED25519, sign_key_public(k).p, ret, NULL))) {
        abort();
    }
    sign_key_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct note_key key;
    struct receipt *r = NULL;
    struct receipt_report report;
    struct error e = { 0 };

    if (key.name[0] == '\0') {
        key_make(&key);
    }
    const struct receipt_options o = { NULL, &key };
    if (!result_is_ok(receipt_parse(bytes_of(data, size), &r, &e))) {
        if (e.code == ERRC_OK) {
            abort();
        }
        return 0;
    }
    if (result_is_ok(receipt_verify(r, &o, &report, &e)) && report.index >= report.size) {
        abort();
    }
    receipt_free(r);
    return 0;
}
