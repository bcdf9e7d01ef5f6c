/* Public keys of others. One row per algorithm; OpenSSL keys below. */
#include "crypto/pubkey_priv.h"

DEFINE_CLEANUP(BN_free, BIGNUM *)
DEFINE_CLEANUP(ECDSA_SIG_free, ECDSA_SIG *)
DEFINE_CLEANUP(OSSL_PARAM_BLD_free, OSSL_PARAM_BLD *)
DEFINE_CLEANUP(OSSL_PARAM_free, OSSL_PARAM *)

#define POINT_MAX 133 /* P-521, uncompressed */
#define DER_MAX   160

static const struct pubkey_alg algs[] = {
    { "ES256", -7, "EC", "prime256v1", "P-256", 1, "SHA256", 32, false },
    { "ES384", -35, "EC", "secp384r1", "P-384", 2, "SHA384", 48, false },
    { "ES512", -36, "EC", "secp521r1", "P-521", 3, "SHA512", 66, false },
    { "EdDSA", -8, "ED25519", NULL, "Ed25519", 6, NULL, 32, false },
    { "EdDSA", -53, "ED448", NULL, "Ed448", 7, NULL, 57, false },
    { "RS256", -257, "RSA", NULL, NULL, 0, "SHA256", 0, false },
    { "RS384", -258, "RSA", NULL, NULL, 0, "SHA384", 0, false },
    { "RS512", -259, "RSA", NULL, NULL, 0, "SHA512", 0, false },
    { "PS256", -37, "RSA", NULL, NULL, 0, "SHA256", 0, true },
    { "PS384", -38, "RSA", NULL, NULL, 0, "SHA384", 0, true },
    { "PS512", -39, "RSA", NULL, NULL, 0, "SHA512", 0, true },
};

const struct pubkey_alg *pubkey_alg_of_cose(int64_t cose)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        if (algs[i].cose == cose) {
            return &algs[i];
        }
    }
    return NULL;
}

bool pubkey_fits(const struct pubkey_alg *alg, EVP_PKEY *key)
{
    char group[28] = "";

    if (EVP_PKEY_is_a(key, alg->key) != 1) {
        return false;
    }
    return alg->group == NULL || (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
                                  strcmp(group, alg->group) == 0);
}

const struct pubkey_alg *pubkey_alg_of_jose(struct bytes name, EVP_PKEY *key)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        if (bytes_equal_str(name, algs[i].jose) && (key == NULL || pubkey_fits(&algs[i], key))) {
            return &algs[i];
        }
    }
    return NULL;
}

const struct pubkey_alg *pubkey_alg_of_curve(struct bytes curve)
{
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        if (algs[i].curve != NULL && bytes_equal_str(curve, algs[i].curve)) {
            return &algs[i];
        }
    }
    return NULL;
}

/* --- making keys --- */

