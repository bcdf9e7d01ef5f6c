/*
 * add-checkpoint requests to a witness that follows one log and has seen nothing. Properties: an
 * answer always; 200 alone gives a signature.
 */
#include "base/clock.h"
#include "crypto/sign.h"
#include "ledger/witness.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(struct result r)
{
    if (!result_is_ok(r)) {
        abort();
    }
}

static void log_make(struct witness_log *ret)
{
    uint8_t seed[32];
    struct sign_key *k = NULL;

    memset(seed, 1, sizeof(seed));
    must(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k));
    must(note_key_make("troth.test/acme", NOTE_ED25519, sign_key_public(k).p, &ret->key, NULL));
    sign_key_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fs *fs = fs_fake_new(1u << 22);
    struct witness_log log = { .url = "" };
    struct witness *w = NULL;
    struct buf out = BUF(16384);
    const char *type = NULL;
    unsigned status = 0;
    struct rng_test rng;

    rng_test_init(&rng, 1);
    log_make(&log);
    must(witness_init(fs, "witness.example", &rng.base, NULL));
    must(witness_open(fs, &clock_system, &w, NULL));
    must(witness_add_log(w, &log, NULL));
    must(witness_add_checkpoint(w, bytes_of(data, size), &status, &type, &out, NULL));
    if (type == NULL || status < 200 ||
        (status == 200) !=
                (bytes_find(buf_bytes(&out), BYTES_LIT("\xe2\x80\x94 witness.example ")) < out.n)) {
        abort();
    }
    buf_done(&out);
    witness_free(w);
    fs_free(fs);
    return 0;
}
