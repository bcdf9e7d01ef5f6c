/*
 * A keeper for tests: one signing key for all logs, payload keys derived from names. Refuses what
 * the real one refuses: a smaller size than it signed before, another root for the same size.
 * Thread-safe.
 */
#ifndef TROTH_TESTS_FAKE_KEYS_H
#define TROTH_TESTS_FAKE_KEYS_H

#include "crypto/hash.h"
#include "crypto/sign.h"
#include "ledger/keys.h"
#include "ledger/note.h"

#include <pthread.h>
#include <stdio.h>

#define FAKE_LOGS 64

struct fake_keys {
    struct ledger_keys face;
    pthread_mutex_t lock;
    struct sign_key *key;
    struct {
        char log[80];
        uint64_t size;
        struct tree_hash root;
    } signed_[FAKE_LOGS];
    size_t count;
    char destroyed[80]; /* a log whose payload keys are destroyed */
    bool is_away;
    unsigned signatures;
};

static inline struct result fake_check(struct fake_keys *k, const char *log, uint64_t size,
                                       const struct tree_hash *root, struct error *e)
{
    size_t i = 0;
    while (i < k->count && strcmp(k->signed_[i].log, log) != 0) {
        i++;
    }
    if (i == k->count) {
        if (k->count == FAKE_LOGS) {
            FAIL(e, ERRC_LIMIT, "fake keeper: too many logs");
        }
        snprintf(k->signed_[k->count++].log, sizeof(k->signed_[0].log), "%s", log);
    } else if (size < k->signed_[i].size) {
        FAIL(e, ERRC_CONFLICT, "log %s: size %llu after %llu", log, (unsigned long long)size,
             (unsigned long long)k->signed_[i].size);
    } else if (size == k->signed_[i].size &&
               memcmp(root, &k->signed_[i].root, sizeof(*root)) != 0) {
        FAIL(e, ERRC_INTEGRITY, "log %s: another root for size %llu", log,
             (unsigned long long)size);
    }
    k->signed_[i].size = size;
    k->signed_[i].root = *root;
    return RESULT_OK;
}

static inline void fake_note_key(struct fake_keys *k, const char *origin, struct note_key *ret)
{
    struct error e;
    result_ignore(note_key_make(origin, NOTE_ED25519, sign_key_public(k->key).p, ret, &e));
}

static inline struct result fake_sign(void *ctx, const char *log, const char *origin, uint64_t size,
                                      const struct tree_hash *root, struct buf *ret_note,
                                      struct error *e)
{
    struct fake_keys *k = ctx;
    struct note_key nk;
    uint8_t sig[SIGN_MAX];
    size_t n = 0;

    pthread_mutex_lock(&k->lock);
    struct result r = k->is_away ? error_set(e, ERRC_AGAIN, "the keeper is away")
                                 : fake_check(k, log, size, root, e);
    k->signatures++;
    pthread_mutex_unlock(&k->lock);
    TRY(r);
    fake_note_key(k, origin, &nk);
    checkpoint_text(ret_note, origin, size, root);
    TRY(sign_bytes(k->key, buf_bytes(ret_note), sig, &n));
    buf_add_u8(ret_note, '\n');
    note_add_signature(ret_note, &nk, 0, sig);
    return buf_result(ret_note);
}

static inline struct result fake_payload_key(void *ctx, const char *log, const char *month,
                                             struct key256 *ret, enum crypto_suite *ret_suite,
                                             struct error *e)
{
    struct fake_keys *k = ctx;

    if (strcmp(k->destroyed, log) == 0) {
        FAIL(e, ERRC_EXPIRED, "the keys of %s are destroyed", log);
    }
    const struct bytes parts[2] = { bytes_str(log), bytes_str(month) };
    sha256_parts(parts, 2, ret->b);
    *ret_suite = SUITE_AES256_GCM;
    return RESULT_OK;
}

static inline struct result fake_vkey(void *ctx, const char *log, const char *origin,
                                      struct buf *ret_vkey, struct error *e)
{
    struct note_key nk;

    (void)log;
    (void)e;
    fake_note_key(ctx, origin, &nk);
    note_key_text(&nk, ret_vkey);
    return buf_result(ret_vkey);
}

static inline void fake_keys_init(struct fake_keys *k)
{
    static const uint8_t seed[SIGN_SEED_BYTES] = { 42 };

    *k = (struct fake_keys){ .face = { fake_sign, fake_payload_key, fake_vkey, NULL } };
    k->face.ctx = k;
    pthread_mutex_init(&k->lock, NULL);
    result_ignore(sign_key_from_seed(SIGN_ED25519, BYTES_OF(seed), &k->key));
}

static inline void fake_keys_done(struct fake_keys *k)
{
    sign_key_free(k->key);
    pthread_mutex_destroy(&k->lock);
}

#endif