static RESULT key_of_params(const char *type, OSSL_PARAM_BLD *b, EVP_PKEY **ret)
{
    CLEANUP(OSSL_PARAM_free_p) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    CLEANUP(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *p = NULL;

    crypto_must(params != NULL && c != NULL && EVP_PKEY_fromdata_init(c) == 1, "public key");
    if (EVP_PKEY_fromdata(c, &p, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        ERR_clear_error();
        return result_of(ERRC_FORMAT);
    }
    *ret = p;
    return RESULT_OK;
}

static RESULT key_of_point(const struct pubkey_alg *alg, struct bytes x, struct bytes y,
                           EVP_PKEY **ret)
{
    uint8_t point[POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
    CLEANUP(OSSL_PARAM_BLD_free_p) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();

    memcpy(point + 1, x.p, x.n);
    memcpy(point + 1 + x.n, y.p, y.n);
    crypto_must(b != NULL &&
                        OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, alg->group,
                                                        0) == 1 &&
                        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                         1 + x.n + y.n) == 1,
                "curve parameters");
    return key_of_params("EC", b, ret); /* checks that the point lies on the curve */
}

RESULT pubkey_of_curve(const struct pubkey_alg *alg, struct bytes x, struct bytes y, EVP_PKEY **ret,
                       struct error *e)
{
    if (alg->bytes == 0 || x.n != alg->bytes || y.n != (alg->group == NULL ? 0 : alg->bytes)) {
        FAIL(e, ERRC_FORMAT, "wrong length of a public key");
    }
    if (alg->group != NULL) {
        TRY_MSG(key_of_point(alg, x, y, ret), e, "no point of %s", alg->curve);
        return RESULT_OK;
    }
    EVP_PKEY *p = EVP_PKEY_new_raw_public_key_ex(NULL, alg->key, NULL, x.p, x.n);
    if (p == NULL) {
        return crypto_fail(e, ERRC_FORMAT, "no public key of %s", alg->curve);
    }
    *ret = p;
    return RESULT_OK;
}

/*
 * ROCA: the primes of such a key are k * M + (65537^a mod M) for M a product of small primes, so n
 * is a power of 65537 modulo each of them. Of other keys one in 2^27
 * is.
 */
static bool is_roca(const BIGNUM *n)
{
    static const uint8_t primes[] = { 3,   5,   7,   11,  13,  17,  19,  23,  29,  31,
                                      37,  41,  43,  47,  53,  59,  61,  67,  71,  73,
                                      79,  83,  89,  97,  101, 103, 107, 109, 113, 127,
                                      131, 137, 139, 149, 151, 157, 163, 167 };

    for (size_t i = 0; i < ARRAY_LEN(primes); i++) {
        unsigned p = primes[i], want = (unsigned)BN_mod_word(n, p), power = 1;
        bool is_power = false;
        for (unsigned k = 0; k < p && !is_power; k++) {
            is_power = power == want;
            power = power * (65537 % p) % p;
        }
        if (!is_power) {
            return false;
        }
    }
    return true;
}

RESULT pubkey_of_rsa(struct bytes n, struct bytes exponent, EVP_PKEY **ret, struct error *e)
{
    if (n.n == 0 || n.n > PUBKEY_RSA_MAX_BITS / 8 + 1 || exponent.n == 0 || exponent.n > 4) {
        FAIL(e, ERRC_RANGE, "RSA: modulus or exponent out of range");
    }
    CLEANUP(BN_free_p) BIGNUM *bn = BN_bin2bn(n.p, (int)n.n, NULL);
    CLEANUP(BN_free_p) BIGNUM *be = BN_bin2bn(exponent.p, (int)exponent.n, NULL);
    CLEANUP(OSSL_PARAM_BLD_free_p) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    crypto_must(bn != NULL && be != NULL && b != NULL, "RSA numbers");
    if (BN_num_bits(bn) < PUBKEY_RSA_MIN_BITS || BN_num_bits(bn) > PUBKEY_RSA_MAX_BITS ||
        !BN_is_odd(bn)) {
        FAIL(e, ERRC_RANGE, "RSA: %d bits, wanted %d to %d", BN_num_bits(bn), PUBKEY_RSA_MIN_BITS,
             PUBKEY_RSA_MAX_BITS);
    }
    if (!BN_is_odd(be) || BN_is_one(be)) {
        FAIL(e, ERRC_RANGE, "RSA: such a public exponent is not taken");
    }
    if (is_roca(bn)) {
        FAIL(e, ERRC_RANGE, "RSA: a key of the ROCA family");
    }
    crypto_must(OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
                        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1,
                "RSA parameters");
    TRY_MSG(key_of_params("RSA", b, ret), e, "RSA");
    return RESULT_OK;
}

/* --- signatures --- */

/* r || s as DER; false when it has another length. */
static bool der_of_raw(const struct pubkey_alg *alg, struct bytes sig, uint8_t der[DER_MAX],
                       size_t *ret_n)
{
    if (sig.n != 2 * alg->bytes) {
        return false;
    }
    CLEANUP(ECDSA_SIG_free_p) ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig.p, (int)alg->bytes, NULL);
    BIGNUM *v = BN_bin2bn(sig.p + alg->bytes, (int)alg->bytes, NULL);
    crypto_must(s != NULL && r != NULL && v != NULL && ECDSA_SIG_set0(s, r, v) == 1, "signature");
    uint8_t *p = der;
    int n = i2d_ECDSA_SIG(s, NULL);
    crypto_must(n > 0 && n <= DER_MAX && i2d_ECDSA_SIG(s, &p) == n, "signature");
    *ret_n = (size_t)n;
    return true;
}

RESULT pubkey_verify(const struct pubkey_alg *alg, EVP_PKEY *key, enum pubkey_form form,
                     struct bytes msg, struct bytes sig)
{
    CLEANUP(EVP_MD_CTX_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pc = NULL; /* belongs to c */
    uint8_t der[DER_MAX];

    if (!pubkey_fits(alg, key)) {
        return result_of(ERRC_UNSUPPORTED);
    }
    if (form == PUBKEY_RAW && alg->group != NULL) {
        size_t n = 0;
        if (!der_of_raw(alg, sig, der, &n)) {
            return result_of(ERRC_INTEGRITY);
        }
        sig = bytes_of(der, n);
    }
    crypto_must(c != NULL && EVP_DigestVerifyInit_ex(c, &pc, alg->md, NULL, NULL, key, NULL) == 1,
                "signature check");
    crypto_must(!alg->is_pss || (EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) == 1 &&
                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST) == 1),
                "PSS");
    if (EVP_DigestVerify(c, sig.p, sig.n, msg.p, msg.n) != 1) {
        ERR_clear_error();
        return result_of(ERRC_INTEGRITY);
    }
    return RESULT_OK;
}
