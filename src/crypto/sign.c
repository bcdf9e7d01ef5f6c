/* Signatures. One row per kind of key; OpenSSL keys below. */
#include "crypto/sign.h"

#include "crypto/crypto_priv.h"
#include "crypto/sign_priv.h"

struct sign_key {
    enum sign_alg alg;
    EVP_PKEY *pkey;
    struct key256 seed;
    uint8_t pub[SIGN_PUBLIC_MAX];
    size_t pub_n;
};

struct verify_key {
    enum sign_alg alg;
    EVP_PKEY *pkey;
};

/* --- Ed25519 ------------------------------------------------------------------------------ */

static RESULT ed25519_private(struct bytes seed, EVP_PKEY **ret, uint8_t *pub, size_t *pub_n)
{
    EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed.p, seed.n);

    *pub_n = ED25519_PUBLIC_BYTES;
    crypto_must(p != NULL && EVP_PKEY_get_raw_public_key(p, pub, pub_n) == 1, "Ed25519 key");
    *ret = p;
    return RESULT_OK;
}

static RESULT ed25519_public(struct bytes pub, EVP_PKEY **ret)
{
    if (pub.n != ED25519_PUBLIC_BYTES) {
        return result_of(ERRC_FORMAT);
    }
    *ret = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub.p, pub.n);
    return *ret == NULL ? result_of(ERRC_FORMAT) : RESULT_OK;
}

/* --- ECDSA P-256 -------------------------------------------------------------------------- */

DEFINE_CLEANUP(BN_clear_free, BIGNUM *)
DEFINE_CLEANUP(EC_GROUP_free, EC_GROUP *)
DEFINE_CLEANUP(EC_POINT_free, EC_POINT *)
DEFINE_CLEANUP(OSSL_PARAM_BLD_free, OSSL_PARAM_BLD *)
DEFINE_CLEANUP(OSSL_PARAM_free, OSSL_PARAM *)

/* `d` may be NULL: a public key. OpenSSL checks that the point lies on the curve. */
static RESULT p256_make(struct bytes pub, const BIGNUM *d, EVP_PKEY **ret)
{
    CLEANUP(OSSL_PARAM_BLD_free_p) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    crypto_must(b != NULL &&
                        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                                        0) == 1 &&
                        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, pub.p,
                                                         pub.n) == 1 &&
                        (d == NULL || OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1),
                "P-256 parameters");
    CLEANUP(OSSL_PARAM_free_p) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    CLEANUP(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    crypto_must(params != NULL && c != NULL && EVP_PKEY_fromdata_init(c) == 1, "P-256 context");
    EVP_PKEY *p = NULL;
    if (EVP_PKEY_fromdata(c, &p, d == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) != 1) {
        ERR_clear_error();
        return result_of(ERRC_FORMAT);
    }
    *ret = p;
    return RESULT_OK;
}

static RESULT p256_private(struct bytes seed, EVP_PKEY **ret, uint8_t *pub, size_t *pub_n)
{
    CLEANUP(BN_clear_free_p) BIGNUM *d = BN_secure_new();
    CLEANUP(EC_GROUP_free_p) EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    crypto_must(d != NULL && g != NULL && BN_bin2bn(seed.p, (int)seed.n, d) != NULL,
                "P-256 scalar");
    if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(g)) >= 0) {
        return result_of(ERRC_RANGE);
    }
    CLEANUP(EC_POINT_free_p) EC_POINT *q = EC_POINT_new(g);
    BN_set_flags(d, BN_FLG_CONSTTIME);
    crypto_must(q != NULL && EC_POINT_mul(g, q, d, NULL, NULL, NULL) == 1, "P-256 point");
    *pub_n = EC_POINT_point2oct(g, q, POINT_CONVERSION_UNCOMPRESSED, pub, SIGN_PUBLIC_MAX, NULL);
    crypto_must(*pub_n == SIGN_PUBLIC_MAX, "P-256 point");
    return p256_make(bytes_of(pub, *pub_n), d, ret);
}

static RESULT p256_public(struct bytes pub, EVP_PKEY **ret)
{
    if (pub.n != SIGN_PUBLIC_MAX || pub.p[0] != POINT_CONVERSION_UNCOMPRESSED) {
        return result_of(ERRC_FORMAT);
    }
    return p256_make(pub, NULL, ret);
}

