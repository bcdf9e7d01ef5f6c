/* Sealing within the keyring: the keys of an epoch, the boxes of records, MACs. */
#include "crypto/hmac.h"
#include "keys/keyring_priv.h"

/* --- keys of the epoch ------------------------------------------------------------------------ */

static struct result derive(const struct secret *root, const struct key256 *epoch_secret,
                            uint32_t epoch, struct kr_epoch_key *ret)
{
    uint8_t info[64];
    const struct {
        const char *name;
        struct key256 *key;
    } uses[] = {
        { "troth keyring AES-256-GCM v1", &ret->wrap_aes },
        { "troth keyring SM4-CTR-HMAC-SM3 v1", &ret->wrap_sm4 },
        { "troth keyring MAC v1", &ret->mac },
    };

    for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
        size_t n = strlen(uses[i].name);
        memcpy(info, uses[i].name, n);
        put_be32(info + n, epoch);
        TRY(hkdf(HASH_SHA256, secret_bytes(root), key256_bytes(epoch_secret), bytes_of(info, n + 4),
                 uses[i].key->b, KEY256_BYTES));
    }
    return RESULT_OK;
}

/* Puts the keys of that epoch in force. */
RESULT kr_epoch_use(struct keyring *kr, const struct secret *root,
                    const struct key256 *epoch_secret, uint32_t epoch, struct error *e)
{
    CLEANUP(secret_free_p) struct secret *keys = NULL;
    CLEANUP(box_key_free_p) struct box_key *aes = NULL, *sm4 = NULL;

    TRY_MSG(secret_new(sizeof(struct kr_epoch_key), &keys), e, "keyring");
    struct kr_epoch_key *k = (struct kr_epoch_key *)(void *)secret_data(keys);
    TRY_MSG(derive(root, epoch_secret, epoch, k), e, "keyring: derive");
    TRY_MSG(box_key_new(SUITE_AES256_GCM, &k->wrap_aes, &aes), e, "keyring");
    TRY_MSG(box_key_new(SUITE_SM4_CTR_HMAC_SM3, &k->wrap_sm4, &sm4), e, "keyring");
    secret_free(kr->epoch_key);
    box_key_free(kr->wrap_aes);
    box_key_free(kr->wrap_sm4);
    kr->epoch_key = TAKE(keys);
    kr->wrap_aes = TAKE(aes);
    kr->wrap_sm4 = TAKE(sm4);
    kr->epoch = epoch;
    return RESULT_OK;
}

void kr_mac(const struct keyring *kr, const char *what, struct bytes v, uint8_t ret[32])
{
    const struct kr_epoch_key *k =
            (const struct kr_epoch_key *)(const void *)secret_data(kr->epoch_key);
    CLEANUP(hmac_done_p) struct hmac h = { 0 };

    hmac_init(&h, HASH_SHA256, key256_bytes(&k->mac));
    hmac_begin(&h);
    hmac_update(&h, bytes_str(what));
    hmac_update(&h, v);
    (void)hmac_final(&h, ret);
}

/* --- boxes ------------------------------------------------------------------------------------ */

static const char record_label[] = "troth keyring record v1";

struct box_key *kr_wrap_for(const struct keyring *kr, enum crypto_suite s)
{
    return s == SUITE_SM4_CTR_HMAC_SM3 ? kr->wrap_sm4 : kr->wrap_aes;
}

RESULT kr_record_seal(const struct keyring *kr, struct box_key *wrap, struct kr_record *r,
                      struct bytes secret)
{
    CLEANUP(buf_done_p) struct buf aad = BUF(RECORD_AAD_MAX);

    buf_add_str(&aad, record_label);
    kr_record_clear_encode(r, &aad);
    TRY(buf_result(&aad));
    TRY(box_key_seal_at(wrap, buf_bytes(&aad), secret, kr->env.rng, r->box));
    r->box_n = secret.n + box_overhead(r->suite);
    return RESULT_OK;
}

/* `clear` is the clear encoding that the box was made for. ret_n: 0 or KEY256_BYTES. */
static struct result record_open(struct box_key *wrap, const struct kr_record *r,
                                 struct bytes clear, struct key256 *ret, size_t *ret_n)
{
    CLEANUP(buf_done_p) struct buf aad = BUF(RECORD_AAD_MAX);
    size_t over = box_overhead(r->suite);

    buf_add_str(&aad, record_label);
    buf_add(&aad, clear);
    TRY(buf_result(&aad));
    if (r->box_n != over && r->box_n != over + KEY256_BYTES) {
        return result_of(ERRC_INTEGRITY);
    }
    TRY(box_key_open_at(wrap, buf_bytes(&aad), bytes_of(r->box, r->box_n), ret->b));
    *ret_n = r->box_n - over;
    return RESULT_OK;
}

RESULT kr_record_open(struct box_key *wrap, const struct kr_record *r, struct key256 *ret,
                      size_t *ret_n)
{
    CLEANUP(buf_done_p) struct buf clear = BUF(RECORD_AAD_MAX);

    kr_record_clear_encode(r, &clear);
    TRY(buf_result(&clear));
    return record_open(wrap, r, buf_bytes(&clear), ret, ret_n);
}

RESULT kr_secret(struct keyring *kr, const struct kr_record *r, struct key256 *ret, struct error *e)
{
    char name[160];
    size_t n;

    if (!result_is_ok(kr_record_open(kr_wrap_for(kr, r->suite), r, ret, &n)) || n != KEY256_BYTES) {
        kr_record_describe(r, name, sizeof(name));
        FAIL(e, ERRC_INTEGRITY, "keyring: %s does not open", name);
    }
    return RESULT_OK;
}

RESULT kr_reseal(struct keyring *kr, struct kr_record *r, struct bytes before, struct error *e)
{
    CLEANUP(key256_wipe) struct key256 secret;
    size_t n;
    struct box_key *wrap = kr_wrap_for(kr, r->suite);

    TRY_MSG(record_open(wrap, r, before, &secret, &n), e, "keyring: reseal");
    TRY_MSG(kr_record_seal(kr, wrap, r, bytes_of(secret.b, n)), e, "keyring: reseal");
    return RESULT_OK;
}