/* --- the table ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *md; /* NULL: the signature has its own */
    RESULT (*make_private)(struct bytes seed, EVP_PKEY **ret, uint8_t *pub, size_t *pub_n);
    RESULT (*make_public)(struct bytes pub, EVP_PKEY **ret);
} algs[] = {
    [SIGN_ED25519] = { "Ed25519", NULL, ed25519_private, ed25519_public },
    [SIGN_ECDSA_P256] = { "ECDSA-P256-SHA256", "SHA256", p256_private, p256_public },
};

const char *sign_alg_name(enum sign_alg alg)
{
    return (size_t)alg < ARRAY_LEN(algs) ? algs[alg].name : NULL;
}

RESULT sign_key_from_seed(enum sign_alg alg, struct bytes seed, struct sign_key **ret)
{
    if (sign_alg_name(alg) == NULL) {
        return result_of(ERRC_UNSUPPORTED);
    }
    if (seed.n != SIGN_SEED_BYTES) {
        return result_of(ERRC_RANGE);
    }
    CLEANUP(sign_key_free_p) struct sign_key *k = mem_zalloc(sizeof(*k));
    k->alg = alg;
    memcpy(k->seed.b, seed.p, seed.n);
    TRY(algs[alg].make_private(seed, &k->pkey, k->pub, &k->pub_n));
    *ret = TAKE(k);
    return RESULT_OK;
}

RESULT sign_key_generate(enum sign_alg alg, const struct rng *rng, struct sign_key **ret)
{
    CLEANUP(key256_wipe) struct key256 seed;

    for (;;) {
        rng_fill(rng, seed.b, sizeof(seed.b));
        struct result r = sign_key_from_seed(alg, key256_bytes(&seed), ret);
        if (r.code != ERRC_RANGE) {
            return r;
        }
    }
}

void sign_key_free(struct sign_key *k)
{
    if (k != NULL) {
        EVP_PKEY_free(k->pkey);
        mem_wipe(k, sizeof(*k));
        mem_free(k);
    }
}

enum sign_alg sign_key_alg(const struct sign_key *k)
{
    return k->alg;
}

void sign_key_seed(const struct sign_key *k, struct key256 *ret)
{
    *ret = k->seed;
}

struct bytes sign_key_public(const struct sign_key *k)
{
    return bytes_of(k->pub, k->pub_n);
}

EVP_PKEY *sign_key_pkey(const struct sign_key *k)
{
    return k->pkey;
}

RESULT sign_bytes(const struct sign_key *k, struct bytes msg, uint8_t *ret, size_t *ret_n)
{
    CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t n = SIGN_MAX;

    crypto_must(c != NULL && EVP_DigestSignInit_ex(c, NULL, algs[k->alg].md, NULL, NULL, k->pkey,
                                                   NULL) == 1,
                "signature");
    if (EVP_DigestSign(c, ret, &n, msg.p, msg.n) != 1) {
        ERR_clear_error();
        return result_of(ERRC_BUG);
    }
    *ret_n = n;
    return RESULT_OK;
}

RESULT verify_key_new(enum sign_alg alg, struct bytes pub, struct verify_key **ret)
{
    if (sign_alg_name(alg) == NULL) {
        return result_of(ERRC_UNSUPPORTED);
    }
    EVP_PKEY *p = NULL;
    TRY(algs[alg].make_public(pub, &p));
    struct verify_key *k = mem_zalloc(sizeof(*k));
    k->alg = alg;
    k->pkey = p;
    *ret = k;
    return RESULT_OK;
}

void verify_key_free(struct verify_key *k)
{
    if (k != NULL) {
        EVP_PKEY_free(k->pkey);
        mem_free(k);
    }
}

RESULT verify_bytes(const struct verify_key *k, struct bytes msg, struct bytes sig)
{
    CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();

    crypto_must(c != NULL && EVP_DigestVerifyInit_ex(c, NULL, algs[k->alg].md, NULL, NULL, k->pkey,
                                                     NULL) == 1,
                "signature check");
    if (EVP_DigestVerify(c, sig.p, sig.n, msg.p, msg.n) != 1) {
        ERR_clear_error();
        return result_of(ERRC_INTEGRITY);
    }
    return RESULT_OK;
}

RESULT verify_once(enum sign_alg alg, struct bytes pub, struct bytes msg, struct bytes sig)
{
    CLEANUP(verify_key_free_p) struct verify_key *k = NULL;

    TRY(verify_key_new(alg, pub, &k));
    return verify_bytes(k, msg, sig);
}
